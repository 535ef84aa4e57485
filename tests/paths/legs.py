"""Bars taken apart into the legs of a path: an independent way to walk a bar, through the magnifier."""

from __future__ import annotations

import numpy as np

from engines.paths.sub_bars import SubBars
from kwin_core.bars import BAR
from kwin_core.path import high_first


def legs_of(bars: np.ndarray, core: np.record, chart_ms: int, *, near_first: bool) -> SubBars:
    """Three bars in place of each: open to one extreme, to the other, to the close; each goes one way only."""
    plain = getattr(high_first, "py_func", high_first)
    tick = core["settings"]["tick"]
    up_first = np.array(
        [
            plain(core, *(round(float(bar[name]) / tick) for name in ("open", "high", "low")))
            for bar in bars[["open", "high", "low"]]
        ]
    )
    high_then_low = up_first if near_first else ~up_first
    first = np.where(high_then_low, bars["high"], bars["low"])
    second = np.where(high_then_low, bars["low"], bars["high"])
    points = (bars["open"], first, second, bars["close"])
    legs = np.zeros(3 * bars.size, BAR)
    for k in range(3):
        part = legs[k::3]
        part["time_ms"] = bars["time_ms"] + k * (chart_ms // 3)
        part["open"], part["close"] = points[k], points[k + 1]
        part["high"] = np.maximum(points[k], points[k + 1])
        part["low"] = np.minimum(points[k], points[k + 1])
    return SubBars(legs, chart_ms // 3, chart_ms, "legs")
