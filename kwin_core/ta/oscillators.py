"""Momentum and oscillators: change mom roc rsi macd stoch mfi cci cmo wpr."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from kwin_core.lengths import BOUND, DEFAULT_CAPACITY, accept, check_capacity
from kwin_core.na import EPSILON, divide
from kwin_core.records import Record, record
from kwin_core.ta.averages import EMA, RMA, ema, rma, sma, window_state
from kwin_core.ta.extremes import extreme_state, highest, lowest
from kwin_core.ta.sums import rolling_sum, sum_state


def change_state(capacity: int = DEFAULT_CAPACITY) -> np.dtype[Any]:
    """State of `change`, `mom` or `roc` over at most ``capacity`` bars; 1 for the plain bar-to-bar change."""
    return record(
        [
            ("bound", BOUND),
            ("count", np.int64),  # bars seen
            ("head", np.int64),  # slot of the newest value
            ("values", np.float64, (check_capacity(capacity),)),
        ]
    )


CHANGE = change_state()

RSI = record([("started", np.int64), ("previous", np.float64), ("gain", RMA), ("loss", RMA)])
"""State of `rsi`; any length."""

MACD = record([("fast", EMA), ("slow", EMA), ("signal", EMA)])
"""State of `macd`; any lengths."""


def stoch_state(capacity: int = DEFAULT_CAPACITY) -> np.dtype[Any]:
    """State of `stoch` and `wpr`."""
    inner = extreme_state(capacity)
    return record([("high", inner), ("low", inner)])


STOCH = stoch_state()
WPR = STOCH
wpr_state = stoch_state


def mfi_state(capacity: int = DEFAULT_CAPACITY) -> np.dtype[Any]:
    """State of `mfi`."""
    inner = sum_state(capacity)
    return record([("change", change_state(1)), ("inflow", inner), ("outflow", inner)])


MFI = mfi_state()


def cmo_state(capacity: int = DEFAULT_CAPACITY) -> np.dtype[Any]:
    """State of `cmo`."""
    inner = sum_state(capacity)
    return record([("change", change_state(1)), ("up", inner), ("down", inner)])


CMO = cmo_state()


def cci_state(capacity: int = DEFAULT_CAPACITY) -> np.dtype[Any]:
    """State of `cci`."""
    return record([("average", sum_state(capacity)), ("window", window_state(capacity))])


CCI = cci_state()


@njit(error_model="numpy")
def _previous(st: Record, x: float, length: int) -> float:
    """The value ``length`` bars ago, while taking this bar's; ``na`` before there is one."""
    capacity = len(st.values)
    if not accept(st.bound, length, capacity):
        return np.nan
    slot = st.head - length + 1
    if slot < 0:
        slot += capacity
    previous = float(st.values[slot]) if st.count >= length else np.nan
    head = st.head + 1 if st.head + 1 < capacity else 0
    st.values[head] = x
    st.head = head
    st.count += 1
    return previous


@njit(error_model="numpy")
def change(st: Record, x: float, length: int) -> float:
    """``ta.change``: the exact difference to the value ``length`` bars ago; ``na`` with either missing.

    Parameters
    ----------
    st
        `CHANGE` record, or one of ``change_state(1)`` for the bar-to-bar change.
    x
        This bar's value.
    length
        1 to the capacity.
    """
    return x - _previous(st, x, length)


@njit(error_model="numpy")
def mom(st: Record, x: float, length: int) -> float:
    """``ta.mom``: the same as `change`."""
    return change(st, x, length)


@njit(error_model="numpy")
def roc(st: Record, x: float, length: int) -> float:
    """``ta.roc``: change in percent of the value ``length`` bars ago; ``na`` where that is 0."""
    previous = _previous(st, x, length)
    return divide(100.0 * (x - previous), previous)


@njit(error_model="numpy")
def rsi(st: Record, x: float, length: int) -> float:
    """``ta.rsi``: Wilder's relative strength, 0 to 100; first on bar ``length + 1`` (I2).

    A loss average within 1e-10 of zero gives exactly 100, else a gain average that small exactly 0 (R124).

    Parameters
    ----------
    st
        `RSI` record.
    x
        This bar's value; when missing the result is ``na`` and nothing advances.
    length
        1 or more, without limit.
    """
    if x != x:
        return np.nan
    if st.started == 0:
        st.started = 1
        st.previous = x
        return np.nan
    gain = rma(st.gain, max(x - st.previous, 0.0), length)
    loss = rma(st.loss, max(st.previous - x, 0.0), length)
    st.previous = x
    if gain != gain or loss != loss:
        return np.nan
    if loss <= EPSILON:
        return 100.0
    if gain <= EPSILON:
        return 0.0
    return 100.0 - 100.0 / (1.0 + gain / loss)


@njit(error_model="numpy")
def macd(st: Record, x: float, fast: int, slow: int, signal: int) -> tuple[float, float, float]:
    """``ta.macd``: difference of two EMAs, its EMA, and the difference of these.

    Parameters
    ----------
    st
        `MACD` record.
    x
        This bar's value.
    fast, slow, signal
        Lengths, 1 or more.

    Returns
    -------
    tuple of float
        ``(macd, signal, histogram)``, each ``na`` until its averages have started.
    """
    line = ema(st.fast, x, fast) - ema(st.slow, x, slow)
    average = ema(st.signal, line, signal)
    return line, average, line - average


@njit(error_model="numpy")
def stoch(st: Record, x: float, high: float, low: float, length: int) -> float:
    """``ta.stoch``: place of the value in the window's range, percent, not clamped.

    ``100 * (x - lowest) / (highest - lowest)``, multiplied first as TradingView does; ``na`` when the range
    is zero. State: `STOCH` record; ``length`` 1 to its capacity.
    """
    top = highest(st.high, high, length)
    bottom = lowest(st.low, low, length)
    return divide(100.0 * (x - bottom), top - bottom)


@njit(error_model="numpy")
def wpr(st: Record, close: float, high: float, low: float, length: int) -> float:
    """``ta.wpr``: Williams %R, -100 to 0. State: `WPR` record; ``length`` 1 to its capacity."""
    top = highest(st.high, high, length)
    bottom = lowest(st.low, low, length)
    return divide(100.0 * (close - top), top - bottom)


@njit(error_model="numpy")
def mfi(st: Record, x: float, volume: float, length: int) -> float:
    """``ta.mfi``: money flow index, 0 to 100.

    A change within 1e-10 of zero is neither inflow nor outflow (R124); on the first bar, where the change is
    missing, the value counts as both. 100 when the window has no outflow.

    Parameters
    ----------
    st
        `MFI` record.
    x, volume
        This bar's value and volume; when the value is missing the result is ``na`` and the sums stand.
    length
        1 to the capacity.
    """
    moved = change(st.change, x, 1)
    if x != x:
        return np.nan
    inflow = rolling_sum(st.inflow, volume * (0.0 if moved <= EPSILON else x), length)
    outflow = rolling_sum(st.outflow, volume * (0.0 if moved >= -EPSILON else x), length)
    if inflow != inflow or outflow != outflow:
        return np.nan
    if abs(inflow) <= EPSILON:  # the rest that a running sum of zeros keeps
        inflow = 0.0
    if abs(outflow) <= EPSILON:
        return 100.0
    return 100.0 - 100.0 / (1.0 + inflow / outflow)


@njit(error_model="numpy")
def cmo(st: Record, x: float, length: int) -> float:
    """``ta.cmo``: Chande's momentum, -100 to 100; ``na`` when nothing moved in the window.

    A fall of at most 1e-10 counts as a rise (R124). State: `CMO` record; ``length`` 1 to its capacity.
    """
    moved = change(st.change, x, 1)
    if moved != moved:
        return np.nan
    rises = moved >= -EPSILON
    up = rolling_sum(st.up, moved if rises else 0.0, length)
    down = rolling_sum(st.down, 0.0 if rises else -moved, length)
    return divide(100.0 * (up - down), up + down)


@njit(error_model="numpy")
def cci(st: Record, x: float, length: int) -> float:
    """``ta.cci``: distance from the mean in units of 0.015 mean absolute deviations.

    On a flat window it is 0/0: ``na``, or whatever the rounding of the mean left, as in Pine. State: `CCI`
    record; ``length`` 1 to its capacity. The deviation is added up anew on every bar, newest first, as
    TradingView does.
    """
    mean = sma(st.average, x, length)
    window = st.window
    capacity = len(window.values)
    if not accept(window.bound, length, capacity):
        return np.nan
    head = window.head + 1 if window.head + 1 < capacity else 0
    window.values[head] = x
    window.head = head
    if mean != mean:
        return np.nan
    deviation = 0.0
    slot = head
    for _ in range(length):
        deviation += abs(window.values[slot] - mean)
        slot = slot - 1 if slot > 0 else capacity - 1
    return divide(x - mean, 0.015 * (deviation / length))
