"""Statistics of a run, in numpy: ratios of daily returns, and the account's own sums."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from engines.tally import Tally

DAYS_A_YEAR = 365  # the market never closes


def daily_ratios(equity: np.ndarray) -> dict[str, float | None]:
    """Return and risk of an account from its equity a day.

    Parameters
    ----------
    equity
        float64, account currency, the starting capital first; one value a day after it.

    Returns
    -------
    dict
        ``annual_return``, ``annual_volatility`` (fractions), ``sharpe``, ``sortino``, ``calmar``; ``None``
        where it is not defined: fewer than two days, no variation, or an equity that was not positive.
    """
    names = ("annual_return", "annual_volatility", "sharpe", "sortino", "calmar")
    if equity.size < 3 or not (equity > 0.0).all():
        return dict.fromkeys(names)
    returns = equity[1:] / equity[:-1] - 1.0
    years = returns.size / DAYS_A_YEAR
    growth = math.log(equity[-1] / equity[0]) / years
    annual_return = math.expm1(growth) if growth < 700.0 else None
    volatility = float(returns.std(ddof=1)) * math.sqrt(DAYS_A_YEAR)
    downside = math.sqrt(float((np.minimum(returns, 0.0) ** 2).mean())) * math.sqrt(DAYS_A_YEAR)
    yearly_mean = float(returns.mean()) * DAYS_A_YEAR
    fall = float((1.0 - equity / np.maximum.accumulate(equity)).max())
    return {
        "annual_return": annual_return,
        "annual_volatility": volatility,
        "sharpe": ratio(yearly_mean, volatility),
        "sortino": ratio(yearly_mean, downside),
        "calmar": None if annual_return is None else ratio(annual_return, fall),
    }


def ratio(value: float, by: float) -> float | None:
    """Quotient, or ``None`` when there is nothing to divide by."""
    return value / by if by > 0.0 else None


def account_statistics(core: Any, tally: Tally) -> dict[str, Any]:
    """Everything a summary says about the account and its trades; see :mod:`engines.result` for the units.

    ``core`` is the broker's record after the last bar, or a mapping of its fields.
    """
    capital = float(core["settings"]["capital"])
    closed, won = int(core["closed_trades"]), int(core["won_trades"])
    lost = int(core["lost_trades"])
    profit = float(core["gross_profit"])
    loss = float(core["gross_loss"])
    lots = core["lots"][: int(core["lot_count"])]
    return {
        "trades_closed": closed,
        "trades_open": int(np.count_nonzero(lots["qty"] > 0.0)),
        "trades_long": tally.longs,
        "trades_short": tally.shorts,
        "net_profit": float(core["net_profit"]),
        "net_profit_percent": 100.0 * float(core["net_profit"]) / capital,
        "open_profit": float(core["open_profit"]),
        "gross_profit": profit,
        "gross_loss": loss,
        "profit_factor": ratio(profit, loss + float(core["open_commission"])),  # R160
        "win_rate": ratio(won, closed),
        "average_win": ratio(profit, won),
        "average_loss": ratio(loss, lost),
        "best_trade": tally.best_trade,
        "worst_trade": tally.worst_trade,
        "max_drawdown": float(core["max_drawdown"]),  # R157
        "max_close_drawdown": tally.close_drawdown,
        "max_close_drawdown_percent": 100.0 * tally.close_drawdown_fraction,
        "commission": float(core["commission_paid"]),
        "exposure": ratio(tally.bars_in_position, tally.bars),
        "average_bars_held": ratio(tally.bars_held, closed),
        "closed_next_bar": ratio(tally.closed_next_bar, closed),
        "average_range": ratio(tally.range_sum, tally.bars),
        "average_trail": ratio(tally.trail_ticks * float(core["settings"]["tick"]), tally.trails),
        **daily_ratios(tally.daily_equity()),
    }
