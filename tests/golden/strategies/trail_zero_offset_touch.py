"""A trail of eight ticks without offset, attached to the entry: out on the first touch."""

from __future__ import annotations

from typing import Any

from kwin_core.strategy import LONG, SHORT, Strategy, compiled, entry, exit
from tests.golden.strategies.common import NONE, clock

L, S, LX, SX, IN_LONG, IN_SHORT, EXIT = range(1, 8)
TEXTS = (
    "L",
    "S",
    "LX",
    "SX",
    "entry long",
    "entry short",
    "trail8 + far stop/limit",
)


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    now = clock(ctx)
    c = bar.close
    if now == 800 and ctx.position_size == 0.0:
        entry(ctx, L, LONG, 1.0, text=IN_LONG)
        exit(ctx, LX, L, stop=0.95 * c, limit=1.05 * c, trail_points=8.0, text=EXIT)
    if now == 2000 and ctx.position_size == 0.0:
        entry(ctx, S, SHORT, 1.0, text=IN_SHORT)
        exit(ctx, SX, S, stop=1.05 * c, limit=0.95 * c, trail_points=8.0, text=EXIT)


STRATEGY = Strategy("trail-zero-offset-touch", calculate, NONE, NONE, NONE, TEXTS)
