"""Risk rules a strategy can set, usually on its first bar. A strategy that uses them declares ``risk=True``."""

from __future__ import annotations

from typing import Any

from kwin_core.jit import compiled


@compiled
def allow_entry_in(ctx: Any, side: int) -> None:
    """strategy.risk.allow_entry_in: ``LONG``, ``SHORT``, or 0 for both (R111)."""
    ctx.allow = side


@compiled
def max_position_size(ctx: Any, contracts: float) -> None:
    """strategy.risk.max_position_size in base currency; 0 is off (E16, R116)."""
    ctx.max_position = contracts


@compiled
def max_intraday_filled_orders(ctx: Any, count: int) -> None:
    """strategy.risk.max_intraday_filled_orders; 0 is off (E14, R112)."""
    ctx.max_fills = count
