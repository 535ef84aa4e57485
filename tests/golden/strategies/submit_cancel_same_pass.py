"""Stop entries cancelled in the pass that submits them, and the other way round."""

from __future__ import annotations

from typing import Any

from kwin_core.strategy import LONG, SHORT, Strategy, cancel, close_all, compiled, entry
from tests.golden.strategies.common import NONE, TICK, clock

L, L2, S, S2, LONG_TEXT, LONG_CLEAN, SHORT_TEXT, SHORT_CLEAN = range(1, 9)
TEXTS = (
    "L",
    "L2",
    "S",
    "S2",
    "cancel first entry second",
    "long cleanup",
    "short cancel first entry second",
    "short cleanup",
)


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    now = clock(ctx)
    position = ctx.position_size
    flat = position == 0.0
    if now == 215 and flat:
        entry(ctx, L, LONG, 1.0, stop=bar.high + TICK)
        cancel(ctx, L)
    if now == 415 and flat:
        cancel(ctx, L2)
        entry(ctx, L2, LONG, 1.0, stop=bar.high + TICK, text=LONG_TEXT)
    if now == 615 and position > 0.0:
        close_all(ctx, text=LONG_CLEAN)
    if now == 1415 and flat:
        entry(ctx, S, SHORT, 1.0, stop=bar.low - TICK)
        cancel(ctx, S)
    if now == 1615 and flat:
        cancel(ctx, S2)
        entry(ctx, S2, SHORT, 1.0, stop=bar.low - TICK, text=SHORT_TEXT)
    if now == 1815 and position < 0.0:
        close_all(ctx, text=SHORT_CLEAN)


STRATEGY = Strategy("submit-cancel-same-pass", calculate, NONE, NONE, NONE, TEXTS)
