"""Everything a probe hears and does, line by line, in memory and in a file of JSON lines."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines.live.venue import (
    Answer,
    ExecutionReport,
    LinkState,
    OrderReport,
    PositionReport,
    Report,
    Request,
    WalletReport,
)

_TOPICS: dict[type[Any], str] = {
    ExecutionReport: "execution",
    OrderReport: "order",
    PositionReport: "position",
    WalletReport: "wallet",
}


@dataclass(frozen=True)
class Line:
    """One thing that happened.

    Attributes
    ----------
    number
        Of the line in the file, from 1.
    at_ms
        When, by our clock, which follows the exchange's (ms).
    step
        What the probe was about.
    what
        ``private``, ``request``, ``answer``, ``link``, ``strange``, or ``note``.
    topic
        Of a private row; of a request and its answer the class of the request.
    body
        The raw row, or what was asked or answered.
    """

    number: int
    at_ms: int
    step: str
    what: str
    topic: str
    body: Mapping[str, Any]


class Record:
    """Lines in their order; any thread adds, the probe's thread waits and reads.

    Parameters
    ----------
    path
        The file; made anew.
    now_ms
        Clock of the lines.

    Attributes
    ----------
    step
        What the probe is about.
    answers
        By the key of their request.
    """

    def __init__(self, path: Path, now_ms: Callable[[], int]) -> None:
        self.path = path
        self.step = "connect"
        self.answers: dict[str, Answer] = {}
        self._now_ms = now_ms
        self._lines: list[Line] = []
        self._changed = threading.Condition()
        path.touch(mode=0o600, exist_ok=False)  # balances and orders are nobody else's business
        self._file = path.open("a", encoding="utf-8")

    def add(self, what: str, topic: str, body: Mapping[str, Any]) -> Line:
        """Keep a line, on the disk before it counts."""
        with self._changed:
            line = Line(len(self._lines) + 1, self._now_ms(), self.step, what, topic, body)
            if not self._file.closed:
                self._file.write(json.dumps(vars(line), default=str) + "\n")
                self._file.flush()
            self._lines.append(line)
            self._changed.notify_all()
        return line

    def report(self, report: Report) -> None:
        """A private row."""
        self.add("private", _TOPICS[type(report)], report.raw)

    def link(self, state: LinkState) -> None:
        """The private stream came or went."""
        self.add("link", "private", {"up": state.up, "reason": state.reason})

    def strange(self, text: str) -> None:
        """A frame that was not understood."""
        self.add("strange", "private", {"text": text})

    def asked(self, request: Request) -> None:
        """A request goes out."""
        body = {name: value for name, value in vars(request).items() if value is not None}
        self.add("request", type(request).__name__, {**body, "stream": request.stream.symbol})

    def answered(self, answer: Answer) -> None:
        """Its answer."""
        self.answers[answer.request.key] = answer
        self.add(
            "answer",
            type(answer.request).__name__,
            {
                "key": answer.request.key,
                "outcome": answer.outcome.value,
                "code": answer.code,
                "text": answer.text,
                "kind": answer.kind,
                "sent_ms": answer.sent_ms,
                "received_ms": answer.received_ms,
                "rows": [getattr(row, "raw", None) for row in answer.rows],
            },
        )

    def lines(self, step: str = "", what: str = "", topic: str = "") -> list[Line]:
        """Those of a step, a kind, a topic; empty for any."""
        with self._changed:
            return [
                one
                for one in self._lines
                if step in ("", one.step) and what in ("", one.what) and topic in ("", one.topic)
            ]

    def wait(self, happened: Callable[[], bool], seconds: float) -> bool:
        """Until something is so, judged after every line; false when time is up."""
        end = time.monotonic() + seconds
        with self._changed:
            while not happened():
                left = end - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    return happened()
        return True

    @contextmanager
    def during(self, step: str) -> Iterator[None]:
        """Lines belong to this step from now on."""
        self.step = step
        yield

    def close(self) -> None:
        """Close the file; lines that come later are kept in memory only."""
        with self._changed:
            self._file.close()
