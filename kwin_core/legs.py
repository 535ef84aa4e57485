"""Exit legs: how the arguments of strategy.exit become levels once their entry has a price."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.account import price_tick, tidy
from kwin_core.jit import compiled
from kwin_core.money import GRID_TOLERANCE, floor_explicit, tick_down, tick_up
from kwin_core.state import EXIT


@compiled
def leg_stop(order: Any, entry_tick: float, tick: float, pine_version: int) -> float:
    """Stop level in ticks, rounded away from the position: a sell stop down, a buy stop up (R25).

    An absolute price and a distance together: Pine v5 takes the price, v6 the one reached first.
    """
    sells = order.side < 0
    absolute = tick_down(order.stop_arg, tick) if sells else tick_up(order.stop_arg, tick)
    if np.isnan(order.loss_ticks) or (pine_version < 6 and not np.isnan(absolute)):
        return absolute
    if sells:
        relative = np.floor(entry_tick - order.loss_ticks + GRID_TOLERANCE)
        return relative if np.isnan(absolute) else max(absolute, relative)
    relative = np.ceil(entry_tick + order.loss_ticks - GRID_TOLERANCE)
    return relative if np.isnan(absolute) else min(absolute, relative)


@compiled
def leg_limit(order: Any, entry_tick: float, tick: float, pine_version: int) -> float:
    """Target level in ticks: a sell limit up, a buy limit down (R25)."""
    sells = order.side < 0
    absolute = tick_up(order.limit_arg, tick) if sells else tick_down(order.limit_arg, tick)
    if np.isnan(order.profit_ticks) or (pine_version < 6 and not np.isnan(absolute)):
        return absolute
    if sells:
        relative = np.ceil(entry_tick + order.profit_ticks - GRID_TOLERANCE)
        return relative if np.isnan(absolute) else min(absolute, relative)
    relative = np.floor(entry_tick - order.profit_ticks + GRID_TOLERANCE)
    return relative if np.isnan(absolute) else max(absolute, relative)


@compiled
def leg_activation(order: Any, entry_tick: float, tick: float) -> float:
    """Level that arms the trail: points round away from the entry, a price rounds like a stop (R26)."""
    sells = order.side < 0
    if not np.isnan(order.trail_price):
        return tick_down(order.trail_price, tick) if sells else tick_up(order.trail_price, tick)
    if sells:
        return np.ceil(entry_tick + order.trail_points - GRID_TOLERANCE)
    return np.floor(entry_tick - order.trail_points + GRID_TOLERANCE)


@compiled
def set_levels(core: Any, order: Any, lot: Any) -> None:
    """Compute stop, limit and activation of a leg from the fill price of its own entry (R28)."""
    entry_tick = price_tick(core, lot.price)
    tick = core.settings.tick
    version = core.settings.pine_version
    order.side = -lot.side
    order.stop = leg_stop(order, entry_tick, tick, version)
    order.limit = leg_limit(order, entry_tick, tick, version)
    order.activation = leg_activation(order, entry_tick, tick)


@compiled
def seed_trail(order: Any, tick_price: float) -> None:
    """Start a trail at a price: armed at once when the price is at or beyond the activation (R77, R83, R86)."""
    order.armed = 0
    order.best = np.nan
    if (order.side < 0 and tick_price >= order.activation) or (
        order.side > 0 and tick_price <= order.activation
    ):
        order.armed = 1
        order.best = tick_price


@compiled
def share_of(core: Any, order: Any, lot: Any) -> float:
    """Quantity the leg asks for: its own, a share of the original size, or everything (R62, R145, R146)."""
    s = core.settings
    if not np.isnan(order.qty_arg):
        qty = floor_explicit(abs(order.qty_arg), s.lot, s.lots_per_unit)
        return qty if qty > 0.0 else lot.full_qty
    if not np.isnan(order.qty_fraction):
        qty = floor_explicit(lot.full_qty * order.qty_fraction, s.lot, s.lots_per_unit)
        return qty if qty > 0.0 else max(s.lot, 0.0)
    return lot.full_qty


@compiled
def reserve(core: Any, i: int, lot: Any) -> None:
    """Hold a share of the entry for leg ``i``: what it asks for, at most what other legs left (E9, R62)."""
    taken = 0.0
    for k in range(core.order_count):
        other = core.orders[k]
        if k != i and other.kind == EXIT and other.lot == lot.uid and other.spent == 0:
            taken += other.reserved
    order = core.orders[i]
    order.reserved = max(0.0, min(share_of(core, order, lot), tidy(core, lot.bound - taken)))


@compiled
def bind(core: Any, i: int, lot: Any, tick_price: float) -> None:
    """Attach leg ``i`` to an entry fill; its trail starts at ``tick_price``."""
    order = core.orders[i]
    order.lot = lot.uid
    set_levels(core, order, lot)
    order.qty = 0.0
    if not np.isnan(order.activation):
        seed_trail(order, tick_price)
    reserve(core, i, lot)
