"""Stop entries one tick beyond the channel of five bars; without a channel they are market orders."""

from __future__ import annotations

from typing import Any

from kwin_core.strategy import LONG, SHORT, Strategy, compiled, entry, record, ta
from tests.golden.strategies.common import EURUSD_TICK, NONE

LE, SE = range(1, 3)
TEXTS = (
    "ChBrkLE",
    "ChBrkSE",
)

STATE = record([("high", ta.EXTREME), ("low", ta.EXTREME)])


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    up = ta.highest(st.high, bar.high, 5)
    down = ta.lowest(st.low, bar.low, 5)
    if ctx.bar_index >= 5:
        entry(ctx, LE, LONG, stop=up + EURUSD_TICK)
    entry(ctx, SE, SHORT, stop=down - EURUSD_TICK)


STRATEGY = Strategy("eurusd-channelbreakout", calculate, STATE, NONE, NONE, TEXTS)
