"""Moving averages: SMA, EMA, RMA, WMA, VWMA, SWMA, HMA, ALMA.

Start-up and rounding are TradingView's (I1, I2, I4), and equal its printed values digit by digit. Where na is
concerned: SMA stands still on a bar without a value, EMA and RMA give ``na`` and do not advance, WMA
repeats the last value inside its window and gives ``na`` on the bar itself.

EMA and RMA begin with the mean of the first n values. TradingView sums those as in `kwin_core.ta.sums`,
starting over included; here the starting over is left out, because it would cost a window of n values in the
state of every EMA. The seed can differ in its last bit, on inputs that are not on a common grid, and the
difference dies out with the weight of the seed.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from kwin_core.lengths import BOUND, DEFAULT_CAPACITY, UNLIMITED, accept, check_capacity
from kwin_core.na import divide
from kwin_core.records import Record, record
from kwin_core.ta.sums import SUM, rolling_sum, sum_state

sma_state = sum_state
SMA = SUM

EMA = record(
    [
        ("bound", BOUND),
        ("count", np.int64),  # values seen, counted up to the length
        ("compensation", np.float64),
        ("value", np.float64),  # sum of the values while it starts, the average from then on
    ]
)
"""State of `ema` and `rma`; any length."""

RMA = EMA


def window_state(capacity: int = DEFAULT_CAPACITY) -> np.dtype[Any]:
    """State of an average that adds its window up anew on every bar (`wma`)."""
    return record(
        [
            ("bound", BOUND),
            ("count", np.int64),  # values seen that were not missing
            ("head", np.int64),  # slot of the newest value
            ("values", np.float64, (check_capacity(capacity),)),
        ]
    )


wma_state = window_state
WMA = window_state()


def vwma_state(capacity: int = DEFAULT_CAPACITY) -> np.dtype[Any]:
    """State of `vwma`."""
    inner = sum_state(capacity)
    return record([("traded", inner), ("volume", inner)])


VWMA = vwma_state()


def hma_state(capacity: int = DEFAULT_CAPACITY) -> np.dtype[Any]:
    """State of `hma`."""
    inner = window_state(capacity)
    return record([("half", inner), ("full", inner), ("smooth", inner)])


HMA = hma_state()


def alma_state(capacity: int = DEFAULT_CAPACITY) -> np.dtype[Any]:
    """State of `alma`: the window and the weights, which are computed once."""
    slots = check_capacity(capacity)
    return record(
        [
            ("bound", BOUND),
            ("count", np.int64),  # bars seen
            ("head", np.int64),
            ("offset", np.float64),
            ("sigma", np.float64),
            ("weights", np.float64, (slots,)),  # oldest bar first, adding up to 1
            ("values", np.float64, (slots,)),
        ]
    )


ALMA = alma_state()

SWMA = record([("count", np.int64), ("values", np.float64, (3,))])
"""State of `swma`: the three bars before, newest first."""


@njit(error_model="numpy")
def sma(st: Record, x: float, length: int) -> float:
    """``ta.sma``: mean of the last ``length`` values; ``na`` before there are so many (I4).

    Parameters
    ----------
    st
        `SMA` record.
    x
        This bar's value; a missing one leaves the average where it is.
    length
        1 to the capacity of the state.
    """
    return rolling_sum(st, x, length) / length


@njit(error_model="numpy")
def _seed(st: Record, x: float, length: int) -> float:
    """One compensated addition; the mean, once ``length`` values are in."""
    addend = x - st.compensation
    total = st.value + addend
    st.compensation = (total - st.value) - addend
    st.value = total
    st.count += 1
    if st.count < length:
        return np.nan
    st.value = total / length
    return float(st.value)


@njit(error_model="numpy")
def ema(st: Record, x: float, length: int) -> float:
    """``ta.ema``: exponential average of weight 2/(n+1), seeded with the mean of the first n values (I1).

    Parameters
    ----------
    st
        `EMA` record.
    x
        This bar's value; when missing the result is ``na`` and nothing advances.
    length
        1 or more, without limit.
    """
    if not accept(st.bound, length, UNLIMITED) or x != x:
        return np.nan
    if length == 1:
        return x
    if st.count < length:
        return _seed(st, x, length)
    st.value += 2.0 / (length + 1.0) * (x - st.value)
    return float(st.value)


@njit(error_model="numpy")
def rma(st: Record, x: float, length: int) -> float:
    """``ta.rma``: Wilder's average of weight 1/n, seeded with the mean of the first n values (I2).

    Parameters are those of `ema`. The step is ``(previous * (n - 1) + x) / n``: the form with a weight
    rounds differently from TradingView.
    """
    if not accept(st.bound, length, UNLIMITED) or x != x:
        return np.nan
    if length == 1:
        return x
    if st.count < length:
        return _seed(st, x, length)
    st.value = (st.value * (length - 1.0) + x) / length
    return float(st.value)


@njit(error_model="numpy")
def wma(st: Record, x: float, length: int) -> float:
    """``ta.wma``: linearly weighted average, the newest value weighing most.

    Parameters
    ----------
    st
        `WMA` record.
    x
        This bar's value; when missing the result is ``na``, and the window repeats the last value.
    length
        1 to the capacity. The cost of a bar grows with it: TradingView adds the window up anew, oldest
        first, and a running update would round differently.
    """
    capacity = len(st.values)
    if not accept(st.bound, length, capacity):
        return np.nan
    missing = x != x
    if missing and st.count == 0:
        return np.nan
    newest = st.values[st.head] if missing else x
    head = st.head + 1 if st.head + 1 < capacity else 0
    st.values[head] = newest
    st.head = head
    if missing:
        return np.nan
    st.count += 1
    if st.count < length:
        return np.nan
    slot = head - length + 1
    if slot < 0:
        slot += capacity
    total = 0.0
    for weight in range(1, length + 1):
        total += st.values[slot] * weight
        slot = slot + 1 if slot + 1 < capacity else 0
    return total / (length * (length + 1.0) / 2.0)


@njit(error_model="numpy")
def vwma(st: Record, x: float, volume: float, length: int) -> float:
    """``ta.vwma``: average weighted with volume, ``sma(x * volume) / sma(volume)``.

    A window without any volume is 0/0: ``na``, or whatever rounding left in the two sums, as in Pine.

    Parameters
    ----------
    st
        `VWMA` record.
    x, volume
        This bar's value and volume (base currency).
    length
        1 to the capacity.
    """
    traded = sma(st.traded, x * volume, length)
    return divide(traded, sma(st.volume, volume, length))


@njit(error_model="numpy")
def swma(st: Record, x: float) -> float:
    """``ta.swma``: symmetrically weighted average of 4 bars (1/6, 2/6, 2/6, 1/6).

    Parameters
    ----------
    st
        `SWMA` record.
    x
        This bar's value; ``na`` results while any of the four is missing.
    """
    result = np.nan
    if st.count >= 3:
        result = (x + 2.0 * st.values[0] + 2.0 * st.values[1] + st.values[2]) / 6.0
    st.values[2] = st.values[1]
    st.values[1] = st.values[0]
    st.values[0] = x
    st.count += 1
    return result


@njit(error_model="numpy")
def hma(st: Record, x: float, length: int) -> float:
    """``ta.hma``: Hull's average, ``wma(2 * wma(x, n / 2) - wma(x, n), floor(sqrt(n)))``.

    Parameters
    ----------
    st
        `HMA` record.
    x
        This bar's value.
    length
        2 to the capacity.
    """
    half = wma(st.half, x, length // 2)
    full = wma(st.full, x, length)
    return wma(st.smooth, 2.0 * half - full, int(math.sqrt(max(length, 0))))


@njit(error_model="numpy")
def _alma_weights(st: Record, length: int, offset: float, sigma: float) -> None:
    st.offset = offset
    st.sigma = sigma
    centre = offset * (length - 1)
    width = length / sigma
    total = 0.0
    for place in range(length):
        distance = place - centre
        weight = math.exp(-1.0 * (distance * distance) / (2.0 * width * width))
        st.weights[place] = weight
        total += weight
    for place in range(length):
        st.weights[place] /= total


@njit(error_model="numpy")
def alma(st: Record, x: float, length: int, offset: float, sigma: float) -> float:
    """``ta.alma``: Arnaud Legoux's average, weights on a bell curve.

    Parameters
    ----------
    st
        `ALMA` record.
    x
        This bar's value; the result is ``na`` while any value of the window is missing.
    length
        1 to the capacity; the window is added up anew on every bar.
    offset
        Where the bell is centred, 0 (oldest) to 1 (newest).
    sigma
        Its width: ``length / sigma`` bars. Not 0.
    """
    capacity = len(st.values)
    if not accept(st.bound, length, capacity):
        return np.nan
    if st.count == 0 or offset != st.offset or sigma != st.sigma:
        _alma_weights(st, length, offset, sigma)
    head = st.head + 1 if st.head + 1 < capacity else 0
    st.values[head] = x
    st.head = head
    st.count += 1
    if st.count < length:
        return np.nan
    slot = head - length + 1
    if slot < 0:
        slot += capacity
    total = 0.0
    for place in range(length):
        total += st.weights[place] * st.values[slot]
        slot = slot + 1 if slot + 1 < capacity else 0
    return float(total)
