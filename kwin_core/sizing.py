"""How much an order trades when the strategy does not say, and whether the account can carry it."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.jit import compiled
from kwin_core.money import floor_explicit, floor_internal, round_money, tick_down, tick_up
from kwin_core.state import (
    CASH,
    COMMISSION_PER_CONTRACT,
    COMMISSION_PER_ORDER,
    COMMISSION_PERCENT,
    FIXED,
    PERCENT_OF_EQUITY,
)

NAN = np.nan


@compiled
def sizing_price(ctx: Any, side: int, limit: float, stop: float) -> float:
    """Price at which an order without quantity is sized, known when it is placed.

    A market order: this close, slipped (R34). A stop: its level, or this close when that has passed it, slipped
    (R139). A limit: its level; a better fill sizes it anew (R41). A stop-limit: the price it would have now (R152).
    """
    s = ctx.settings
    slip = side * s.slippage_ticks
    if np.isnan(limit) and np.isnan(stop):
        return (ctx.close_tick + slip) * s.tick
    level = tick_down(limit, s.tick) if side > 0 else tick_up(limit, s.tick)
    if np.isnan(stop):
        return level * s.tick
    if side > 0:
        reached = max(tick_up(stop, s.tick), ctx.close_tick)
        return (reached + slip if np.isnan(limit) else min(reached, level)) * s.tick
    reached = min(tick_down(stop, s.tick), ctx.close_tick)
    return (reached + slip if np.isnan(limit) else max(reached, level)) * s.tick


@compiled
def size_budget(ctx: Any) -> float:
    """Money an order without quantity may spend, ten significant digits; nan when sizes are fixed (R37 to R40)."""
    s = ctx.settings
    if s.qty_kind == FIXED:
        return NAN
    if s.qty_kind == CASH:
        return round_money(s.qty_value)
    budget = ctx.equity * s.qty_value
    if s.commission_kind == COMMISSION_PER_ORDER:
        budget -= s.commission
    return round_money(budget)


@compiled
def default_size(ctx: Any, budget: float, price: float) -> float:
    """Quantity a budget buys at a price, cut to the lot; 0 without a price (R37 to R39, R161, C2, C3)."""
    s = ctx.settings
    if s.qty_kind == FIXED:
        return floor_explicit(s.qty_value, s.lot, s.lots_per_unit)
    unit = price * s.point_value * ctx.rate
    if s.qty_kind == PERCENT_OF_EQUITY:
        if s.commission_kind == COMMISSION_PERCENT:
            unit *= 1.0 + s.commission
        elif s.commission_kind == COMMISSION_PER_CONTRACT:
            unit += s.commission
    return floor_internal(budget / unit, s.lot, s.lots_per_unit) if unit > 0.0 else 0.0


@compiled
def affordable(ctx: Any, side: int, qty: float, price: float) -> bool:
    """Whether a position of ``qty`` at ``price`` has its margin in the equity (R90, R91, E15)."""
    s = ctx.settings
    margin = s.margin_long if side > 0 else s.margin_short
    if margin <= 0.0:
        return True
    need = qty * price * s.point_value * ctx.rate * margin
    return need <= ctx.equity * (1.0 + 1e-11)
