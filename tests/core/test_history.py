"""Ring buffers behind x[n]: na before the first bar, an error past the capacity, gaps filled (R126)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kwin_core import history
from kwin_core.errors import ConfigError
from kwin_core.lengths import find_error

FIVE = history.history_state(5)


def fresh() -> np.record:
    return np.zeros(1, FIVE)[0]


def same(a: float, b: float) -> bool:
    return a == b or (a != a and b != b)


@given(st.lists(st.floats(allow_nan=True, allow_infinity=False, width=32), max_size=20))
def test_every_offset_equals_the_list_read_backwards(values):
    state = fresh()
    for i, value in enumerate(values):
        history.push(state, value)
        for n in range(5):
            expected = values[i - n] if n <= i else math.nan
            assert same(history.get(state, n), expected)
    assert find_error(state) is None


@pytest.mark.parametrize("n", [5, 6, 10**9, -1])
def test_an_offset_outside_the_ring_is_an_error_that_stays(n):
    state = fresh()
    for value in range(9):
        history.push(state, float(value))
    assert math.isnan(history.get(state, n))
    assert "history" in find_error(state, "history")
    assert history.get(state, 0) == 8.0
    assert find_error(state) is not None


@given(st.lists(st.tuples(st.integers(1, 8), st.integers(0, 99)), min_size=1, max_size=12))
def test_a_conditional_line_repeats_its_last_value_on_skipped_bars(calls):
    """SP-23: x[1] is the value of the last execution, however long ago it was."""
    state = fresh()
    bar = -1
    by_bar: list[float] = []
    last = math.nan
    for gap, value in calls:
        bar += gap
        by_bar += [last] * (bar - len(by_bar)) + [float(value)]
        history.push_at(state, float(value), bar)
        last = float(value)
        first = next(i for i, v in enumerate(by_bar) if v == v)
        for n in range(5):
            expected = by_bar[bar - n] if bar - n >= first else math.nan
            assert same(history.get(state, n), expected)


def test_a_bar_index_that_does_not_grow_is_an_error():
    state = fresh()
    history.push_at(state, 1.0, 7)
    history.push_at(state, 2.0, 7)
    assert "out of order" in find_error(state)
    assert history.get(state, 0) == 1.0


@pytest.mark.parametrize("capacity", [0, -1, 1.5, 2**30])
def test_a_capacity_that_makes_no_sense_is_refused(capacity):
    with pytest.raises(ConfigError, match="capacity"):
        history.history_state(capacity)
