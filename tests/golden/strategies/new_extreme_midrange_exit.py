"""New extremes in the direction of the trend, out at the middle of the range."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.strategy import LONG, SHORT, Strategy, close, compiled, entry, record, ta
from tests.golden.strategies.common import NONE

LONG_ID, SHORT_ID = range(1, 3)
TEXTS = (
    "Long",
    "Short",
)

STATE = record(
    [
        ("high", ta.EXTREME),
        ("low", ta.EXTREME),
        ("high_19", ta.EXTREME),
        ("low_19", ta.EXTREME),
        ("highest_before", np.float64),
        ("lowest_before", np.float64),
        ("ema", ta.EMA),
    ]
)


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    if ctx.bar_index == 0:
        st.highest_before = np.nan
        st.lowest_before = np.nan
    position = ctx.position_size
    hh = ta.highest(st.high, bar.high, 20)
    ll = ta.lowest(st.low, bar.low, 20)
    new_high = bar.high > st.highest_before
    new_low = bar.low < st.lowest_before
    st.highest_before = ta.highest(st.high_19, bar.high, 19)
    st.lowest_before = ta.lowest(st.low_19, bar.low, 19)
    m = ta.ema(st.ema, bar.close, 50)
    mid = (hh + ll) / 2.0
    if new_high and bar.close > m:
        entry(ctx, LONG_ID, LONG)
    if new_low and bar.close < m:
        entry(ctx, SHORT_ID, SHORT)
    if position > 0.0 and bar.close < mid:
        close(ctx, LONG_ID)
    if position < 0.0 and bar.close > mid:
        close(ctx, SHORT_ID)


STRATEGY = Strategy("new-extreme-midrange-exit", calculate, STATE, NONE, NONE, TEXTS)
