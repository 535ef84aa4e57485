"""From a confirmed pivot low to the next confirmed pivot high."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.strategy import LONG, Strategy, close, compiled, entry, record, ta
from tests.golden.strategies.common import NONE

L, LOW, HIGH = range(1, 4)
TEXTS = (
    "L",
    "pivot low entry",
    "pivot high exit",
)

STATE = record([("highs", ta.PIVOT), ("lows", ta.PIVOT)])


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    high = ta.pivothigh(st.highs, bar.high, 5, 5)
    low = ta.pivotlow(st.lows, bar.low, 5, 5)
    if not np.isnan(low) and ctx.position_size == 0.0:
        entry(ctx, L, LONG, 1.0, text=LOW)
    if not np.isnan(high) and ctx.position_size > 0.0:
        close(ctx, L, text=HIGH)


STRATEGY = Strategy("pivot-to-pivot-long", calculate, STATE, NONE, NONE, TEXTS)
