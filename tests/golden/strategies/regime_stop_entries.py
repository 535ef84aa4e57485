"""Stop entries at the previous bar's extremes, one side at a time by trend."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.strategy import LONG, SHORT, Strategy, cancel, compiled, entry, record, ta
from tests.golden.strategies.common import NONE

LE, SE, LIVE_LONG, LIVE_SHORT = range(1, 5)
TEXTS = (
    "LE",
    "SE",
    "live long stop",
    "live short stop",
)

STATE = record([("fast", ta.EMA), ("slow", ta.EMA), ("high", np.float64), ("low", np.float64)])


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    if ctx.bar_index == 0:
        st.high = np.nan
        st.low = np.nan
    fast = ta.ema(st.fast, bar.close, 8)
    slow = ta.ema(st.slow, bar.close, 21)
    if fast > slow:
        entry(ctx, LE, LONG, stop=st.high, text=LIVE_LONG)
        cancel(ctx, SE)
    else:
        entry(ctx, SE, SHORT, stop=st.low, text=LIVE_SHORT)
        cancel(ctx, LE)
    st.high = bar.high
    st.low = bar.low


STRATEGY = Strategy("regime-stop-entries", calculate, STATE, NONE, NONE, TEXTS)
