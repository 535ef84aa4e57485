"""An ordinary close and an immediate one."""

from __future__ import annotations

from typing import Any

from kwin_core.strategy import LONG, Strategy, close, compiled, entry
from tests.golden.strategies.common import NONE, clock

NEXT, IMM, NORMAL_CASE, NORMAL, IMMEDIATE_CASE, IMMEDIATE = range(1, 7)
TEXTS = (
    "NEXT",
    "IMM",
    "normal close case",
    "normal close",
    "immediate close case",
    "immediate close",
)


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    now = clock(ctx)
    position = ctx.position_size
    if now == 215 and position == 0.0:
        entry(ctx, NEXT, LONG, 1.0, text=NORMAL_CASE)
    if now == 315 and position > 0.0:
        close(ctx, NEXT, text=NORMAL)
    if now == 1015 and position == 0.0:
        entry(ctx, IMM, LONG, 1.0, text=IMMEDIATE_CASE)
    if now == 1115 and position > 0.0:
        close(ctx, IMM, text=IMMEDIATE, immediately=True)


STRATEGY = Strategy("close-now-vs-next-open", calculate, NONE, NONE, NONE, TEXTS)
