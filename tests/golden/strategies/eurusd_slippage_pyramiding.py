"""Three longs added one after the other and closed together."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.strategy import LONG, Strategy, close_all, compiled, entry, record
from tests.golden.strategies.common import NONE

LONG_1, LONG_2, LONG_3, NUMBERED, CLOSE = range(1, 6)
TEXTS = (
    "Long 1",
    "Long 2",
    "Long 3",
    "Entry #{}",
    "Close All Positions",
)

SIGNALS = record([("position_size", np.float64), ("average_price", np.float64)])
"""What the chart of this case plots on every bar."""


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    sig.position_size = ctx.position_size
    sig.average_price = ctx.position_avg_price
    if ctx.bar_index == 20:
        entry(ctx, LONG_1, LONG, text=NUMBERED, text_arg=1)
    if ctx.bar_index == 25:
        entry(ctx, LONG_2, LONG, text=NUMBERED, text_arg=2)
    if ctx.bar_index == 30:
        entry(ctx, LONG_3, LONG, text=NUMBERED, text_arg=3)
    if ctx.bar_index == 40:
        close_all(ctx, text=CLOSE)


STRATEGY = Strategy("eurusd-slippage-pyramiding", calculate, NONE, NONE, SIGNALS, TEXTS)
