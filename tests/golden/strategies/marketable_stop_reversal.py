"""Stop entries already passed when placed, with the position they reverse frozen in their size."""

from __future__ import annotations

from typing import Any

from kwin_core.strategy import LONG, SHORT, Strategy, close_all, compiled, entry
from tests.golden.strategies.common import NONE, clock

L1, L2, SREV, LREV, LOT_1, LOT_2, SHORT_STOP, LONG_STOP, FLAT = range(1, 10)
TEXTS = (
    "L1",
    "L2",
    "SREV",
    "LREV",
    "long lot 1",
    "long lot 2",
    "short stop reversal",
    "long stop reversal",
    "flat",
)


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    now = clock(ctx)
    position = ctx.position_size
    if now == 15 and position == 0.0:
        entry(ctx, L1, LONG, 1.0, text=LOT_1)
    if now == 30 and position > 0.0:
        entry(ctx, L2, LONG, 1.0, text=LOT_2)
    if now == 45 and position > 0.0:
        entry(ctx, SREV, SHORT, 1.0, stop=bar.high, text=SHORT_STOP)
    if now == 115 and position < 0.0:
        entry(ctx, LREV, LONG, 1.0, stop=bar.low, text=LONG_STOP)
    if now == 145 and position != 0.0:
        close_all(ctx, text=FLAT)


STRATEGY = Strategy("marketable-stop-reversal", calculate, NONE, NONE, NONE, TEXTS)
