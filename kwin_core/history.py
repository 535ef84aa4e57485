"""History behind ``x[n]``: a ring buffer with an explicit bound.

Asking further back than bars were seen gives ``na``, as in Pine. Asking further back than the ring can hold
is an error that is kept in the state and found by `kwin_core.lengths.find_error`: never a silent wrong value.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from kwin_core.lengths import DEFAULT_CAPACITY, LENGTH_OUT_OF_RANGE, ORDER_BROKEN, check_capacity
from kwin_core.records import Record, record


def history_state(capacity: int = DEFAULT_CAPACITY) -> np.dtype[Any]:
    """State of one series.

    Parameters
    ----------
    capacity
        Values kept, the current one included: ``x[n]`` can be asked for ``0 <= n < capacity``.
    """
    return record(
        [
            ("values", np.float64, (check_capacity(capacity),)),
            ("head", np.int64),  # slot of the newest value
            ("count", np.int64),  # bars pushed so far, not capped
            ("bar", np.int64),  # bar index of the newest value; used by push_at only
            ("error", np.int64),
        ]
    )


HISTORY = history_state()


@njit(error_model="numpy", forceinline=True)
def push(st: Record, x: float) -> None:
    """Append this bar's value; call exactly once a bar."""
    head = st.head + 1
    if head >= len(st.values):
        head = 0
    st.values[head] = x
    st.head = head
    st.count += 1


@njit(error_model="numpy")
def push_at(st: Record, x: float, bar_index: int) -> None:
    """Append the value of a line that runs on some bars only, inside an ``if`` (R126).

    History counts bars there, and bars on which the line did not run repeat its last value: ``x[1]`` is the
    value of the last execution (SP-23).

    Parameters
    ----------
    bar_index
        0-based index of this bar; must grow. A repeated or smaller one sets the error field.
    """
    if st.count > 0:
        skipped = bar_index - st.bar - 1
        if skipped < 0:
            st.error = ORDER_BROKEN
            return
        last = st.values[st.head]
        for _ in range(min(skipped, len(st.values))):
            push(st, last)
    push(st, x)
    st.bar = bar_index


@njit(error_model="numpy", forceinline=True)
def get(st: Record, n: int) -> float:
    """``x[n]``: the value n bars ago, 0 being the newest.

    Returns
    -------
    float
        ``na`` before the first bar. Outside ``0 <= n < capacity`` it is ``na`` as well and the error field
        of the state is set.
    """
    capacity = len(st.values)
    if n < 0 or n >= capacity:
        st.error = LENGTH_OUT_OF_RANGE
        return np.nan
    if n >= st.count:
        return np.nan
    slot = st.head - n
    if slot < 0:
        slot += capacity
    return float(st.values[slot])
