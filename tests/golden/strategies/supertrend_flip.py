"""Supertrend flips with an explicit close before the reversal."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.strategy import LONG, SHORT, Strategy, close, compiled, entry, record, ta
from tests.golden.strategies.common import NONE

L, S, FLIP, BULL, BEAR = range(1, 6)
TEXTS = (
    "L",
    "S",
    "flip flat",
    "st bull flip",
    "st bear flip",
)

STATE = record([("trend", ta.SUPERTREND), ("previous", np.float64)])


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    position = ctx.position_size
    direction = ta.supertrend(st.trend, bar.high, bar.low, bar.close, 3.0, 10)[1]
    previous = st.previous
    st.previous = direction
    if direction == -1.0 and previous == 1.0 and position <= 0.0:
        if position < 0.0:
            close(ctx, S, text=FLIP)
        entry(ctx, L, LONG, text=BULL)
    if direction == 1.0 and previous == -1.0 and position >= 0.0:
        if position > 0.0:
            close(ctx, L, text=FLIP)
        entry(ctx, S, SHORT, text=BEAR)


STRATEGY = Strategy("supertrend-flip", calculate, STATE, NONE, NONE, TEXTS)
