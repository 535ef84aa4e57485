"""Two exits share an entry: half takes a target, the rest has the stop only."""

from __future__ import annotations

from typing import Any

from kwin_core.strategy import LONG, Strategy, close, compiled, entry, exit
from tests.golden.strategies.common import NONE, clock

L, HALF_TP, REST_SL, TWO_LOTS, HALF, REST, TIMEOUT = range(1, 8)
TEXTS = (
    "L",
    "HALF_TP",
    "REST_SL",
    "two lots",
    "half tp",
    "rest stop",
    "timeout",
)


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    now = clock(ctx)
    average = ctx.position_avg_price
    if now == 115 and ctx.position_size == 0.0:
        entry(ctx, L, LONG, 2.0, text=TWO_LOTS)
    if ctx.position_size > 0.0:
        exit(ctx, HALF_TP, L, qty_percent=50.0, limit=1.003 * average, text=HALF)
        exit(ctx, REST_SL, L, stop=0.994 * average, text=REST)
        if now == 915:
            close(ctx, L, text=TIMEOUT)


STRATEGY = Strategy("bracket-half-target", calculate, NONE, NONE, NONE, TEXTS)
