"""One fill: what it closes, what it opens, what it does to the other orders."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.account import (
    add_to_position,
    bound_of,
    close_rows,
    commission_on,
    mark_equity,
    open_lot,
    refresh_net,
    refresh_position,
    release_bound,
    see_price,
    sweep_lots,
    tidy,
)
from kwin_core.book import SCRATCH, ZERO, cancel_at, drop_legs_of_pending, emit, remove
from kwin_core.jit import compiled
from kwin_core.legs import bind
from kwin_core.sizing import affordable, default_size
from kwin_core.state import (
    BY_LIMIT,
    BY_LIMIT_CLOSE,
    BY_LIMIT_GAP,
    BY_MARKET,
    BY_REVERSAL,
    BY_RISK,
    BY_STOP,
    BY_STOP_CLOSE,
    BY_STOP_GAP,
    BY_TRAIL,
    BY_TRAIL_GAP,
    CANCELLED,
    CLOSE,
    CLOSE_ALL,
    DUE,
    ENTRY,
    EXIT,
    FILLED,
    IMMEDIATELY,
    OCA_CANCEL,
    OCA_NONE,
    REFUSED,
    SPENT,
    TEXT_MAX_FILLS,
)


@compiled
def is_limit(by: int) -> bool:
    """Limits are never slipped (R33)."""
    return by == BY_LIMIT or by == BY_LIMIT_GAP or by == BY_LIMIT_CLOSE


@compiled
def leg_text(order: Any, by: int) -> int:
    """Signal text of an exit: the comment of its trigger where one was given (R74)."""
    if is_limit(by) and order.text_profit != 0:
        return order.text_profit
    if (by == BY_STOP or by == BY_STOP_GAP or by == BY_STOP_CLOSE) and order.text_loss != 0:
        return order.text_loss
    if (by == BY_TRAIL or by == BY_TRAIL_GAP) and order.text_trailing != 0:
        return order.text_trailing
    return order.text


@compiled
def attach_legs(core: Any, entry_id: int, lot_index: int, tick_price: float, reversal: bool) -> None:
    """Exit legs that waited for this entry take hold of its fill (R17, R21, R64)."""
    lot = core.lots[lot_index]
    adopt(core, entry_id, lot)
    for i in range(core.order_count):
        leg = core.orders[i]
        if leg.kind == EXIT and leg.lot == 0 and leg.entry == entry_id:
            bind(core, i, lot, tick_price)
            if reversal and leg.from_entry == 0:
                leg.active_bar = core.bar_index + 1


@compiled
def adopt(core: Any, entry_id: int, lot: Any) -> None:
    """Legs whose entry never filled turn to this one, unless it has an exit of its own (R149) or the same one."""
    i = 0
    while i < core.order_count:
        leg = core.orders[i]
        if leg.kind == EXIT and leg.lot == 0 and leg.entry == 0 and leg.spent == 0:
            wanted = True
            for k in range(core.order_count):
                other = core.orders[k]
                if other.kind == EXIT and other.lot == 0 and other.entry == entry_id:
                    if other.from_entry != 0 or other.id == leg.id:
                        wanted = False
            if not wanted:
                cancel_at(core, i)
                continue
            leg.entry = entry_id
            leg.side = -lot.side
        i += 1


@compiled
def apply_oca(core: Any, oca: int, oca_kind: int, filled: float) -> None:
    """Cancel or reduce the other live orders of the group (R56, E13)."""
    i = 0
    while i < core.order_count:
        other = core.orders[i]
        if other.kind <= 2 and other.oca == oca:
            if oca_kind == OCA_CANCEL:
                cancel_at(core, i)
                continue
            other.qty = tidy(core, other.qty - filled)
            if not other.qty > 0.0:
                cancel_at(core, i)
                continue
        i += 1


@compiled
def transact(
    core: Any, order: Any, total: float, tick_price: float, by: int, text: int, uid: int, may_open: bool
) -> None:
    """Trade ``total`` at a tick price on the order's side: close first, then open what is left.

    ``order`` must not be a slot of the live book (slots move while trades close). ``uid`` is the entry fill an exit
    is bound to, 0 otherwise. The price is slipped here (R32).
    """
    side = order.side
    slipped = tick_price if is_limit(by) else tick_price + side * core.settings.slippage_ticks
    price = slipped * core.settings.tick
    position = core.position_size
    closing = min(total, abs(position)) if position * side < 0.0 else 0.0
    opening = tidy(core, total - closing) if may_open else 0.0
    executed = tidy(core, closing + opening)
    if not executed > 0.0:
        return
    first_row = core.outbox.closed_count
    gap = by == BY_STOP_GAP or by == BY_LIMIT_GAP
    born_now = core.lots[0].bar == core.bar_index and (
        core.lots[0].by == BY_STOP_GAP or core.lots[0].by == BY_LIMIT_GAP
    )
    fee = commission_on(core, executed, price)
    book_fill(core, order, closing, opening, price, fee, slipped, by, text, uid)
    if closing > 0.0:
        if order.market == IMMEDIATELY and core.settings.slippage_ticks != 0.0:
            for n in range(first_row, core.outbox.closed_count):
                core.outbox.closed[n].exit_price = (
                    tick_price * core.settings.tick
                )  # the cash is slipped (R35)
        if side > 0 and gap and born_now and order.kind != EXIT:
            label_annihilated(core, first_row, order)


@compiled
def book_fill(
    core: Any,
    order: Any,
    closing: float,
    opening: float,
    price: float,
    fee: float,
    seed_tick: float,
    by: int,
    text: int,
    uid: int,
) -> None:
    """Book one fill at a price, whoever made it: the emulator or the exchange.

    ``closing`` of it reduces the position, ``opening`` is a new trade; ``fee`` is for both, account currency.
    ``seed_tick`` is where the trails of attached exits start. ``order`` and ``uid`` as in `transact`.
    """
    executed = tidy(core, closing + opening)
    used = 0.0
    if closing > 0.0:
        kind = BY_REVERSAL if order.kind == ENTRY else by
        entry_filter = order.entry if order.kind == CLOSE else 0
        used = close_rows(core, closing, price, fee, executed, kind, text, order.text_arg, uid, entry_filter)
        release_bound(core, closing, uid, entry_filter)
        sweep_lots(core)
        refresh_position(core)
        refresh_net(core)
        mark_equity(core, price)  # a loss realised at a gap is a mark of its own (R157)
        core.high_water = max(core.high_water, core.settings.capital + core.net_profit)
    emit(core, FILLED, order, executed, price, by)
    if opening > 0.0:
        reversal = closing > 0.0
        n = open_lot(core, order, opening, price, fee - used, by)
        if n < 0:
            return
        add_to_position(core, order.side, opening, price)
        attach_legs(core, order.id, n, seed_tick, reversal)
        core.low_water = core.settings.capital + core.net_profit
        see_price(core, price)


@compiled
def label_annihilated(core: Any, first_row: int, order: Any) -> None:
    """Opposite entries gapped by one open: what they annihilate is a long that the short closed (R131)."""
    for n in range(first_row, core.outbox.closed_count):
        trade = core.outbox.closed[n]
        if trade.entry_bar == core.bar_index and trade.side < 0:
            trade.side = 1
            short_price = trade.entry_price
            trade.entry_price = trade.exit_price
            trade.exit_price = short_price
            trade.exit_text = trade.entry_text
            trade.exit_text_arg = trade.entry_text_arg
            trade.entry_text = order.text
            trade.entry_text_arg = order.text_arg


@compiled
def count_fill(core: Any) -> None:
    """Daily cap on filled orders: at the cap everything pending is dropped and the position must go (E14)."""
    if core.max_fills <= 0:
        return
    core.fills_today += 1
    if core.fills_today >= core.max_fills and core.blocked_day != core.day:
        core.blocked_day = core.day
        core.forced_text = TEXT_MAX_FILLS
        drop_orders(core)


@compiled
def drop_orders(core: Any) -> None:
    """Withdraw everything that rests: a risk rule stopped trading."""
    for i in range(core.order_count):
        core.orders[i] = core.orders[ZERO]
    core.order_count = 0


@compiled
def execute(core: Any, i: int, tick_price: float, by: int) -> None:
    """Fill the order in slot ``i`` at a tick price."""
    core.orders[SCRATCH] = core.orders[i]
    order = core.orders[SCRATCH]
    if order.kind == EXIT:
        core.orders[i].spent = SPENT
        bound = 0.0
        for n in range(core.lot_count):
            if core.lots[n].uid == order.lot:
                bound = core.lots[n].bound
        qty = min(order.reserved, bound)
        transact(core, order, qty, tick_price, by, leg_text(order, by), order.lot, False)
        count_fill(core)
        return
    remove(core, i)
    if order.kind == CLOSE or order.kind == CLOSE_ALL:
        if core.position_size * order.side < 0.0:
            most = tidy(core, abs(core.position_size) + order.reserved)
            if order.kind == CLOSE_ALL:
                carry_legs(core)
            elif core.settings.close_any != 0:
                most = bound_of(core, order.entry)  # only rows of its own entry (R73)
            if most > 0.0:  # more than the position after a margin call: it sells that once more (R70)
                again = order.reserved > 0.0
                transact(core, order, min(order.qty, most), tick_price, by, order.text, 0, again)
                count_fill(core)
        return
    total = resized(core, order, tick_price, by)
    against = core.position_size * order.side < 0.0
    if order.kind == ENTRY and order.market != 0 and against and order.raw_only == 0:
        total = tidy(core, order.own_qty + abs(core.position_size))
    asked = total
    total = trim_to_margin(core, order, total, tick_price)
    if not total > 0.0:
        emit(core, REFUSED if asked > 0.0 else CANCELLED, order, order.qty, np.nan, by)
        if order.kind == ENTRY:
            drop_legs_of_pending(core, order.id)
        return
    if order.kind == ENTRY and not order.own_qty > 0.0:
        drop_legs_of_pending(
            core, order.id
        )  # it closes and opens nothing: its exits have nothing to wait for (R149)
    transact(core, order, total, tick_price, by, order.text, 0, True)
    if order.oca != 0 and order.oca_kind != OCA_NONE:
        apply_oca(core, order.oca, order.oca_kind, total)
    count_fill(core)


@compiled
def resized(core: Any, order: Any, tick_price: float, by: int) -> float:
    """Quantity of an order at its fill: a limit without quantity that fills better than its level buys more (R41)."""
    if order.default_sized == 0 or np.isnan(order.budget) or not is_limit(by):
        return order.qty
    if not np.isnan(order.stop) or tick_price == order.limit:
        return order.qty
    own = default_size(core, order.budget, tick_price * core.settings.tick)
    total = tidy(core, order.qty + own - order.own_qty)
    order.own_qty = own
    return total


@compiled
def due_exits(core: Any, here: float) -> bool:
    """Mark the exit legs whose price is met here too, together with an entry that reverses (R18, R132)."""
    found = False
    for i in range(core.order_count):
        leg = core.orders[i]
        if leg.kind == EXIT and leg.lot != 0 and leg.spent == 0 and leg.reserved > 0.0:
            sells = leg.side < 0
            stop_met = here <= leg.stop if sells else here >= leg.stop
            limit_met = here >= leg.limit if sells else here <= leg.limit
            if (stop_met or limit_met) and leg.active_bar <= core.bar_index:
                leg.spent = DUE
                found = True
    return found


@compiled
def fill_due_exits(core: Any, tick_price: float, reversed_to: int) -> None:
    """The marked legs fill out: those whose entry the reversal closed sell their quantity again (R18, R132)."""
    i = 0
    while i < core.order_count:
        if core.orders[i].spent != DUE:
            i += 1
            continue
        if core.orders[i].lot != 0:
            core.orders[i].spent = 0  # its entry lives on: it is an exit as ever
            i += 1
            continue
        core.orders[SCRATCH] = core.orders[i]
        remove(core, i)
        leg = core.orders[SCRATCH]
        if leg.side * reversed_to > 0 and core.position_size * reversed_to > 0.0:
            by = BY_STOP_GAP if not np.isnan(leg.stop) else BY_LIMIT_GAP
            transact(core, leg, leg.reserved, tick_price, by, leg_text(leg, by), 0, True)
            count_fill(core)


@compiled
def carry_legs(core: Any) -> None:
    """close_all with a long entry of the same id in one pass: the old exit legs wait for the new fill (R150)."""
    for n in range(core.order_count):
        pending = core.orders[n]
        if pending.kind != ENTRY or pending.market == 0 or pending.side < 0:
            continue
        for i in range(core.order_count):
            leg = core.orders[i]
            if (
                leg.kind == EXIT
                and leg.entry == pending.id
                and leg.lot != 0
                and leg.spent == 0
                and leg.side < 0
            ):
                waiting = False
                for k in range(core.order_count):
                    other = core.orders[k]
                    if (
                        other.kind == EXIT
                        and other.lot == 0
                        and other.entry == leg.entry
                        and other.id == leg.id
                    ):
                        waiting = True
                if not waiting:
                    leg.lot = 0


@compiled
def trim_to_margin(core: Any, order: Any, total: float, tick_price: float) -> float:
    """Quantity of an entry or raw order that its margin allows: all, only the closing part, or none.

    A market reversal that is refused still closes (R136); everything else is refused whole (R91, R138, E15). A stack
    of one pass is judged entry by entry, and a reversal beside a close of the same pass not at all: the margin call
    trims them (R92).
    """
    s = core.settings
    if s.margin_long <= 0.0 and s.margin_short <= 0.0:
        return total
    position = core.position_size
    closing = min(total, abs(position)) if position * order.side < 0.0 else 0.0
    resulting = total - closing if closing > 0.0 else total + abs(position)
    if not total - closing > 0.0:
        return total
    if order.kind == ENTRY and order.market != 0:
        for n in range(core.lot_count):
            if core.lots[n].bar == core.bar_index and core.lots[n].side == order.side:
                resulting -= core.lots[n].qty
        for n in range(core.outbox.closed_count):
            row = core.outbox.closed[n]
            if row.exit_kind == BY_MARKET and row.side * order.side < 0:
                return total
    price = (tick_price + order.side * s.slippage_ticks) * s.tick
    core.equity = s.capital + core.net_profit + open_profit(core, price)
    if affordable(core, order.side, resulting, price):
        return total
    return closing if order.kind == ENTRY and order.market != 0 else 0.0


@compiled
def open_profit(core: Any, price: float) -> float:
    """Open profit at the fill price, for the margin check."""
    total = 0.0
    for n in range(core.lot_count):
        lot = core.lots[n]
        total += lot.qty * (price - lot.price) * lot.side
    return total * core.settings.point_value * core.rate


@compiled
def force_close(core: Any, tick_price: float, text: int) -> None:
    """A risk rule or a margin call closes the whole position at a price of the path."""
    core.forced_text = 0
    if core.position_size == 0.0:
        return
    core.orders[SCRATCH] = core.orders[ZERO]
    order = core.orders[SCRATCH]
    order.kind = CLOSE_ALL
    order.side = -1 if core.position_size > 0.0 else 1
    order.text = text
    transact(core, order, abs(core.position_size), tick_price, BY_RISK, text, 0, False)
