"""EMA crosses in an hourly up-trend, with a bracket that never moves."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.security import HTF, htf_update
from kwin_core.strategy import LONG, Strategy, compiled, entry, exit, record, ta
from tests.golden.strategies.common import CHART_MS, HOUR_MS, NONE

L, LX, ENTRY, BRACKET = range(1, 5)
TEXTS = (
    "L",
    "LX",
    "entry long",
    "static bracket",
)

STATE = record(
    [
        ("hour", HTF),
        ("hourly", ta.EMA),
        ("trend", np.float64),
        ("fast", ta.EMA),
        ("slow", ta.EMA),
        ("atr", ta.ATR),
        ("up", ta.CROSS),
    ]
)


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    if ctx.bar_index == 0:
        st.trend = np.nan
    if htf_update(st.hour, bar, CHART_MS, HOUR_MS):
        st.trend = ta.ema(st.hourly, st.hour.close, 20)
    bull = not np.isnan(st.trend) and st.hour.close > st.trend
    fast = ta.ema(st.fast, bar.close, 9)
    slow = ta.ema(st.slow, bar.close, 21)
    a = ta.atr(st.atr, bar.high, bar.low, bar.close, 14)
    if ta.crossover(st.up, fast, slow) and bull and ctx.position_size == 0.0 and not np.isnan(a):
        entry(ctx, L, LONG, 1.0, text=ENTRY)
        exit(ctx, LX, L, stop=bar.close - 2.0 * a, limit=bar.close + 4.0 * a, text=BRACKET)


STRATEGY = Strategy("hourly-trend-static-bracket", calculate, STATE, NONE, NONE, TEXTS)
