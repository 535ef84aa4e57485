"""Orders processed on close: both sides of a trade fill at the close of the signal bar."""

from __future__ import annotations

from typing import Any

from kwin_core.strategy import LONG, Strategy, close, compiled, entry, record, ta
from tests.golden.strategies.common import NONE

L, ENTRY, EXIT = range(1, 4)
TEXTS = (
    "L",
    "entry",
    "exit",
)

STATE = record([("fast", ta.EMA), ("slow", ta.EMA), ("rsi", ta.RSI), ("up", ta.CROSS), ("down", ta.CROSS)])


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    fast = ta.ema(st.fast, bar.close, 9)
    slow = ta.ema(st.slow, bar.close, 21)
    r = ta.rsi(st.rsi, bar.close, 14)
    up = ta.crossover(st.up, fast, slow)
    down = ta.crossunder(st.down, fast, slow)
    if up and r < 70.0 and ctx.position_size == 0.0:
        entry(ctx, L, LONG, 1.0, text=ENTRY)
    if down and ctx.position_size > 0.0:
        close(ctx, L, text=EXIT)


STRATEGY = Strategy("ema-cross-fill-on-close", calculate, STATE, NONE, NONE, TEXTS)
