"""MACD against its signal line, always in the market."""

from __future__ import annotations

from typing import Any

from kwin_core.strategy import LONG, SHORT, Strategy, compiled, entry, record, ta
from tests.golden.strategies.common import NONE

L, S, UP, DOWN = range(1, 5)
TEXTS = (
    "L",
    "S",
    "macd cross up",
    "macd cross dn",
)

STATE = record([("fast", ta.EMA), ("slow", ta.EMA), ("signal", ta.EMA), ("up", ta.CROSS), ("down", ta.CROSS)])


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    line = ta.ema(st.fast, bar.close, 12) - ta.ema(st.slow, bar.close, 26)
    signal = ta.ema(st.signal, line, 9)
    up = ta.crossover(st.up, line, signal)
    down = ta.crossunder(st.down, line, signal)
    if up:
        entry(ctx, L, LONG, 1.0, text=UP)
    if down:
        entry(ctx, S, SHORT, 1.0, text=DOWN)


STRATEGY = Strategy("macd-signal-reversal", calculate, STATE, NONE, NONE, TEXTS)
