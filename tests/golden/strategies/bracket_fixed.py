"""A fixed percentage bracket around the entry price, with a timeout."""

from __future__ import annotations

from typing import Any

from kwin_core.strategy import LONG, Strategy, close, compiled, entry, exit
from tests.golden.strategies.common import NONE, clock

L, LX, PERIODIC, BRACKET, TIMEOUT = range(1, 6)
TEXTS = (
    "L",
    "LX",
    "periodic long",
    "bracket",
    "timeout",
)


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    now = clock(ctx)
    average = ctx.position_avg_price
    if now == 15 and ctx.position_size == 0.0:
        entry(ctx, L, LONG, 1.0, text=PERIODIC)
    if ctx.position_size > 0.0:
        exit(ctx, LX, L, limit=1.004 * average, stop=0.996 * average, text=BRACKET)
        if now == 615:
            close(ctx, L, text=TIMEOUT)


STRATEGY = Strategy("bracket-fixed", calculate, NONE, NONE, NONE, TEXTS)
