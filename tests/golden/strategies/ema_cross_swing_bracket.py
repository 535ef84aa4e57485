"""EMA crosses with a bracket between the last swing and twice the distance to it."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.strategy import LONG, SHORT, Strategy, compiled, entry, exit, record, ta
from tests.golden.strategies.common import NONE

L, S, BRK, PIVOT_LONG, PIVOT_SHORT = range(1, 6)
TEXTS = (
    "L",
    "S",
    "Brk",
    "pivot long",
    "pivot short",
)

STATE = record(
    [
        ("highs", ta.PIVOT),
        ("lows", ta.PIVOT),
        ("ph", np.float64),
        ("pl", np.float64),
        ("fast", ta.EMA),
        ("slow", ta.EMA),
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
    high = ta.pivothigh(st.highs, bar.high, 5, 5)
    low = ta.pivotlow(st.lows, bar.low, 5, 5)
    if not np.isnan(high):
        st.ph = high
    if not np.isnan(low):
        st.pl = low

    position = ctx.position_size
    average = ctx.position_avg_price
    fast = ta.ema(st.fast, bar.close, 5)
    slow = ta.ema(st.slow, bar.close, 13)
    up = ta.crossover(st.up, fast, slow)
    down = ta.crossunder(st.down, fast, slow)
    if up and not np.isnan(st.pl) and position <= 0.0:
        entry(ctx, L, LONG, 1.0, text=PIVOT_LONG)
    if down and not np.isnan(st.ph) and position >= 0.0:
        entry(ctx, S, SHORT, 1.0, text=PIVOT_SHORT)
    if position > 0.0 and not np.isnan(st.pl):
        exit(ctx, BRK, L, stop=st.pl, limit=average + 2.0 * (average - st.pl))
    if position < 0.0 and not np.isnan(st.ph):
        exit(ctx, BRK, S, stop=st.ph, limit=average - 2.0 * (st.ph - average))


STRATEGY = Strategy("ema-cross-swing-bracket", calculate, STATE, NONE, NONE, TEXTS)
