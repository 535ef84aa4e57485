"""A bracket issued together with its entry, fixed at the signal bar."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.strategy import LONG, Strategy, compiled, entry, exit, record, ta
from tests.golden.strategies.common import NONE, clock

L, X, ENTRY, STOP, TP = range(1, 6)
TEXTS = (
    "L",
    "X",
    "periodic entry",
    "stop fill",
    "tp fill",
)

STATE = record([("atr", ta.ATR)])


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    a = ta.atr(st.atr, bar.high, bar.low, bar.close, 14)
    now = clock(ctx)
    if (now == 0 or now == 1200) and ctx.position_size == 0.0 and not np.isnan(a):
        entry(ctx, L, LONG, text=ENTRY)
        exit(ctx, X, L, stop=bar.close - 1.0 * a, limit=bar.close + 2.0 * a, text_loss=STOP, text_profit=TP)


STRATEGY = Strategy("entry-with-attached-bracket", calculate, STATE, NONE, NONE, TEXTS)
