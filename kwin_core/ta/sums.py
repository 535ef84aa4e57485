"""Rolling sums with TradingView's own rounding.

Pine keeps a compensated (Kahan) running sum rather than adding the window up anew, and the last digits of
every average depend on it. Its step, which reproduces TradingView's printed SMA to the last of 17 digits:

- while the window fills, one compensated addition a value;
- once full, the value that leaves and the one that enters go through one step of two compensated additions.
  What leaves is not the old value but what was really added for it, so that is kept as well;
- when adding the size of the compensation to the new value would round down, the sum starts over: plain
  addition of the window, newest first, compensation zero.

Missing values do not enter the window: it is the last n values that exist, and on a bar without one the sum
stands. That is what Pine's reference says of ``ta.sma``; an EMA gives ``na`` on such a bar instead.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from kwin_core.lengths import BOUND, DEFAULT_CAPACITY, accept, check_capacity
from kwin_core.records import Record, record


def sum_state(capacity: int = DEFAULT_CAPACITY) -> np.dtype[Any]:
    """State of one rolling sum over at most ``capacity`` values."""
    slots = check_capacity(capacity)
    return record(
        [
            ("bound", BOUND),
            ("count", np.int64),  # values that entered, not capped
            ("head", np.int64),  # slot the next value goes to
            ("total", np.float64),
            ("compensation", np.float64),
            ("values", np.float64, (slots,)),
            ("added", np.float64, (slots,)),  # what was really added for each value
        ]
    )


SUM = sum_state()

CUM = record([("total", np.float64)])
"""State of `cum`."""


@njit(error_model="numpy")
def _starts_over(compensation: float, x: float) -> bool:
    """Whether ``x + |compensation|`` rounds down, by the residue of that addition in this operand order."""
    if compensation == 0.0 or x == 0.0:
        return False
    shift = abs(compensation)
    shifted = x + shift
    return shifted != 0.0 and np.isfinite(shifted) and shift - (shifted - x) > 0.0


@njit(error_model="numpy")
def rolling_sum(st: Record, x: float, length: int) -> float:
    """Pine's ``math.sum``: the sum of the last ``length`` values that are not missing.

    Parameters
    ----------
    st
        `SUM` record.
    x
        This bar's value.
    length
        Values in the window, 1 to the capacity of the state.

    Returns
    -------
    float
        ``na`` until ``length`` values were seen.
    """
    capacity = len(st.values)
    if not accept(st.bound, length, capacity):
        return np.nan
    if x == x:
        _enter(st, x, length, capacity)
    return float(st.total) if st.count >= length else np.nan


@njit(error_model="numpy")
def _enter(st: Record, x: float, length: int, capacity: int) -> None:
    head = st.head
    total = st.total
    compensation = st.compensation
    if _starts_over(compensation, x):
        total = x
        slot = head
        for _ in range(min(st.count, length - 1)):
            slot = slot - 1 if slot > 0 else capacity - 1
            total += st.values[slot]
        compensation = 0.0
        addend = x
    elif st.count < length:
        addend = x - compensation
        grown = total + addend
        compensation = (grown - total) - addend
        total = grown
    else:
        oldest = head - length
        if oldest < 0:
            oldest += capacity
        removed = -st.added[oldest] - compensation
        shrunk = total + removed
        addend = x - ((shrunk - total) - removed)
        total = shrunk + addend
        compensation = (total - shrunk) - addend
    st.values[head] = x
    st.added[head] = addend
    st.head = head + 1 if head + 1 < capacity else 0
    st.count += 1
    st.total = total
    st.compensation = compensation


@njit(error_model="numpy")
def cum(st: Record, x: float) -> float:
    """``ta.cum``: the sum of all values so far; ``na`` on a bar whose value is missing."""
    if x != x:
        return np.nan
    st.total += x
    return float(st.total)
