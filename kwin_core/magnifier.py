"""Bar magnifier: the path inside a chart bar is that of its lower-timeframe bars (R122).

The chart bar's orders meet its first price once; then every sub-bar is walked by the usual rule. The script still
runs once, at the chart bar's close, and trades carry the chart bar's time.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.bars import BAR, DAY_MS, MINUTE_MS, timeframe_name
from kwin_core.errors import DataError
from kwin_core.jit import compiled
from kwin_core.money import nearest_tick
from kwin_core.path import arrive, checkpoint, open_phase, walk_legs

SUB_TIMEFRAMES_MS = {
    MINUTE_MS: 10_000,
    5 * MINUTE_MS: 30_000,
    10 * MINUTE_MS: MINUTE_MS,
    15 * MINUTE_MS: 2 * MINUTE_MS,
    30 * MINUTE_MS: 5 * MINUTE_MS,
    60 * MINUTE_MS: 10 * MINUTE_MS,
    240 * MINUTE_MS: 30 * MINUTE_MS,
    DAY_MS: 60 * MINUTE_MS,
    3 * DAY_MS: 240 * MINUTE_MS,
    7 * DAY_MS: DAY_MS,
}
"""Timeframe TradingView looks into, by the chart's, both in ms (R122)."""


def sub_bar_offsets(bars: np.ndarray, timeframe_ms: int, subs: np.ndarray) -> np.ndarray:
    """Where the sub-bars of every chart bar begin.

    Parameters
    ----------
    bars, subs
        Arrays of BAR in order of time: the chart's, and those inside them.
    timeframe_ms
        Of the chart.

    Returns
    -------
    numpy.ndarray of int64
        One more than bars: sub-bars of bar ``i`` are ``subs[offsets[i]:offsets[i + 1]]``. A bar without any is
        walked by its own prices.

    Raises
    ------
    DataError
        When a sub-bar belongs to no chart bar: the two files do not cover the same time.
    """
    if subs.dtype != BAR or bars.dtype != BAR:
        raise DataError("chart bars and sub-bars must be arrays of kwin_core.bars.BAR")
    offsets = np.searchsorted(subs["time_ms"], bars["time_ms"]).astype(np.int64)
    ends = np.searchsorted(subs["time_ms"], bars["time_ms"] + timeframe_ms).astype(np.int64)
    offsets = np.append(offsets, subs.size)
    stray = np.flatnonzero(ends != offsets[1:])
    if bars.size and (offsets[0] != 0 or stray.size):
        row = 0 if offsets[0] != 0 else int(ends[stray[0]])
        raise DataError(
            f"sub-bar {row} lies in no {timeframe_name(timeframe_ms)} bar of the chart: give both for the same time",
            row=row,
            time_ms=int(subs["time_ms"][row]),
        )
    return offsets


@compiled
def walk_subs(core: Any, subs: Any, first: int, last: int, frozen: Any) -> None:
    """Walk the sub-bars ``first`` to ``last - 1`` of one chart bar."""
    tick = core.settings.tick
    for i in range(first, last):
        o = nearest_tick(subs[i].open, tick)
        if i == first:
            open_phase(core, o, frozen)
        else:
            arrive(core, o)
        checkpoint(core, o, frozen)
        if core.order_count == 0 and core.lot_count == 0:
            return
        walk_legs(
            core,
            o,
            nearest_tick(subs[i].high, tick),
            nearest_tick(subs[i].low, tick),
            nearest_tick(subs[i].close, tick),
            frozen,
        )
