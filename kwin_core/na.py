"""Pine's ``na`` and its arithmetic: absence, comparison, rounding.

A missing number is NaN in float64; there is no other kind. Arithmetic with it gives ``na`` (I8), every
comparison with it is false. Pine compares floats with an absolute tolerance of 1e-10 (R124): the comparison
operators of a script go through the functions here; the indicators in ``kwin_core.ta`` know by themselves
which of them TradingView compares exactly.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from kwin_core.records import Record, record

EPSILON = 1e-10
"""Pine's absolute comparison tolerance (R124), the same at every magnitude; the boundary counts as equal."""

FIXNAN = record([("seen", np.int64), ("value", np.float64)])
"""State of `fixnan`: whether a value was seen, and the last one."""


@njit(error_model="numpy")
def is_na(x: float) -> bool:
    """Whether a number is missing."""
    return x != x


@njit(error_model="numpy")
def nz(x: float, replacement: float = 0.0) -> float:
    """The number, or the replacement when it is missing."""
    return replacement if x != x else x


@njit(error_model="numpy")
def fixnan(st: Record, x: float) -> float:
    """The number, or the last one that was not missing; ``na`` while there is none.

    Parameters
    ----------
    st
        `FIXNAN` record, one a call site.
    x
        This bar's value.
    """
    if x == x:
        st.seen = 1
        st.value = x
    return float(st.value) if st.seen != 0 else np.nan


@njit(error_model="numpy")
def maximum(a: float, b: float) -> float:
    """Pine's ``math.max`` of two: exact comparison, ``na`` when either is missing (SP-23)."""
    if a != a or b != b:
        return np.nan
    return a if a > b else b


@njit(error_model="numpy")
def minimum(a: float, b: float) -> float:
    """Pine's ``math.min`` of two: exact comparison, ``na`` when either is missing (SP-23)."""
    if a != a or b != b:
        return np.nan
    return a if a < b else b


@njit(error_model="numpy")
def divide(a: float, b: float) -> float:
    """Pine's division: a zero divisor gives ``na``, never infinity or an exception."""
    return np.nan if b == 0.0 else a / b


@njit(error_model="numpy")
def round_half_up(x: float) -> float:
    """Pine's ``math.round`` to a whole number: ties away from zero (SP-40), ``na`` stays ``na``.

    For a positive number this is ``floor(x + 0.5)``, computed without the addition that would push
    0.49999999999999994 up to 1.
    """
    magnitude = abs(x)
    whole = float(np.floor(magnitude))
    if magnitude - whole >= 0.5:
        whole += 1.0
    return -whole if x < 0.0 else whole


@njit(error_model="numpy")
def round_to_mintick(x: float, minmove: int, pricescale: int) -> float:
    """Pine's ``math.round_to_mintick``: nearest tick, ties up, on TradingView's own grid (R3).

    Parameters
    ----------
    x
        Price, quote currency.
    minmove, pricescale
        The tick as TradingView defines it: ``mintick = minmove / pricescale`` (1 and 100 for a tick of 0.01).

    Returns
    -------
    float
        ``floor(x / mintick + 0.5) * minmove / pricescale``: the double closest to the decimal price, which a
        product with 0.01 is not.
    """
    return float(np.floor(x / (minmove / pricescale) + 0.5)) * minmove / pricescale


@njit(error_model="numpy")
def equal(a: float, b: float) -> bool:
    """``a == b`` in Pine: within `EPSILON`, boundary included; false with ``na``."""
    return a == b or abs(a - b) <= EPSILON


@njit(error_model="numpy")
def differs(a: float, b: float) -> bool:
    """``a != b`` in Pine: further apart than `EPSILON`; false with ``na``, as every comparison."""
    return a != b and abs(a - b) > EPSILON


@njit(error_model="numpy")
def greater(a: float, b: float) -> bool:
    """``a > b`` in Pine: by more than `EPSILON`."""
    return a - b > EPSILON


@njit(error_model="numpy")
def less(a: float, b: float) -> bool:
    """``a < b`` in Pine: by more than `EPSILON`."""
    return b - a > EPSILON


@njit(error_model="numpy")
def greater_or_equal(a: float, b: float) -> bool:
    """``a >= b`` in Pine: not less by more than `EPSILON`; false with ``na``."""
    return a >= b or b - a <= EPSILON


@njit(error_model="numpy")
def less_or_equal(a: float, b: float) -> bool:
    """``a <= b`` in Pine: not greater by more than `EPSILON`; false with ``na``."""
    return a <= b or a - b <= EPSILON


@njit(error_model="numpy")
def truthy(x: float) -> bool:
    """A float used as a condition (SP-1): true beyond `EPSILON` either way; ``na`` and 0 are false (R124)."""
    return abs(x) > EPSILON
