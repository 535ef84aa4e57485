"""A latch armed by an RSI extreme and fired at the middle."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.strategy import LONG, SHORT, Strategy, compiled, entry, record, ta
from tests.golden.strategies.common import NONE

L, S, LONG_TEXT, SHORT_TEXT = range(1, 5)
TEXTS = (
    "L",
    "S",
    "rsi pullback long",
    "rsi pullback short",
)

STATE = record(
    [
        ("rsi", ta.RSI),
        ("armed_long", np.int64),
        ("armed_short", np.int64),
        ("up", ta.CROSS),
        ("down", ta.CROSS),
    ]
)


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    r = ta.rsi(st.rsi, bar.close, 14)
    up = ta.crossover(st.up, r, 50.0)
    down = ta.crossunder(st.down, r, 50.0)
    if r < 40.0:
        st.armed_long = 1
    if r > 60.0:
        st.armed_short = 1
    fire_long = st.armed_long != 0 and up
    fire_short = st.armed_short != 0 and down
    if fire_long:
        st.armed_long = 0
    if fire_short:
        st.armed_short = 0
    if fire_long and ctx.position_size <= 0.0:
        entry(ctx, L, LONG, 1.0, text=LONG_TEXT)
    if fire_short and ctx.position_size >= 0.0:
        entry(ctx, S, SHORT, 1.0, text=SHORT_TEXT)


STRATEGY = Strategy("rsi-pullback-latch", calculate, STATE, NONE, NONE, TEXTS)
