"""Bars for tests of the feeds: a good series, and ways to spoil it."""

from __future__ import annotations

import numpy as np

from kwin_core.bars import BAR

START_MS = 1_735_689_600_000  # 2025-01-01T00:00:00Z
QUARTER_MS = 900_000


def good_bars(
    count: int, *, timeframe_ms: int = QUARTER_MS, start_ms: int = START_MS, seed: int = 1
) -> np.ndarray:
    """Valid tick-aligned bars (``BAR``) without gaps, deterministic."""
    rng = np.random.default_rng(seed)
    steps = rng.integers(-40, 41, size=count)
    close = 300_000 + np.cumsum(steps)
    opened = np.concatenate(([300_000], close[:-1]))
    bars = np.zeros(count, dtype=BAR)
    bars["time_ms"] = start_ms + timeframe_ms * np.arange(count)
    bars["open"], bars["close"] = opened / 100.0, close / 100.0
    bars["high"] = (np.maximum(opened, close) + rng.integers(0, 30, size=count)) / 100.0
    bars["low"] = (np.minimum(opened, close) - rng.integers(0, 30, size=count)) / 100.0
    bars["volume"] = rng.integers(0, 1_000, size=count) / 10.0
    return bars
