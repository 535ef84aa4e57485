"""Stop entries that are always passed: the size snapshot grows until the weekly reset."""

from __future__ import annotations

from typing import Any

from kwin_core.strategy import LONG, SHORT, Strategy, cancel, close, close_all, compiled, entry
from tests.golden.strategies.common import NONE, clock, weekday

SE, LE, SHORT_TEXT, LONG_TEXT, FLIP_LONG, FLIP_SHORT, RESET = range(1, 8)
TEXTS = (
    "SE",
    "LE",
    "open-guaranteed short",
    "open-guaranteed long",
    "flip flat long",
    "flip flat short",
    "weekly reset",
)


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    now = clock(ctx)
    position = ctx.position_size
    down = now == 800
    up = now == 1400
    if down:
        entry(ctx, SE, SHORT, 1.0, stop=10.0 * bar.high, text=SHORT_TEXT)
        cancel(ctx, LE)
    if up:
        entry(ctx, LE, LONG, 1.0, stop=0.1 * bar.low, text=LONG_TEXT)
        cancel(ctx, SE)
    if down and position > 0.0:
        close(ctx, LE, text=FLIP_LONG)
    if up and position < 0.0:
        close(ctx, SE, text=FLIP_SHORT)
    if weekday(ctx) == 0 and now == 0 and position != 0.0:
        close_all(ctx, text=RESET)


STRATEGY = Strategy("flip-qty-snapshot-gap-stops", calculate, NONE, NONE, NONE, TEXTS)
