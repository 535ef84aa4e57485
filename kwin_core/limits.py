"""Risk rules that watch losses: of the trading day, of the whole run, of days in a row (R113 to R115)."""

from __future__ import annotations

from typing import Any

from kwin_core.account import open_profit_at
from kwin_core.fills import drop_orders, force_close
from kwin_core.jit import compiled
from kwin_core.state import TEXT_MAX_DRAWDOWN, TEXT_MAX_INTRADAY_LOSS, TEXT_MAX_LOSS_DAYS


@compiled
def equity_at(core: Any, tick_price: float) -> float:
    """Equity marked at a price of the path."""
    settings = core.settings
    return settings.capital + core.net_profit + open_profit_at(core, tick_price * settings.tick)


@compiled
def check_day_loss(core: Any, tick_price: float) -> None:
    """Close the position and block the day when it has lost too much since its first price (R115).

    Armed only while the day's opening equity is positive; judged and closed at this point of the path.
    """
    if not core.max_day_loss > 0.0 or not core.day_open_equity > 0.0 or core.blocked_day == core.day:
        return
    limit = core.max_day_loss
    if core.max_day_loss_is_percent != 0:
        limit *= core.day_open_equity / 100.0
    if core.day_open_equity - equity_at(core, tick_price) >= limit:
        core.blocked_day = core.day
        drop_orders(core)
        force_close(core, tick_price, TEXT_MAX_INTRADAY_LOSS)


@compiled
def check_drawdown(core: Any) -> None:
    """Halt for good when the drawdown from the realised peak is too deep, on bars that book a close (R113)."""
    if not core.max_drawdown_limit > 0.0 or core.halted != 0 or core.outbox.closed_count == 0:
        return
    limit = core.max_drawdown_limit
    if core.max_drawdown_is_percent != 0:
        limit *= core.high_water / 100.0
    if core.max_drawdown >= limit:
        core.halted = 1
        drop_orders(core)
        force_close(core, core.close_tick, TEXT_MAX_DRAWDOWN)


@compiled
def count_loss_day(core: Any, open_tick: float) -> None:
    """At the first bar of a trading day: was the last one a loss; halt at this open when too many were (R114)."""
    if core.day >= 0:
        core.loss_days = core.loss_days + 1 if core.equity < core.last_day_equity else 0
    core.last_day_equity = core.equity
    if core.max_loss_days > 0 and core.loss_days >= core.max_loss_days and core.halted == 0:
        core.halted = 1
        drop_orders(core)
        force_close(core, open_tick, TEXT_MAX_LOSS_DAYS)
