"""Pine's comparison, rounding and na rules, with ``None`` as na."""

from __future__ import annotations

import math

TOLERANCE = 1e-10  # R124, SP-48: values within this absolute distance are equal

Number = float | None


def lt(a: Number, b: Number) -> bool:
    """``a < b``; false with na (I8), false when equal within the tolerance."""
    return a is not None and b is not None and b - a > TOLERANCE


def gt(a: Number, b: Number) -> bool:
    """``a > b``; false with na, false when equal within the tolerance."""
    return lt(b, a)


def le(a: Number, b: Number) -> bool:
    """``a <= b``; false with na, true when equal within the tolerance."""
    return a is not None and b is not None and a - b <= TOLERANCE


def ge(a: Number, b: Number) -> bool:
    """``a >= b``; false with na, true when equal within the tolerance."""
    return le(b, a)


def truthy(value: Number) -> bool:
    """A float as a condition (SP-1): na and zero are false."""
    return value is not None and abs(value) > TOLERANCE


def math_round(value: float) -> float:
    """``math.round``: the nearest whole number, halves up (SP-40), with SP-48's tolerance at the half."""
    return float(math.floor(value + 0.5 + TOLERANCE))


def add(a: Number, b: Number) -> Number:
    """``a + b``, na when either is (I8)."""
    return None if a is None or b is None else a + b


def subtract(a: Number, b: Number) -> Number:
    """``a - b``, na when either is (I8)."""
    return None if a is None or b is None else a - b


def math_max(a: Number, b: Number) -> Number:
    """``math.max`` of two values: na when either is (SP-23), no tolerance (R124)."""
    return None if a is None or b is None else max(a, b)


def math_min(a: Number, b: Number) -> Number:
    """``math.min`` of two values: na when either is (SP-23), no tolerance (R124)."""
    return None if a is None or b is None else min(a, b)
