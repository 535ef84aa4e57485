"""Margin along the path: calls that cut a position, and waiting entries that are no longer affordable."""

from __future__ import annotations

from typing import Any

from kwin_core.account import open_profit_at, tidy
from kwin_core.book import SCRATCH, ZERO, cancel_at, drop_legs_of_pending
from kwin_core.fills import transact
from kwin_core.jit import compiled
from kwin_core.money import floor_explicit
from kwin_core.sizing import affordable
from kwin_core.state import BY_MARGIN, CLOSE_ALL, ENTRY, RAW, TEXT_MARGIN_CALL

RELATIVE_EXCESS = 1e-11  # R91: less than this is rounding, not a shortfall
WHOLE_CONTRACT = 1.0  # R94: what is closed when the cover is below one lot
COVER_FACTOR = 4.0


@compiled
def margin_call_qty(core: Any, tick_price: float) -> float:
    """Quantity a margin call closes at this price; 0 when the position is covered (R94, R140)."""
    s = core.settings
    position = core.position_size
    ratio = s.margin_long if position > 0.0 else s.margin_short
    if ratio <= 0.0 or position == 0.0:
        return 0.0
    price = tick_price * s.tick
    contract = price * s.point_value * core.rate
    need = abs(position) * contract * ratio
    equity = s.capital + core.net_profit + open_profit_at(core, price)
    if need - equity <= RELATIVE_EXCESS * need:
        return 0.0
    cover = floor_explicit((need - equity) / ratio / contract, s.lot, s.lots_per_unit)
    return min(COVER_FACTOR * cover if cover > 0.0 else WHOLE_CONTRACT, abs(position))


@compiled
def margin_call(core: Any, tick_price: float) -> None:
    """Cut the position when its margin exceeds the equity at this point of the path (R95).

    From the oldest trade on; under the rule ANY the same cut hits every trade (R143).
    """
    cut = margin_call_qty(core, tick_price)
    if not cut > 0.0:
        return
    n = 0
    while n < core.lot_count:
        core.orders[SCRATCH] = core.orders[ZERO]
        order = core.orders[SCRATCH]
        order.kind = CLOSE_ALL
        order.side = -1 if core.position_size > 0.0 else 1
        order.text = TEXT_MARGIN_CALL
        if core.settings.close_any == 0:
            transact(core, order, cut, tick_price, BY_MARGIN, TEXT_MARGIN_CALL, 0, False)
            remember_cut(core, cut)
            return
        before = core.lot_count
        lot = core.lots[n]
        part = min(cut, lot.qty)
        transact(core, order, part, tick_price, BY_MARGIN, TEXT_MARGIN_CALL, lot.uid, False)
        remember_cut(core, part)
        if core.lot_count == before:
            n += 1


@compiled
def remember_cut(core: Any, cut: float) -> None:
    """A waiting close_all keeps the quantity it was asked for: the difference opens the other way (R70)."""
    for i in range(core.order_count):
        if core.orders[i].kind == CLOSE_ALL:
            core.orders[i].reserved += cut


@compiled
def cancel_unaffordable(core: Any) -> None:
    """Cancel waiting priced orders whose position the equity no longer carries at this close (R93, R138)."""
    price = core.close_tick * core.settings.tick
    i = 0
    while i < core.order_count:
        order = core.orders[i]
        if (order.kind == ENTRY or order.kind == RAW) and order.market == 0:
            kept = abs(core.position_size)
            against = core.position_size * order.side < 0.0
            resulting = tidy(core, order.qty - kept if against else order.qty + kept)
            if resulting > 0.0 and not affordable(core, order.side, resulting, price):
                order_id = order.id
                cancel_at(core, i)
                drop_legs_of_pending(core, order_id)
                i = 0
                continue
        i += 1
