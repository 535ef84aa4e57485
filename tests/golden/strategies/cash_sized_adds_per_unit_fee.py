"""Up to three adds of a cash size, with a fee per unit."""

from __future__ import annotations

from typing import Any

from kwin_core.strategy import LONG, Strategy, close_all, compiled, entry, record, ta
from tests.golden.strategies.common import NONE, clock

L, ADD, CLOSE = range(1, 4)
TEXTS = (
    "L",
    "cash add",
    "session close",
)

STATE = record([("fast", ta.EMA), ("slow", ta.EMA), ("rsi", ta.RSI), ("up", ta.CROSS)])


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    fast = ta.ema(st.fast, bar.close, 9)
    slow = ta.ema(st.slow, bar.close, 21)
    r = ta.rsi(st.rsi, bar.close, 14)
    if ta.crossover(st.up, fast, slow) and 40.0 < r < 70.0:
        entry(ctx, L, LONG, text=ADD)
    if clock(ctx) == 2345:
        close_all(ctx, text=CLOSE)


STRATEGY = Strategy("cash-sized-adds-per-unit-fee", calculate, STATE, NONE, NONE, TEXTS)
