"""Stop entries at the bands after a cross back over them, one cancelling the other."""

from __future__ import annotations

from typing import Any

from kwin_core.strategy import LONG, OCA_CANCEL, SHORT, Strategy, cancel, compiled, entry, record, ta
from tests.golden.strategies.common import NONE

LE, SE = range(1, 3)
TEXTS = (
    "BBandLE",
    "BBandSE",
)

STATE = record([("basis", ta.SMA), ("dev", ta.STDEV), ("up", ta.CROSS), ("down", ta.CROSS)])

BANDS = 1  # the OCA group


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    basis = ta.sma(st.basis, bar.close, 20)
    dev = 2.0 * ta.stdev(st.dev, bar.close, 20)
    upper = basis + dev
    lower = basis - dev
    up = ta.crossover(st.up, bar.close, lower)
    down = ta.crossunder(st.down, bar.close, upper)
    if up:
        entry(ctx, LE, LONG, stop=lower, oca=BANDS, oca_kind=OCA_CANCEL)
    else:
        cancel(ctx, LE)
    if down:
        entry(ctx, SE, SHORT, stop=upper, oca=BANDS, oca_kind=OCA_CANCEL)
    else:
        cancel(ctx, SE)


STRATEGY = Strategy("eurusd-bollinger", calculate, STATE, NONE, NONE, TEXTS)
