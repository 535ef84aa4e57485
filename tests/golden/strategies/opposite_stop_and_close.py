"""A close before or after an opposite stop entry: what the frozen size expects."""

from __future__ import annotations

from typing import Any

from kwin_core.strategy import LONG, SHORT, Strategy, close, close_all, compiled, entry
from tests.golden.strategies.common import NONE, TICK, clock

L, S, L2, S2, OPEN_LONG, STOP_FIRST, CLOSE_SECOND, OPEN_LONG2, CLOSE_FIRST, STOP_SECOND, CLEANUP = range(
    1, 12
)
TEXTS = (
    "L",
    "S",
    "L2",
    "S2",
    "open long",
    "opposite stop first",
    "close long second",
    "open long2",
    "close long first",
    "opposite stop second",
    "cleanup short",
)


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    now = clock(ctx)
    position = ctx.position_size
    level = bar.low - TICK
    if now == 15 and position == 0.0:
        entry(ctx, L, LONG, 1.0, text=OPEN_LONG)
    if now == 45 and position > 0.0:
        entry(ctx, S, SHORT, 1.0, stop=level, text=STOP_FIRST)
        close(ctx, L, text=CLOSE_SECOND)
    if now == 615 and position == 0.0:
        entry(ctx, L2, LONG, 1.0, text=OPEN_LONG2)
    if now == 645 and position > 0.0:
        close(ctx, L2, text=CLOSE_FIRST)
        entry(ctx, S2, SHORT, 1.0, stop=level, text=STOP_SECOND)
    if now == 1215 and position < 0.0:
        close_all(ctx, text=CLEANUP)


STRATEGY = Strategy("opposite-stop-and-close", calculate, NONE, NONE, NONE, TEXTS)
