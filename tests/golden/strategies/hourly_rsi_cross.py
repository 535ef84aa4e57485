"""The hourly RSI, read on the 15-minute chart."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.security import HTF, htf_update
from kwin_core.strategy import LONG, Strategy, close, compiled, entry, record, ta
from tests.golden.strategies.common import CHART_MS, HOUR_MS, NONE

L = 1
TEXTS = ("L",)

STATE = record([("hour", HTF), ("rsi", ta.RSI), ("value", np.float64), ("up", ta.CROSS), ("down", ta.CROSS)])


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    if ctx.bar_index == 0:
        st.value = np.nan
    if htf_update(st.hour, bar, CHART_MS, HOUR_MS):
        st.value = ta.rsi(st.rsi, st.hour.close, 14)
    up = ta.crossover(st.up, st.value, 50.0)
    down = ta.crossunder(st.down, st.value, 50.0)
    if up:
        entry(ctx, L, LONG, 1.0)
    if down and ctx.position_size > 0.0:
        close(ctx, L)


STRATEGY = Strategy("hourly-rsi-cross", calculate, STATE, NONE, NONE, TEXTS)
