"""Arithmetic with missing values: na, nz and fixnan in a chain."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.na import FIXNAN, fixnan, nz
from kwin_core.strategy import LONG, Strategy, close, compiled, entry, record, ta
from tests.golden.strategies.common import NONE

N, LONG_TEXT, FLAT = range(1, 4)
TEXTS = (
    "N",
    "na chain long",
    "na chain flat",
)

STATE = record(
    [("sma", ta.SMA), ("last", FIXNAN), ("close_before", np.float64), ("score_before", np.float64)]
)


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    if ctx.bar_index == 0:
        st.close_before = np.nan
        st.score_before = np.nan
    d = bar.close - st.close_before
    z = nz(d)
    h = nz(fixnan(st.last, d))
    score = ta.sma(st.sma, z + h, 8)
    previous = nz(st.score_before)
    if score > 0.0 and previous <= 0.0 and ctx.position_size == 0.0:
        entry(ctx, N, LONG, 1.0, text=LONG_TEXT)
    if score < 0.0 and previous >= 0.0 and ctx.position_size > 0.0:
        close(ctx, N, text=FLAT)
    st.close_before = bar.close
    st.score_before = score


STRATEGY = Strategy("na-chain-momentum", calculate, STATE, NONE, NONE, TEXTS)
