"""One dual-sfp run over a long series: by the core, by the C loop, by the plain reference.

Seconds here are processor time of this process: these loops do nothing but compute, so on a quiet machine that is the
time on the clock, and on a busy one it leaves out what other processes took. What the core wrote is taken out of its
buffers between the timed calls, as `engines.drive` does, whose clock becomes a result's ``bars_per_second``.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from kwin_core.engine import MARK, Buffers, Engine
from kwin_core.kwin.setup import Setup
from kwin_core.snapshot import full_digest, snapshot
from kwin_core.state import TRADE
from tests import reference
from tests.bench.c_loop import CLoop
from tests.reference.records import Bar, ClosedTrade

ROOM_FOR_EVENTS = 20_000
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
    seconds = 0.0
    for first in range(0, bars.size, chunk):
        rest = bars[first : first + chunk]
        while rest.size:
            begun = time.process_time()
            taken = engine.run(state, rest, setup.params, buffers)
            seconds += time.process_time() - begun
            rest = rest[taken:]
            found.append(buffers.take()[0])
    core = state[0]["core"]
    sums = ("net_profit", "equity", "max_drawdown", "max_runup")
    return Timed(np.concatenate(found), {name: float(core[name]) for name in sums}, seconds)


def run_c(loop: CLoop, setup: Setup, bars: np.ndarray, chunk: int, *, keep: bool) -> Timed:
    """The C loop over the same bars in the same chunks, with rows of signals and marks or without."""
    rows = chunk if keep else 1
    signals, marks = np.zeros(rows, setup.strategy.signals), np.zeros(rows, MARK)
    loop.start()
    begun = time.process_time()
    for first in range(0, bars.size, chunk):
        loop.run(first, min(first + chunk, bars.size), signals, marks, keep=keep)
    return Timed(loop.trades, loop.account(), time.process_time() - begun)


def run_reference(bars: np.ndarray) -> tuple[list[ClosedTrade], float]:
    """The plain-Python reference: its trades, and seconds."""
    plain = [Bar(*row) for row in bars[["time_ms", "open", "high", "low", "close"]].tolist()]
    begun = time.process_time()
    result = reference.run(plain, "dual-sfp", "tv-literal", {"use_window": False})
    return result.trades, time.process_time() - begun


def one_bar_a_call(engine: Engine, setup: Setup, bars: np.ndarray) -> float:
    """Seconds a bar when Python hands the bars over one at a time, as a live run does."""
    buffers = Buffers(setup.strategy, 1)
    state = engine.new_state(setup.settings, setup.params)
    begun = time.process_time()
    for k in range(bars.size):
        engine.run(state, bars[k : k + 1], setup.params, buffers)
        if buffers.counts[1] > ROOM_FOR_EVENTS:
            buffers.take()
    return (time.process_time() - begun) / bars.size


def fingerprints(engine: Engine, setup: Setup, bars: np.ndarray) -> tuple[float, float]:
    """Seconds of a full digest, and of a snapshot (which holds one), taken in the middle of a run."""
    state = engine.new_state(setup.settings, setup.params)
    run_blocks(engine, state, setup, bars[: bars.size // 2])
    repeats = 500
    marks = [time.process_time()]
    for job in (lambda: full_digest(state), lambda: snapshot(engine, state, setup.params, setup.params_hash)):
        for _ in range(repeats):
            job()
        marks.append(time.process_time())
    return (marks[1] - marks[0]) / repeats, (marks[2] - marks[1]) / repeats


def run_blocks(engine: Engine, state: np.ndarray, setup: Setup, bars: np.ndarray) -> None:
    """Advance a state over bars and forget what they produced."""
    buffers = Buffers(setup.strategy, 0)
    while bars.size:
        bars = bars[engine.run(state, bars, setup.params, buffers) :]
        buffers.take()
