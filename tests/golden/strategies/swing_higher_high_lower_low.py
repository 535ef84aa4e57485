"""Confirmed higher highs and lower lows flip the position."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.strategy import LONG, SHORT, Strategy, compiled, entry, record, ta
from tests.golden.strategies.common import NONE

L, S, HH, LL = range(1, 5)
TEXTS = (
    "L",
    "S",
    "hh long",
    "ll short",
)

STATE = record([("highs", ta.PIVOT), ("lows", ta.PIVOT), ("ph", np.float64), ("pl", np.float64)])


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    if ctx.bar_index == 0:
        st.ph = np.nan
        st.pl = np.nan
    high = ta.pivothigh(st.highs, bar.high, 5, 5)
    low = ta.pivotlow(st.lows, bar.low, 5, 5)
    higher_high = high > st.ph
    lower_low = low < st.pl
    if not np.isnan(high):
        st.ph = high
    if not np.isnan(low):
        st.pl = low
    if higher_high and ctx.position_size <= 0.0:
        entry(ctx, L, LONG, 1.0, text=HH)
    if lower_low and ctx.position_size >= 0.0:
        entry(ctx, S, SHORT, 1.0, text=LL)


STRATEGY = Strategy("swing-higher-high-lower-low", calculate, STATE, NONE, NONE, TEXTS)
