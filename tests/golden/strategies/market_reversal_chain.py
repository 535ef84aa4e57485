"""Market reversals in a chain: long, short, long, flat within one and a half hours."""

from __future__ import annotations

from typing import Any

from kwin_core.strategy import LONG, SHORT, Strategy, close_all, compiled, entry
from tests.golden.strategies.common import NONE, clock

L, S, OPEN_LONG, REVERSE_SHORT, REVERSE_LONG, FLAT = range(1, 7)
TEXTS = (
    "L",
    "S",
    "open long",
    "reverse short",
    "reverse long",
    "flat",
)


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    now = clock(ctx)
    position = ctx.position_size
    if now == 15 and position == 0.0:
        entry(ctx, L, LONG, 1.0, text=OPEN_LONG)
    if now == 45 and position > 0.0:
        entry(ctx, S, SHORT, 1.0, text=REVERSE_SHORT)
    if now == 115 and position < 0.0:
        entry(ctx, L, LONG, 1.0, text=REVERSE_LONG)
    if now == 145 and position != 0.0:
        close_all(ctx, text=FLAT)


STRATEGY = Strategy("market-reversal-chain", calculate, NONE, NONE, NONE, TEXTS)
