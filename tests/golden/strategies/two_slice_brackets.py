"""Two brackets share an entry, their levels moving with the ATR."""

from __future__ import annotations

from typing import Any

from kwin_core.strategy import LONG, Strategy, compiled, entry, exit, record, ta
from tests.golden.strategies.common import NONE

L, X_A, X_B, ENTRY = range(1, 5)
TEXTS = (
    "L",
    "X_A",
    "X_B",
    "entry",
)

STATE = record([("fast", ta.EMA), ("slow", ta.EMA), ("rsi", ta.RSI), ("atr", ta.ATR), ("up", ta.CROSS)])


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    fast = ta.ema(st.fast, bar.close, 9)
    slow = ta.ema(st.slow, bar.close, 21)
    r = ta.rsi(st.rsi, bar.close, 14)
    a = ta.atr(st.atr, bar.high, bar.low, bar.close, 14)
    average = ctx.position_avg_price
    if ta.crossover(st.up, fast, slow) and r < 60.0 and ctx.position_size == 0.0:
        entry(ctx, L, LONG, 2.0, text=ENTRY)
    if ctx.position_size > 0.0:
        exit(ctx, X_A, L, 1.0, limit=average + 1.0 * a, stop=average - 1.0 * a)
        exit(ctx, X_B, L, 1.0, limit=average + 2.0 * a, stop=average - 2.0 * a)


STRATEGY = Strategy("two-slice-brackets", calculate, STATE, NONE, NONE, TEXTS)
