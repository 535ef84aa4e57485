"""Wide-bar stop entries with a bracket of raw orders, under a cap of five filled orders a day."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.strategy import (
    LONG,
    OCA_REDUCE,
    SHORT,
    Strategy,
    cancel,
    compiled,
    entry,
    max_intraday_filled_orders,
    order,
    record,
    ta,
)
from tests.golden.strategies.common import NONE, TICK

LONG_ID, SHORT_ID, TP_ID, SL_ID, TP, SL = range(1, 7)
TEXTS = (
    "LongOnGap",
    "ShortOnGap",
    "BracketTP",
    "BracketSL",
    "TP",
    "SL",
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

BRACKET = 1  # the OCA group


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    max_intraday_filled_orders(ctx, 5)
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

    position = ctx.position_size
    if position != 0.0:
        d = 1 if position > 0.0 else -1
        average = ctx.position_avg_price
        order(
            ctx,
            TP_ID,
            -d,
            abs(position),
            limit=average + 10 * TICK * d,
            text=TP,
            oca=BRACKET,
            oca_kind=OCA_REDUCE,
        )
        order(
            ctx,
            SL_ID,
            -d,
            abs(position),
            stop=average - 10 * TICK * d,
            text=SL,
            oca=BRACKET,
            oca_kind=OCA_REDUCE,
        )
    else:
        cancel(ctx, TP_ID)
        cancel(ctx, SL_ID)

    st.open = bar.open
    st.high = bar.high
    st.low = bar.low
    st.close = bar.close
    st.atr_before = ta.atr(st.atr, bar.high, bar.low, bar.close, 14)


STRATEGY = Strategy("wide-bar-breakout-bracket-cap", calculate, STATE, NONE, NONE, TEXTS, risk=True)
