"""Trades the roll of the last complete hourly close."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.security import HTF, htf_update
from kwin_core.strategy import LONG, Strategy, close, compiled, entry, record
from tests.golden.strategies.common import CHART_MS, HOUR_MS, NONE

ROLL_ID, ROLL, ROLL_NEXT = range(1, 4)
TEXTS = (
    "HTF_ROLL",
    "roll",
    "roll+1",
)

STATE = record([("hour", HTF), ("previous", np.float64), ("had_value", np.int64), ("rolled", np.int64)])


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    htf_update(st.hour, bar, CHART_MS, HOUR_MS)
    seen = st.hour.count > 0
    roll = seen and st.had_value != 0 and st.hour.close != st.previous
    if roll:
        entry(ctx, ROLL_ID, LONG, 1.0, text=ROLL)
    if st.rolled != 0:
        close(ctx, ROLL_ID, text=ROLL_NEXT)
    st.rolled = 1 if roll else 0
    st.had_value = 1 if seen else 0
    st.previous = st.hour.close


STRATEGY = Strategy("hourly-close-roll", calculate, STATE, NONE, NONE, TEXTS)
