"""Moving-average reversals under a cap of five filled orders a day."""

from __future__ import annotations

from typing import Any

from kwin_core.strategy import LONG, SHORT, Strategy, compiled, entry, max_intraday_filled_orders, record, ta
from tests.golden.strategies.common import NONE

L, S, CROSS_UP, CROSS_DOWN = range(1, 5)
TEXTS = (
    "L",
    "S",
    "ma cross up",
    "ma cross dn",
)

STATE = record([("fast", ta.SMA), ("slow", ta.SMA), ("up", ta.CROSS), ("down", ta.CROSS)])


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    max_intraday_filled_orders(ctx, 5)
    f = ta.sma(st.fast, bar.close, 5)
    s = ta.sma(st.slow, bar.close, 13)
    up = ta.crossover(st.up, f, s)
    down = ta.crossunder(st.down, f, s)
    if up and ctx.position_size <= 0.0:
        entry(ctx, L, LONG, text=CROSS_UP)
    if down and ctx.position_size >= 0.0:
        entry(ctx, S, SHORT, text=CROSS_DOWN)


STRATEGY = Strategy("daily-fill-cap", calculate, STATE, NONE, NONE, TEXTS, risk=True)
