"""What a strategy may ask the broker beside the fields of its context."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.jit import compiled
from kwin_core.money import GRID_TOLERANCE, nearest_tick
from kwin_core.sizing import default_size, size_budget


@compiled
def margin_liquidation_price(ctx: Any) -> float:
    """strategy.margin_liquidation_price: where the equity is the margin; nan when flat or without margin (R96).

    Floored to the tick for a long position, ceiled for a short one. A long position at 100 percent has none: nan.
    """
    s = ctx.settings
    size = ctx.position_size
    ratio = s.margin_long if size > 0.0 else s.margin_short
    side = 1.0 if size > 0.0 else -1.0
    if size == 0.0 or ratio <= 0.0 or ratio == side:
        return np.nan
    contract = abs(size) * s.point_value * ctx.rate
    at_entry = s.capital + ctx.net_profit - side * contract * ctx.position_avg_price
    ticks = at_entry / (contract * (ratio - side)) / s.tick
    return (np.floor(ticks + GRID_TOLERANCE) if side > 0.0 else np.ceil(ticks - GRID_TOLERANCE)) * s.tick


@compiled
def capital_held(ctx: Any) -> float:
    """strategy.opentrades.capital_held: size times entry price of all open trades; nan without any margin (R97)."""
    if ctx.settings.margin_long <= 0.0 and ctx.settings.margin_short <= 0.0:
        return np.nan
    total = 0.0
    for i in range(ctx.lot_count):
        total += ctx.lots[i].qty * ctx.lots[i].price
    return total


@compiled
def open_trade_size(ctx: Any, number: int) -> float:
    """strategy.opentrades.size: signed size of one open trade, oldest 0; 0 for any number without trade (R109)."""
    if number < 0 or number >= ctx.lot_count:
        return 0.0
    return ctx.lots[number].qty * ctx.lots[number].side


@compiled
def default_entry_qty(ctx: Any, price: float) -> float:
    """strategy.default_entry_qty: default size at a price snapped to the tick, the position ignored (R161)."""
    snapped = nearest_tick(price, ctx.settings.tick) * ctx.settings.tick
    return default_size(ctx, size_budget(ctx), snapped)
