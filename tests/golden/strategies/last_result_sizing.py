"""Breakouts sized by the result of the last closed trade."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.strategy import LONG, SHORT, Strategy, compiled, entry, record, ta
from tests.golden.strategies.common import NONE

LONG_ID, SHORT_ID = range(1, 3)
TEXTS = (
    "Long",
    "Short",
)

STATE = record(
    [("high", ta.EXTREME), ("low", ta.EXTREME), ("high_before", np.float64), ("low_before", np.float64)]
)


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    highest = ta.highest(st.high, bar.high, 20)
    lowest = ta.lowest(st.low, bar.low, 20)
    if ctx.bar_index == 0:
        st.high_before = np.nan
        st.low_before = np.nan
    q = 1.0
    if ctx.closed_trades > 0:
        q = 0.5 if ctx.last_profit < 0.0 else 2.0
    if bar.close > st.high_before:
        entry(ctx, LONG_ID, LONG, q)
    if bar.close < st.low_before:
        entry(ctx, SHORT_ID, SHORT, q)
    st.high_before = highest
    st.low_before = lowest


STRATEGY = Strategy("last-result-sizing", calculate, STATE, NONE, NONE, TEXTS)
