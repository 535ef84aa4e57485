"""The MACD histogram through zero, always in the market."""

from __future__ import annotations

from typing import Any

from kwin_core.strategy import LONG, SHORT, Strategy, compiled, entry, record, ta
from tests.golden.strategies.common import NONE

LE, SE = range(1, 3)
TEXTS = (
    "MacdLE",
    "MacdSE",
)

STATE = record([("fast", ta.EMA), ("slow", ta.EMA), ("signal", ta.EMA), ("up", ta.CROSS), ("down", ta.CROSS)])


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    macd = ta.ema(st.fast, bar.close, 12) - ta.ema(st.slow, bar.close, 26)
    delta = macd - ta.ema(st.signal, macd, 9)
    up = ta.crossover(st.up, delta, 0.0)
    down = ta.crossunder(st.down, delta, 0.0)
    if up:
        entry(ctx, LE, LONG)
    if down:
        entry(ctx, SE, SHORT)


STRATEGY = Strategy("eurusd-macd", calculate, STATE, NONE, NONE, TEXTS)
