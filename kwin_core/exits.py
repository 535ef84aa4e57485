"""strategy.exit: one leg per entry it covers, replaced by its next call (E9, R59 to R66)."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.book import append, emit, to_the_back
from kwin_core.commands import discarded
from kwin_core.jit import compiled
from kwin_core.legs import bind, reserve, seed_trail, set_levels
from kwin_core.state import ENTRY, EXIT, PLACED, REPLACED

NAN = np.nan


@compiled
def same(a: float, b: float) -> bool:
    """Equal, or both absent."""
    return a == b or (np.isnan(a) and np.isnan(b))


@compiled
def find_leg(ctx: Any, exit_id: int, from_entry: int, uid: int, entry_id: int) -> int:
    """Index of the leg of this exit for one entry fill (``uid``) or, with uid 0, for a pending entry (R60)."""
    for i in range(ctx.order_count):
        leg = ctx.orders[i]
        if leg.kind == EXIT and leg.id == exit_id and leg.from_entry == from_entry and leg.lot == uid:
            if uid != 0 or leg.entry == entry_id:
                return i
    return -1


@compiled
def write_leg(
    ctx: Any,
    i: int,
    qty: float,
    fraction: float,
    profit: float,
    limit: float,
    loss: float,
    stop: float,
    trail_price: float,
    trail_points: float,
    trail_offset: float,
    text: int,
    text_arg: int,
    text_profit: int,
    text_loss: int,
    text_trailing: int,
) -> bool:
    """Store the arguments in a leg; tells whether its trail arguments changed."""
    leg = ctx.orders[i]
    changed = not (
        same(leg.trail_price, trail_price)
        and same(leg.trail_points, trail_points)
        and same(leg.trail_offset, trail_offset)
    )
    leg.qty_arg = qty
    leg.qty_fraction = fraction
    leg.profit_ticks = profit
    leg.loss_ticks = loss
    leg.limit_arg = limit
    leg.stop_arg = stop
    leg.trail_price = trail_price
    leg.trail_points = trail_points
    leg.trail_offset = trail_offset
    leg.text = text if text != 0 else leg.id
    leg.text_arg = text_arg
    leg.text_profit = text_profit
    leg.text_loss = text_loss
    leg.text_trailing = text_trailing
    leg.placed_bar = ctx.bar_index
    return changed


@compiled
def exit(
    ctx: Any,
    exit_id: int,
    from_entry: int = 0,
    qty: float = NAN,
    qty_percent: float = NAN,
    profit: float = NAN,
    limit: float = NAN,
    loss: float = NAN,
    stop: float = NAN,
    trail_price: float = NAN,
    trail_points: float = NAN,
    trail_offset: float = NAN,
    text: int = 0,
    text_arg: int = 0,
    text_profit: int = 0,
    text_loss: int = 0,
    text_trailing: int = 0,
) -> None:
    """strategy.exit: one leg per open entry fill it covers and per pending entry; the same id replaces (E9, R60).

    Parameters
    ----------
    from_entry
        Code of the entry id; 0 covers every entry (R64).
    qty, qty_percent
        Base currency, or percent of the entry's original size; neither means the rest (R62).
    profit, loss, trail_points, trail_offset
        Ticks from the fill price of the entry (R28); the offset is cut to whole ticks, the points are not (R79).
    limit, stop, trail_price
        Prices. All levels absent: see the switch ``all_na_exit`` (R59).
    """
    if discarded(ctx):
        return
    no_trail = np.isnan(trail_price) and np.isnan(trail_points)
    all_na = no_trail and np.isnan(profit) and np.isnan(limit) and np.isnan(loss) and np.isnan(stop)
    if all_na and ctx.settings.all_na_keep != 0:
        return
    offset = NAN
    if not no_trail:
        offset = 0.0 if np.isnan(trail_offset) else np.floor(trail_offset)
    fraction = qty_percent / 100.0
    for n in range(ctx.lot_count):
        lot = ctx.lots[n]
        if not lot.bound > 0.0 or (from_entry != 0 and lot.entry != from_entry):
            continue
        i = find_leg(ctx, exit_id, from_entry, lot.uid, lot.entry)
        if i >= 0 and ctx.orders[i].spent != 0:
            continue
        fresh = i < 0
        if fresh:
            if all_na:
                continue
            i = append(ctx, EXIT, exit_id, -lot.side)
            if i < 0:
                return
            ctx.orders[i].entry = lot.entry
            ctx.orders[i].from_entry = from_entry
        leg = ctx.orders[i]
        old_stop = leg.stop
        old_limit = leg.limit
        old_reserved = leg.reserved
        changed = write_leg(
            ctx,
            i,
            qty,
            fraction,
            profit,
            limit,
            loss,
            stop,
            trail_price,
            trail_points,
            offset,
            text,
            text_arg,
            text_profit,
            text_loss,
            text_trailing,
        )
        if fresh:
            bind(ctx, i, lot, ctx.close_tick)
        else:
            set_levels(ctx, leg, lot)
            if changed:
                seed_trail(leg, ctx.close_tick)
            reserve(ctx, i, lot)
            if changed or not (
                same(old_stop, leg.stop) and same(old_limit, leg.limit) and old_reserved == leg.reserved
            ):
                i = to_the_back(ctx, i)
        leg = ctx.orders[i]
        emit(ctx, PLACED if fresh else REPLACED, leg, leg.reserved, NAN, 0)
    count = ctx.order_count
    for n in range(count):
        pending = ctx.orders[n]
        if pending.kind != ENTRY or (from_entry != 0 and pending.id != from_entry):
            continue
        i = find_leg(ctx, exit_id, from_entry, 0, pending.id)
        fresh = i < 0
        if fresh:
            if all_na:
                continue
            i = append(ctx, EXIT, exit_id, -pending.side)
            if i < 0:
                return
            ctx.orders[i].entry = pending.id
            ctx.orders[i].from_entry = from_entry
        ctx.orders[i].side = -pending.side
        write_leg(
            ctx,
            i,
            qty,
            fraction,
            profit,
            limit,
            loss,
            stop,
            trail_price,
            trail_points,
            offset,
            text,
            text_arg,
            text_profit,
            text_loss,
            text_trailing,
        )
        emit(ctx, PLACED if fresh else REPLACED, ctx.orders[i], 0.0, NAN, 0)
