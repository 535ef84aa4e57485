"""What the benchmarks run on: real bars when there are any, repeated; and ten generated years of minutes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from feeds.facts import Facts
from feeds.parquet import ParquetFeed
from feeds.write import BarWriter
from kwin_core.bars import BAR, MINUTE_MS
from kwin_core.kwin.setup import Setup, build
from tests.golden_data import PROJECT_ROOT, golden_dir

FIXTURE = PROJECT_ROOT / "fixtures" / "ethusdt_like_15m.parquet"
BAR_MS = 15 * MINUTE_MS
TICK = 0.01
LEAST_BARS = 1_000_000
TEN_YEARS_OF_MINUTES = 5_260_000
START_MS = 1_420_070_400_000  # 2015-01-01T00:00:00Z


@dataclass(frozen=True)
class Series:
    """15-minute bars and where they come from; ``path`` is what a command is given."""

    name: str
    path: Path
    is_golden: bool
    bars: np.ndarray


@cache
def series() -> Series:
    """The golden ETHUSDT bars, else the committed ones that look like them."""
    folder = golden_dir()
    path = FIXTURE if folder is None else folder / "tradingview" / "data" / "ETHUSDT_15m.parquet"
    name = "fixture" if folder is None else "golden ETHUSDT"
    return Series(
        name, path, folder is not None, ParquetFeed(path, timeframe_ms=BAR_MS, tick=TICK, lot=0.0).read()
    )


@cache
def long_series() -> np.ndarray:
    """The bars one after another, times running on, until there are at least a million."""
    bars = series().bars
    times = -(-LEAST_BARS // bars.size)
    repeated = np.tile(bars, times)
    repeated["time_ms"] = bars["time_ms"][0] + BAR_MS * np.arange(repeated.size, dtype=np.int64)
    return repeated


def dual_sfp() -> Setup:
    """The preset at its defaults, window off, tv-literal, no lot step: what the golden list was made with."""
    return build("dual-sfp", "tv-literal", {"use_window": False}, tick=TICK, timeframe_ms=BAR_MS, now_ms=0)


def write_minutes(path: Path, count: int = TEN_YEARS_OF_MINUTES) -> None:
    """A Parquet file of 1-minute bars on ticks: a random walk that stays near its home, block by block."""
    random = np.random.Generator(np.random.PCG64(1))
    facts = Facts("ETHUSDT", MINUTE_MS, TICK, 0.01, 0.01, "made by tests/bench/data.py")
    price = 300_000
    with BarWriter(path, facts) as writer:
        for first in range(0, count, 100_000):
            rows = min(100_000, count - first)
            moves = random.integers(-150, 151, rows)
            close = np.clip(price + np.cumsum(moves), 20_000, None)
            opened = np.concatenate(([price], close[:-1]))
            block = np.zeros(rows, BAR)
            block["time_ms"] = START_MS + MINUTE_MS * np.arange(first, first + rows, dtype=np.int64)
            block["open"] = opened / 100
            block["close"] = close / 100
            block["high"] = (np.maximum(opened, close) + random.integers(0, 100, rows)) / 100
            block["low"] = (np.minimum(opened, close) - random.integers(0, 100, rows)) / 100
            block["volume"] = random.integers(1, 100_000, rows) / 1_000
            writer.write(block)
            price = int(close[-1])
