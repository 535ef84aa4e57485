"""Ten thousand parameter sets over a year of bars: the sweep, single runs, the C loop set by set, and vectorbt."""

from __future__ import annotations

import importlib.util
import os
import time
from collections.abc import Iterator
from typing import Any

import numpy as np

from engines import backtest, sweep
from engines.research.figures import prepare
from engines.research.held import HeldBars
from engines.research.jobs import KwinJob
from engines.research.result import SweepResult
from engines.research.space import parameter_sets
from feeds.protocol import Instrument
from kwin_core.engine import make_engine
from kwin_core.kwin.setup import Setup, build
from tests.bench.c_loop import CLoop, has_compiler
from tests.bench.data import BAR_MS, TICK, long_series
from tests.bench.runs import Timed, run_blocks, run_c

YEAR_OF_BARS = 35_040
FIXED = {"use_window": False}
SPACE: dict[str, Any] = {
    "swing_len": {"low": 2, "high": 21},
    "trail_lookback": {"low": 2, "high": 20, "step": 2},
    "trailing_perc": {"low": 0.2, "high": 1.1, "step": 0.1},
    "risk_pct": [1.0, 2.0, 3.0, 4.0, 5.0],
}
"""10 000 sets."""

SAMPLE = 60
"""Sets of the loops that are too slow for all of them."""


def year() -> np.ndarray:
    """35 040 bars of 15 minutes."""
    return long_series()[:YEAR_OF_BARS]


def run_sweep(profile: str, **options: Any) -> tuple[SweepResult, float]:
    """The sweep of all sets, from the array to the finished table, and seconds on the clock; compiled before."""
    facts = {"profile": profile, "params": FIXED, "tick": TICK, "lot": 0.0, "timeframe": "15m"}
    sweep(year()[:200], {"swing_len": [2, 3]}, **facts)
    begun = time.perf_counter()
    found = sweep(year(), SPACE, **facts, **options)
    return found, time.perf_counter() - begun


def run_single(row: dict[str, Any], profile: str) -> dict[str, Any]:
    """Summary of the backtest of one row's set."""
    params = {**FIXED, **{name: row[name] for name in SPACE}}
    return backtest(
        year(), profile=profile, params=params, tick=TICK, lot=0.0, timeframe="15m", keep_bars=False
    ).summary


def some_sets(count: int = SAMPLE) -> list[dict[str, Any]]:
    """Sets from all over the space."""
    sets = list(parameter_sets(KwinJob("dual-sfp", "intent", FIXED).axes(SPACE), "grid", None, 0))
    return sets[:: len(sets) // count][:count]


def setups(profile: str) -> list[Setup]:
    """Runs of some sets."""
    return [
        build("dual-sfp", profile, {**FIXED, **given}, tick=TICK, timeframe_ms=BAR_MS, now_ms=0)
        for given in some_sets()
    ]


def core_seconds(profile: str) -> float:
    """Processor seconds of some sets, one after the other through the plain engine."""
    made = setups(profile)
    engine = make_engine(made[0].strategy, made[0].frozen)
    run_blocks(engine, engine.new_state(made[0].settings, made[0].params), made[0], year()[:100])
    begun = time.process_time()
    for setup in made:
        run_blocks(engine, engine.new_state(setup.settings, setup.params), setup, year())
    return time.process_time() - begun


def compiled_seconds(profile: str) -> float:
    """Processor seconds of the same sets in the compiled sweep, on one thread."""
    from engines.research.figures import compute

    held = HeldBars("bars", Instrument("ETHUSDT", BAR_MS, TICK, 0.0), year())
    prepared = prepare(KwinJob("dual-sfp", profile, FIXED), held, some_sets())
    begun = time.process_time()
    compute(prepared, 1)
    return time.process_time() - begun


def c_seconds() -> float:
    """Processor seconds of the same sets, one after the other through the C loop, which knows tv-literal only."""
    return sum(run.seconds for run in c_runs())


def c_runs() -> list[Timed]:
    """The same sets through the C loop."""
    bars = year()
    return [
        run_c(CLoop(setup, bars, bars.size), setup, bars, bars.size, keep=False)
        for setup in setups("tv-literal")
    ]


def has_vectorbt() -> bool:
    """Whether vectorbt is installed."""
    return importlib.util.find_spec("vectorbt") is not None


def vectorbt_seconds(columns: int = 200) -> float:
    """Seconds of a vectorbt sweep of the nearest rule it can express, without its compilation.

    A sweep of the low (high) of ``swing_len`` bars ago that closes back enters; a trailing stop in percent exits; fees
    as here. No pivots, no arming, no target, no sizing by risk, no path inside the bar. One column a set.
    """
    import pandas as pd
    import vectorbt as vbt

    bars = year()
    frame = pd.DataFrame({name: bars[name] for name in ("open", "high", "low", "close")})
    lengths = np.resize(np.arange(2, 22), columns)
    stops = np.resize(np.linspace(0.002, 0.011, 10), columns)

    def once() -> float:
        begun = time.perf_counter()
        low = {n: frame["low"].shift(n) for n in range(2, 22)}
        high = {n: frame["high"].shift(n) for n in range(2, 22)}
        longs = {
            n: (frame["low"] < low[n]) & (frame["open"] > low[n]) & (frame["close"] > low[n]) for n in low
        }
        shorts = {
            n: (frame["high"] > high[n]) & (frame["open"] < high[n]) & (frame["close"] < high[n]) for n in low
        }
        portfolio = vbt.Portfolio.from_signals(
            frame["close"],
            pd.DataFrame({k: longs[n] for k, n in enumerate(lengths)}),
            short_entries=pd.DataFrame({k: shorts[n] for k, n in enumerate(lengths)}),
            open=frame["open"],
            high=frame["high"],
            low=frame["low"],
            sl_stop=stops[None, :],
            sl_trail=True,
            fees=0.00055,
            init_cash=300.0,
            freq="15min",
        )
        assert portfolio.total_return().size == columns
        return time.perf_counter() - begun

    once()
    return min(once() for _ in range(2))


def lines() -> Iterator[tuple[str, str, str]]:
    """What, its value, and what it means beside the others."""
    load = os.getloadavg()[0]
    total = YEAR_OF_BARS * 10_000
    some = YEAR_OF_BARS * SAMPLE
    singles: dict[str, float] = {}
    for profile in ("intent", "tv-literal"):
        compiled = min(compiled_seconds(profile) for _ in range(3))
        singles[profile] = min(core_seconds(profile) for _ in range(3))
        speed = f"{some / compiled / 1e6:.3g} M bars/s"
        yield (
            f"compiled sweep, one thread, {profile}",
            speed,
            f"{singles[profile] / compiled:.2f} of single runs' speed",
        )
    for profile in ("intent", "tv-literal"):
        _, seconds = run_sweep(profile)
        what = f"10 000 sets x {YEAR_OF_BARS} bars, {profile}, whole sweep()"
        alone = singles[profile] / SAMPLE
        beside = f"{alone * 10_000 / seconds:.2f} cores' worth of single runs, load before {load:.1f}"
        yield what, f"{seconds:.1f} s, {total / seconds / 1e6:.3g} M bars/s", beside
    if has_compiler():
        loop = min(c_seconds() for _ in range(3))
        yield (
            "C loop, the same sets, one core, tv-literal",
            f"{some / loop / 1e6:.3g} M bars/s",
            (f"{singles['tv-literal'] / loop:.1f} times single runs"),
        )
    if has_vectorbt():
        theirs = vectorbt_seconds()
        yield (
            "vectorbt, 200 sets of the nearest rule",
            f"{200 * YEAR_OF_BARS / theirs / 1e6:.3g} M bars/s",
            ("signals and simulation, without statistics; one core"),
        )
    found, local = run_sweep("intent")
    there, cluster = run_sweep("intent", workers=2)
    same = "the same table" if there.table.equals(found.table) else "ANOTHER TABLE"
    yield (
        "the sweep on a Dask cluster of two local workers",
        f"{cluster:.1f} s",
        (f"{same}; here {local:.1f} s; start of the cluster and loading of code included"),
    )
