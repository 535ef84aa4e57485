"""A stop entry that nothing cancels: it flips the position, or opens the frozen size later."""

from __future__ import annotations

from typing import Any

from kwin_core.strategy import LONG, SHORT, Strategy, close_all, compiled, entry
from tests.golden.strategies.common import NONE, TICK, clock

L, S, OPEN_LONG, FLIP, CLEANUP = range(1, 6)
TEXTS = (
    "L",
    "S",
    "open long",
    "flip via stop",
    "cleanup",
)


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    now = clock(ctx)
    if now == 15 and ctx.position_size == 0.0:
        entry(ctx, L, LONG, 1.0, text=OPEN_LONG)
    if now == 45 and ctx.position_size > 0.0:
        entry(ctx, S, SHORT, 1.0, stop=bar.low - TICK, text=FLIP)
    if now == 1200 and ctx.position_size != 0.0:
        close_all(ctx, text=CLEANUP)


STRATEGY = Strategy("stale-flip-stop", calculate, NONE, NONE, NONE, TEXTS)
