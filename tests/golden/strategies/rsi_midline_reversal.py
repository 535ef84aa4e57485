"""RSI against its middle, always in the market."""

from __future__ import annotations

from typing import Any

from kwin_core.strategy import LONG, SHORT, Strategy, compiled, entry, record, ta
from tests.golden.strategies.common import NONE

L, S, UP, DOWN = range(1, 5)
TEXTS = (
    "L",
    "S",
    "rsi cross up 50",
    "rsi cross dn 50",
)

STATE = record([("rsi", ta.RSI), ("up", ta.CROSS), ("down", ta.CROSS)])


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    r = ta.rsi(st.rsi, bar.close, 14)
    up = ta.crossover(st.up, r, 50.0)
    down = ta.crossunder(st.down, r, 50.0)
    if up:
        entry(ctx, L, LONG, 1.0, text=UP)
    if down:
        entry(ctx, S, SHORT, 1.0, text=DOWN)


STRATEGY = Strategy("rsi-midline-reversal", calculate, STATE, NONE, NONE, TEXTS)
