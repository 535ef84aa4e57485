"""Sizes from risk and trend strength that the margin of 100 percent sometimes refuses."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.strategy import LONG, Strategy, compiled, entry, exit, record, ta
from tests.golden.strategies.common import NONE, clock

L, LX, ENTRY, BRACKET = range(1, 5)
TEXTS = (
    "L",
    "LX",
    "dyn qty long",
    "bracket",
)

STATE = record([("atr", ta.ATR), ("dmi", ta.DMI)])


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    a = ta.atr(st.atr, bar.high, bar.low, bar.close, 14)
    adx = ta.dmi(st.dmi, bar.high, bar.low, bar.close, 14, 14)[2]
    if clock(ctx) == 15 and ctx.position_size == 0.0 and not np.isnan(a) and not np.isnan(adx):
        budget = ctx.equity * 0.01 * (1.2 if adx >= 25.0 else 1.0) * 1.15
        entry(ctx, L, LONG, budget / (2.0 * a), text=ENTRY)
        exit(ctx, LX, L, stop=bar.close - 2.0 * a, limit=bar.close + 4.0 * a, text=BRACKET)


STRATEGY = Strategy("risk-sized-bracket-margin", calculate, STATE, NONE, NONE, TEXTS)
