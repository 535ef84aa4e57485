"""Window lengths: how they are checked, and what happens when one is wrong.

Array sizes are part of a state's dtype, lengths are ordinary arguments, so a sweep over lengths compiles
nothing anew. A length is checked three times: by `check_length` when parameters are read (a clear Python
error before any bar), by every compiled indicator on its first bar, and on every later bar against the first,
because these windows do not support a length that changes. The compiled checks cannot raise: they set a
sticky ``error`` in the state and return ``na``; the engine asks `find_error` after a run.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from kwin_core.errors import ConfigError
from kwin_core.records import Record, record

DEFAULT_CAPACITY = 512
"""Bars a windowed indicator can look back over unless its state is made larger."""

UNLIMITED = 2**62
"""Capacity of an indicator that needs no window (EMA, RMA, RSI, ATR)."""

OK = 0
LENGTH_OUT_OF_RANGE = 1
LENGTH_CHANGED = 2
ORDER_BROKEN = 3

_REASONS = {
    LENGTH_OUT_OF_RANGE: "a length or offset was outside its range; raise the capacity of this state",
    LENGTH_CHANGED: "its length changed during the run; give each length its own state",
    ORDER_BROKEN: "it was fed out of order or not on the bars it needs",
}

BOUND = record([("length", np.int64), ("error", np.int64)])
"""Length an indicator runs with (0 before its first bar) and what went wrong (0 nothing)."""


def check_capacity(capacity: int) -> int:
    """The capacity of a state's window, or ``ConfigError`` when it is not a positive whole number."""
    if int(capacity) != capacity or not 1 <= capacity <= 2**24:
        raise ConfigError(
            f"capacity {capacity!r} of an indicator state: expected a whole number from 1 to 2**24"
        )
    return int(capacity)


def check_length(length: int, capacity: int = DEFAULT_CAPACITY, name: str = "length") -> int:
    """A window length that is safe to pass to a compiled indicator.

    Parameters
    ----------
    length
        Bars, 1 or more.
    capacity
        Of the state it will be used with (for pivots: of ``left + right + 1``).
    name
        Of the parameter, for the message.

    Raises
    ------
    ConfigError
        When it is not a whole number from 1 to the capacity.
    """
    if isinstance(length, bool) or int(length) != length or not 1 <= length <= capacity:
        raise ConfigError(f"{name} is {length!r}: expected a whole number of bars from 1 to {capacity}")
    return int(length)


@njit(error_model="numpy")
def reject(bound: Record, code: int) -> None:
    """Keep an error and accept nothing any more: one wrong bar must not be followed by plausible ones."""
    bound.error = code
    bound.length = 0


@njit(error_model="numpy", forceinline=True)
def accept(bound: Record, length: int, capacity: int) -> bool:
    """Whether an indicator may run with this length; two comparisons on the common path.

    Parameters
    ----------
    bound
        `BOUND` record of the indicator's state; takes the length of the first call.
    length
        Bars.
    capacity
        The largest length the state can hold.
    """
    if length == bound.length and length > 0:
        return True
    if bound.error != OK:
        return False
    if length < 1 or length > capacity:
        reject(bound, LENGTH_OUT_OF_RANGE)
    elif bound.length != 0:
        reject(bound, LENGTH_CHANGED)
    else:
        bound.length = length
        return True
    return False


def find_error(state: Any, path: str = "state") -> str | None:
    """First error kept anywhere in a state, as one line; ``None`` when there is none.

    Parameters
    ----------
    state
        A record or an array of records, nested to any depth.
    path
        Name of the state in the message.
    """
    names = state.dtype.names
    if names is None:
        return None
    for name in names:
        inner = state[name]
        if name == "error" and inner.dtype.names is None:
            code = int(np.max(inner, initial=OK)) if inner.ndim else int(inner)
            if code != OK:
                reason = _REASONS.get(code, f"error {code}")
                return f"{path.removesuffix('.bound')}: {reason}"
        found = find_error(inner, f"{path}.{name}")
        if found is not None:
            return found
    return None
