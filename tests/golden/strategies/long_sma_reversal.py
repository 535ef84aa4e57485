"""Always in the market around a moving average of 152 bars."""

from __future__ import annotations

from typing import Any

from kwin_core.strategy import LONG, SHORT, Strategy, compiled, entry, record, ta
from tests.golden.strategies.common import NONE

L, S, UP, DOWN = range(1, 5)
TEXTS = (
    "L",
    "S",
    "close cross up SMA152",
    "close cross dn SMA152",
)

STATE = record([("sma", ta.SMA), ("up", ta.CROSS), ("down", ta.CROSS)])


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    s = ta.sma(st.sma, bar.close, 152)
    up = ta.crossover(st.up, bar.close, s)
    down = ta.crossunder(st.down, bar.close, s)
    if up:
        entry(ctx, L, LONG, 1.0, text=UP)
    if down:
        entry(ctx, S, SHORT, 1.0, text=DOWN)


STRATEGY = Strategy("long-sma-reversal", calculate, STATE, NONE, NONE, TEXTS)
