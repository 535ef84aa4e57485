"""Long through the New York session, in wall-clock time with its daylight saving."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.strategy import LONG, Strategy, close, compiled, entry, record
from tests.golden.strategies.common import NONE, new_york_minute

L, OPEN, CLOSE = range(1, 4)
TEXTS = (
    "L",
    "session open",
    "session close",
)

STATE = record([("was_inside", np.int64)])


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    minute = new_york_minute(ctx.time_ms)
    inside = 9 * 60 + 30 <= minute < 16 * 60
    if inside and st.was_inside == 0 and ctx.position_size == 0.0:
        entry(ctx, L, LONG, 1.0, text=OPEN)
    if not inside and st.was_inside != 0 and ctx.position_size > 0.0:
        close(ctx, L, text=CLOSE)
    st.was_inside = 1 if inside else 0


STRATEGY = Strategy("new-york-session-long", calculate, STATE, NONE, NONE, TEXTS)
