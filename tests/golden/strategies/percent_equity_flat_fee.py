"""A quarter of the equity once a day, with a flat fee an order."""

from __future__ import annotations

from typing import Any

from kwin_core.strategy import LONG, Strategy, close, compiled, entry
from tests.golden.strategies.common import NONE, clock

L, DEFAULT, CLOSE = range(1, 4)
TEXTS = (
    "L",
    "default percent sizing",
    "sizing close",
)


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    now = clock(ctx)
    if now == 815 and ctx.position_size == 0.0:
        entry(ctx, L, LONG, text=DEFAULT)
    if now == 1215 and ctx.position_size > 0.0:
        close(ctx, L, text=CLOSE)


STRATEGY = Strategy("percent-equity-flat-fee", calculate, NONE, NONE, NONE, TEXTS)
