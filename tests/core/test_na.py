"""Pine's na, comparison and rounding rules, as a table (R124, SP-1, SP-40, R3)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kwin_core import na

NAN = math.nan


def same(a: float, b: float) -> bool:
    return a == b or (a != a and b != b)


def test_absence():
    assert na.is_na(NAN)
    assert not na.is_na(0.0)
    assert na.nz(NAN) == 0.0
    assert na.nz(NAN, 7.0) == 7.0
    assert na.nz(3.0, 7.0) == 3.0


def test_fixnan_holds_the_last_value_and_is_na_before_the_first():
    state = np.zeros(1, na.FIXNAN)[0]
    assert same(na.fixnan(state, NAN), NAN)
    assert na.fixnan(state, 2.0) == 2.0
    assert na.fixnan(state, NAN) == 2.0
    assert na.fixnan(state, 0.0) == 0.0
    assert na.fixnan(state, NAN) == 0.0


def test_max_and_min_with_na_are_na_and_exact_otherwise():
    assert na.maximum(1.0, 1.0 + 1e-12) == 1.0 + 1e-12
    assert na.minimum(1.0, 1.0 - 1e-12) == 1.0 - 1e-12
    for a, b in ((NAN, 1.0), (1.0, NAN), (NAN, NAN)):
        assert na.is_na(na.maximum(a, b))
        assert na.is_na(na.minimum(a, b))


def test_division_by_zero_is_na():
    assert na.is_na(na.divide(1.0, 0.0))
    assert na.is_na(na.divide(0.0, 0.0))
    assert na.divide(1.0, 4.0) == 0.25


@pytest.mark.parametrize(
    ("x", "expected"),
    [
        (0.5, 1.0),
        (1.5, 2.0),
        (2.5, 3.0),
        (2.4999999999999996, 2.0),
        (0.49999999999999994, 0.0),
        (-2.5, -3.0),
        (-2.4, -2.0),
        (4503599627370497.5, 4503599627370498.0),
        (9007199254740991.0, 9007199254740991.0),
        (NAN, NAN),
    ],
)
def test_round_takes_ties_away_from_zero(x, expected):
    assert same(na.round_half_up(x), expected)


@given(st.floats(-1e15, 1e15))
def test_round_is_the_nearest_whole_number(x):
    result = na.round_half_up(x)
    assert result == math.trunc(result)
    assert abs(result - x) <= 0.5


def test_round_to_mintick_gives_the_double_of_the_decimal_price():
    assert na.round_to_mintick(93761.9, 1, 100) == 93761.9
    assert na.round_to_mintick(2640.635, 1, 100) == 2640.64
    assert na.round_to_mintick(18.0124, 25, 1000) == 18.0, "a tick of 0.025"
    assert na.round_to_mintick(18.013, 25, 1000) == 18.025
    assert na.is_na(na.round_to_mintick(NAN, 1, 100))


@pytest.mark.parametrize(
    ("a", "b", "relation"),
    [
        (1.0, 1.0, "="),
        (1e-10, 0.0, "="),  # the boundary belongs to equality
        (1.0000001e-10, 0.0, ">"),
        (0.0, 1.0000001e-10, "<"),
        (5.0, 4.0, ">"),
        (4.0, 5.0, "<"),
        (math.inf, math.inf, "="),
        (math.inf, 1.0, ">"),
        (NAN, 1.0, "na"),
        (1.0, NAN, "na"),
        (NAN, NAN, "na"),
    ],
)
def test_comparisons_are_tolerant_and_false_with_na(a, b, relation):
    assert na.equal(a, b) == (relation == "=")
    assert na.differs(a, b) == (relation in "<>")
    assert na.greater(a, b) == (relation == ">")
    assert na.less(a, b) == (relation == "<")
    assert na.greater_or_equal(a, b) == (relation in ("=", ">"))
    assert na.less_or_equal(a, b) == (relation in ("=", "<"))


@pytest.mark.parametrize(
    ("x", "expected"),
    [(0.0, False), (NAN, False), (1e-10, False), (-1.1e-10, True), (1.1e-10, True), (-3.0, True)],
)
def test_a_float_as_condition(x, expected):
    assert na.truthy(x) == expected
