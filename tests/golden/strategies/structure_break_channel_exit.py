"""Breaks of the last swings, out through a regression channel."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.strategy import LONG, SHORT, Strategy, close, compiled, entry, record, ta
from tests.golden.strategies.common import NONE

L, S, IN_LONG, IN_SHORT, OUT_LONG, OUT_SHORT = range(1, 7)
TEXTS = (
    "L",
    "S",
    "integ long",
    "integ short",
    "integ exit long",
    "integ exit short",
)

STATE = record(
    [
        ("highs", ta.PIVOT),
        ("lows", ta.PIVOT),
        ("ph", np.float64),
        ("pl", np.float64),
        ("close", np.float64),
        ("line", ta.LINREG),
        ("line_before", ta.LINREG),
        ("atr", ta.ATR),
        ("up", ta.CROSS),
        ("down", ta.CROSS),
    ]
)


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    if ctx.bar_index == 0:
        st.ph = np.nan
        st.pl = np.nan
        st.close = np.nan
    position = ctx.position_size
    high_before = st.ph
    low_before = st.pl
    high = ta.pivothigh(st.highs, bar.high, 5, 5)
    low = ta.pivotlow(st.lows, bar.low, 5, 5)
    if not np.isnan(high):
        st.ph = high
    if not np.isnan(low):
        st.pl = low
    if np.isnan(high_before):
        high_before = st.ph
    if np.isnan(low_before):
        low_before = st.pl
    break_up = bar.close > st.ph and st.close <= high_before
    break_down = bar.close < st.pl and st.close >= low_before
    st.close = bar.close
    m = ta.linreg(st.line, bar.close, 50, 0)
    slope = m - ta.linreg(st.line_before, bar.close, 50, 1)
    c = m + 5.0 * slope
    w = 2.0 * ta.atr(st.atr, bar.high, bar.low, bar.close, 14)
    out_long = ta.crossunder(st.down, bar.close, c - w)
    out_short = ta.crossover(st.up, bar.close, c + w)
    if break_up and bar.close > c and position <= 0.0:
        entry(ctx, L, LONG, 1.0, text=IN_LONG)
    if break_down and bar.close < c and position >= 0.0:
        entry(ctx, S, SHORT, 1.0, text=IN_SHORT)
    if position > 0.0 and out_long:
        close(ctx, L, text=OUT_LONG)
    if position < 0.0 and out_short:
        close(ctx, S, text=OUT_SHORT)


STRATEGY = Strategy("structure-break-channel-exit", calculate, STATE, NONE, NONE, TEXTS)
