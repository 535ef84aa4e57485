"""Straddles of stop entries that are never cancelled."""

from __future__ import annotations

from typing import Any

from kwin_core.strategy import LONG, SHORT, Strategy, close_all, compiled, entry
from tests.golden.strategies.common import NONE, clock

LE, SE, LE2, SE2, NEAR_LONG, NEAR_SHORT, MORNING, FAR_LONG, FAR_SHORT, EVENING = range(1, 11)
TEXTS = (
    "LE",
    "SE",
    "LE2",
    "SE2",
    "near long stop",
    "near short stop",
    "morning flat",
    "farther long stop",
    "farther short stop",
    "evening flat",
)


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    now = clock(ctx)
    flat = ctx.position_size == 0.0
    c = bar.close
    if now == 245 and flat:
        entry(ctx, LE, LONG, 1.0, stop=1.002 * c, text=NEAR_LONG)
        entry(ctx, SE, SHORT, 1.0, stop=0.998 * c, text=NEAR_SHORT)
    if now == 615 and not flat:
        close_all(ctx, text=MORNING)
    if now == 1445 and flat:
        entry(ctx, LE2, LONG, 1.0, stop=1.004 * c, text=FAR_LONG)
        entry(ctx, SE2, SHORT, 1.0, stop=0.996 * c, text=FAR_SHORT)
    if now == 1815 and not flat:
        close_all(ctx, text=EVENING)


STRATEGY = Strategy("straddle-stops-two-sessions", calculate, NONE, NONE, NONE, TEXTS)
