"""A trailing stop with activation and offset, long in the morning and short in the afternoon."""

from __future__ import annotations

from typing import Any

from kwin_core.strategy import LONG, SHORT, Strategy, close_all, compiled, entry, exit
from tests.golden.strategies.common import NONE, clock

L, S, LX, SX, PATH_LONG, PATH_SHORT, TIMEOUT = range(1, 8)
TEXTS = (
    "L",
    "S",
    "LX",
    "SX",
    "trail path long",
    "trail path short",
    "timeout",
)


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    now = clock(ctx)
    position = ctx.position_size
    if now == 915 and position == 0.0:
        entry(ctx, L, LONG, 1.0, text=PATH_LONG)
    if now == 1515 and position == 0.0:
        entry(ctx, S, SHORT, 1.0, text=PATH_SHORT)
    if position > 0.0:
        exit(ctx, LX, L, trail_points=800.0, trail_offset=400.0, text=PATH_LONG)
    if position < 0.0:
        exit(ctx, SX, S, trail_points=800.0, trail_offset=400.0, text=PATH_SHORT)
    if position != 0.0 and now == 2345:
        close_all(ctx, text=TIMEOUT)


STRATEGY = Strategy("trail-activation-offset", calculate, NONE, NONE, NONE, TEXTS)
