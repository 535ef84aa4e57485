"""An exit with a limit only, at the close of the signal bar."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.strategy import LONG, Strategy, compiled, entry, exit, record
from tests.golden.strategies.common import NONE, clock

LE, LX, ENTRY, EXIT = range(1, 5)
TEXTS = (
    "LE",
    "LX",
    "even-trade entry",
    "even-trade exit @ entry",
)

STATE = record([("ref", np.float64), ("has_ref", np.int64)])


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    if clock(ctx) == 0 and ctx.position_size == 0.0:
        entry(ctx, LE, LONG, 1.0, text=ENTRY)
        st.ref = bar.close
        st.has_ref = 1
    if ctx.position_size > 0.0 and st.has_ref != 0:
        exit(ctx, LX, LE, limit=st.ref, text=EXIT)


STRATEGY = Strategy("breakeven-limit-exit", calculate, STATE, NONE, NONE, TEXTS)
