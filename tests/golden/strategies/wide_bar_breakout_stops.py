"""Stop entries at the extremes of a wide previous bar, cancelled otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.strategy import LONG, SHORT, Strategy, cancel, compiled, entry, record, ta
from tests.golden.strategies.common import NONE

LONG_ID, SHORT_ID = range(1, 3)
TEXTS = (
    "LongOnRng",
    "ShortOnRng",
)

STATE = record(
    [
        ("atr", ta.ATR),
        ("atr_before", np.float64),
        ("open", np.float64),
        ("high", np.float64),
        ("low", np.float64),
        ("close", np.float64),
    ]
)


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    if ctx.bar_index == 0:
        st.open = np.nan
        st.high = np.nan
        st.low = np.nan
        st.close = np.nan
        st.atr_before = np.nan
    wide = st.high - st.low > 1.0 * st.atr_before

    if wide and st.close > st.open:
        entry(ctx, LONG_ID, LONG, 1.0, stop=st.high)
    else:
        cancel(ctx, LONG_ID)
    if wide and st.close < st.open:
        entry(ctx, SHORT_ID, SHORT, 1.0, stop=st.low)
    else:
        cancel(ctx, SHORT_ID)

    st.open = bar.open
    st.high = bar.high
    st.low = bar.low
    st.close = bar.close
    st.atr_before = ta.atr(st.atr, bar.high, bar.low, bar.close, 14)


STRATEGY = Strategy("wide-bar-breakout-stops", calculate, STATE, NONE, NONE, TEXTS)
