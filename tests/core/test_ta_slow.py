"""Every streaming indicator equals its definition, on any series: holes, equal values, any lengths.

The expected series come from `tests.core.ta_slow`, which knows nothing of the streaming form. Which bars are
na must agree exactly; values to rounding.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kwin_core.bars import BAR
from tests.core import ta_slow
from tests.core.ta_all import CAPACITY, COLUMNS, compute, lengths, sample

ELSEWHERE = {"conditional_highest", "conditional_lowest"}  # test_ta_conditional.py
EXACT = {
    *("highest", "lowest", "highestbars", "lowestbars", "pivothigh", "pivotlow", "valuewhen", "barssince"),
    *("cross", "crossover", "crossunder", "rising", "falling", "change", "mom", "tr", "supertrend_direction"),
}
# Sums of squares cancel where the spread is small against the price, and a root magnifies what is left.
LOOSE = {
    **dict.fromkeys(("variance", "unbiased"), 1e-6),
    **dict.fromkeys(("stdev", "bb_upper", "bb_lower", "bbw", "vwap_bands_upper", "vwap_bands_lower"), 1e-3),
}


@st.composite
def series(draw):
    """A chart on a coarse grid, so that values, lows and highs are often equal; 0 stands for a hole in x."""
    count = draw(st.integers(1, 70))
    moves = draw(st.lists(st.tuples(*[st.integers(0, 9)] * 4), min_size=count, max_size=count))
    unit = draw(st.sampled_from([0.25, 0.1, 7.3]))
    bars = np.zeros(len(moves), BAR)
    x = np.zeros(len(moves))
    previous = 5
    for i, (level, up, down, volume) in enumerate(moves):
        bars["open"][i] = 100.0 + unit * previous
        bars["close"][i] = 100.0 + unit * level
        bars["high"][i] = 100.0 + unit * (max(level, previous) + up // 3)
        bars["low"][i] = 100.0 + unit * (min(level, previous) - down // 3)
        bars["volume"][i] = 1.7 * volume
        x[i] = math.nan if up == 0 else 100.0 + unit * ((level + volume) // 2)
        previous = level
    return bars, x


LENGTHS = st.tuples(
    st.integers(1, 9) | st.integers(1, CAPACITY - 1), st.integers(1, 9), st.integers(0, 5), st.integers(0, 5)
)


def as_chart(bars: np.ndarray, x: np.ndarray) -> ta_slow.Chart:
    names = ("open", "high", "low", "close", "volume")
    return ta_slow.Chart(*(bars[name].tolist() for name in names), x=x.tolist())


def test_every_column_has_a_definition():
    assert set(COLUMNS) > ELSEWHERE
    for column in set(COLUMNS) - ELSEWHERE:
        assert callable(getattr(ta_slow, column, None)), column
    assert set(COLUMNS) > EXACT


def assert_equals_definitions(bars, x, chosen):
    results = compute(bars, x, lengths(*chosen))
    chart = as_chart(bars, x)
    for column in set(COLUMNS) - ELSEWHERE:
        want = np.array(getattr(ta_slow, column)(chart, ta_slow.Lengths(*chosen)))
        defined = want != ta_slow.UNDEFINED
        got, want = results[column][defined], want[defined]
        np.testing.assert_array_equal(np.isnan(got), np.isnan(want), err_msg=f"{column}: na on other bars")
        if column in EXACT:
            np.testing.assert_array_equal(got, want, err_msg=column)
        else:
            tolerance = LOOSE.get(column, 1e-8)
            np.testing.assert_allclose(got, want, rtol=1e-9, atol=tolerance, err_msg=column)


@settings(max_examples=60)
@given(data=series(), chosen=LENGTHS)
def test_the_streaming_form_equals_the_definition(data, chosen):
    assert_equals_definitions(*data, chosen)


@pytest.mark.slow
@settings(max_examples=2000)
@given(data=series(), chosen=LENGTHS)
def test_the_streaming_form_equals_the_definition_at_length(data, chosen):
    assert_equals_definitions(*data, chosen)


@pytest.mark.parametrize("n", [1, 2, 3, 14, CAPACITY - 1])
def test_a_long_random_walk_equals_the_definition(n):
    """Rings that went round many times, and prices of four digits on a grid of 0.01."""
    bars, x = sample(600)
    assert_equals_definitions(bars, x, (n, 5, 3, 2))


@pytest.mark.parametrize("sign", [1.0, -1.0], ids=["up", "down"])
def test_a_long_trend_equals_the_definition(sign):
    """Every bar a new extreme: the acceleration of the SAR reaches its limit, runs grow, one side is asleep."""
    bars, _ = sample(60)
    for name in ("open", "high", "low", "close"):
        bars[name] = 2500.0 + sign * (20.0 * np.arange(60) + (bars[name] - 2500.0) * 0.01)
    bars["high"], bars["low"] = np.maximum(bars["high"], bars["low"]), np.minimum(bars["high"], bars["low"])
    assert_equals_definitions(bars, bars["close"].copy(), (9, 4, 3, 2))
