"""Live against backtest, from a journal alone: both digests bar by bar, then every trade that went differently.

1. E: the engine that `kwin-backtest --trade-from --capital` runs, over the journal's own bars, has the recorded full
   digest after every bar.
2. X: bars and numbered broker events, replayed, have the recorded chain and digest after every bar.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from engines.drive import CHUNK_BARS
from engines.journal import Digest, Drift, JournalReader, Kind, Ledger, parse_order_link_id
from engines.live.drift import Kind as TradeKind
from engines.live.drift import Pair, pair_trades
from engines.live.lane import Lane
from engines.live.restart import recover
from feeds.instants import iso
from feeds.stream import Stream
from kwin_core.bars import parse_timeframe
from kwin_core.engine import Buffers, make_engine
from kwin_core.errors import JournalError, ParityError
from kwin_core.kwin.setup import Setup, build
from kwin_core.snapshot import full_digest
from kwin_core.state import TRADE


@dataclass(frozen=True)
class LedgerCheck:
    """Digests that were compared, and the first that differs (empty when none does)."""

    compared: int
    first_difference: str = ""

    @property
    def good(self) -> bool:
        """All of them agree."""
        return not self.first_difference


@dataclass(frozen=True)
class StreamParity:
    """What was found about one stream.

    Attributes
    ----------
    emulator, exchange
        Checks 1 and 2.
    pairs
        Trades of both ledgers.
    recorded_drifts
        Drift rows of the journal, by kind.
    fill_delays_ms
        From a decision's bar end to its fill, one an entry.
    sums
        Net of both ledgers; for X also what its executions, fees and funding add up to.
    """

    stream: Stream
    bars: int
    tick: float
    emulator: LedgerCheck
    exchange: LedgerCheck
    pairs: list[Pair]
    recorded_drifts: dict[str, int]
    fill_delays_ms: list[int]
    sums: dict[str, float]
    data: dict[str, Any] = field(default_factory=dict)

    @property
    def good(self) -> bool:
        """Every digest agrees, and the bars are history's where that was asked for."""
        return self.emulator.good and self.exchange.good and not self.data.get("differ")


def setups_of_journal(reader: JournalReader) -> dict[Stream, Setup]:
    """The runs that a journal's ledgers are, rebuilt from what its first START recorded.

    Raises
    ------
    JournalError
        It never started.
    """
    starts = [event for event in reader.events(Kind.START) if isinstance(event.body, Mapping)]
    if not starts or not isinstance(starts[0].body, Mapping) or "instruments" not in starts[0].body:
        raise JournalError(
            f"journal {reader.path}: no start with its settings is recorded; nothing can be rebuilt from it",
            kind="missing",
        )
    body = starts[0].body
    found = {}
    for name, facts in body["instruments"].items():
        category, symbol, timeframe = name.split(" ")
        stream = Stream(category, symbol, parse_timeframe(timeframe))
        found[stream] = build(
            body["preset"],
            body["profile"],
            body["inputs"],
            tick=facts["tick"],
            timeframe_ms=stream.timeframe_ms,
            now_ms=body["trade_from_ms"],
            lot=facts["lot"],
            capital=body["capital"],
            trade_from_ms=body["trade_from_ms"],
        )
    return found


def live_parity(path: Path, *, data: np.ndarray | None = None) -> list[StreamParity]:
    """Check a journal; it may be written meanwhile.

    Parameters
    ----------
    path
        The journal.
    data
        Bars (``BAR``) of history to compare the recorded ones with.

    Raises
    ------
    JournalError
        It cannot be read, or its first events were deleted by retention.
    """
    with JournalReader(path) as reader:
        if reader.trimmed_seq() > 0:
            raise JournalError(
                f"journal {path}: retention has deleted its first {reader.trimmed_seq()} events; "
                "check a backup from before, or set keep_days higher",
                kind="missing",
            )
        setups = setups_of_journal(reader)
        return [_check(reader, stream, setup, data) for stream, setup in setups.items()]


def _check(reader: JournalReader, stream: Stream, setup: Setup, data: np.ndarray | None) -> StreamParity:
    bars = reader.bars(stream)
    recorded = [one.row for one in reader.rows(Digest) if one.row.stream == stream]
    lane = Lane(stream, setup)
    try:
        done = recover(reader, {stream: lane}, snapshots=False)
        exchange = LedgerCheck(done.digests)
    except ParityError as error:
        exchange = LedgerCheck(0, str(error))
    pairs = pair_trades(_joined(lane.trades[False]), _joined(lane.trades[True]), tick=setup.settings["tick"])
    return StreamParity(
        stream=stream,
        bars=bars.size,
        tick=setup.settings["tick"],
        emulator=check_emulator(bars, setup, [row for row in recorded if row.ledger is Ledger.EMULATOR]),
        exchange=exchange,
        pairs=pairs,
        recorded_drifts=dict(Counter(one.row.kind for one in reader.rows(Drift) if one.row.stream == stream)),
        fill_delays_ms=_fill_delays(reader, stream),
        sums=_sums(reader, stream, lane),
        data={} if data is None else compare_with_history(bars, data),
    )


def check_emulator(bars: np.ndarray, setup: Setup, recorded: Iterable[Digest]) -> LedgerCheck:
    """Run the backtest's engine over the bars and compare after each one that has a digest (check 1)."""
    wanted = {row.start_ms: row for row in recorded}
    engine = make_engine(setup.strategy, setup.frozen)
    states = engine.new_state(setup.settings, setup.params)
    buffers = Buffers(setup.strategy, 0, CHUNK_BARS)
    compared = 0
    for k in range(bars.size):
        engine.run(states, bars[k : k + 1], setup.params, buffers)
        buffers.take()
        start_ms = int(bars["time_ms"][k])
        row = wanted.pop(start_ms, None)
        if row is None:
            return LedgerCheck(compared, f"E after bar {iso(start_ms)}: the journal has no digest of it")
        compared += 1
        chain = f"{int(states['core']['chain'][0]):016x}"
        found = chain if row.full_digest is None else full_digest(states)
        there = row.chain if row.full_digest is None else row.full_digest
        if (found, chain) != (there, row.chain):
            return LedgerCheck(
                compared, f"E after bar {iso(start_ms)}: backtest {found[:16]}, journal {there[:16]}"
            )
    if wanted:
        start_ms = min(wanted)
        return LedgerCheck(compared, f"E after bar {iso(start_ms)}: a digest without its bar")
    return LedgerCheck(compared)


def compare_with_history(bars: np.ndarray, history: np.ndarray) -> dict[str, Any]:
    """Recorded bars against bars of a file, where both have them."""
    inside = history[(history["time_ms"] >= bars["time_ms"][0]) & (history["time_ms"] <= bars["time_ms"][-1])]
    common = np.intersect1d(bars["time_ms"], inside["time_ms"])
    mine = bars[np.isin(bars["time_ms"], common)]
    theirs = inside[np.isin(inside["time_ms"], common)]
    differing = [
        (int(a["time_ms"]), name, float(a[name]), float(b[name]))
        for a, b in zip(mine, theirs, strict=True)
        for name in ("open", "high", "low", "close", "volume")
        if a[name] != b[name]
    ]
    first = None
    if differing:
        time_ms, name, a, b = differing[0]
        first = f"{iso(time_ms)} {name}: journal {a}, file {b}"
    return {
        "compared": int(common.size),
        "missing_in_file": int(bars.size - common.size),
        "missing_in_journal": int(inside.size - common.size),
        "differ": len({one[0] for one in differing}),
        "first": first,
    }


def _fill_delays(reader: JournalReader, stream: Stream) -> list[int]:
    found = []
    seen = set()
    for _, one in reader.executions(stream.category, stream.symbol):
        link = parse_order_link_id(one.order_link_id)
        if link is not None and link.action == "e" and one.order_link_id not in seen:
            seen.add(one.order_link_id)
            close_ms = link.start_ms(stream.timeframe_ms) + stream.timeframe_ms
            found.append(one.exec_time_ms - close_ms)
    return found


def _sums(reader: JournalReader, stream: Stream, lane: Lane) -> dict[str, float]:
    """Net of both ledgers, and X's once more from its executions alone (what is open is marked at the last close)."""
    cash = fees = funding = held = 0.0
    for _, one in reader.executions(stream.category, stream.symbol):
        if one.exec_type == "Funding":
            funding += float(one.fee)
            continue
        sign = 1.0 if one.side == "Buy" else -1.0
        qty, price = float(one.quantity), float(one.price)
        cash -= sign * qty * price
        held += sign * qty
        fees += float(one.fee)
    marked = cash + held * lane.exchange.close - fees - funding
    ledger = lane.exchange.number("net_profit") + lane.exchange.number("open_profit")
    return {
        "emulator_net": lane.emulator.number("net_profit"),
        "exchange_net": lane.exchange.number("net_profit"),
        "exchange_marked": ledger,
        "executions_marked": marked,
        "fees": fees,
        "funding": funding,
    }


def _joined(rows: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(rows) if rows else np.zeros(0, TRADE)


def differing(found: StreamParity) -> list[Pair]:
    """Pairs that are not the same."""
    return [pair for pair in found.pairs if pair.kind is not TradeKind.SAME]
