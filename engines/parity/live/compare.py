"""The whole comparison of a journal, stream by stream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from engines.journal import Execution, JournalReader, Ledger
from engines.live.drift import Kind, Pair
from engines.parity.live.emulator import check_emulator
from engines.parity.live.exchange import Replayed, replay_exchange
from engines.parity.live.found import LedgerCheck
from engines.parity.live.history import History, check_concerns, compare_with_history
from engines.parity.live.record import Record, read_record
from engines.parity.live.sums import add_up, sums_of
from engines.parity.live.trades import TradeDrift, trades_of
from feeds.stream import Stream
from kwin_core.engine import make_engine


@dataclass(frozen=True)
class StreamParity:
    """What was found about one stream.

    Attributes
    ----------
    stream, bars
        Which, and how many bars the journal has.
    tick
        Price step, quote currency.
    emulator, exchange
        Checks 1 and 2.
    trades
        Of both ledgers, in pairs, by time of entry.
    recorded_drifts
        Drift rows of the bot, by kind.
    unbooked
        Executions that found nothing to close and opened nothing.
    sums
        See `engines.parity.live.sums.sums_of`.
    data
        Bars against history; empty when that was not asked for.
    """

    stream: Stream
    bars: int
    tick: float
    emulator: LedgerCheck
    exchange: LedgerCheck
    trades: list[TradeDrift]
    recorded_drifts: dict[str, int]
    unbooked: list[Execution]
    sums: dict[str, float]
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Every digest agrees, and the bars are history's where that was asked for."""
        return self.emulator.good and self.exchange.good and bool(self.data.get("good", True))

    @property
    def pairs(self) -> list[Pair]:
        """The trades without their details."""
        return [one.pair for one in self.trades]

    @property
    def differing(self) -> list[TradeDrift]:
        """Trades that are not the same."""
        return [one for one in self.trades if one.pair.kind is not Kind.SAME]

    @property
    def sums_agree(self) -> bool:
        """Whether the books add up."""
        return add_up(self.sums)


def live_parity(path: Path, *, data: np.ndarray | History | None = None) -> list[StreamParity]:
    """Check a journal; it may be written meanwhile.

    Parameters
    ----------
    path
        The journal.
    data
        Bars of history to compare the recorded ones with; an array (``BAR``) is compared with every stream.

    Raises
    ------
    JournalError
        It cannot be read, is not a deployment's, or its first events were deleted by retention.
    ConfigError, DataError
        The history is of another series, or has no bar in common with it.
    """
    history = History("array", (data,)) if isinstance(data, np.ndarray) else data
    with JournalReader(path) as reader:
        record = read_record(reader)
        if history is not None:
            check_concerns(history, record.setups)
        replayed = replay_exchange(record)
        return [_stream(record, stream, seen, history) for stream, seen in replayed.items()]


def _stream(record: Record, stream: Stream, seen: Replayed, history: History | None) -> StreamParity:
    bars = seen.bar_array()
    setup = record.setups[stream]
    recorded = record.digests[stream, Ledger.EMULATOR]
    emulated = check_emulator(bars, np.array(seen.bar_seqs, np.int64), setup, recorded)
    trades = trades_of(emulated.trades, seen, record.drifts[stream], record.acks, record.venue)
    executions = [
        one for seq, one in record.reader.executions(stream.category, stream.symbol) if seq <= record.last_seq
    ]
    asked_for = history is not None and history.concerns(stream)
    return StreamParity(
        stream=stream,
        bars=int(bars.size),
        tick=float(setup.settings["tick"]),
        emulator=_explained(emulated.check, record, stream, make_engine(setup.strategy, setup.frozen).hash),
        exchange=_explained(seen.check, record, stream, seen.lane.exchange.engine.hash),
        trades=trades,
        recorded_drifts=dict(Counter(one.row.kind for one in record.drifts[stream])),
        unbooked=seen.unbooked,
        sums=sums_of(emulated.core, seen.lane.exchange.core, executions, [one.pair for one in trades]),
        data=compare_with_history(bars, history) if asked_for and history is not None else {},
    )


def _explained(check: LedgerCheck, record: Record, stream: Stream, engine_hash: str) -> LedgerCheck:
    """A difference in a journal of another engine may be the engine's."""
    if check.first is None:
        return check
    written_by = record.engine_of(stream, check.first.ledger)
    if written_by in (None, engine_hash):
        return check
    hint = (
        f"written by engine {written_by}, this one is {engine_hash}: compare with the version that wrote it"
    )
    return replace(check, first=replace(check.first, hint=hint))


def kinds(found: StreamParity) -> Mapping[str, tuple[int, float]]:
    """By kind of drift: how many trades, and X's result less E's (account currency)."""
    sums: dict[str, tuple[int, float]] = {}
    for one in found.trades:
        count, money = sums.get(one.pair.kind.value, (0, 0.0))
        sums[one.pair.kind.value] = (count + 1, money + one.pair.net_difference)
    return sums
