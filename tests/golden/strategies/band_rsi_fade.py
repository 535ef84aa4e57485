"""Fades band breaks that the RSI confirms, and leaves at the middle."""

from __future__ import annotations

from typing import Any

from kwin_core.strategy import LONG, SHORT, Strategy, close, compiled, entry, record, ta
from tests.golden.strategies.common import NONE

LONG_ID, SHORT_ID = range(1, 3)
TEXTS = (
    "Long",
    "Short",
)

STATE = record([("mid", ta.SMA), ("dev", ta.STDEV), ("rsi", ta.RSI)])


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    position = ctx.position_size
    mid = ta.sma(st.mid, bar.close, 20)
    dev = 2.0 * ta.stdev(st.dev, bar.close, 20)
    r = ta.rsi(st.rsi, bar.close, 14)
    if bar.close < mid - dev and r < 30.0:
        entry(ctx, LONG_ID, LONG)
    if bar.close > mid + dev and r > 70.0:
        entry(ctx, SHORT_ID, SHORT)
    if position > 0.0 and bar.close > mid:
        close(ctx, LONG_ID)
    if position < 0.0 and bar.close < mid:
        close(ctx, SHORT_ID)


STRATEGY = Strategy("band-rsi-fade", calculate, STATE, NONE, NONE, TEXTS)
