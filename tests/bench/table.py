"""Every measurement as a row of one table."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from engines.backtesting import backtest
from kwin_core.engine import make_engine
from tests.bench import processes, sweeps
from tests.bench.c_loop import CLoop, has_compiler
from tests.bench.data import BAR_MS, TEN_YEARS_OF_MINUTES, TICK, dual_sfp, long_series, series, write_minutes
from tests.bench.runs import CHUNK_SIZES, fingerprints, one_bar_a_call, run_c, run_core, run_reference

ROUNDS = 7
CALLS = 20_000


class Row(NamedTuple):
    """One line: what was measured, its value, and what it means beside the others."""

    what: str
    value: str
    beside: str = ""


def best_chunk() -> int:
    """Bars a call with which the core is quickest."""
    made, bars = dual_sfp(), long_series()
    engine = make_engine(made.strategy, made.frozen)
    run_core(engine, made, bars[:1000], 1000, keep=True)  # compiled, or loaded
    seconds = {
        chunk: min(run_core(engine, made, bars, chunk, keep=True).seconds for _ in range(2))
        for chunk in CHUNK_SIZES
    }
    return min(seconds, key=lambda chunk: seconds[chunk])


def loops() -> Iterator[Row]:
    """The core, the C loop and the reference, taking turns."""
    made, bars, once = dual_sfp(), long_series(), series().bars
    engine = make_engine(made.strategy, made.frozen)
    chunk = best_chunk()
    loop = CLoop(made, bars, bars.size // 4) if has_compiler() else None
    reference_speed = 0.0
    for keep in (False, True):
        core, c = np.inf, np.inf
        for _ in range(ROUNDS):
            core = min(core, run_core(engine, made, bars, chunk, keep=keep).seconds)
            if loop is not None:
                c = min(c, run_c(loop, made, bars, chunk, keep=keep).seconds)
        rows = "with a row of signals and equity a bar" if keep else "without rows a bar"
        beside = f"{c / core:.2f} of the C loop" if loop is not None else "no C compiler here"
        yield Row(f"core, {rows}, {chunk} bars a call", _speed(bars.size / core), beside)
        if loop is not None:
            yield Row(f"C loop, {rows}", _speed(bars.size / c), f"{core / c:.1f} times the core")
        if not keep:
            reference_speed = once.size / run_reference(once)[1]
            ratio = bars.size / core / reference_speed
            yield Row(
                "plain-Python reference", _speed(reference_speed), f"the core is {ratio:,.0f} times as fast"
            )


def calls() -> Iterator[Row]:
    """What Python pays for `backtest()`, for one bar, and for the fingerprints of a bar."""
    made, bars = dual_sfp(), long_series()
    engine = make_engine(made.strategy, made.frozen)
    core = min(run_core(engine, made, bars, 16_384, keep=True).seconds for _ in range(3))
    for keep in (False, True):
        seconds = np.inf
        for _ in range(3):
            begun = time.process_time()
            run_backtest(bars, keep_bars=keep)
            seconds = min(seconds, time.process_time() - begun)
        name = f"backtest() of an array, keep_bars={keep}"
        yield Row(name, _speed(bars.size / seconds), f"{core / seconds:.2f} of the core with rows")
    one = min(one_bar_a_call(engine, made, bars[:CALLS]) for _ in range(3))
    yield Row(
        "one bar a call from Python", _micro(one), f"{one / (core / bars.size):.0f} times a bar of a block"
    )
    digest, whole = fingerprints(engine, made, series().bars)
    yield Row("full digest", _micro(digest), f"{digest / one:.1f} times the call of one bar")
    yield Row("snapshot (with its digest)", _micro(whole), f"{whole / one:.1f} times the call of one bar")


def run_backtest(bars: np.ndarray, *, keep_bars: bool) -> int:
    """`engines.backtesting.backtest` on an array; the number of closed trades."""
    result = backtest(
        bars,
        "dual-sfp",
        "tv-literal",
        {"use_window": False},
        timeframe=BAR_MS // 60_000,
        tick=TICK,
        lot=0.0,
        keep_bars=keep_bars,
    )
    return len(result.trades)


def commands() -> Iterator[Row]:
    """Processes: help, the main job with a warm and an empty cache, ten years of minutes."""
    yield _process("kwin-backtest --help", processes.best(3, "--help"))
    main_job = processes.backtest_arguments()
    processes.measure(*main_job)  # compiles whatever is not yet compiled
    name = f"kwin-backtest, {series().bars.size} bars"
    yield _process(f"{name}, compiled before", processes.best(3, *main_job))
    with tempfile.TemporaryDirectory() as folder:
        first = processes.measure(*main_job, environment={"KWIN_CACHE_DIR": folder})
        yield _process(f"{name}, first run: compiles", first)
    with tempfile.TemporaryDirectory() as folder:
        minutes = Path(folder) / "minutes.parquet"
        write_minutes(minutes)
        name = f"kwin-backtest, {TEN_YEARS_OF_MINUTES} bars of 1 minute"
        yield _process(name, processes.measure(minutes, "--no-window", "--json"))
        written = processes.measure(minutes, "--no-window", "--json", "--out", Path(folder) / "out")
        yield _process(f"{name}, --out", written)


def many_sets() -> Iterator[Row]:
    """A sweep of ten thousand sets, and what else could have run them."""
    for line in sweeps.lines():
        yield Row(*line)


def _process(name: str, run: processes.Process) -> Row:
    times = f"{run.seconds:.2f} s, {run.processor_seconds:.2f} s of processor"
    return Row(name, times, f"peak {run.peak_mb:.0f} MB")


def _speed(bars_per_second: float) -> str:
    return f"{bars_per_second / 1e6:.3g} M bars/s"


def _micro(seconds: float) -> str:
    return f"{seconds * 1e6:.2f} us"
