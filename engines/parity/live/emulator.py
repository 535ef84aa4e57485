"""Check 1: the engine that ``kwin-backtest --trade-from --capital`` runs, over the journal's bars, bar by bar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engines.drive import Chunk, drive
from engines.journal import Ledger
from engines.parity.live.found import Checker, LedgerCheck, Marked
from engines.trade_rows import open_trades
from kwin_core.engine import make_engine
from kwin_core.kwin.setup import Setup
from kwin_core.snapshot import full_digest
from kwin_core.state import TRADE


@dataclass(frozen=True)
class Emulated:
    """The backtest: its check, all its trades (``TRADE``, open ones last), and the broker's record at the end."""

    check: LedgerCheck
    trades: np.ndarray
    core: np.void


def check_emulator(bars: np.ndarray, seqs: np.ndarray, setup: Setup, recorded: dict[int, Marked]) -> Emulated:
    """Run the backtest and compare after each bar.

    Parameters
    ----------
    bars, seqs
        The journal's bars (``BAR``) in their order, and the numbers of their events.
    setup
        Of the stream.
    recorded
        E's digests by the bar's open time (ms).
    """
    engine = make_engine(setup.strategy, setup.frozen)
    states = engine.new_state(setup.settings, setup.params)
    checker = Checker(Ledger.EMULATOR, recorded)
    looker = _AfterEveryBar(states, checker, seqs, int(setup.params["chart_ms"][0]))
    drive(engine, states, setup.params, (bars[k : k + 1] for k in range(bars.size)), [looker])
    core = states[0]["core"]
    rows = [*looker.trades, open_trades(core)]
    return Emulated(checker.result(), np.concatenate(rows) if rows else np.zeros(0, TRADE), core)


class _AfterEveryBar:
    """A sink of `engines.drive.drive` that is handed blocks of one bar."""

    def __init__(self, states: np.ndarray, checker: Checker, seqs: np.ndarray, timeframe_ms: int) -> None:
        self.trades: list[np.ndarray] = []
        self._states: Any = states
        self._checker = checker
        self._seqs = seqs
        self._timeframe_ms = timeframe_ms
        self._next_ms: int | None = None

    def take(self, chunk: Chunk) -> None:
        """The state is that after this bar."""
        bar_ms, seq = int(chunk.bars["time_ms"][0]), int(self._seqs[chunk.first_bar])
        if self._next_ms not in (None, bar_ms):
            self._checker.differs("this bar is missing", self._next_ms, seq)
        self._next_ms = bar_ms + self._timeframe_ms
        if chunk.trades.size:
            self.trades.append(chunk.trades)
        chain = f"{int(self._states['core']['chain'][0]):016x}"
        full = full_digest(self._states) if self._checker.wants_full(bar_ms) else None
        self._checker.bar(bar_ms, seq, chain, full)
