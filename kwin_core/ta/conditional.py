"""Highest and lowest called inside an ``if``: three laws (SP-21 to SP-24, R127).

Pine's compiler warns that such a call has an inconsistent history; what it returns depends on how the
window is kept. A parameter chooses the law:

- `RING` (0): the window has length + 1 slots addressed by bar number, and a skipped bar leaves an old value
  in its slot, or 0.0. The kept extreme ages in bars, and only when it grows too old are the slots looked at.
- `PER_CALL` (1): the extreme of the values of the last ``length`` calls.
- `GLOBAL` (2): the extreme of the last ``length`` bars, called or not; needs `conditional_step` every bar.

All give ``na`` while ``bar_index < length - 1``. ``x[1]`` of such a value is the one of the previous
execution of that line (SP-23): keep it, or use `kwin_core.history.push_at`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from kwin_core.lengths import BOUND, DEFAULT_CAPACITY, ORDER_BROKEN, accept, check_capacity, reject
from kwin_core.records import Record, record

RING = 0
PER_CALL = 1
GLOBAL = 2


def conditional_state(capacity: int = DEFAULT_CAPACITY) -> np.dtype[Any]:
    """State of one call site, for lengths up to ``capacity``."""
    return record(
        [
            ("bound", BOUND),
            ("calls", np.int64),
            ("first_bar", np.int64),  # of the first call
            ("last_bar", np.int64),  # of the last call, or step under GLOBAL
            ("steps", np.int64),
            ("best", np.float64),
            ("best_bar", np.int64),
            ("slots", np.float64, (check_capacity(capacity) + 1,)),
        ]
    )


CONDITIONAL = conditional_state()


@njit(error_model="numpy")
def conditional_step(st: Record, x: float, length: int, bar_index: int, law: int) -> None:
    """Show this bar's value to the call site, on every bar and before the call; only `GLOBAL` needs it.

    Parameters
    ----------
    st
        `CONDITIONAL` record.
    x
        This bar's value.
    length
        Bars of the window.
    bar_index
        0-based index of this bar.
    law
        `RING`, `PER_CALL` or `GLOBAL`.
    """
    if law != GLOBAL or not accept(st.bound, length, len(st.slots) - 1):
        return
    if st.steps > 0 and bar_index != st.last_bar + 1:
        reject(st.bound, ORDER_BROKEN)
        return
    st.slots[bar_index % (length + 1)] = x
    st.last_bar = bar_index
    st.steps += 1


@njit(error_model="numpy")
def conditional_highest(st: Record, x: float, length: int, bar_index: int, law: int) -> float:
    """``ta.highest(x, length)`` on a bar on which its line runs.

    Parameters
    ----------
    st
        `CONDITIONAL` record.
    x
        This bar's value.
    length
        1 to the capacity, the same on every call.
    bar_index
        0-based index of this bar; must grow from call to call.
    law
        `RING`, `PER_CALL` or `GLOBAL`, the same on every call.
    """
    return _call(st, x, length, bar_index, law, 1.0)


@njit(error_model="numpy")
def conditional_lowest(st: Record, x: float, length: int, bar_index: int, law: int) -> float:
    """``ta.lowest(x, length)`` on a bar on which its line runs; parameters as `conditional_highest`."""
    return _call(st, x, length, bar_index, law, -1.0)


@njit(error_model="numpy")
def _call(st: Record, x: float, length: int, bar_index: int, law: int, sign: float) -> float:
    """The extreme under a law; ``sign`` 1 looks for the highest, -1 for the lowest (exact either way)."""
    if not accept(st.bound, length, len(st.slots) - 1):
        return np.nan
    if law == GLOBAL:
        if st.steps == 0 or bar_index != st.last_bar:
            reject(st.bound, ORDER_BROKEN)
            return np.nan
        best = _best_of_window(st, length, bar_index, min(length, st.steps), sign)
    else:
        if st.calls > 0 and bar_index <= st.last_bar:
            reject(st.bound, ORDER_BROKEN)
            return np.nan
        if st.calls == 0:
            st.first_bar = bar_index
        if law == PER_CALL:
            st.slots[st.calls % (length + 1)] = x
            best = _best_of_window(st, length, st.calls, min(length, st.calls + 1), sign)
        else:
            best = _ring(st, x, length, bar_index, sign)
        st.calls += 1
        st.last_bar = bar_index
    return best if bar_index >= length - 1 else np.nan


@njit(error_model="numpy")
def _best_of_window(st: Record, length: int, newest: int, span: int, sign: float) -> float:
    """Extreme of the ``span`` newest slots, missing values passed over."""
    best = np.nan
    for age in range(span):
        value = st.slots[(newest - age) % (length + 1)]
        if best != best or sign * value > sign * best:
            best = value
    return float(best)


@njit(error_model="numpy")
def _ring(st: Record, x: float, length: int, bar_index: int, sign: float) -> float:
    st.slots[bar_index % (length + 1)] = x
    if st.calls == 0 or not sign * x <= sign * st.best:  # also when either is missing
        st.best = x
        st.best_bar = bar_index
    elif bar_index - st.best_bar >= length:
        best = x
        best_age = 0
        for age in range(1, min(length - 1, bar_index - st.first_bar) + 1):
            value = st.slots[(bar_index - age) % (length + 1)]
            if value != value:
                break  # the look back ends at a bar without a value
            if sign * value > sign * best:
                best = value
                best_age = age
        st.best = best
        st.best_bar = bar_index - best_age
    return float(st.best)
