"""Bars that open beyond the last close and go on: a tenth of the equity, reversing."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.strategy import (
    LONG,
    PERCENT_OF_EQUITY,
    SHORT,
    Strategy,
    compiled,
    entry,
    max_intraday_loss,
    record,
)
from tests.golden.strategies.common import NONE

UP, DOWN = range(1, 3)
TEXTS = (
    "BarUp",
    "BarDn",
)

STATE = record([("close", np.float64)])


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    if ctx.bar_index == 0:
        st.close = np.nan
    max_intraday_loss(ctx, 1.0, PERCENT_OF_EQUITY)
    if bar.close > bar.open and bar.open > st.close:
        entry(ctx, UP, LONG)
    if bar.close < bar.open and bar.open < st.close:
        entry(ctx, DOWN, SHORT)
    st.close = bar.close


STRATEGY = Strategy("eurusd-barupdn", calculate, STATE, NONE, NONE, TEXTS, risk=True)
