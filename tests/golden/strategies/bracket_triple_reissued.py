"""Stop, target and a trail without offset in one exit, re-issued on every bar with the current ATR."""

from __future__ import annotations

from typing import Any

from kwin_core.strategy import LONG, SHORT, Strategy, close_all, compiled, entry, exit, record, ta
from tests.golden.strategies.common import NONE, clock

L, S, LX, SX, PROBE_LONG, PROBE_SHORT, EXIT_LONG, EXIT_SHORT, TIMEOUT = range(1, 10)
TEXTS = (
    "L",
    "S",
    "LX",
    "SX",
    "probe long",
    "probe short",
    "triple exit long",
    "triple exit short",
    "timeout",
)

STATE = record([("atr", ta.ATR)])


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One pass of the rules, in their order."""
    now = clock(ctx)
    average = ctx.position_avg_price
    position = ctx.position_size
    a = ta.atr(st.atr, bar.high, bar.low, bar.close, 14)
    if now == 815 and position == 0.0:
        entry(ctx, L, LONG, 1.0, text=PROBE_LONG)
    if now == 1615 and position == 0.0:
        entry(ctx, S, SHORT, 1.0, text=PROBE_SHORT)
    if position > 0.0:
        exit(
            ctx,
            LX,
            L,
            stop=average - 0.8 * a,
            limit=average + 1.6 * a,
            trail_points=a,
            trail_offset=0.0,
            text=EXIT_LONG,
        )
    if position < 0.0:
        exit(
            ctx,
            SX,
            S,
            stop=average + 0.8 * a,
            limit=average - 1.6 * a,
            trail_points=a,
            trail_offset=0.0,
            text=EXIT_SHORT,
        )
    if position != 0.0 and now == 2345:
        close_all(ctx, text=TIMEOUT)


STRATEGY = Strategy("bracket-triple-reissued", calculate, STATE, NONE, NONE, TEXTS)
