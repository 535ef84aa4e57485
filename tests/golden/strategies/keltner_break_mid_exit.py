"""Keltner breaks with an explicit close before the reversal, out at the middle."""

from __future__ import annotations

from typing import Any

from kwin_core.strategy import LONG, SHORT, Strategy, close, compiled, entry, record, ta
from tests.golden.strategies.common import NONE

L, S, FLIP, UPPER, LOWER, BACK = range(1, 7)
TEXTS = (
    "L",
    "S",
    "flip flat",
    "upper break",
    "lower break",
    "back to mid",
)

STATE = record(
    [
        ("mid", ta.EMA),
        ("atr", ta.ATR),
        ("upper", ta.CROSS),
        ("lower", ta.CROSS),
        ("up", ta.CROSS),
        ("down", ta.CROSS),
    ]
)


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    position = ctx.position_size
    mid = ta.ema(st.mid, bar.close, 20)
    width = 2.0 * ta.atr(st.atr, bar.high, bar.low, bar.close, 10)
    over_upper = ta.crossover(st.upper, bar.close, mid + width)
    under_lower = ta.crossunder(st.lower, bar.close, mid - width)
    under_mid = ta.crossunder(st.down, bar.close, mid)
    over_mid = ta.crossover(st.up, bar.close, mid)
    if over_upper and position <= 0.0:
        if position < 0.0:
            close(ctx, S, text=FLIP)
        entry(ctx, L, LONG, text=UPPER)
    if under_lower and position >= 0.0:
        if position > 0.0:
            close(ctx, L, text=FLIP)
        entry(ctx, S, SHORT, text=LOWER)
    if under_mid and position > 0.0:
        close(ctx, L, text=BACK)
    if over_mid and position < 0.0:
        close(ctx, S, text=BACK)


STRATEGY = Strategy("keltner-break-mid-exit", calculate, STATE, NONE, NONE, TEXTS)
