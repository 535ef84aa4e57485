"""Half the equity once a week, sized by the script from the account's equity."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.strategy import LONG, Strategy, close, compiled, entry, record
from tests.golden.strategies.common import NONE, clock, weekday

E, HALF, FLATTEN = range(1, 4)
TEXTS = (
    "E",
    "qty = 50% equity / close",
    "next-bar flatten",
)

STATE = record([("was_long", np.int64), ("entry_bar", np.int64)])


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    position = ctx.position_size
    if position > 0.0 and st.was_long == 0:
        st.entry_bar = ctx.bar_index
    st.was_long = 1 if position > 0.0 else 0
    if weekday(ctx) == 0 and clock(ctx) == 0 and position == 0.0:
        q = np.floor(0.5 * ctx.equity / bar.close * 1000.0 + 0.5) / 1000.0
        if q > 0.0:
            entry(ctx, E, LONG, q, text=HALF)
    if position > 0.0 and ctx.bar_index > st.entry_bar:
        close(ctx, E, text=FLATTEN)


STRATEGY = Strategy("half-equity-weekly", calculate, STATE, NONE, NONE, TEXTS)
