"""One dual-sfp run over a long series: by the core, by the C loop, by the plain reference."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from kwin_core.engine import MARK, Buffers, Engine
from kwin_core.kwin.setup import Setup
from kwin_core.state import TRADE
from tests import reference
from tests.bench.c_loop import CLoop
from tests.reference.records import Bar, ClosedTrade

CHUNK_SIZES = (4_096, 8_192, 16_384, 32_768, 65_536)


@dataclass(frozen=True)
class Timed:
    """Closed trades (``TRADE``), a few sums of the account, and how long it took."""

    trades: np.ndarray
    account: dict[str, float]
    seconds: float


def run_core(engine: Engine, setup: Setup, bars: np.ndarray, chunk: int, *, keep: bool) -> Timed:
    """The core over all bars in calls of ``chunk`` bars; with ``keep`` it writes signals and marks of every bar."""
    buffers = Buffers(setup.strategy, chunk if keep else 0)
    state = engine.new_state(setup.settings, setup.params)
    found = [np.zeros(0, TRADE)]
    begun = time.perf_counter()
    for first in range(0, bars.size, chunk):
        rest = bars[first : first + chunk]
        while rest.size:
            rest = rest[engine.run(state, rest, setup.params, buffers) :]
            found.append(buffers.take()[0])
    seconds = time.perf_counter() - begun
    core = state[0]["core"]
    sums = ("net_profit", "equity", "max_drawdown", "max_runup")
    return Timed(np.concatenate(found), {name: float(core[name]) for name in sums}, seconds)


def run_c(loop: CLoop, setup: Setup, bars: np.ndarray, chunk: int, *, keep: bool) -> Timed:
    """The C loop over the same bars in the same chunks, with rows of signals and marks or without."""
    rows = chunk if keep else 1
    signals, marks = np.zeros(rows, setup.strategy.signals), np.zeros(rows, MARK)
    loop.start()
    begun = time.perf_counter()
    for first in range(0, bars.size, chunk):
        loop.run(first, min(first + chunk, bars.size), signals, marks, keep=keep)
    return Timed(loop.trades, loop.account(), time.perf_counter() - begun)


def run_reference(bars: np.ndarray) -> tuple[list[ClosedTrade], float]:
    """The plain-Python reference: its trades, and seconds."""
    plain = [Bar(*row) for row in bars[["time_ms", "open", "high", "low", "close"]].tolist()]
    begun = time.perf_counter()
    result = reference.run(plain, "dual-sfp", "tv-literal", {"use_window": False})
    return result.trades, time.perf_counter() - begun


def one_bar_a_call(engine: Engine, setup: Setup, bars: np.ndarray) -> float:
    """Seconds a bar when Python hands the bars over one at a time, as a live run does."""
    buffers = Buffers(setup.strategy, 1)
    state = engine.new_state(setup.settings, setup.params)
    begun = time.perf_counter()
    for k in range(bars.size):
        engine.run(state, bars[k : k + 1], setup.params, buffers)
        if buffers.counts[1]:
            buffers.take()
    return (time.perf_counter() - begun) / bars.size
