"""The exchange as broker: the phases of a bar fill nothing, and what the exchange did is applied as it is told.

A state that is run with ``Frozen(venue=True)`` is the exchange's ledger: the same record, the same calculation. Its
orders rest until a *report* says what became of them. A report is one row of ``REPORT``; `apply_report` books it
with the same functions as the emulator, at the price, quantity and fee that the exchange states, never its own.
The rules are V1 to V6 of rules/live.md.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.account import refresh_net, refresh_position, see_price, tidy
from kwin_core.book import SCRATCH, ZERO, drop_legs_of_pending, emit, find, remove
from kwin_core.chain import mix_float, mix_int
from kwin_core.emulator import Frozen, refresh_equity, seal_bar, take_bar
from kwin_core.fills import book_fill, leg_text
from kwin_core.jit import compiled, compiled_inline
from kwin_core.legs import reserve, set_levels
from kwin_core.money import nearest_tick
from kwin_core.records import record
from kwin_core.state import (
    AT_CLOSE,
    BY_MARKET,
    BY_REVERSAL,
    BY_SCRIPT,
    CLOSE,
    CLOSE_ALL,
    ENTRY,
    EXIT,
    REFUSED,
    TEXT_ADOPTED,
    TEXT_EXCHANGE,
)

ENTERED = 1  # an execution that opens or adds
LEFT = 2  # an execution that reduces
GONE = 3  # an order ended without (more) executions: rejected, denied, cancelled
PAID = 4  # funding: ``fee`` is what it cost, negative when received
REBASED = 5  # ``price`` is the equity that the account is worth now, account currency

REPORT = record(
    [
        ("kind", np.int64),
        ("id", np.int64),  # ENTERED, GONE: code of the entry order's id
        ("side", np.int64),  # of the execution: +1 bought, -1 sold
        ("qty", np.float64),  # base currency
        ("price", np.float64),  # quote currency
        ("fee", np.float64),  # account currency, positive when paid
        ("by", np.int64),  # LEFT: BY_* of the state module
        ("bar", np.int64),  # number of the bar it belongs to (V1)
        ("time_ms", np.int64),  # open time of that bar
    ]
)
"""One thing the exchange told about."""


@compiled_inline
def begin_venue_bar(core: Any, bar: Any, rate: float, frozen: Frozen) -> None:
    """Take a closed bar; nothing is matched, open trades only see its extremes."""
    if take_bar(core, bar, rate, frozen) and core.lot_count > 0:
        tick = core.settings.tick
        see_price(core, core.high_tick * tick)
        see_price(core, core.low_tick * tick)
    refresh_equity(core)
    core.outbox.phase = BY_SCRIPT


@compiled_inline
def finish_venue_bar(core: Any, _frozen: Frozen) -> None:
    """After the strategy: its orders rest, the bar is sealed."""
    core.outbox.phase = AT_CLOSE
    seal_bar(core)


@compiled
def apply_report(core: Any, report: Any) -> None:
    """Book one report; the account is then marked at the last close."""
    bar = core.bar_index
    time_ms = core.time_ms
    if report.kind == ENTERED or report.kind == LEFT:
        core.bar_index = report.bar
        core.time_ms = report.time_ms
        if report.kind == ENTERED:
            enter(core, report)
        else:
            leave(core, report)
        core.bar_index = bar
        core.time_ms = time_ms
    elif report.kind == GONE:
        withdraw(core, report.id)
    elif report.kind == PAID:
        if report.fee > 0.0:
            core.gross_loss += report.fee
        else:
            core.gross_profit -= report.fee
        refresh_net(core)
        core.chain = mix_float(mix_int(core.chain, PAID), report.fee)
    elif report.kind == REBASED:
        core.settings.capital += report.price - core.equity
        core.chain = mix_float(mix_int(core.chain, REBASED), report.price)
    refresh_equity(core)


@compiled
def booked_price(core: Any, price: float) -> float:
    """A price on the grid as the emulator writes it, ticks times step (R23); an average stays as it is."""
    tick = core.settings.tick
    snapped = nearest_tick(price, tick) * tick
    return snapped if abs(snapped - price) < 1e-6 * tick else price


@compiled
def enter(core: Any, report: Any) -> None:
    """An execution that opens or adds (V2, V4)."""
    price = booked_price(core, report.price)
    for n in range(core.lot_count):
        lot = core.lots[n]
        if lot.entry == report.id and lot.bar == report.bar and lot.side == report.side:
            add_to_lot(core, n, report.qty, price, report.fee)
            shrink_pending(core, report.id, report.qty)
            return
    core.orders[SCRATCH] = core.orders[ZERO]
    order = core.orders[SCRATCH]
    order.kind = ENTRY
    order.id = report.id
    order.text = TEXT_ADOPTED
    i = find(core, ENTRY, report.id)
    if i >= 0:
        core.orders[SCRATCH] = core.orders[i]
        order = core.orders[SCRATCH]
    order.side = report.side
    position = core.position_size
    closing = min(report.qty, abs(position)) if position * report.side < 0.0 else 0.0
    opening = tidy(core, report.qty - closing)
    seed = nearest_tick(price, core.settings.tick)
    book_fill(core, order, closing, opening, price, report.fee, seed, report.by, order.text, 0)
    shrink_pending(core, report.id, report.qty)


@compiled
def add_to_lot(core: Any, n: int, qty: float, price: float, fee: float) -> None:
    """A further execution of the same entry order: the trade grows, its mean price and its exit levels move (V2)."""
    lot = core.lots[n]
    size = tidy(core, lot.qty + qty)
    lot.price = (lot.price * lot.qty + price * qty) / size
    lot.qty = size
    lot.bound = tidy(core, lot.bound + qty)
    lot.full_qty = tidy(core, lot.full_qty + qty)
    lot.commission += fee
    core.open_commission += fee
    core.commission_paid += fee
    refresh_net(core)
    refresh_position(core)
    if lot.side > 0:
        core.max_held_long = max(core.max_held_long, abs(core.position_size))
    else:
        core.max_held_short = max(core.max_held_short, abs(core.position_size))
    for i in range(core.order_count):
        leg = core.orders[i]
        if leg.kind == EXIT and leg.lot == lot.uid:
            set_levels(core, leg, lot)
            reserve(core, i, lot)
    core.chain = mix_float(mix_float(mix_int(core.chain, ENTERED), qty), price)


@compiled
def shrink_pending(core: Any, order_id: int, qty: float) -> None:
    """What was executed no longer waits; a whole entry leaves the book."""
    i = find(core, ENTRY, order_id)
    if i < 0:
        return
    order = core.orders[i]
    order.own_qty = tidy(core, order.own_qty - qty)
    order.qty = order.own_qty
    if not order.own_qty > 0.0:
        remove(core, i)


@compiled
def leave(core: Any, report: Any) -> None:
    """An execution that reduces (V3); more than the position holds is not booked, the caller reconciles."""
    price = booked_price(core, report.price)
    position = core.position_size
    closing = min(report.qty, abs(position)) if position * report.side < 0.0 else 0.0
    if not closing > 0.0:
        return
    uid = 0
    text = TEXT_EXCHANGE
    core.orders[SCRATCH] = core.orders[ZERO]
    order = core.orders[SCRATCH]
    order.kind = CLOSE_ALL
    order.side = report.side
    i = slot_of_exit(core, report)
    pending = False
    if i >= 0:
        slot = core.orders[i]
        text = leg_text(slot, report.by) if slot.kind == EXIT else slot.text
        pending = slot.kind == CLOSE or slot.kind == CLOSE_ALL
        if slot.kind != ENTRY:
            core.orders[SCRATCH] = slot
            uid = slot.lot
    seed = nearest_tick(price, core.settings.tick)
    kind = order.kind
    order_id = order.id
    book_fill(core, order, closing, 0.0, price, report.fee, seed, report.by, text, uid)
    if pending:
        finish_close(core, kind, order_id, closing)


@compiled
def slot_of_exit(core: Any, report: Any) -> int:
    """Which order a reducing execution belongs to, by how it came about; -1 when to none of the book."""
    for i in range(core.order_count):
        slot = core.orders[i]
        if slot.side != report.side:
            continue
        if report.by == BY_REVERSAL:
            if slot.kind == ENTRY and slot.market != 0:
                return i
        elif report.by == BY_MARKET:
            if slot.kind == CLOSE or slot.kind == CLOSE_ALL:
                return i
        elif report.by < BY_REVERSAL and slot.kind == EXIT and slot.lot != 0:
            return i
    return -1


@compiled
def finish_close(core: Any, kind: int, order_id: int, qty: float) -> None:
    """Take an executed quantity from a waiting market close."""
    i = find(core, kind, order_id)
    if i < 0:
        return
    order = core.orders[i]
    order.qty = tidy(core, order.qty - qty)
    if not order.qty > 0.0 or core.position_size == 0.0:
        remove(core, i)


@compiled
def withdraw(core: Any, order_id: int) -> None:
    """The exchange, or a limit here, ended an entry order: the rest of it leaves the book (V5)."""
    i = find(core, ENTRY, order_id)
    if i < 0:
        core.chain = mix_int(core.chain, GONE)
        return
    emit(core, REFUSED, core.orders[i], core.orders[i].own_qty, np.nan, 0)
    remove(core, i)
    drop_legs_of_pending(core, order_id)
