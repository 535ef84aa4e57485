"""A buy stop and a sell stop at one level: the buy fills first."""

from __future__ import annotations

from typing import Any

from kwin_core.strategy import LONG, SHORT, Strategy, close_all, compiled, entry
from tests.golden.strategies.common import NONE, clock

LE, SE, SE2, LE2, LONG_AT_CLOSE, SHORT_AT_CLOSE, FLAT_OPEN, SHORT_FIRST, LONG_SECOND, FLAT_REVERSE = range(
    1, 11
)
TEXTS = (
    "LE",
    "SE",
    "SE2",
    "LE2",
    "long stop at close",
    "short stop at close",
    "flat after open tie",
    "short first at close",
    "long second at close",
    "flat after reverse tie",
)


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    now = clock(ctx)
    flat = ctx.position_size == 0.0
    if now == 445 and flat:
        entry(ctx, LE, LONG, 1.0, stop=bar.close, text=LONG_AT_CLOSE)
        entry(ctx, SE, SHORT, 1.0, stop=bar.close, text=SHORT_AT_CLOSE)
    if now == 815 and not flat:
        close_all(ctx, text=FLAT_OPEN)
    if now == 1645 and flat:
        entry(ctx, SE2, SHORT, 1.0, stop=bar.close, text=SHORT_FIRST)
        entry(ctx, LE2, LONG, 1.0, stop=bar.close, text=LONG_SECOND)
    if now == 2015 and not flat:
        close_all(ctx, text=FLAT_REVERSE)


STRATEGY = Strategy("straddle-same-level-tie", calculate, NONE, NONE, NONE, TEXTS)
