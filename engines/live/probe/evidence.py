"""What a fact is, and how it looks at the record of a probe."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from engines.live.probe.record import Line, Record

UNSET = ("", "0", "0.00", None, "UNKNOWN")


@dataclass(frozen=True)
class Fact:
    """One line of the table.

    Attributes
    ----------
    fact
        What is believed, and what the deployment relies on.
    observed
        What the record shows.
    holds
        None when the record does not say.
    evidence
        Numbers of the lines in the file.
    """

    fact: str
    observed: str
    holds: bool | None
    evidence: tuple[int, ...]


Found = tuple[str, bool | None, Iterable[Line]]
"""What was observed, whether the fact holds (None: not seen), the lines that show it."""
NOT_SEEN: Found = ("not seen", None, ())


class Facts:
    """A list of facts with the functions that judge them, in the order of the probe's steps."""

    def __init__(self) -> None:
        self._looks: list[tuple[str, Callable[[Record], Found]]] = []

    def fact(self, words: str) -> Callable[[Callable[[Record], Found]], Callable[[Record], Found]]:
        """Decorates the function that judges this fact."""

        def keep(look: Callable[[Record], Found]) -> Callable[[Record], Found]:
            self._looks.append((words, look))
            return look

        return keep

    def settle(self, record: Record) -> list[Fact]:
        """All of them."""
        found = []
        for words, look in self._looks:
            observed, holds, lines = look(record)
            found.append(Fact(words, observed, holds, tuple(line.number for line in lines)))
        return found


def answers_to(record: Record, step: str, topic: str) -> list[Line]:
    """Answers to a kind of request during a step."""
    return record.lines(step, "answer", topic)


def is_confirmed(line: Line) -> bool:
    """Whether an answer says that it was done."""
    return bool(line.body["outcome"] == "confirmed")


def words_of(line: Line) -> str:
    """An answer in words."""
    return "accepted" if is_confirmed(line) else f"refused, retCode {line.body['code']}: {line.body['text']}"


def stop_rows(record: Record, step: str, kind: str) -> list[Line]:
    """Private order rows of a kind of stop."""
    return [one for one in record.lines(step, "private", "order") if one.body.get("stopOrderType") == kind]


def resting(record: Record, step: str, kind: str) -> list[dict[str, Any]]:
    """Resting stops of a kind, as the last look of a step read them by REST."""
    answers = answers_to(record, step, "ReadOpenOrders")
    rows = answers[-1].body["rows"] if answers else []
    return [row for row in rows if row and row.get("stopOrderType") == kind]


def position_read(record: Record, step: str) -> tuple[dict[str, Any], list[Line]]:
    """The position as the last look of a step read it by REST, and the line of that answer."""
    answers = answers_to(record, step, "ReadPosition")
    rows = answers[-1].body["rows"] if answers else []
    return (rows[0] if rows else {}), answers[-1:]


def is_set(value: Any) -> bool:
    """Whether a level is there: the exchange writes its absence in many ways."""
    return value not in UNSET and Decimal(str(value)) != 0
