"""Plain copies of what a lane looks like after each message: taken in the runner's thread, read by everyone else.

Taking one costs the runner some microseconds and can neither block nor fail it. A reader gets whole copies or none:
one assignment to a dictionary replaces the old one.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from engines.live.desk import Desk
from engines.live.guard import AccountView
from engines.live.holding import Holding
from engines.live.lane import Lane
from feeds.live.clock import Clock
from feeds.stream import Stream
from kwin_core.state import EXIT_KIND_NAMES

_MOST_WAITING = 10_000
_log = logging.getLogger("kwin.watch")


@dataclass(frozen=True)
class LaneCopy:
    """A lane after a message.

    Attributes
    ----------
    holding
        See `Holding`.
    entry_price
        Mean of the open position, quote currency; ``nan`` while flat.
    equity
        Of the exchange's ledger at its last close, account currency.
    last_bar_ms
        Open time of the last bar decided (ms); None before the first.
    """

    holding: Holding
    entry_price: float
    equity: float
    last_bar_ms: int | None


@dataclass(frozen=True)
class Grown:
    """A position became larger: signed quantities in base currency, prices in quote currency."""

    stream: Stream
    time_ms: int
    before: float
    after: float
    entry_price: float
    stop: Decimal | None


@dataclass(frozen=True)
class Closed:
    """A trade of the exchange's ledger has closed: prices in quote, money in account currency."""

    stream: Stream
    time_ms: int
    side: int
    qty: float
    entry_price: float
    exit_price: float
    how: str
    net: float
    fees: float
    equity: float


class Copies:
    """Takes them.

    Parameters
    ----------
    lanes
        All of the deployment, recovered already.
    desk, clock
        Of the runner.

    Attributes
    ----------
    failures
        How often taking a copy failed; the first one is logged.
    """

    def __init__(self, lanes: Mapping[Stream, Lane], desk: Desk, clock: Clock) -> None:
        self.failures = 0
        self._desk = desk
        self._clock = clock
        self._positions = {stream: lane.exchange.position for stream, lane in lanes.items()}
        self._closed = {stream: len(lane.trades[True]) for stream, lane in lanes.items()}
        self._changes: deque[Grown | Closed] = deque(maxlen=_MOST_WAITING)
        self._account = desk.account()
        self._latest = {stream: self._copy(lane) for stream, lane in lanes.items()}

    def take(self, lanes: Iterable[Lane]) -> None:
        """In the runner's thread, after a message was dealt with."""
        try:
            for lane in lanes:
                self._one(lane)
            self._account = self._desk.account()
        except Exception as error:  # noqa: BLE001  # whatever is wrong with watching, trading goes on
            self.failures += 1
            if self.failures == 1:
                _log.exception("a copy for the watchers could not be taken: %s", error)

    def latest(self) -> dict[Stream, LaneCopy]:
        """The newest of every lane."""
        return dict(self._latest)

    def account(self) -> AccountView | None:
        """The account's limits, as they were after the newest message; None on paper."""
        return self._account

    def changes(self) -> list[Grown | Closed]:
        """Positions that grew and trades that closed since the last call, oldest first; for one reader."""
        found = []
        while self._changes:
            found.append(self._changes.popleft())
        return found

    def _copy(self, lane: Lane) -> LaneCopy:
        ledger = lane.exchange
        return LaneCopy(
            holding=self._desk.holding(lane),
            entry_price=ledger.number("position_avg_price"),
            equity=ledger.number("equity"),
            last_bar_ms=ledger.time_ms if ledger.bar_index >= 0 else None,
        )

    def _one(self, lane: Lane) -> None:
        stream = lane.stream
        copy = self._copy(lane)
        self._latest[stream] = copy
        trades = lane.trades[True]
        if len(trades) > self._closed[stream]:
            now_ms = self._clock.now_ms()
            self._changes.extend(
                _closed(stream, now_ms, block, copy.equity) for block in trades[self._closed[stream] :]
            )
            self._closed[stream] = len(trades)
        before, after = self._positions[stream], copy.holding.position
        if before != after:
            self._positions[stream] = after
            if abs(after) > abs(before) or before * after < 0.0:
                start = before if before * after > 0.0 else 0.0
                stop = copy.holding.stop
                self._changes.append(
                    Grown(stream, self._clock.now_ms(), start, after, copy.entry_price, stop)
                )


def _closed(stream: Stream, now_ms: int, block: object, equity: float) -> Closed:
    row = block[0]  # type: ignore[index]
    return Closed(
        stream=stream,
        time_ms=now_ms,
        side=int(row["side"]),
        qty=float(row["qty"]),
        entry_price=float(row["entry_price"]),
        exit_price=float(row["exit_price"]),
        how=EXIT_KIND_NAMES.get(int(row["exit_kind"]), ""),
        net=float(row["net_pnl"]),
        fees=float(row["commission"]),
        equity=equity,
    )
