"""The presets dual-sfp and classic-quality: the calculation of one bar, in the order of the Pine script (SP-5).

Longs and shorts are mirror images and share their code: ``side`` is +1 or -1, and a price compared with ``side *``
in front reads as for a long.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core import ta
from kwin_core.commands import entry
from kwin_core.exits import exit
from kwin_core.history import get, push
from kwin_core.jit import compiled, compiled_inline
from kwin_core.kwin.state import NO_SWING
from kwin_core.na import EPSILON, maximum, minimum
from kwin_core.security import htf_update
from kwin_core.state import EXIT, LONG, SHORT

SIGNAL_MS = 900_000  # security(..., "15", ...)

LONG_ID = 1
SHORT_ID = 2
LONG_EXIT_ID = 3
SHORT_EXIT_ID = 4
TEXTS = ("Long SFP", "Short SFP", "Trail Long Smart", "Trail Short Smart")

STOP_PIVOT = 0
STOP_PREVIOUS = 1
STOP_SIGNAL = 2

NAN = np.nan


@compiled
def start(st: Any, _params: Any) -> None:
    """State before the first bar: flags open, nothing traded (start values of the `var` lines)."""
    for s in (st.long, st.short):
        s.swing = NAN
        s.failure.price = NAN
        s.failure.opposite = NAN
        s.failure.swing_bix = NO_SWING
        s.can_enter = 1
        s.traded_swing = NO_SWING
        s.entry = NAN
        s.initial_stop = NAN
        s.stop = NAN
        s.lookback_value = NAN
        s.extreme_previous = NAN
    st.close15 = NAN
    st.pl15 = NAN
    st.ph15 = NAN
    st.previous_low = NAN
    st.previous_high = NAN
    st.last_entry_ms = -(2**62)


@compiled_inline
def local_failure(s: Any, side: int, n: int, wick: float, other: float, open_: float, close: float) -> bool:
    """Steps 2 and 3: a bar that sweeps the swing and closes back, open included (X-S8).

    ``wick`` is the extreme on the swing's side (low for bulls), ``other`` the far one.
    """
    level = s.swing
    failure = s.failure
    hit = (
        side * (level - wick) > EPSILON
        and side * (open_ - level) > EPSILON
        and side * (close - level) > EPSILON
    )
    if hit:
        failure.active = 1
        failure.confirmed = 0
        failure.price = level
        failure.swing_bix = n - 1
        failure.opposite = other
    if failure.active != 0 and failure.confirmed == 0 and side * close > side * failure.opposite:
        failure.confirmed = 1
    return hit


@compiled_inline
def classic_failure(side: int, pivot: float, extreme: float, back: float, open_: float, close: float) -> bool:
    """Step 5: a pivot confirmed now and a sweep of the bar ``len`` bars ago (SP-1, X-S4)."""
    return (
        pivot == pivot
        and side * (back - extreme) > EPSILON
        and side * (open_ - back) > EPSILON
        and side * (close - back) > EPSILON
    )


@compiled
def good_wick(p: Any, side: int, level: float, wick: float, close: float) -> bool:
    """SFP quality: depth of the wick beyond the level, and how much of it the close took back (X-S9)."""
    depth = max(0.0, side * (level - wick))
    back = side * (close - wick)
    return depth >= p.wick_min_ticks * p.tick - EPSILON and back >= depth * p.close_back_pct - EPSILON


@compiled
def initial_stop(
    p: Any, side: int, swing: float, wick: float, previous: float, back: float, atr: float
) -> float:
    """Initial stop of an entry: its source, then the buffers; without a source the signal bar (SP-17)."""
    if p.stop_source == STOP_PIVOT:
        stop = swing
    elif p.stop_source == STOP_PREVIOUS:
        stop = previous
    elif p.stop_source == STOP_SIGNAL:
        stop = wick
    else:
        stop = minimum(previous, back) if side > 0 else maximum(previous, back)
    if stop != stop:
        stop = wick
    if p.sl_buf_ticks > 0:
        stop -= side * p.sl_buf_ticks * p.tick
    if p.atr_mult > 0.0:
        stop -= side * p.atr_mult * atr
    return stop


@compiled
def sized(p: Any, equity: float, distance: float) -> float:
    """Quantity: risk over stop distance, nearest step with ties up, then the cap (SP-40, SP-43, X-Q1, X-Q2)."""
    if not distance > EPSILON:
        return NAN
    steps = equity * p.risk_pct / 100.0 / distance / p.qty_step
    qty = np.floor(steps + 0.5 + EPSILON) * p.qty_step  # SP-48: the half, too, is met within the tolerance
    return min(qty, p.max_qty_manual) if p.limit_qty_enabled != 0 else qty


@compiled
def pays(p: Any, side: int, price: float, stop: float, qty: float) -> bool:
    """Fee filter on the signed distance, two taker fees on the entry notional (SP-41, X-Q3, X-Q8)."""
    if p.use_fee_filter == 0:
        return True
    gross = side * (price - stop) * p.fee_filter_r * qty
    fees = price * qty * p.taker_fee_rate * 2.0
    return gross - fees >= p.min_net_profit - EPSILON


@compiled
def place_exit(ctx: Any, p: Any, s: Any, side: int, stop: float) -> None:
    """The exit order with stop and trail; in ``intent`` the trail numbers are percent of price (X-R2, SP-27)."""
    points = s.entry * p.trailing_perc / 100.0
    offset = s.entry * p.trailing_offset / 100.0
    if p.literal == 0:
        points /= p.tick
        offset /= p.tick
    s.offset_argument = offset
    send_exit(ctx, p, s, side, stop, points, offset)


@compiled
def send_exit(ctx: Any, p: Any, s: Any, side: int, stop: float, points: float, offset: float) -> None:
    """Issue the side's exit, with its target when that option is on."""
    limit = s.entry + p.risk_reward * (s.entry - s.initial_stop) if p.use_take_profit != 0 else NAN
    exit_id, entry_id = (LONG_EXIT_ID, LONG_ID) if side > 0 else (SHORT_EXIT_ID, SHORT_ID)
    exit(ctx, exit_id, entry_id, limit=limit, stop=stop, trail_points=points, trail_offset=offset)


@compiled
def try_entry(
    ctx: Any,
    p: Any,
    s: Any,
    side: int,
    wick: float,
    previous: float,
    back: float,
    atr: float,
    cool: bool,
    sig: Any,
) -> bool:
    """Steps 11 and 12: one side's entry block; returns whether it entered."""
    position = ctx.position_size
    if side * position > 0.0 or (p.use_dir_lock != 0 and side * position < 0.0):
        return False
    if (p.use_once_per_swing != 0 and s.traded_swing != NO_SWING) or s.can_enter == 0 or not cool:
        return False
    price = ctx.close
    stop = initial_stop(p, side, s.swing, wick, previous, back, atr)
    qty = sized(p, ctx.equity, abs(price - stop))
    if not (qty > EPSILON and qty >= p.min_order_qty - EPSILON) or not pays(p, side, price, stop, qty):
        return False
    entry(ctx, LONG_ID if side > 0 else SHORT_ID, side, qty)
    s.entry = price
    s.initial_stop = stop
    s.stop = stop
    s.armed = 0 if p.use_arm_after_rr != 0 else 1
    if p.enable_smart_trail != 0:
        place_exit(ctx, p, s, side, stop)
    elif p.use_take_profit != 0:
        send_exit(ctx, p, s, side, stop, NAN, NAN)
    if p.use_once_per_swing != 0 and s.failure.active != 0:
        s.traded_swing = s.failure.swing_bix
    s.can_enter = 0
    sig.qty = qty
    sig.stop = stop
    return True


@compiled
def arm(p: Any, s: Any, side: int, close: float) -> None:
    """Arming: the close, against the initial risk (X-R6)."""
    if p.use_arm_after_rr != 0 and s.armed == 0 and s.entry == s.entry and s.initial_stop == s.initial_stop:
        gain = side * (close - s.entry)
        if gain >= p.arm_rr * side * (s.entry - s.initial_stop) - EPSILON:
            s.armed = 1


@compiled
def trail_literal(ctx: Any, p: Any, s: Any, side: int, wick: float, sig: Any) -> None:
    """Bar trail as TradingView computes it: a call inside an ``if``, stop-only re-issue (SP-21 to SP-25, SP-28)."""
    n = ctx.bar_index
    if side > 0:
        value = ta.conditional_lowest(s.lookback, wick, p.trail_lookback, n, p.conditional_history)
    else:
        value = ta.conditional_highest(s.lookback, wick, p.trail_lookback, n, p.conditional_history)
    before = s.lookback_value  # [1]: the previous execution
    s.lookback_value = value
    shifted = before - side * (p.trail_buf_ticks * p.tick)
    stop = maximum(shifted, s.initial_stop) if side > 0 else minimum(shifted, s.initial_stop)
    sig.lookback_prev = before
    sig.bar_trail_stop = stop
    send_exit(ctx, p, s, side, stop, NAN, NAN)


@compiled
def trail_intent(ctx: Any, p: Any, s: Any, side: int, sig: Any) -> None:
    """Bar trail as its label says: true N-bar low ending at the previous bar, never loosened, tick trail kept."""
    before = s.extreme_previous
    if before == before:
        shifted = before - side * (p.trail_buf_ticks * p.tick)
        s.stop = max(shifted, s.stop) if side > 0 else min(shifted, s.stop)
    sig.lookback_prev = before
    sig.bar_trail_stop = s.stop
    place_exit(ctx, p, s, side, s.stop)


@compiled
def manage(ctx: Any, p: Any, st: Any, bar: Any, sig: Any) -> None:
    """Step 13: arm and trail the open position."""
    if p.enable_smart_trail == 0 or ctx.lot_count == 0:
        return
    side = LONG if ctx.position_size > 0.0 else SHORT
    s = st.long if side > 0 else st.short
    arm(p, s, side, ctx.close)
    if p.use_bar_trail == 0 or s.armed == 0:
        return
    if p.literal != 0:
        trail_literal(ctx, p, s, side, bar.low if side > 0 else bar.high, sig)
    else:
        trail_intent(ctx, p, s, side, sig)


@compiled
def update_lookbacks(p: Any, st: Any, bar: Any, n: int) -> None:
    """The law ``global`` sees every bar, not only those on which its line runs."""
    ta.conditional_step(st.long.lookback, bar.low, p.trail_lookback, n, p.conditional_history)
    ta.conditional_step(st.short.lookback, bar.high, p.trail_lookback, n, p.conditional_history)


@compiled_inline
def update_extremes(p: Any, st: Any, bar: Any) -> None:
    """For ``intent``, after the bar: the N-bar extremes ending at it, which the next bar calls previous."""
    st.long.extreme_previous = ta.lowest(st.long.extreme, bar.low, p.trail_lookback)
    st.short.extreme_previous = ta.highest(st.short.extreme, bar.high, p.trail_lookback)


@compiled_inline
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """One closed bar of dual-sfp or classic-quality."""
    n = ctx.bar_index
    long = st.long
    short = st.short
    position = ctx.position_size
    sig.position_seen = position
    sig.equity_seen = ctx.equity
    sig.qty = NAN
    sig.stop = NAN
    sig.lookback_prev = NAN
    sig.bar_trail_stop = NAN

    # 1 to 3: pivots and local SFPs; the pivot comes first, so its level counts on this bar (SP-5)
    ph = ta.pivothigh(short.pivot, bar.high, p.swing_len, 1)
    pl = ta.pivotlow(long.pivot, bar.low, p.swing_len, 1)
    if ph == ph:
        short.swing = ph
    if pl == pl:
        long.swing = pl
    bear_local = local_failure(short, SHORT, n, bar.high, bar.low, bar.open, bar.close)
    bull_local = local_failure(long, LONG, n, bar.low, bar.high, bar.open, bar.close)

    # 5: the 15-minute series; on a 15-minute chart it is the chart's own
    low15 = bar.low
    high15 = bar.high
    close15 = bar.close
    if p.chart_ms == SIGNAL_MS:
        st.ph15 = ph
        st.pl15 = pl
    else:
        if htf_update(st.htf15, bar, p.chart_ms, SIGNAL_MS):
            st.ph15 = ta.pivothigh(short.pivot15, st.htf15.high, p.swing_len, 1)
            st.pl15 = ta.pivotlow(long.pivot15, st.htf15.low, p.swing_len, 1)
        seen = st.htf15.count > 0
        low15 = st.htf15.low if seen else NAN
        high15 = st.htf15.high if seen else NAN
        close15 = st.htf15.close if seen else NAN
    push(st.lows, low15)
    push(st.highs, high15)
    low_back = get(st.lows, p.swing_len)
    high_back = get(st.highs, p.swing_len)
    bull_classic = classic_failure(LONG, st.pl15, low15, low_back, bar.open, bar.close)
    bear_classic = classic_failure(SHORT, st.ph15, high15, high_back, bar.open, bar.close)

    # 6: the gate opens when the close changed, not on every bar (SP-2)
    if abs(close15 - st.close15) > EPSILON:
        long.can_enter = 1
        short.can_enter = 1
    st.close15 = close15

    # 7: a fresh local SFP releases the swing lock (SP-8)
    if short.failure.active == 0 or short.traded_swing != short.failure.swing_bix:
        short.traded_swing = NO_SWING
    if long.failure.active == 0 or long.traded_swing != long.failure.swing_bix:
        long.traded_swing = NO_SWING

    # 8 and 9: raw signals, quality, inversion, priority
    local = p.use_local_sfp != 0
    bear = (bear_local and local) or bear_classic
    bull = (bull_local and local) or bull_classic
    if p.use_sfp_quality != 0:
        if bear:
            bear = good_wick(
                p, SHORT, short.swing if bear_local and local else high_back, bar.high, bar.close
            )
        if bull:
            bull = good_wick(p, LONG, long.swing if bull_local and local else low_back, bar.low, bar.close)
    if p.invert_signals != 0:
        bear, bull = bull, bear
    if p.use_one_per_bar != 0 and bear and bull:
        bear = p.bar_priority == 1
        bull = p.bar_priority == 2

    # 10: flat: entries and arming are forgotten (fills inside this bar count already)
    if position == 0.0:
        for s in (long, short):
            s.entry = NAN
            s.initial_stop = NAN
            s.armed = 0

    # 11 and 12: long block, then short block, both before the trailing (SP-5, SP-35)
    action = 0
    atr = ta.atr(st.atr, bar.high, bar.low, bar.close, p.atr_period) if p.atr_mult > 0.0 else NAN
    if (bull or bear) and bar.time_ms >= p.window_start_ms:
        cool = bar.time_ms - st.last_entry_ms >= p.cooldown_minutes * 60_000 or p.cooldown_minutes == 0
        if bull and try_entry(ctx, p, long, LONG, bar.low, st.previous_low, low_back, atr, cool, sig):
            action += 1
        if bear and try_entry(ctx, p, short, SHORT, bar.high, st.previous_high, high_back, atr, cool, sig):
            action += 2
        if action != 0:
            st.last_entry_ms = bar.time_ms

    # 13
    literal = p.literal != 0
    if literal and p.conditional_history == ta.GLOBAL:
        update_lookbacks(p, st, bar, n)
    if position != 0.0:
        manage(ctx, p, st, bar, sig)
    if not literal:
        update_extremes(p, st, bar)
    st.previous_low = bar.low
    st.previous_high = bar.high

    if ctx.keep_signals != 0:
        sig.ph = ph
        sig.pl = pl
        sig.bear_local = bear_local
        sig.bull_local = bull_local
        sig.bear_classic = bear_classic
        sig.bull_classic = bull_classic
        sig.bear = bear
        sig.bull = bull
        sig.action = action
        show_state(ctx, st, sig)


@compiled
def show_state(ctx: Any, st: Any, sig: Any) -> None:
    """State columns of the bar's row."""
    long = st.long
    short = st.short
    sig.swing_high = short.swing
    sig.swing_low = long.swing
    sig.long_entry = long.entry
    sig.long_stop = long.initial_stop
    sig.short_entry = short.entry
    sig.short_stop = short.initial_stop
    sig.traded_bull = long.traded_swing
    sig.traded_bear = short.traded_swing
    sig.bull_swing_bix = long.failure.swing_bix
    sig.bear_swing_bix = short.failure.swing_bix
    sig.can_long = long.can_enter
    sig.can_short = short.can_enter
    sig.long_armed = long.armed
    sig.short_armed = short.armed
    show_exit(ctx, True, long.offset_argument, short.offset_argument, sig)


@compiled
def show_exit(ctx: Any, on_close: bool, long_offset: float, short_offset: float, sig: Any) -> None:
    """Arguments of the exit in force; the broker keeps offsets cut to whole ticks (R79).

    An entry of this bar brings its exit into force with it: at this close, or else not before the next open.
    """
    sig.exit_stop = NAN
    sig.trail_points = NAN
    sig.trail_offset = NAN
    best = 0
    for i in range(ctx.order_count):
        order = ctx.orders[i]
        rank = 2 if (order.lot == 0) == on_close else 1
        if order.kind == EXIT and order.spent == 0 and rank >= best:
            best = rank
            sig.exit_stop = order.stop_arg
            sig.trail_points = order.trail_points
            sig.trail_offset = NAN
            if not np.isnan(order.trail_points):
                sig.trail_offset = long_offset if order.id == LONG_EXIT_ID else short_offset
