"""Open trades, closed trades and money: what a fill does to the account."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.chain import mix_float, mix_int
from kwin_core.jit import compiled
from kwin_core.money import nearest_tick, round_money
from kwin_core.state import (
    COMMISSION_PER_CONTRACT,
    COMMISSION_PERCENT,
    DUE,
    EXIT,
    MAX_CLOSED,
    MAX_LOTS,
    TOO_MANY_CLOSED,
    TOO_MANY_LOTS,
)


@compiled
def commission_on(core: Any, qty: float, price: float) -> float:
    """Commission of one order in account currency, ten significant digits (R98 to R100)."""
    s = core.settings
    if s.commission == 0.0 or qty == 0.0:
        return 0.0
    if s.commission_kind == COMMISSION_PERCENT:
        return round_money(price * qty * s.point_value * s.commission * core.rate)
    if s.commission_kind == COMMISSION_PER_CONTRACT:
        return round_money(qty * s.commission)
    return round_money(s.commission)


@compiled
def tidy(core: Any, qty: float) -> float:
    """Quantity without binary dust: whole lots when the lot divides one unit (R44)."""
    per_unit = core.settings.lots_per_unit
    return np.floor(qty * per_unit + 0.5) / per_unit if per_unit > 0.0 else qty


@compiled
def open_profit_at(core: Any, price: float) -> float:
    """Profit of all open trades at a price, account currency, no commissions."""
    total = 0.0
    for i in range(core.lot_count):
        lot = core.lots[i]
        total += lot.qty * (price - lot.price) * lot.side
    return total * core.settings.point_value * core.rate


@compiled
def refresh_position(core: Any) -> None:
    """Position size and average price from the open trades, after some were closed (R30)."""
    size = 0.0
    value = 0.0
    side = 0
    for i in range(core.lot_count):
        lot = core.lots[i]
        size += lot.qty
        value += lot.qty * lot.price
        side = lot.side
    size = tidy(core, size)
    core.position_size = size * side
    core.position_avg_price = value / size if size > 0.0 else np.nan


@compiled
def add_to_position(core: Any, side: int, qty: float, price: float) -> None:
    """Position size and average price after an add: the mean moves on from the last one, not from the trades.

    To the last bit what TradingView plots (the slippage-pyramiding export).
    """
    held = abs(core.position_size)
    size = tidy(core, held + qty)
    value = qty * price
    if held > 0.0:
        value += core.position_avg_price * held
    core.position_size = size * side
    core.position_avg_price = value / size
    if side > 0:
        core.max_held_long = max(core.max_held_long, size)
    else:
        core.max_held_short = max(core.max_held_short, size)


@compiled
def refresh_net(core: Any) -> None:
    """Net profit is derived, never a running sum (R102, R154)."""
    core.net_profit = core.gross_profit - core.gross_loss - core.open_commission


@compiled
def see_price(core: Any, price: float) -> None:
    """The path touched a price: excursions of every open trade, drawdown and run-up of the account (R106, R157)."""
    rate = core.rate
    for i in range(core.lot_count):
        lot = core.lots[i]
        move = (price - lot.price) * lot.side * rate
        if move > lot.best_move:
            lot.best_move = move
            lot.best_rate = rate
        elif move < lot.worst_move:
            lot.worst_move = move
            lot.worst_rate = rate
    mark_equity(core, price)


@compiled
def mark_equity(core: Any, price: float) -> None:
    """Account drawdown and run-up at one mark (R157)."""
    equity = core.settings.capital + core.net_profit + open_profit_at(core, price)
    core.max_drawdown = max(core.max_drawdown, core.high_water - equity)
    core.max_runup = max(core.max_runup, equity - core.low_water)


@compiled
def book_row(
    core: Any, lot: Any, qty: float, price: float, fee: float, kind: int, text: int, text_arg: int
) -> None:
    """Close ``qty`` of one open trade and write its row.

    ``fee`` is this row's share of the closing order's commission, account currency. The fill price belongs to the
    row's own excursions (R106).
    """
    out = core.outbox
    if out.closed_count >= MAX_CLOSED:
        core.status = TOO_MANY_CLOSED
        return
    rate = core.rate
    move = (price - lot.price) * lot.side * rate
    if move > lot.best_move:
        lot.best_move = move
        lot.best_rate = rate
    if move < lot.worst_move:
        lot.worst_move = move
        lot.worst_rate = rate
    entry_fee = lot.commission if qty >= lot.qty else round_money(lot.commission * qty / lot.qty)
    contracts = qty * core.settings.point_value
    net = contracts * ((price - lot.price) * lot.side) * rate - entry_fee - fee
    core.open_commission -= entry_fee
    lot.commission -= entry_fee
    core.commission_paid += fee
    if net > 0.0:
        core.gross_profit += net
        core.won_trades += 1
    else:
        core.gross_loss -= net
        core.lost_trades += 1 if net < 0.0 else 0
    core.closed_trades += 1
    core.last_profit = net
    refresh_net(core)
    trade = out.closed[out.closed_count]
    out.closed_count += 1
    trade.side = lot.side
    trade.entry_bar = lot.bar
    trade.exit_bar = core.bar_index
    trade.entry_time_ms = lot.time_ms
    trade.exit_time_ms = core.time_ms
    trade.entry_price = lot.price
    trade.exit_price = price
    trade.qty = qty
    trade.entry_text = lot.text
    trade.entry_text_arg = lot.text_arg
    trade.exit_text = text
    trade.exit_text_arg = text_arg
    trade.exit_kind = kind
    trade.commission = entry_fee + fee
    trade.net_pnl = net
    trade.runup = max(0.0, lot.best_move * contracts - entry_fee)
    trade.drawdown = min(0.0, lot.worst_move * contracts - entry_fee)
    trade.cumulative = core.net_profit
    trade.entry_value = lot.price * qty * rate + entry_fee
    trade.runup_base = lot.price * qty * lot.best_rate + entry_fee
    trade.drawdown_base = lot.price * qty * lot.worst_rate + entry_fee
    core.chain = mix_float(mix_int(core.chain, kind), net)


@compiled
def close_rows(
    core: Any,
    qty: float,
    price: float,
    fee: float,
    total: float,
    kind: int,
    text: int,
    text_arg: int,
    uid: int,
    entry: int,
) -> float:
    """Close ``qty`` against the open trades; returns the commission share they consumed.

    First in, first out over all rows; under the rule ANY only rows of the bound fill ``uid`` or of the entry id
    ``entry`` (R73). ``fee`` is the whole order's commission and ``total`` its whole quantity.
    """
    any_rule = core.settings.close_any != 0
    left = qty
    used = 0.0
    for i in range(core.lot_count):
        if not left > 0.0:
            break
        lot = core.lots[i]
        if lot.qty <= 0.0:
            continue
        if any_rule and ((uid != 0 and lot.uid != uid) or (uid == 0 and entry != 0 and lot.entry != entry)):
            continue
        part = min(lot.qty, left)
        left = tidy(core, left - part)
        share = fee - used if left <= 0.0 and qty >= total else round_money(fee * part / total)
        used += share
        book_row(core, lot, part, price, share, kind, text, text_arg)
        lot.qty = tidy(core, lot.qty - part)
    return used


@compiled
def release_bound(core: Any, qty: float, uid: int, entry: int) -> None:
    """Take a closed quantity from what the entries still hold for their exits (R50).

    From the fill ``uid`` when an exit closed it, from fills of ``entry`` for a close by id, else oldest first.
    """
    left = qty
    for phase in range(2):
        for i in range(core.lot_count):
            lot = core.lots[i]
            if not left > 0.0:
                return
            if phase == 0 and (
                (uid != 0 and lot.uid != uid) or (uid == 0 and entry != 0 and lot.entry != entry)
            ):
                continue
            part = min(lot.bound, left)
            lot.bound = tidy(core, lot.bound - part)
            left = tidy(core, left - part)


@compiled
def sweep_lots(core: Any) -> None:
    """Drop trades that are used up, and the exit legs of entries that hold nothing any more (E9, R67)."""
    kept = 0
    flat = True
    for i in range(core.lot_count):
        if core.lots[i].qty > 0.0:
            flat = False
    for i in range(core.lot_count):
        lot = core.lots[i]
        if flat or not lot.bound > 0.0:
            drop_legs(core, lot.uid)
        if not flat and (lot.qty > 0.0 or lot.bound > 0.0):
            if kept != i:
                core.lots[kept] = core.lots[i]
            kept += 1
    for i in range(kept, core.lot_count):
        core.lots[i] = core.lots[MAX_LOTS]
    core.lot_count = kept


@compiled
def drop_legs(core: Any, uid: int) -> None:
    """Free every exit leg bound to an entry fill, but for those due together with its reversal (R18)."""
    kept = 0
    for i in range(core.order_count):
        order = core.orders[i]
        if order.kind == EXIT and order.lot == uid:
            if order.spent != DUE:
                continue
            order.lot = 0  # its price was met together with the reversal: it fills out (R18)
        if kept != i:
            core.orders[kept] = core.orders[i]
        kept += 1
    for i in range(kept, core.order_count):
        core.orders[i] = core.orders[len(core.orders) - 2]
    core.order_count = kept


@compiled
def open_lot(core: Any, order: Any, qty: float, price: float, fee: float, by: int) -> int:
    """Add an open trade; returns its index, or -1 when the limit is reached."""
    i = core.lot_count
    if i >= MAX_LOTS:
        core.status = TOO_MANY_LOTS
        return -1
    core.lot_count = i + 1
    lot = core.lots[i]
    core.next_uid += 1
    lot.uid = core.next_uid
    lot.entry = order.id
    lot.side = order.side
    lot.qty = qty
    lot.bound = qty
    lot.full_qty = qty
    lot.price = price
    lot.bar = core.bar_index
    lot.time_ms = core.time_ms
    lot.text = order.text
    lot.text_arg = order.text_arg
    lot.commission = fee
    lot.rate = core.rate
    lot.best_move = 0.0
    lot.worst_move = 0.0
    lot.best_rate = core.rate
    lot.worst_rate = core.rate
    lot.by = by
    core.open_commission += fee
    core.commission_paid += fee
    refresh_net(core)
    return i


@compiled
def bound_of(core: Any, entry: int) -> float:
    """Quantity that entries of this id still hold; id 0 means all."""
    total = 0.0
    for i in range(core.lot_count):
        lot = core.lots[i]
        if entry == 0 or lot.entry == entry:
            total += lot.bound
    return tidy(core, total)


@compiled
def full_size_of(core: Any, entry: int) -> float:
    """Original size of the open entries of this id."""
    total = 0.0
    for i in range(core.lot_count):
        if core.lots[i].entry == entry and core.lots[i].bound > 0.0:
            total += core.lots[i].full_qty
    return tidy(core, total)


@compiled
def price_tick(core: Any, price: float) -> float:
    """A booked price as ticks."""
    return nearest_tick(price, core.settings.tick)
