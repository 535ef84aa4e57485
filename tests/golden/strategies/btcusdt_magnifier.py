"""Moving-average crosses on daily bars with a bracket around the signal bar's close."""

from __future__ import annotations

from typing import Any

from kwin_core.strategy import LONG, SHORT, Strategy, compiled, entry, exit, record, ta
from tests.golden.strategies.common import NONE

LONG_ID, SHORT_ID, XL, XS = range(1, 5)
TEXTS = (
    "Long",
    "Short",
    "XL",
    "XS",
)

STATE = record([("fast", ta.SMA), ("slow", ta.SMA), ("up", ta.CROSS), ("down", ta.CROSS)])


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    fast = ta.sma(st.fast, bar.close, 3)
    slow = ta.sma(st.slow, bar.close, 10)
    up = ta.crossover(st.up, fast, slow)
    down = ta.crossunder(st.down, fast, slow)
    if up:
        entry(ctx, LONG_ID, LONG)
        exit(ctx, XL, LONG_ID, limit=bar.close + 1500.0, stop=bar.close - 1000.0)
    if down:
        entry(ctx, SHORT_ID, SHORT)
        exit(ctx, XS, SHORT_ID, limit=bar.close - 1500.0, stop=bar.close + 1000.0)


STRATEGY = Strategy("btcusdt-magnifier", calculate, STATE, NONE, NONE, TEXTS)
