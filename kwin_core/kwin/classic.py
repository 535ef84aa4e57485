"""The preset classic: classic SFP inside the 15-minute context, orders filled at the next open, no flat check."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core import ta
from kwin_core.commands import entry
from kwin_core.exits import exit
from kwin_core.history import get, history_state, push
from kwin_core.jit import compiled
from kwin_core.kwin.dual import (
    LONG_EXIT_ID,
    LONG_ID,
    SHORT_EXIT_ID,
    SHORT_ID,
    SIGNAL_MS,
    classic_failure,
    show_exit,
)
from kwin_core.kwin.state import CAPACITY, NO_SWING
from kwin_core.na import EPSILON
from kwin_core.records import record
from kwin_core.security import HTF, htf_update
from kwin_core.state import LONG, SHORT

HOUR_MS = 3_600_000
SIZE_FEE = 0.0004  # fee folded into the size by the source
NAN = np.nan

CLASSIC_STATE = record(
    [
        ("htf15", HTF),
        ("htf60", HTF),
        ("htf60_close", np.float64),
        ("htf60_close_prev", np.float64),
        ("pivot_high", ta.pivot_state(CAPACITY)),
        ("pivot_low", ta.pivot_state(CAPACITY)),
        ("lows", history_state(CAPACITY)),
        ("highs", history_state(CAPACITY)),
        ("rsi", ta.RSI),
        ("close15", np.float64),
        ("ph", np.float64),
        ("pl", np.float64),
        ("low", np.float64),
        ("high", np.float64),
        ("bull", np.int64),
        ("bear", np.int64),
        ("can_long", np.int64),
        ("can_short", np.int64),
        ("long_offset", np.float64),  # trail_offset of the last exit call of each side, before R79 cuts it
        ("short_offset", np.float64),
    ]
)


@compiled
def start(st: Any, _params: Any) -> None:
    """State before the first bar."""
    for_nan = NAN
    st.close15 = for_nan
    st.htf60_close = for_nan
    st.htf60_close_prev = for_nan
    st.ph = for_nan
    st.pl = for_nan
    st.low = for_nan
    st.high = for_nan
    st.can_long = 1
    st.can_short = 1


@compiled
def update_signals(st: Any, p: Any, open_: float, high: float, low: float, close: float) -> None:
    """A 15-minute bar is complete: the classic signal evaluated wholly in the 15-minute context."""
    st.ph = ta.pivothigh(st.pivot_high, high, p.swing_len, 1)
    st.pl = ta.pivotlow(st.pivot_low, low, p.swing_len, 1)
    push(st.lows, low)
    push(st.highs, high)
    st.low = low
    st.high = high
    st.bull = 1 if classic_failure(LONG, st.pl, low, get(st.lows, p.swing_len), open_, close) else 0
    st.bear = 1 if classic_failure(SHORT, st.ph, high, get(st.highs, p.swing_len), open_, close) else 0


@compiled
def size(st: Any, p: Any, side: int, equity: float, price: float, distance: float, rsi: float) -> float:
    """Quantity as the source computes it, its extra division by the price included; nan when it has none."""
    if not distance > EPSILON:
        return NAN
    risk = equity * p.risk_pct / 100.0
    if p.use_rsi_weight != 0:
        against = side * (st.htf60_close_prev - st.htf60_close) > EPSILON
        stretch = rsi - p.rsi_oversold if side > 0 else p.rsi_overbought - rsi
        if against and stretch > EPSILON:
            risk = risk * p.rsi_weight_pct / 100.0
    if p.zero_commission != 0:
        return risk / distance
    return (risk - risk / distance * price * SIZE_FEE) / distance / price


@compiled
def enter(ctx: Any, st: Any, p: Any, side: int, stop: float, rsi: float, sig: Any) -> bool:
    """Entry and exit calls of one side; the exit call replaces a running one even without a new entry."""
    price = ctx.close
    distance = side * (price - stop)
    qty = size(st, p, side, ctx.equity, price, distance, rsi)
    entry_id, exit_id = (LONG_ID, LONG_EXIT_ID) if side > 0 else (SHORT_ID, SHORT_EXIT_ID)
    if qty > EPSILON * EPSILON:
        entry(ctx, entry_id, side, qty)
    if p.enable_smart_trail == 0:
        exit(ctx, exit_id, entry_id, stop=stop, limit=price + side * distance * p.risk_reward)
    else:
        points = distance if p.literal != 0 else price * p.trailing_perc / 100.0 / p.tick
        offset = distance if p.literal != 0 else price * p.trailing_offset / 100.0 / p.tick
        exit(ctx, exit_id, entry_id, stop=stop, trail_points=points, trail_offset=offset)
        if side > 0:
            st.long_offset = offset
        else:
            st.short_offset = offset
    if not qty > 0.0:
        return False
    sig.qty = qty
    sig.stop = stop
    return True


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One closed bar of classic."""
    sig.position_seen = ctx.position_size
    sig.equity_seen = ctx.equity
    sig.qty = NAN
    sig.stop = NAN
    close15 = bar.close
    if p.chart_ms == SIGNAL_MS:
        update_signals(st, p, bar.open, bar.high, bar.low, bar.close)
    else:
        if htf_update(st.htf15, bar, p.chart_ms, SIGNAL_MS):
            h = st.htf15
            update_signals(st, p, h.open, h.high, h.low, h.close)
        close15 = st.htf15.close if st.htf15.count > 0 else NAN
    if htf_update(st.htf60, bar, p.chart_ms, HOUR_MS):
        st.htf60_close_prev = st.htf60_close
        st.htf60_close = st.htf60.close
    rsi = ta.rsi(st.rsi, bar.close, p.rsi_period)
    changed = abs(close15 - st.close15) > EPSILON
    st.close15 = close15
    action = 0
    if bar.time_ms >= p.start_time_ms or p.use_window == 0:
        if changed:
            st.can_long = 1
            st.can_short = 1
        if bar.time_ms >= p.window_start_ms:
            if st.bull != 0 and st.can_long != 0:
                action += 1 if enter(ctx, st, p, LONG, st.low, rsi, sig) else 0
                st.can_long = 1 if p.enable_reentry_after_sl == 0 else 0
            if st.bear != 0 and st.can_short != 0:
                action += 2 if enter(ctx, st, p, SHORT, st.high, rsi, sig) else 0
                st.can_short = 1 if p.enable_reentry_after_sl == 0 else 0
    if ctx.keep_signals != 0:
        show(ctx, st, rsi, action, sig)


@compiled
def show(ctx: Any, st: Any, rsi: float, action: int, sig: Any) -> None:
    """The bar's row; columns that only dual-sfp has stay absent."""
    sig.ph = st.ph
    sig.pl = st.pl
    sig.htf60_close = st.htf60_close
    sig.htf60_close_prev = st.htf60_close_prev
    sig.rsi = rsi
    sig.bear_classic = st.bear
    sig.bull_classic = st.bull
    sig.bear = st.bear
    sig.bull = st.bull
    sig.can_long = st.can_long
    sig.can_short = st.can_short
    sig.action = action
    sig.traded_bull = NO_SWING
    sig.traded_bear = NO_SWING
    sig.bull_swing_bix = NO_SWING
    sig.bear_swing_bix = NO_SWING
    sig.swing_high = NAN
    sig.swing_low = NAN
    sig.long_entry = NAN
    sig.long_stop = NAN
    sig.short_entry = NAN
    sig.short_stop = NAN
    sig.lookback_prev = NAN
    sig.bar_trail_stop = NAN
    sig.exit_stop = NAN
    sig.trail_points = NAN
    sig.trail_offset = NAN
    show_exit(ctx, False, st.long_offset, st.short_offset, sig)
