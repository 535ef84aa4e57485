"""Dispersion and bands: variance stdev bb bbw kc.

Variance is TradingView's: two rolling sums, of the values and of their squares, population form unless asked
otherwise (I9), and never below zero.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from kwin_core.lengths import DEFAULT_CAPACITY
from kwin_core.na import divide
from kwin_core.records import Record, record
from kwin_core.ta.averages import EMA, ema
from kwin_core.ta.sums import rolling_sum, sum_state
from kwin_core.ta.trend import TR, tr


def variance_state(capacity: int = DEFAULT_CAPACITY) -> np.dtype[Any]:
    """State of `variance`, `stdev`, `bb` or `bbw`."""
    inner = sum_state(capacity)
    return record([("values", inner), ("squares", inner)])


VARIANCE = variance_state()
STDEV = VARIANCE
BB = VARIANCE
stdev_state = variance_state
bb_state = variance_state

KC = record([("middle", EMA), ("span", EMA), ("range", TR)])
"""State of `kc`; any length."""


@njit(error_model="numpy")
def variance(st: Record, x: float, length: int, biased: bool) -> float:
    """``ta.variance`` of the last ``length`` values.

    Parameters
    ----------
    st
        `VARIANCE` record.
    x
        This bar's value; when missing, nothing enters the window and the last result stands.
    length
        1 to the capacity.
    biased
        True divides by n, false by n - 1 (``na`` for a length of 1).
    """
    total = rolling_sum(st.values, x, length)
    squares = rolling_sum(st.squares, x * x, length)
    if total != total or squares != squares:
        return np.nan
    mean = total / length
    if biased:
        return max(0.0, squares / length - mean * mean)
    if length == 1:
        return np.nan
    return max(0.0, squares / (length - 1) - total * mean / (length - 1))


@njit(error_model="numpy")
def stdev(st: Record, x: float, length: int) -> float:
    """``ta.stdev``: root of the biased `variance` (I9). State: `STDEV` record."""
    return math.sqrt(variance(st, x, length, True))


@njit(error_model="numpy")
def bb(st: Record, x: float, length: int, mult: float) -> tuple[float, float, float]:
    """``ta.bb``: Bollinger bands.

    Parameters
    ----------
    st
        `BB` record.
    x
        This bar's value.
    length
        1 to the capacity.
    mult
        Width, standard deviations.

    Returns
    -------
    tuple of float
        ``(middle, upper, lower)``.
    """
    width = mult * stdev(st, x, length)
    if width != width:
        return np.nan, np.nan, np.nan
    middle = float(st.values.total) / length
    return middle, middle + width, middle - width


@njit(error_model="numpy")
def bbw(st: Record, x: float, length: int, mult: float) -> float:
    """``ta.bbw``: width of the Bollinger bands in percent of their middle. Parameters as `bb`."""
    middle, upper, lower = bb(st, x, length, mult)
    return divide(upper - lower, middle) * 100.0


@njit(error_model="numpy")
def kc(
    st: Record,
    x: float,
    high: float,
    low: float,
    close: float,
    length: int,
    mult: float,
    use_true_range: bool,
) -> tuple[float, float, float]:
    """``ta.kc``: Keltner channels, EMAs of the value and of the range.

    Parameters
    ----------
    st
        `KC` record.
    x
        This bar's value.
    high, low, close
        This bar's prices, for the range.
    length
        Of both averages, 1 or more.
    mult
        Width, average ranges.
    use_true_range
        True range, which has no value on the first bar; or high - low.

    Returns
    -------
    tuple of float
        ``(middle, upper, lower)``.
    """
    middle = ema(st.middle, x, length)
    true_range = tr(st.range, high, low, close, False)
    width = mult * ema(st.span, true_range if use_true_range else high - low, length)
    return middle, middle + width, middle - width
