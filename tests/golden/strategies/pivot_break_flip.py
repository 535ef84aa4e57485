"""Closes beyond the last swing flip the position, the old one closed explicitly."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.strategy import LONG, SHORT, Strategy, close, compiled, entry, record, ta
from tests.golden.strategies.common import NONE

L, S, FLIP, HIGH_BREAK, LOW_BREAK = range(1, 6)
TEXTS = (
    "L",
    "S",
    "flip flat",
    "pivot-high break",
    "pivot-low break",
)

STATE = record([("highs", ta.PIVOT), ("lows", ta.PIVOT), ("ph", np.float64), ("pl", np.float64)])


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    if ctx.bar_index == 0:
        st.ph = np.nan
        st.pl = np.nan
    high = ta.pivothigh(st.highs, bar.high, 4, 4)
    low = ta.pivotlow(st.lows, bar.low, 4, 4)
    if not np.isnan(high):
        st.ph = high
    if not np.isnan(low):
        st.pl = low

    position = ctx.position_size
    if bar.close > st.ph and position <= 0.0:
        if position < 0.0:
            close(ctx, S, text=FLIP)
        entry(ctx, L, LONG, text=HIGH_BREAK)
    if bar.close < st.pl and position >= 0.0:
        if position > 0.0:
            close(ctx, L, text=FLIP)
        entry(ctx, S, SHORT, text=LOW_BREAK)


STRATEGY = Strategy("pivot-break-flip", calculate, STATE, NONE, NONE, TEXTS)
