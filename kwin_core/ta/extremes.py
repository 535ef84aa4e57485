"""Extremes of a window and pivots: highest, lowest, highestbars, lowestbars, range, pivothigh, pivotlow.

All comparisons are exact (R124). ``highest`` keeps the current extreme and its age and looks through the
window only when the extreme grows too old, as TradingView does; among equal extremes the older one counts
(I10), for pivots the newest (I5).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from kwin_core.lengths import BOUND, DEFAULT_CAPACITY, LENGTH_OUT_OF_RANGE, OK, accept, check_capacity
from kwin_core.records import Record, record


def extreme_state(capacity: int = DEFAULT_CAPACITY) -> np.dtype[Any]:
    """State of `highest`, `lowest`, `highestbars` or `lowestbars`: one a call site, never shared."""
    return record(
        [
            ("bound", BOUND),
            ("count", np.int64),  # bars seen
            ("head", np.int64),  # slot of the newest value
            ("best", np.float64),
            ("age", np.int64),  # bars since the best
            ("values", np.float64, (check_capacity(capacity),)),
        ]
    )


EXTREME = extreme_state()


def range_state(capacity: int = DEFAULT_CAPACITY) -> np.dtype[Any]:
    """State of `value_range`."""
    inner = extreme_state(capacity)
    return record([("high", inner), ("low", inner)])


RANGE = range_state()


def pivot_state(capacity: int = 64) -> np.dtype[Any]:
    """State of `pivothigh` or `pivotlow` with ``left + right + 1 <= capacity``."""
    return record(
        [
            ("error", np.int64),
            ("count", np.int64),  # bars seen
            ("head", np.int64),  # slot of the newest value
            ("values", np.float64, (check_capacity(capacity),)),
        ]
    )


PIVOT = pivot_state()


@njit(error_model="numpy", forceinline=True)
def _advance(st: Record, x: float, length: int) -> bool:
    """Take a bar's value and update the highest of the window; whether ``length`` bars were seen.

    For the lowest the caller negates the values, which is exact.
    """
    capacity = len(st.values)
    if not accept(st.bound, length, capacity):
        return False
    head = st.head + 1 if st.head + 1 < capacity else 0
    st.values[head] = x
    st.head = head
    st.count += 1
    st.age += 1
    if st.count == 1 or not x <= st.best:  # also when either is missing
        st.best = x
        st.age = 0
    elif st.age >= length:
        best = x
        best_age = 0
        slot = head
        for age in range(1, length):
            slot = slot - 1 if slot > 0 else capacity - 1
            older = st.values[slot]
            if older != older:
                break  # the look back ends at a bar without a value
            if older >= best:
                best = older
                best_age = age
        st.best = best
        st.age = best_age
    return bool(st.count >= length)


@njit(error_model="numpy", forceinline=True)
def highest(st: Record, x: float, length: int) -> float:
    """``ta.highest``: the highest of the last ``length`` bars, this one included; ``na`` before (I10).

    Parameters
    ----------
    st
        `EXTREME` record.
    x
        This bar's value. A missing one gives ``na`` and the extreme is forgotten: the next value is the
        highest, whatever came before, until it leaves the window; the look back then ends at the gap.
    length
        1 to the capacity of the state.
    """
    return float(st.best) if _advance(st, x, length) else np.nan


@njit(error_model="numpy", forceinline=True)
def lowest(st: Record, x: float, length: int) -> float:
    """``ta.lowest``: mirror of `highest`."""
    return -float(st.best) if _advance(st, -x, length) else np.nan


@njit(error_model="numpy")
def highestbars(st: Record, x: float, length: int) -> float:
    """``ta.highestbars``: minus the number of bars since the highest, the older one on a tie (I10)."""
    return float(-st.age) if _advance(st, x, length) else np.nan


@njit(error_model="numpy")
def lowestbars(st: Record, x: float, length: int) -> float:
    """``ta.lowestbars``: mirror of `highestbars`."""
    return float(-st.age) if _advance(st, -x, length) else np.nan


@njit(error_model="numpy")
def value_range(st: Record, x: float, length: int) -> float:
    """``ta.range``: highest minus lowest of the last ``length`` bars. State: `RANGE` record."""
    top = highest(st.high, x, length)
    return top - lowest(st.low, x, length)


@njit(error_model="numpy", forceinline=True)
def pivothigh(st: Record, x: float, left: int, right: int) -> float:
    """``ta.pivothigh``: the value ``right`` bars ago, when it is a pivot (I5, SP-12 to SP-15).

    It is one when no value of the ``left`` bars before it is higher (equal is allowed) and every value of
    the ``right`` bars after it is strictly lower: of equal neighbours the newest is the pivot.

    Parameters
    ----------
    st
        `PIVOT` record; call on every bar.
    x
        This bar's value, usually the high.
    left, right
        Bars, 0 or more (Pine rejects negative strengths only); ``left + right + 1`` at most the capacity.

    Returns
    -------
    float
        The pivot's value on the bar that confirms it, first possible on bar number ``left + right + 1``;
        otherwise ``na``. A missing value among the bars after the candidate prevents it, one before it
        does not.
    """
    capacity = len(st.values)
    if st.error != OK:
        return np.nan
    if left < 0 or right < 0 or left + right >= capacity:
        st.error = LENGTH_OUT_OF_RANGE
        return np.nan
    head = st.head + 1 if st.head + 1 < capacity else 0
    st.values[head] = x
    st.head = head
    st.count += 1
    if st.count < left + right + 1:
        return np.nan
    slot = head - right
    if slot < 0:
        slot += capacity
    candidate = st.values[slot]
    after = head
    for _ in range(right):
        if not st.values[after] < candidate:
            return np.nan
        after = after - 1 if after > 0 else capacity - 1
    for _ in range(left):
        slot = slot - 1 if slot > 0 else capacity - 1
        if st.values[slot] > candidate:
            return np.nan
    return float(candidate)


@njit(error_model="numpy", forceinline=True)
def pivotlow(st: Record, x: float, left: int, right: int) -> float:
    """``ta.pivotlow``: mirror of `pivothigh`; equal lows are allowed on the left only (SP-13)."""
    return -pivothigh(st, -x, left, right)
