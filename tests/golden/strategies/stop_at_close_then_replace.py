"""A stop entry at the close, replaced a bar later by one beyond the bar."""

from __future__ import annotations

from typing import Any

from kwin_core.strategy import LONG, SHORT, Strategy, close, compiled, entry
from tests.golden.strategies.common import NONE, TICK, clock

LE, SE, TOUCH_LONG, NEW_LONG, TOUCH_SHORT, NEW_SHORT, LONG_CLOSE, SHORT_CLOSE = range(1, 9)
TEXTS = (
    "LE",
    "SE",
    "touchable long stop",
    "modified long stop",
    "touchable short stop",
    "modified short stop",
    "long close",
    "short close",
)


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    now = clock(ctx)
    position = ctx.position_size
    flat = position == 0.0
    if now == 315 and flat:
        entry(ctx, LE, LONG, 1.0, stop=bar.close, text=TOUCH_LONG)
    if now == 330 and flat:
        entry(ctx, LE, LONG, 1.0, stop=bar.high + TICK, text=NEW_LONG)
    if now == 1515 and flat:
        entry(ctx, SE, SHORT, 1.0, stop=bar.close, text=TOUCH_SHORT)
    if now == 1530 and flat:
        entry(ctx, SE, SHORT, 1.0, stop=bar.low - TICK, text=NEW_SHORT)
    if now == 615 and position > 0.0:
        close(ctx, LE, text=LONG_CLOSE)
    if now == 1815 and position < 0.0:
        close(ctx, SE, text=SHORT_CLOSE)


STRATEGY = Strategy("stop-at-close-then-replace", calculate, NONE, NONE, NONE, TEXTS)
