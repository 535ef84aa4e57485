"""Clock pulse: one long a day, in at 00:30 and out at 01:00 UTC."""

from __future__ import annotations

from typing import Any

from kwin_core.strategy import LONG, Strategy, close, compiled, entry
from tests.golden.strategies.common import NONE, clock

T, TIME_ENTRY, TIME_EXIT = range(1, 4)
TEXTS = (
    "T",
    "time entry",
    "time exit",
)


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    now = clock(ctx)
    if now == 15 and ctx.position_size == 0.0:
        entry(ctx, T, LONG, 1.0, text=TIME_ENTRY)
    if now == 45 and ctx.position_size > 0.0:
        close(ctx, T, text=TIME_EXIT)


STRATEGY = Strategy("clock-pulse-long", calculate, NONE, NONE, NONE, TEXTS)
