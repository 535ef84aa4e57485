"""Pyramided longs against a stop entry that flips them, flat every evening."""

from __future__ import annotations

from typing import Any

from kwin_core.strategy import LONG, SHORT, Strategy, close_all, compiled, entry, record, ta
from tests.golden.strategies.common import NONE, clock

L, S, ADD, FLIP, CLOSE = range(1, 6)
TEXTS = (
    "L",
    "S",
    "add long market",
    "flip short stop",
    "session close_all",
)

STATE = record(
    [
        ("fast", ta.EMA),
        ("slow", ta.EMA),
        ("rsi", ta.RSI),
        ("atr", ta.ATR),
        ("up", ta.CROSS),
        ("down", ta.CROSS),
    ]
)


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    fast = ta.ema(st.fast, bar.close, 9)
    slow = ta.ema(st.slow, bar.close, 21)
    r = ta.rsi(st.rsi, bar.close, 14)
    a = ta.atr(st.atr, bar.high, bar.low, bar.close, 14)
    up = ta.crossover(st.up, fast, slow)
    weak = ta.crossunder(st.down, r, 50.0)
    if up and r < 70.0:
        entry(ctx, L, LONG, 1.0, text=ADD)
    if weak:
        entry(ctx, S, SHORT, 1.0, stop=bar.low - 0.25 * a, text=FLIP)
    if clock(ctx) == 2145:
        close_all(ctx, text=CLOSE)


STRATEGY = Strategy("pyramid-flip-stop-daily-flat", calculate, STATE, NONE, NONE, TEXTS)
