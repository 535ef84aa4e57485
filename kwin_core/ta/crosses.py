"""Events: cross crossover crossunder rising falling valuewhen barssince.

``crossover`` and ``crossunder`` compare exactly, with the last bar on which both series had a value.
``cross`` is not one or the other of them: it remembers the last clear relation, apart by more than 1e-10
(R124, R125), and a run of equality does not make it forget.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from kwin_core.lengths import BOUND, LENGTH_OUT_OF_RANGE, OK, UNLIMITED, accept, check_capacity
from kwin_core.na import EPSILON
from kwin_core.records import Record, record

CROSS = record([("relation", np.int64)])
"""State of `cross`, `crossover` or `crossunder`: one a call site, never shared. 0 while nothing is known."""

RUN = record([("bound", BOUND), ("started", np.int64), ("run", np.int64), ("previous", np.float64)])
"""State of `rising` or `falling`; any length."""

BARSSINCE = record([("happened", np.int64), ("bars", np.int64)])
"""State of `barssince`."""


def valuewhen_state(capacity: int = 16) -> np.dtype[Any]:
    """State of `valuewhen` for occurrences ``0 .. capacity - 1``."""
    return record(
        [
            ("error", np.int64),
            ("count", np.int64),  # occurrences so far
            ("head", np.int64),  # slot of the newest
            ("values", np.float64, (check_capacity(capacity),)),
        ]
    )


VALUEWHEN = valuewhen_state()


@njit(error_model="numpy")
def crossover(st: Record, a: float, b: float) -> bool:
    """``ta.crossover``: a is above b now and was not on the last bar where both had a value.

    Parameters
    ----------
    st
        `CROSS` record.
    a, b
        This bar's values; false when one is missing. Call on every bar.
    """
    crossed = a > b and st.relation == -1
    if a == a and b == b:
        st.relation = -1 if a <= b else 1
    return crossed


@njit(error_model="numpy")
def crossunder(st: Record, a: float, b: float) -> bool:
    """``ta.crossunder``: a is below b now and was not on the last bar where both had a value."""
    crossed = a < b and st.relation == 1
    if a == a and b == b:
        st.relation = 1 if a >= b else -1
    return crossed


@njit(error_model="numpy")
def cross(st: Record, a: float, b: float) -> bool:
    """``ta.cross``: a passed from one side of b to the other, by more than 1e-10 on the side it came from.

    Parameters are those of `crossover`. A run of equality from the very start never fires.
    """
    crossed = (a > b and st.relation == -1) or (a < b and st.relation == 1)
    if a - b > EPSILON:
        st.relation = 1
    elif b - a > EPSILON:
        st.relation = -1
    return crossed


@njit(error_model="numpy")
def _run(st: Record, x: float, length: int, sign: float) -> bool:
    if not accept(st.bound, length, UNLIMITED):
        return False
    if st.started != 0 and sign * (x - st.previous) > EPSILON:
        st.run += 1
    else:
        st.run = 0
    st.started = 1
    st.previous = x
    return bool(st.run >= length)


@njit(error_model="numpy")
def rising(st: Record, x: float, length: int) -> bool:
    """``ta.rising``: the last ``length`` steps all went up by more than 1e-10 (R124).

    Parameters
    ----------
    st
        `RUN` record.
    x
        This bar's value; a missing one ends the run.
    length
        1 or more, without limit.
    """
    return _run(st, x, length, 1.0)


@njit(error_model="numpy")
def falling(st: Record, x: float, length: int) -> bool:
    """``ta.falling``: mirror of `rising`."""
    return _run(st, x, length, -1.0)


@njit(error_model="numpy")
def valuewhen(st: Record, condition: bool, x: float, occurrence: int) -> float:
    """``ta.valuewhen``: the value on the bar when the condition was true, ``occurrence`` times ago.

    Parameters
    ----------
    st
        `VALUEWHEN` record.
    condition
        Whether this bar is an occurrence.
    x
        This bar's value; a missing one is remembered as such and counts.
    occurrence
        0 for the most recent, up to the capacity - 1.
    """
    capacity = len(st.values)
    if occurrence < 0 or occurrence >= capacity:
        st.error = LENGTH_OUT_OF_RANGE
    if st.error != OK:
        return np.nan
    if condition:
        head = st.head + 1 if st.head + 1 < capacity else 0
        st.values[head] = x
        st.head = head
        st.count += 1
    if st.count <= occurrence:
        return np.nan
    return float(st.values[(st.head - occurrence) % capacity])


@njit(error_model="numpy")
def barssince(st: Record, condition: bool) -> float:
    """``ta.barssince``: bars since the condition was true, 0 on such a bar; ``na`` before the first."""
    if condition:
        st.happened = 1
        st.bars = 0
    elif st.happened != 0:
        st.bars += 1
    return float(st.bars) if st.happened != 0 else np.nan
