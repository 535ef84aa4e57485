"""Stop entries one tick beyond the bar that crossed the Keltner channel."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.strategy import LONG, SHORT, Strategy, cancel, compiled, entry, record, ta
from tests.golden.strategies.common import EURUSD_TICK, NONE

LE, SE = range(1, 3)
TEXTS = (
    "KltChLE",
    "KltChSE",
)

STATE = record(
    [
        ("ma", ta.EMA),
        ("atr", ta.ATR),
        ("buy_price", np.float64),
        ("sell_price", np.float64),
        ("cross_buy", np.int64),
        ("cross_sell", np.int64),
        ("up", ta.CROSS),
        ("down", ta.CROSS),
    ]
)


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    ma = ta.ema(st.ma, bar.close, 20)
    band = 2.0 * ta.atr(st.atr, bar.high, bar.low, bar.close, 10)
    cross_upper = ta.crossover(st.up, bar.close, ma + band)
    cross_lower = ta.crossunder(st.down, bar.close, ma - band)
    if cross_upper:
        st.buy_price = bar.high + EURUSD_TICK
        st.cross_buy = 1
    if cross_lower:
        st.sell_price = bar.low - EURUSD_TICK
        st.cross_sell = 1
    cancel_buy = st.cross_buy != 0 and (bar.close < ma or bar.high >= st.buy_price)
    cancel_sell = st.cross_sell != 0 and (bar.close > ma or bar.low <= st.sell_price)
    if cancel_buy:
        cancel(ctx, LE)
    if cross_upper:
        entry(ctx, LE, LONG, stop=st.buy_price)
    if cancel_sell:
        cancel(ctx, SE)
    if cross_lower:
        entry(ctx, SE, SHORT, stop=st.sell_price)


STRATEGY = Strategy("eurusd-keltnerchannel", calculate, STATE, NONE, NONE, TEXTS)
