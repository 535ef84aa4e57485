"""Sample markets for tests: seeded walks on the tick grid, each bar opening at the last close."""

from __future__ import annotations

import numpy as np

from kwin_core.bars import BAR, parse_timeframe

DEFAULT_START_MS = 1_700_000_100_000 // 86_400_000 * 86_400_000


def walk(
    count: int,
    *,
    timeframe: str | int = "15m",
    start_ms: int = DEFAULT_START_MS,
    first_price: float = 65_000.0,
    tick: float = 0.1,
    step: float = 0.001,
    seed: int = 1,
) -> np.ndarray:
    """A random walk of ``count`` bars.

    Parameters
    ----------
    start_ms
        Open time of the first bar, a multiple of the timeframe.
    tick, step
        Price and quantity grid; every price is the float nearest to a whole number of ticks.

    Returns
    -------
    numpy.ndarray
        dtype ``kwin_core.bars.BAR``, no gaps in time or price.
    """
    random = np.random.default_rng(seed)
    timeframe_ms = parse_timeframe(timeframe)
    scale = round(1 / tick)
    start_tick = round(first_price * scale)
    width = max(2, start_tick // 1000)
    closes = start_tick + np.cumsum(random.integers(-width, width + 1, size=count))
    closes = np.maximum(closes, width * 4)
    opens = np.concatenate(([start_tick], closes[:-1]))
    highs = np.maximum(opens, closes) + random.integers(0, width, size=count)
    lows = np.maximum(np.minimum(opens, closes) - random.integers(0, width, size=count), 1)
    bars = np.zeros(count, dtype=BAR)
    bars["time_ms"] = start_ms + timeframe_ms * np.arange(count, dtype=np.int64)
    for name, ticks in (("open", opens), ("high", highs), ("low", lows), ("close", closes)):
        bars[name] = ticks / scale
    if step < 1:
        lots = round(1 / step)
        bars["volume"] = random.integers(1, 500 * lots, size=count) / lots
    else:
        bars["volume"] = random.integers(1, 500, size=count) * step
    return bars
