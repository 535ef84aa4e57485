"""One stream with both ledgers: bars and executions in, decisions and wishes out. No clock, no journal, no wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from engines.journal import Execution
from engines.live.guesses import Guess, correction, guess_of
from engines.live.ledger import Ledger
from engines.live.working import Working, reports_of
from feeds.stream import Stream
from kwin_core.errors import DataError
from kwin_core.kwin.setup import Setup
from kwin_core.state import BY_SCRIPT, CANCELLED, ENTRY, PLACED, REFUSED, REPLACED
from kwin_core.venue import GONE, PAID, REBASED, REPORT

_COMMANDS = {PLACED: "placed", REPLACED: "replaced", CANCELLED: "cancelled", REFUSED: "refused"}


@dataclass(frozen=True)
class Emulated:
    """What the emulator's ledger did on a bar: closed trades, events, and its position before."""

    trades: np.ndarray
    events: np.ndarray
    position_before: float


@dataclass(frozen=True)
class Mark:
    """A lane to go back to when a message cannot be recorded."""

    emulator: np.ndarray
    exchange: np.ndarray
    working: dict[str, Working]
    guesses: tuple[Guess, ...]
    trades: dict[bool, int]


class Lane:
    """Both ledgers of one stream.

    Parameters
    ----------
    stream
        The series.
    setup
        Strategy, settings, parameters; ``trade_from_ms`` and capital are in it.

    Attributes
    ----------
    emulator
        E: advanced by bars only.
    exchange
        X: the same calculation; its fills are the exchange's.
    working
        Orders of ours that may still execute, by name.
    guesses
        What was booked without an execution (`engines.live.guesses`).
    trades
        Closed trades (``kwin_core.state.TRADE``) of both ledgers since the start of the process, by ``venue``.
    """

    def __init__(self, stream: Stream, setup: Setup) -> None:
        self.stream = stream
        self.setup = setup
        self.emulator = Ledger(setup, venue=False)
        self.exchange = Ledger(setup, venue=True)
        self.working: dict[str, Working] = {}
        self.guesses: tuple[Guess, ...] = ()
        self.trades: dict[bool, list[np.ndarray]] = {False: [], True: []}

    @property
    def next_ms(self) -> int | None:
        """Open time (ms) of the bar that comes next; None before the first."""
        if self.emulator.bar_index < 0:
            return None
        return self.emulator.time_ms + self.stream.timeframe_ms

    def emulate(self, bar: np.ndarray) -> Emulated:
        """Advance E.

        Raises
        ------
        DataError
            The bar is not the next one.
        """
        wanted, came = self.next_ms, int(bar["time_ms"][0])
        if wanted is not None and came != wanted:
            raise DataError(
                f"{self.stream}: bar {came} ms came where {wanted} ms was due; the feed must fill gaps first",
                time_ms=came,
            )
        before = self.emulator.position
        trades, events = self.emulator.advance(bar)
        self._keep(trades, venue=False)
        return Emulated(trades, events, before)

    def decide(self, bar: np.ndarray) -> np.ndarray:
        """Advance X; returns the events of its bar."""
        trades, events = self.exchange.advance(bar)
        self._keep(trades, venue=True)
        return events

    def fill(self, execution: Execution, body: Mapping[str, Any], *, entry_code: int = 0) -> np.ndarray:
        """Apply an execution to X; returns the reports it was turned into."""
        order = self.working.get(execution.order_link_id) if execution.order_link_id else None
        cost = correction(execution, self.guesses)
        if cost is not None:
            reports = np.zeros(1, REPORT)
            reports["kind"], reports["fee"] = PAID, cost
        else:
            reports = reports_of(
                execution,
                body,
                order,
                position=self.exchange.position,
                bar_index=self.exchange.bar_index,
                bar_ms=self.exchange.time_ms,
                timeframe_ms=self.stream.timeframe_ms,
                entry_code=entry_code,
            )
        guess = guess_of(execution)
        if guess is not None:
            self.guesses += (guess,)
        self._apply(reports)
        if order is not None and execution.exec_type != "Funding":
            grown = order.with_fill(Decimal(execution.quantity))
            self.working[order.link_id] = grown
            if grown.left <= 0:
                del self.working[order.link_id]
                if grown.enters and self._waits(grown.entry_id):
                    self.drop_entry(grown.entry_id)  # it was sent smaller than the script asked for
        return reports

    def expect(self, order: Working) -> None:
        """An order of ours will be sent: its executions are known from now on."""
        self.working[order.link_id] = order

    def ended(self, link_id: str) -> Working | None:
        """Nothing more will be executed of an order: X forgets what is left of it. None when it was over already."""
        order = self.working.pop(link_id, None)
        if order is not None and order.enters:
            report = np.zeros(1, REPORT)
            report["kind"], report["id"] = GONE, order.entry_id
            self._apply(report)
        return order

    def drop_entry(self, entry_id: int) -> None:
        """An entry that was never sent (denied here): X forgets it; the script's flags stay as they are."""
        report = np.zeros(1, REPORT)
        report["kind"], report["id"] = GONE, entry_id
        self._apply(report)

    def rebase(self, equity: float) -> None:
        """X sizes by this equity (account currency) from now on."""
        report = np.zeros(1, REPORT)
        report["kind"], report["price"] = REBASED, equity
        self._apply(report)

    def is_late(self, exec_time_ms: int) -> bool:
        """Whether an execution lies inside a bar that has been decided already."""
        return (
            self.exchange.bar_index >= 0 and exec_time_ms < self.exchange.time_ms + self.stream.timeframe_ms
        )

    def mark(self) -> Mark:
        """Remember everything, for :meth:`go_back`."""
        counts = {venue: len(rows) for venue, rows in self.trades.items()}
        return Mark(self.emulator.copy(), self.exchange.copy(), dict(self.working), self.guesses, counts)

    def go_back(self, mark: Mark) -> None:
        """Undo everything since the mark: the message could not be recorded."""
        self.emulator.put_back(mark.emulator)
        self.exchange.put_back(mark.exchange)
        self.working, self.guesses = dict(mark.working), mark.guesses
        for venue, count in mark.trades.items():
            del self.trades[venue][count:]

    def _waits(self, entry_id: int) -> bool:
        """Whether X still has an entry of this id in its book."""
        core = self.exchange.core
        return any(
            core["orders"][i]["kind"] == ENTRY and core["orders"][i]["id"] == entry_id
            for i in range(int(core["order_count"]))
        )

    def _apply(self, reports: np.ndarray) -> None:
        if reports.size:
            trades, _events = self.exchange.apply(reports)
            self._keep(trades, venue=True)

    def _keep(self, trades: np.ndarray, *, venue: bool) -> None:
        self.trades[venue].extend(trades[k : k + 1] for k in range(trades.size))


def commands_of(events: np.ndarray, setup: Setup) -> list[dict[str, Any]]:
    """What the script told its broker on a bar, in words: for the journal and for people.

    Prices in quote currency, ``trail_offset`` in ticks; levels an order does not have are left out.
    """
    if not events.size:
        return []
    found = []
    for event in events[events["phase"] == BY_SCRIPT]:
        row: dict[str, Any] = {
            "event": _COMMANDS[int(event["kind"])],
            "id": setup.strategy.text(int(event["id"])) if event["id"] else "",
            "side": int(event["side"]),
            "qty": float(event["qty"]),
        }
        for name in ("limit", "stop", "activation", "trail_offset"):
            value = float(event[name])
            if value == value:
                row[name] = value
        found.append(row)
    return found
