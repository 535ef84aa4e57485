"""The deflated Sharpe ratio: what the best of many tries is worth (Bailey and Lopez de Prado, 2014)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import pyarrow as pa

from engines.statistics import DAYS_A_YEAR
from kwin_core.errors import ConfigError

EULER = 0.5772156649015329
_NORMAL = NormalDist()


@dataclass(frozen=True)
class Deflated:
    """A Sharpe ratio and what is left of it.

    Parameters
    ----------
    set
        Number of the set that it belongs to.
    sharpe
        As measured, a year.
    expected_best
        Largest Sharpe ratio a year to expect from so many tries of sets that are worth nothing.
    probability
        That the true Sharpe ratio is above 0, given the tries (the deflated Sharpe ratio): below 0.95 the result is
        what luck would give too.
    trials, days
        Sets tried, and daily returns it was measured on.
    """

    set: int
    sharpe: float
    expected_best: float
    probability: float
    trials: int
    days: int

    def __str__(self) -> str:
        return (
            f"best Sharpe ratio {self.sharpe:.2f} of {self.trials} sets; luck alone would give "
            f"{self.expected_best:.2f}; probability that it is more than luck {self.probability:.2f}"
        )


def expected_largest(trials: int) -> float:
    """Expected largest of so many independent standard normal values (their formula 6).

    Parameters
    ----------
    trials
        At least 2.
    """
    if trials < 2:
        raise ConfigError(f"trials = {trials}: a result is deflated by what else was tried, at least 2")
    rare = _NORMAL.inv_cdf(1.0 - 1.0 / trials)
    rarer = _NORMAL.inv_cdf(1.0 - 1.0 / (trials * math.e))
    return (1.0 - EULER) * rare + EULER * rarer


def probability_above(sharpe: float, threshold: float, days: int, skew: float, kurtosis: float) -> float:
    """Probability that the true Sharpe ratio exceeds a threshold (the probabilistic Sharpe ratio).

    Parameters
    ----------
    sharpe, threshold
        Of daily returns, not a year.
    days
        Returns it was measured on.
    skew, kurtosis
        Of the daily returns; 0 and 3 for a normal.
    """
    variance = 1.0 - skew * sharpe + (kurtosis - 1.0) / 4.0 * sharpe * sharpe
    if days < 2 or not variance > 0.0:
        return math.nan
    return _NORMAL.cdf((sharpe - threshold) * math.sqrt(days - 1) / math.sqrt(variance))


def deflated_sharpe(ranked: pa.Table, trials: int) -> Deflated:
    """Deflate the first row of a table ranked by Sharpe ratio.

    Sets that resemble each other count as separate tries here, which makes the judgement stricter than it need be.

    Parameters
    ----------
    ranked
        Rows of a sweep that have a ``sharpe``, best first.
    trials
        Sets tried in all.

    Raises
    ------
    ConfigError
        When fewer than two rows have a Sharpe ratio, or ``trials`` is less than them.
    """
    if ranked.num_rows < 2:
        raise ConfigError("fewer than two sets have a Sharpe ratio: there is nothing to deflate it by")
    if trials < ranked.num_rows:
        raise ConfigError(f"trials = {trials}: this sweep alone has {ranked.num_rows}")
    daily = ranked["sharpe"].to_numpy() / math.sqrt(DAYS_A_YEAR)
    first = ranked.slice(0, 1).to_pylist()[0]
    threshold = float(np.std(daily, ddof=1)) * expected_largest(trials)
    skew, kurtosis = first["daily_skew"], first["daily_kurtosis"]
    probability = probability_above(
        float(daily[0]),
        threshold,
        int(first["days"]),
        0.0 if skew is None else skew,
        3.0 if kurtosis is None else kurtosis,
    )
    return Deflated(
        int(first["set"]),
        float(first["sharpe"]),
        threshold * math.sqrt(DAYS_A_YEAR),
        probability,
        trials,
        int(first["days"]),
    )
