"""What a strategy can tell the broker: entry, order, close, close_all, cancel, cancel_all.

Called from compiled strategy code with the context as first argument. Prices are in quote currency, quantities in
base currency, ``nan`` means *not given* (R31), ids and texts are codes of the strategy's own tables. Commands
issued before ``trade_from_ms`` are discarded here, in every engine, so that a warm-up can never order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.account import bound_of, full_size_of, tidy
from kwin_core.book import append, cancel_at, drop_legs_of_pending, emit, find, remove
from kwin_core.jit import compiled
from kwin_core.money import floor_explicit, tick_down, tick_up
from kwin_core.sizing import affordable, default_size, size_budget, sizing_price
from kwin_core.state import (
    CANCELLED,
    CLOSE,
    CLOSE_ALL,
    ENTRY,
    EXIT,
    OCA_NONE,
    PLACED,
    RAW,
    REFUSED,
    REPLACED,
    TEXT_CLOSE_ALL,
    TEXT_CLOSE_ENTRY,
)

NAN = np.nan


@compiled
def discarded(ctx: Any) -> bool:
    """Whether commands have no effect now: warm-up, or a risk rule stopped trading (E14, R112)."""
    return ctx.time_ms < ctx.settings.trade_from_ms or ctx.halted != 0 or ctx.blocked_day == ctx.day


@compiled
def expected_position(ctx: Any, ignore: int) -> float:
    """Position after the market orders already submitted in this pass (E5, R135); slot ``ignore`` left out."""
    expected = ctx.position_size
    for i in range(ctx.order_count):
        order = ctx.orders[i]
        if order.market == 0 or i == ignore:
            continue
        signed = order.side * order.qty
        if order.kind == ENTRY:
            against = expected * order.side < 0.0
            expected = signed if against else expected + signed
        elif order.kind == RAW:
            expected += signed
        elif expected * order.side < 0.0:
            expected = expected + signed if abs(signed) < abs(expected) else 0.0
    return expected


@compiled
def expected_entries(ctx: Any, side: int, ignore: int) -> int:
    """Entries of one side alive after the market orders of this pass: open ones and those about to fill (R50)."""
    reversed_away = ctx.position_size * side < 0.0
    count = 0
    if not reversed_away:
        for i in range(ctx.lot_count):
            if ctx.lots[i].bound > 0.0:
                count += 1
    for i in range(ctx.order_count):
        order = ctx.orders[i]
        if i != ignore and order.market != 0 and order.kind == ENTRY:
            count = count + 1 if order.side == side else 0
    return count


@compiled
def waiting_entries(ctx: Any, side: int, ignore: int) -> float:
    """Quantity of the market entries of one side already submitted in this pass; slot ``ignore`` left out."""
    total = 0.0
    for i in range(ctx.order_count):
        order = ctx.orders[i]
        if i != ignore and order.market == 1 and order.kind == ENTRY and order.side == side:
            total += order.own_qty
    return total


@compiled
def remove_pending(ctx: Any, order_id: int) -> None:
    """Delete the resting entry or raw order of this id without its legs."""
    i = 0
    while i < ctx.order_count:
        order = ctx.orders[i]
        if order.id == order_id and (order.kind == ENTRY or order.kind == RAW):
            emit(ctx, CANCELLED, order, order.qty, NAN, 0)
            remove(ctx, i)
        else:
            i += 1


@compiled
def refuse(ctx: Any, kind: int, order_id: int, side: int, qty: float) -> None:
    """Say that a command was refused; nothing rests."""
    i = append(ctx, kind, order_id, side)
    if i >= 0:
        emit(ctx, REFUSED, ctx.orders[i], qty, NAN, 0)
        remove(ctx, i)


@compiled
def place(
    ctx: Any,
    kind: int,
    order_id: int,
    side: int,
    own_qty: float,
    total: float,
    limit: float,
    stop: float,
    text: int,
    text_arg: int,
    oca: int,
    oca_kind: int,
    budget: float,
    default_sized: int,
) -> None:
    """Put an entry or raw order into the book, or replace the one of its id (R48, R133).

    A stop-limit that was triggered stays triggered as long as its levels do not change (R152). A market entry
    repeated on its own bar buys or sells its bare quantity (R47).
    """
    tick = ctx.settings.tick
    limit_tick = tick_down(limit, tick) if side > 0 else tick_up(limit, tick)
    stop_tick = tick_up(stop, tick) if side > 0 else tick_down(stop, tick)
    market = 1 if np.isnan(limit) and np.isnan(stop) else 0
    i = find(ctx, kind, order_id)
    replaced = i >= 0
    triggered = 0
    raw_only = 0
    if replaced:
        old = ctx.orders[i]
        if kind == ENTRY and market != 0 and old.market != 0 and old.placed_bar == ctx.bar_index:
            raw_only = 1
        same_levels = (old.limit == limit_tick or (np.isnan(old.limit) and np.isnan(limit_tick))) and (
            old.stop == stop_tick or (np.isnan(old.stop) and np.isnan(stop_tick))
        )
        if same_levels and old.side == side:
            triggered = old.triggered
        if not (same_levels and old.side == side and old.qty == total):
            remove(ctx, i)
            i = append(ctx, kind, order_id, side)
    else:
        i = append(ctx, kind, order_id, side)
    if i < 0:
        return
    order = ctx.orders[i]
    order.market = market
    order.qty = total
    order.own_qty = own_qty
    order.limit = limit_tick
    order.stop = stop_tick
    order.text = text if text != 0 else order_id
    order.text_arg = text_arg
    order.oca = oca
    order.oca_kind = oca_kind
    order.default_sized = default_sized
    order.budget = budget
    order.raw_only = raw_only
    order.triggered = triggered
    order.placed_bar = ctx.bar_index
    emit(ctx, REPLACED if replaced else PLACED, order, total, NAN, 0)


@compiled
def entry(
    ctx: Any,
    order_id: int,
    side: int,
    qty: float = NAN,
    limit: float = NAN,
    stop: float = NAN,
    text: int = 0,
    text_arg: int = 0,
    oca: int = 0,
    oca_kind: int = OCA_NONE,
) -> None:
    """strategy.entry: open, add within the pyramiding limit, or reverse.

    Parameters
    ----------
    order_id
        Code of the id; a resting order of the same id is replaced (R48).
    side
        ``LONG`` or ``SHORT``.
    qty
        Base currency, floored to the lot; ``nan`` takes the default size. A quantity of zero or below gives no
        order (R43).
    limit, stop
        Prices; both ``nan`` make a market order, both given one stop-limit order (R53).
    """
    if discarded(ctx) or np.isinf(qty):
        return
    s = ctx.settings
    given = not np.isnan(qty)
    if given and not qty > 0.0:
        return
    budget = NAN if given else size_budget(ctx)
    own = (
        floor_explicit(qty, s.lot, s.lots_per_unit)
        if given
        else default_size(ctx, budget, sizing_price(ctx, side, limit, stop))
    )
    existing = find(ctx, ENTRY, order_id)
    again = existing >= 0 and ctx.orders[existing].placed_bar == ctx.bar_index
    market = np.isnan(limit) and np.isnan(stop)
    expected = expected_position(ctx, existing)
    if ctx.allow * side < 0:
        if expected * side >= 0.0:
            refuse(ctx, ENTRY, order_id, side, own)
            return
        own = 0.0  # a forbidden reversal only closes (E16, R111)
    elif expected * side > 0.0:
        if expected_entries(ctx, side, existing) >= max(1, s.pyramiding):
            if existing >= 0 and not again:
                remove_pending(ctx, order_id)  # R134
            return
    if (
        not own > 0.0 and not expected * side < 0.0
    ):  # R137: a size below one lot still reverses away the other side
        remove_pending(ctx, order_id)
        return
    if ctx.max_position > 0.0 and own > 0.0:
        kept = abs(expected) if expected * side > 0.0 else 0.0
        if kept + own > ctx.max_position:
            refuse(ctx, ENTRY, order_id, side, own)
            return
    if own > 0.0 and (s.margin_long > 0.0 or s.margin_short > 0.0):
        # what the position keeps beside it; entries of this pass that it adds to are judged on their own (R92),
        # one that it reverses needs margin as well (R57), an older position that it reverses does not (R58)
        kept = waiting_entries(ctx, -side, existing) if market else 0.0
        if expected * side > 0.0:
            kept = max(0.0, tidy(ctx, abs(expected) - waiting_entries(ctx, side, existing)))
        price = (ctx.close_tick + side * s.slippage_ticks) * s.tick
        if not affordable(ctx, side, kept + own, price):
            refuse(ctx, ENTRY, order_id, side, own)
            if not (market and ctx.position_size * side < 0.0):
                remove_pending(ctx, order_id)  # R134
                return
            own = 0.0  # R136: the refused reversal still closes
    total = own
    if expected * side < 0.0 and not market and not again:
        total = tidy(ctx, own + abs(expected))  # frozen now (E5, R46); a second call keeps its own size (R47)
    sized = 0 if given else 1
    place(ctx, ENTRY, order_id, side, own, total, limit, stop, text, text_arg, oca, oca_kind, budget, sized)


@compiled
def order(
    ctx: Any,
    order_id: int,
    side: int,
    qty: float = NAN,
    limit: float = NAN,
    stop: float = NAN,
    text: int = 0,
    text_arg: int = 0,
    oca: int = 0,
    oca_kind: int = OCA_NONE,
) -> None:
    """strategy.order: buy or sell a quantity; closes, opens or both, no pyramiding (E13, R52). Arguments as `entry`."""
    if discarded(ctx) or np.isinf(qty):
        return
    s = ctx.settings
    given = not np.isnan(qty)
    if given and not qty > 0.0:
        return
    budget = NAN if given else size_budget(ctx)
    own = (
        floor_explicit(qty, s.lot, s.lots_per_unit)
        if given
        else default_size(ctx, budget, sizing_price(ctx, side, limit, stop))
    )
    if not own > 0.0:
        return
    if s.margin_long > 0.0 or s.margin_short > 0.0:
        resulting = side * expected_position(ctx, find(ctx, RAW, order_id)) + own
        price = (ctx.close_tick + side * s.slippage_ticks) * s.tick
        if resulting > 0.0 and not affordable(ctx, side, resulting, price):
            refuse(ctx, RAW, order_id, side, own)  # judged whole; what only reduces is not judged (R138)
            return
    sized = 0 if given else 1
    place(ctx, RAW, order_id, side, own, own, limit, stop, text, text_arg, oca, oca_kind, budget, sized)


@compiled
def close(
    ctx: Any,
    entry_id: int,
    qty: float = NAN,
    qty_percent: float = NAN,
    text: int = 0,
    text_arg: int = 0,
    immediately: bool = False,
) -> None:
    """strategy.close: sell (or buy back) what entries of this id still hold, at market (E7, R68).

    Ignored when nothing matches now. ``immediately`` fills at this close, after the script (E12, R72).
    """
    if discarded(ctx):
        return
    s = ctx.settings
    open_qty = bound_of(ctx, entry_id)
    if not open_qty > 0.0:
        return
    wanted = open_qty
    if not np.isnan(qty):
        floored = floor_explicit(abs(qty), s.lot, s.lots_per_unit)
        wanted = floored if floored > 0.0 else open_qty
    elif not np.isnan(qty_percent):
        whole = full_size_of(ctx, entry_id) if s.close_any != 0 else open_qty  # R148
        floored = floor_explicit(whole * qty_percent / 100.0, s.lot, s.lots_per_unit)
        wanted = floored if floored > 0.0 else s.lot  # R145
    side = -1 if ctx.position_size > 0.0 else 1
    if s.pine_version < 6 or immediately:
        i = find(ctx, CLOSE, entry_id)  # v5: one slot per id, the last call survives (R147)
        if i >= 0:
            remove(ctx, i)
    i = append(ctx, CLOSE, entry_id, side)
    if i < 0:
        return
    slot = ctx.orders[i]
    slot.entry = entry_id
    slot.market = 2 if immediately else 1
    slot.qty = min(wanted, open_qty)
    slot.own_qty = slot.qty
    slot.text = text if text != 0 else TEXT_CLOSE_ENTRY
    slot.text_arg = text_arg if text != 0 else entry_id
    emit(ctx, PLACED, slot, slot.qty, NAN, 0)


@compiled
def close_all(ctx: Any, text: int = 0, text_arg: int = 0, immediately: bool = False) -> None:
    """strategy.close_all: flatten at market the quantity that is open now (E7, R69)."""
    if discarded(ctx) or ctx.position_size == 0.0:
        return
    i = find(ctx, CLOSE_ALL, 0)
    if i >= 0:
        remove(ctx, i)
    i = append(ctx, CLOSE_ALL, 0, -1 if ctx.position_size > 0.0 else 1)
    if i < 0:
        return
    slot = ctx.orders[i]
    slot.market = 2 if immediately else 1
    slot.qty = abs(ctx.position_size)
    slot.own_qty = slot.qty
    slot.text = text if text != 0 else TEXT_CLOSE_ALL
    slot.text_arg = text_arg
    emit(ctx, PLACED, slot, slot.qty, NAN, 0)


@compiled
def cancel(ctx: Any, order_id: int) -> None:
    """strategy.cancel: entries and raw orders by id, exits by exit id (R54); legs of a dead entry go too (R149)."""
    if discarded(ctx):
        return
    i = 0
    while i < ctx.order_count:
        slot = ctx.orders[i]
        if slot.id == order_id and slot.kind <= EXIT and slot.spent == 0:
            was_entry = slot.kind == ENTRY
            cancel_at(ctx, i)
            if was_entry:
                drop_legs_of_pending(ctx, order_id)
                i = 0
        else:
            i += 1


@compiled
def cancel_all(ctx: Any) -> None:
    """strategy.cancel_all: every resting order, market orders of this bar included (R55)."""
    if discarded(ctx):
        return
    i = 0
    while i < ctx.order_count:
        if ctx.orders[i].spent == 0:
            cancel_at(ctx, i)
        else:
            i += 1
