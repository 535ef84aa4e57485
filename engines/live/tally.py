"""What the limits count: a small value that is recorded whenever it changes, so that a restart goes on with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from engines.journal import JournalReader, Kind
from kwin_core.errors import JournalError

DAY_MS = 86_400_000
HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Tally:
    """Counters of the account. Money in the account's currency, instants in ms, UTC.

    Attributes
    ----------
    day
        Days since the UNIX epoch of what is counted by the day; -1 before the first message.
    day_profit, day_equity
        Profit of all books, and equity of the wallet, when the day began or the deployment was resumed.
    entries_ms
        When entries were decided, as far as the last hour goes.
    losses
        Closed positions in a row with a negative result.
    drifts
        Drift rows of the day.
    api_errors
        Requests in a row without a usable answer.
    running
        Result so far of the position that is being closed, by stream.
    trades
        Closed positions by stream, for the canary.
    canary_profit
        Profit of all books when the canary began or was resumed; None before.
    slipped_ms
        Open time of the entry's bar of the newest trade that the canary has judged too bad, by stream.
    compared_day
        Day on which wallet and books were compared last.
    balance, booked
        Balance of the wallet and profit of all books at the last comparison that agreed or was reported.
    suspect, suspect_ms
        A difference that was seen once, and when.
    resumes
        Halts that were resumed while nothing ran, empty text for all: counted anew from the first message on.
    """

    day: int = -1
    day_profit: float = 0.0
    day_equity: float = 0.0
    entries_ms: tuple[int, ...] = ()
    losses: int = 0
    drifts: int = 0
    api_errors: int = 0
    running: Mapping[str, float] = field(default_factory=dict)
    trades: Mapping[str, int] = field(default_factory=dict)
    canary_profit: float | None = None
    slipped_ms: Mapping[str, int] = field(default_factory=dict)
    compared_day: int = -1
    balance: str | None = None
    booked: float = 0.0
    suspect: str | None = None
    suspect_ms: int = 0
    resumes: tuple[str, ...] = ()

    def body(self) -> dict[str, Any]:
        """As the journal keeps it."""
        return asdict(self)

    def entries_since(self, now_ms: int) -> tuple[int, ...]:
        """Those of the last hour."""
        return tuple(one for one in self.entries_ms if one > now_ms - HOUR_MS)


def tally_of(body: Any) -> Tally:
    """The value that `Tally.body` was made of; keys of another version are refused.

    Raises
    ------
    JournalError
        It is not one.
    """
    try:
        lists = {name: tuple(body.get(name, ())) for name in ("entries_ms", "resumes")}
        return Tally(**{**body, **lists})
    except (TypeError, AttributeError) as error:
        raise JournalError(
            f"the journal's counters of the limits cannot be read ({error}); it was written by another version",
            kind="version",
        ) from None


def recorded_tally(reader: JournalReader) -> Tally:
    """The newest one in the journal, with what was resumed since; a fresh one when there is none."""
    events = reader.events(Kind.ACCOUNT)
    if not events:
        return Tally()
    resumes = [
        str(event.body.get("name") or "")
        for event in reader.events(Kind.CONTROL)
        if event.seq > events[-1].seq
        and isinstance(event.body, Mapping)
        and event.body.get("command") == "resume"
        and not event.symbol
        and not event.body.get("symbol")
    ]
    return replace(tally_of(events[-1].body), resumes=tuple(resumes))
