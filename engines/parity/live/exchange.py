"""Check 2: the journal replayed, bars and numbered broker events; X after every bar, and whose each execution was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from engines.journal import Event, Execution, Intent, Kind, Ledger, Recorded
from engines.live.drift import Key, key_of
from engines.live.lane import Lane
from engines.live.restart import Replay
from engines.parity.live.found import Checker, LedgerCheck
from engines.parity.live.record import Record
from engines.trade_rows import open_trades
from feeds.stream import Stream
from kwin_core.bars import BAR
from kwin_core.errors import JournalError
from kwin_core.state import TRADE
from kwin_core.venue import ENTERED

_CARRIED = {Kind.BAR: "bar", Kind.EXECUTION: "execution"}


@dataclass(frozen=True)
class Booked:
    """The share that one execution has in one trade.

    Attributes
    ----------
    execution, seq, received_ms
        As it was numbered, and when it was dequeued (ms).
    entry
        Whether it opened or added; otherwise it reduced.
    qty, fee
        Of this trade, base and account currency; of funding the quantity is 0.
    """

    execution: Execution
    seq: int
    received_ms: int
    entry: bool
    qty: float
    fee: float

    @property
    def is_funding(self) -> bool:
        """Whether nothing was traded."""
        return self.execution.exec_type == "Funding"


@dataclass
class Replayed:
    """What a replay saw of one stream.

    Attributes
    ----------
    lane
        Its ledger X is that after the last event; E is not advanced.
    bars, bar_seqs
        The journal's bars, and the numbers of their events.
    by_trade
        Executions by the trade they belong to.
    unbooked
        Executions that found nothing to close and opened nothing.
    asked
        Intents of orders.
    decided_ms, sent_ms
        When an intent's event was dequeued, by its number; when an order left, by its name (ms).
    """

    lane: Lane
    checker: Checker
    bars: list[np.void] = field(default_factory=list)
    bar_seqs: list[int] = field(default_factory=list)
    by_trade: dict[Key, list[Booked]] = field(default_factory=dict)
    unbooked: list[Execution] = field(default_factory=list)
    asked: list[Recorded[Intent]] = field(default_factory=list)
    decided_ms: dict[int, int] = field(default_factory=dict)
    sent_ms: dict[str, int] = field(default_factory=dict)

    @property
    def check(self) -> LedgerCheck:
        """Of X."""
        return self.checker.result()

    def bar_array(self) -> np.ndarray:
        """The bars as the engine takes them: shape (n,), dtype ``BAR``."""
        return np.array(self.bars, BAR)

    def trades(self) -> np.ndarray:
        """All trades of X (``TRADE``), open ones last."""
        rows = [*self.lane.trades[True], open_trades(self.lane.exchange.core)]
        return np.concatenate(rows) if rows else np.zeros(0, TRADE)


def replay_exchange(record: Record) -> dict[Stream, Replayed]:
    """Replay everything up to the record's last event.

    Raises
    ------
    JournalError
        A record cannot be read.
    """
    lanes = {stream: Lane(stream, setup) for stream, setup in record.setups.items()}
    replay = _ExchangeReplay(record, lanes)
    try:
        replay.run()
    except (ValueError, ArithmeticError, KeyError) as error:
        raise JournalError(
            f"journal {record.reader.path}: what follows event {replay.last_seq} cannot be read "
            f"({type(error).__name__}: {error}); go on from a backup",
            kind="damaged",
        ) from error
    return replay.seen


class _ExchangeReplay(Replay):
    """X alone: E is checked by the backtest itself."""

    def __init__(self, record: Record, lanes: Mapping[Stream, Lane]) -> None:
        super().__init__(record.reader, lanes, dict.fromkeys(lanes, 0))
        self.last_seq = 0
        self._until = record.last_seq
        self._closed_before = 0
        self._seq = 0
        self.seen = {
            stream: Replayed(lane, Checker(Ledger.EXCHANGE, record.digests[stream, Ledger.EXCHANGE]))
            for stream, lane in lanes.items()
        }
        for rows in self.intents.values():
            for one in rows:
                if one.seq <= self._until and one.row.stream in self.seen:
                    self.seen[one.row.stream].asked.append(one)

    def before(self, event: Event) -> bool:
        """Events are numbered without gaps, and each must carry what its kind says."""
        if event.seq > self._until:
            return False
        if event.seq != self.last_seq + 1:
            gone = self.last_seq + 1
            words = (
                f"event {gone} is missing"
                if event.seq == gone + 1
                else f"events {gone} to {event.seq - 1} are"
            )
            self._broken(words if words.endswith("missing") else f"{words} missing", event.seq)
        self.last_seq = self._seq = event.seq
        carried = _CARRIED.get(event.kind)
        if carried is not None and getattr(event, carried) is None:
            self._broken(f"its {carried} is missing", event.seq, event.category, event.symbol)
        for asked in self.intents.get(event.seq, ()):
            if asked.row.stream in self.seen:
                self.seen[asked.row.stream].decided_ms[asked.seq] = event.received_ms
        if event.kind is Kind.REPLY:
            self._reply(event)
        return True

    def one(self, lane: Lane, event: Event) -> None:
        """Remember how many trades had closed before it."""
        self._closed_before = len(lane.trades[True])
        super().one(lane, event)

    def bar(self, lane: Lane, bar: np.ndarray) -> None:
        """Advance X and compare."""
        seen, ledger = self.seen[lane.stream], lane.exchange
        bar_ms = int(bar["time_ms"][0])
        due_ms = ledger.time_ms + lane.stream.timeframe_ms
        if ledger.bar_index >= 0 and bar_ms != due_ms:
            seen.checker.differs("this bar is missing", due_ms, self._seq)
        lane.decide(bar)
        seen.bars.append(bar[0])
        seen.bar_seqs.append(self._seq)
        full = ledger.digest() if seen.checker.wants_full(bar_ms) else None
        seen.checker.bar(bar_ms, self._seq, ledger.chain, full)

    def filled(self, lane: Lane, event: Event, reports: np.ndarray) -> None:
        """Whose an execution was: the trades that it closed, the one that it opened."""
        assert event.execution is not None
        execution, seen = event.execution, self.seen[lane.stream]

        def book(key: Key, qty: float, fee: float, *, entry: bool) -> None:
            part = Booked(execution, event.seq, event.received_ms, entry, qty, fee)
            seen.by_trade.setdefault(key, []).append(part)

        if execution.exec_type == "Funding":
            for key, share in _open_shares(lane):
                book(key, 0.0, float(execution.fee) * share, entry=False)
            return
        closed = lane.trades[True][self._closed_before :]
        rows = [row for block in closed for row in block]
        closed_qty = float(sum(row["qty"] for row in rows))
        left_fee = float(sum(one["fee"] for one in reports if one["kind"] != ENTERED))
        for row in rows:
            book(key_of(row), float(row["qty"]), left_fee * float(row["qty"]) / closed_qty, entry=False)
        entered = [one for one in reports if one["kind"] == ENTERED]
        for one in entered:
            key = (int(one["time_ms"]), int(one["side"]))
            book(key, float(one["qty"]), float(one["fee"]), entry=True)
        if not rows and not entered:
            seen.unbooked.append(execution)

    def _reply(self, event: Event) -> None:
        body = event.body
        if not isinstance(body, Mapping) or body.get("to") != "MarketOrder" or body.get("sent_ms") is None:
            return
        for lane in self._concerned(event):
            self.seen[lane.stream].sent_ms.setdefault(str(body["order_link_id"]), int(body["sent_ms"]))

    def _broken(self, words: str, seq: int, category: str = "", symbol: str = "") -> None:
        """The record itself: every ledger that it could have changed is told."""
        for stream, seen in self.seen.items():
            if category in ("", stream.category) and symbol in ("", stream.symbol):
                last = seen.lane.exchange
                seen.checker.differs(words, last.time_ms if last.bar_index >= 0 else None, seq)


def _open_shares(lane: Lane) -> Iterable[tuple[Key, float]]:
    """Open trades of X and their share of its position."""
    rows = open_trades(lane.exchange.core)
    total = float(rows["qty"].sum())
    return [(key_of(row), float(row["qty"]) / total) for row in rows] if total > 0.0 else []
