"""Monte Carlo over the order of trades: how much of a result, above all of its drawdown, was the order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from kwin_core.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

METHODS = ("shuffle", "bootstrap")
_VALUES_AT_ONCE = 4_000_000


@dataclass(frozen=True)
class MonteCarlo:
    """Many orders of the same trades.

    Parameters
    ----------
    final
        Last equity of each order, float64, account currency; with ``shuffle`` all that are not ruined are equal but
        for rounding. A ruined one ends with the trade that ruined it: there is nothing left to trade with.
    drawdown
        Largest fall from a peak after a trade, as a fraction of the peak.
    actual_final, actual_drawdown
        Of the order that was.
    ruined
        Share of orders whose equity fell to 0 or below.
    """

    final: np.ndarray
    drawdown: np.ndarray
    actual_final: float
    actual_drawdown: float
    ruined: float

    def percentiles(self, levels: Sequence[float] = (1, 5, 25, 50, 75, 95, 99)) -> pd.DataFrame:
        """``final`` and ``drawdown`` at percentiles (0 to 100)."""
        import pandas as pd

        table = {"final": np.percentile(self.final, levels), "drawdown": np.percentile(self.drawdown, levels)}
        return pd.DataFrame(table, index=pd.Index(levels, name="percentile"))

    @property
    def luck(self) -> float:
        """Share of orders with a drawdown at least as deep: near 1, the order that was is a lucky one."""
        return float((self.drawdown >= self.actual_drawdown).mean())


def monte_carlo(
    returns: np.ndarray, capital: float, *, method: str = "shuffle", runs: int = 10_000, seed: int = 0
) -> MonteCarlo:
    """Put trades in other orders and compound them.

    Parameters
    ----------
    returns
        Result of each trade as a fraction of the equity before it (:func:`trade_returns`).
    capital
        Equity before the first, account currency.
    method
        ``"shuffle"``: each trade once, in another order. ``"bootstrap"``: as many trades, drawn with repetition, so
        that the final equity varies too.
    runs
        Orders.
    seed
        Of the draws; the same seed gives the same orders.

    Raises
    ------
    ConfigError
        Fewer than two trades, an unknown method, a number of runs that is none.
    """
    if method not in METHODS:
        raise ConfigError(f"method = {method!r}: choose one of {', '.join(METHODS)}")
    if isinstance(runs, bool) or not isinstance(runs, int) or runs < 1:
        raise ConfigError(f"runs = {runs!r}: expected a whole number, 1 or more")
    values = np.asarray(returns, np.float64)
    if values.ndim != 1 or values.size < 2 or not np.isfinite(values).all():
        raise ConfigError(
            f"Monte Carlo needs the results of at least two trades, finite numbers; there are {values.size}"
        )
    random = np.random.Generator(np.random.PCG64(seed))
    final, drawdown, ruined = np.empty(runs), np.empty(runs), 0
    block = max(1, _VALUES_AT_ONCE // values.size)
    for first in range(0, runs, block):
        rows = min(block, runs - first)
        if method == "shuffle":
            drawn = random.permuted(np.broadcast_to(values, (rows, values.size)), axis=1)
        else:
            drawn = values[random.integers(0, values.size, (rows, values.size))]
        equity = _equity(drawn, capital)
        final[first : first + rows] = equity[:, -1]
        drawdown[first : first + rows] = _drawdown(equity)
        ruined += int((equity <= 0.0).any(axis=1).sum())
    actual = _equity(values[None, :], capital)
    return MonteCarlo(final, drawdown, float(actual[0, -1]), float(_drawdown(actual)[0]), ruined / runs)


def trade_returns(net: np.ndarray, capital: float) -> np.ndarray:
    """Result of each trade as a fraction of the equity before it.

    Parameters
    ----------
    net
        Net results in the order of the exits, account currency (``Result.trades["net_pnl"]``).
    capital
        Account currency.

    Raises
    ------
    ConfigError
        When the equity falls to 0 on the way: from there on there are no fractions.
    """
    values = np.asarray(net, np.float64)
    before = capital + np.concatenate(([0.0], np.cumsum(values)[:-1]))
    if not (before > 0.0).all():
        raise ConfigError("the equity falls to 0 or below: the trades after that have no fraction of it")
    return values / before


def _equity(returns: np.ndarray, capital: float) -> np.ndarray:
    """Equity before the first and after every trade, a row an order; once at 0 or below it stays where it is."""
    factors = 1.0 + returns
    alive = np.logical_and.accumulate(factors > 0.0, axis=1)
    factors[:, 1:][~alive[:, :-1]] = 1.0
    growth = np.cumprod(factors, axis=1)
    return capital * np.concatenate((np.ones((returns.shape[0], 1)), growth), axis=1)


def _drawdown(equity: np.ndarray) -> np.ndarray:
    peaks = np.maximum.accumulate(equity, axis=1)
    found: np.ndarray = ((peaks - equity) / peaks).max(axis=1)
    return found
