"""A tight bracket of raw orders in an OCA reduce group around moving-average crosses."""

from __future__ import annotations

from typing import Any

from kwin_core.strategy import LONG, OCA_REDUCE, SHORT, Strategy, cancel, compiled, entry, order, record, ta
from tests.golden.strategies.common import NONE, TICK

L, S, TP_ID, SL_ID, CROSS_UP, CROSS_DOWN, TP, SL = range(1, 9)
TEXTS = (
    "L",
    "S",
    "BracketTP",
    "BracketSL",
    "ma cross up",
    "ma cross dn",
    "TP",
    "SL",
)

STATE = record([("fast", ta.SMA), ("slow", ta.SMA), ("up", ta.CROSS), ("down", ta.CROSS)])

BRACKET = 1  # the OCA group


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    position = ctx.position_size
    f = ta.sma(st.fast, bar.close, 9)
    s = ta.sma(st.slow, bar.close, 21)
    up = ta.crossover(st.up, f, s)
    down = ta.crossunder(st.down, f, s)
    if up and position <= 0.0:
        entry(ctx, L, LONG, text=CROSS_UP)
    if down and position >= 0.0:
        entry(ctx, S, SHORT, text=CROSS_DOWN)
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


STRATEGY = Strategy("oca-reduce-tight-bracket", calculate, STATE, NONE, NONE, TEXTS)
