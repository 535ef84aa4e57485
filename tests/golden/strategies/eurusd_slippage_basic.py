"""One long and one short with slippage and commission."""

from __future__ import annotations

from typing import Any

from kwin_core.strategy import LONG, SHORT, Strategy, close, compiled, entry
from tests.golden.strategies.common import NONE

LONG_ID, SHORT_ID, LONG_ENTRY, LONG_EXIT, SHORT_ENTRY, SHORT_EXIT = range(1, 7)
TEXTS = (
    "Long",
    "Short",
    "Long Entry",
    "Long Exit",
    "Short Entry",
    "Short Exit",
)


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    if ctx.bar_index == 10:
        entry(ctx, LONG_ID, LONG, text=LONG_ENTRY)
    if ctx.bar_index == 20:
        close(ctx, LONG_ID, text=LONG_EXIT)
    if ctx.bar_index == 40:
        entry(ctx, SHORT_ID, SHORT, text=SHORT_ENTRY)
    if ctx.bar_index == 50:
        close(ctx, SHORT_ID, text=SHORT_EXIT)


STRATEGY = Strategy("eurusd-slippage-basic", calculate, NONE, NONE, NONE, TEXTS)
