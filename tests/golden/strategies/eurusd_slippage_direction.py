"""A reversal every ten bars, numbered in its signal text."""

from __future__ import annotations

from typing import Any

from kwin_core.strategy import LONG, SHORT, Strategy, compiled, entry
from tests.golden.strategies.common import NONE

LONG_ID, SHORT_ID, TO_LONG, TO_SHORT = range(1, 5)
TEXTS = (
    "Long",
    "Short",
    "Flip to Long #{}",
    "Flip to Short #{}",
)


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    if ctx.bar_index >= 20 and ctx.bar_index % 10 == 0:
        k = (ctx.bar_index - 20) // 10
        if k % 2 == 0:
            entry(ctx, LONG_ID, LONG, text=TO_LONG, text_arg=k)
        else:
            entry(ctx, SHORT_ID, SHORT, text=TO_SHORT, text_arg=k)


STRATEGY = Strategy("eurusd-slippage-direction", calculate, NONE, NONE, NONE, TEXTS)
