"""Risk rules a strategy can set, usually on its first bar. A strategy that uses them declares ``risk=True``."""

from __future__ import annotations

from typing import Any

from kwin_core.jit import compiled
from kwin_core.state import PERCENT_OF_EQUITY, RISK_UNDECLARED


@compiled
def declared(ctx: Any) -> None:
    """An engine that watches no risk rules stops instead of ignoring one."""
    if ctx.settings.risk == 0:
        ctx.status = RISK_UNDECLARED


@compiled
def allow_entry_in(ctx: Any, side: int) -> None:
    """strategy.risk.allow_entry_in: ``LONG``, ``SHORT``, or 0 for both (R111)."""
    declared(ctx)
    ctx.allow = side


@compiled
def max_position_size(ctx: Any, contracts: float) -> None:
    """strategy.risk.max_position_size in base currency; 0 is off (E16, R116)."""
    declared(ctx)
    ctx.max_position = contracts


@compiled
def max_intraday_filled_orders(ctx: Any, count: int) -> None:
    """strategy.risk.max_intraday_filled_orders; 0 is off (E14, R112)."""
    declared(ctx)
    ctx.max_fills = count


@compiled
def max_intraday_loss(ctx: Any, value: float, kind: int) -> None:
    """strategy.risk.max_intraday_loss: ``CASH`` in account currency or ``PERCENT_OF_EQUITY``; 0 is off (R115)."""
    declared(ctx)
    ctx.max_day_loss = value
    ctx.max_day_loss_is_percent = 1 if kind == PERCENT_OF_EQUITY else 0


@compiled
def max_drawdown(ctx: Any, value: float, kind: int) -> None:
    """strategy.risk.max_drawdown: ``CASH`` in account currency or ``PERCENT_OF_EQUITY``; 0 is off (R113)."""
    declared(ctx)
    ctx.max_drawdown_limit = value
    ctx.max_drawdown_is_percent = 1 if kind == PERCENT_OF_EQUITY else 0


@compiled
def max_cons_loss_days(ctx: Any, count: int) -> None:
    """strategy.risk.max_cons_loss_days; 0 is off (R114)."""
    declared(ctx)
    ctx.max_loss_days = count
