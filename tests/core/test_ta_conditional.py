"""Highest and lowest inside an if: the three laws against their words (SP-21 to SP-24)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kwin_core import ta

CAPACITY = 12
STATE = ta.conditional_state(CAPACITY)
VALUES = st.integers(1, 9).map(lambda k: 10.0 + 0.25 * k)
BARS = st.lists(st.tuples(VALUES, st.booleans()), min_size=1, max_size=80)


def run(bars, length, law, sign):
    """Result of every call, None on bars without one."""
    call = ta.conditional_highest if sign > 0 else ta.conditional_lowest
    state = np.zeros(1, STATE)[0]
    out = []
    for i, (value, called) in enumerate(bars):
        ta.conditional_step(state, value, length, i, law)
        out.append(call(state, value, length, i, law) if called else None)
    assert ta.find_error(state) is None
    return out


def by_the_words(bars, length, law, sign):
    better = (lambda a, b: a > b) if sign > 0 else (lambda a, b: a < b)
    best_of = max if sign > 0 else min
    slots = [0.0] * (length + 1)
    called_values: list[float] = []
    extreme = extreme_bar = first = None
    out = []
    for i, (value, called) in enumerate(bars):
        if not called:
            out.append(None)
            continue
        called_values.append(value)
        slots[i % (length + 1)] = value
        if extreme is None or better(value, extreme):
            first = i if first is None else first
            extreme, extreme_bar = value, i
        elif i - extreme_bar >= length:
            extreme, extreme_bar = value, i
            for back in range(1, min(length - 1, i - first) + 1):
                if better(slots[(i - back) % (length + 1)], extreme):
                    extreme, extreme_bar = slots[(i - back) % (length + 1)], i - back
        result = {
            ta.RING: extreme,
            ta.PER_CALL: best_of(called_values[-length:]),
            ta.GLOBAL: best_of(v for v, _ in bars[max(0, i - length + 1) : i + 1]),
        }[law]
        out.append(result if i >= length - 1 else math.nan)
    return out


@pytest.mark.parametrize("sign", [1, -1], ids=["highest", "lowest"])
@pytest.mark.parametrize("law", [ta.RING, ta.PER_CALL, ta.GLOBAL], ids=["ring", "per-call", "global"])
@given(bars=BARS, length=st.integers(1, CAPACITY))
def test_every_call_follows_the_law(law, sign, bars, length):
    got = run(bars, length, law, sign)
    want = by_the_words(bars, length, law, sign)
    assert [g if g == g else "na" for g in got] == [w if w == w else "na" for w in want]


@given(bars=BARS, length=st.integers(1, CAPACITY))
def test_called_on_every_bar_all_laws_are_the_plain_window(bars, length):
    always = [(value, True) for value, _ in bars]
    state = np.zeros(1, ta.EXTREME)[0]
    plain = [ta.lowest(state, value, length) for value, _ in bars]
    for law in (ta.RING, ta.PER_CALL, ta.GLOBAL):
        assert np.array_equal(run(always, length, law, -1), plain, equal_nan=True)


def test_a_skipped_stretch_leaves_old_values_and_zeros_in_the_ring():
    """SP-24: slots never written hold 0.0, which the lowest finds and the highest never does."""
    bars = [(20.0 + i, i >= 6) for i in range(14)]
    length = 4
    lows = run(bars, length, ta.RING, -1)
    assert lows[6:10] == [26.0, 26.0, 26.0, 26.0], "the lowest since the first call, until it is 4 bars old"
    assert lows[10] == 27.0
    gap = [(50.0, True)] + [(60.0, False)] * 8 + [(55.0, True)]
    assert run(gap, length, ta.RING, -1)[-1] == 0.0
    assert run(gap, length, ta.RING, 1)[-1] == 55.0


def test_global_needs_every_bar():
    state = np.zeros(1, STATE)[0]
    ta.conditional_step(state, 1.0, 1, 0, ta.GLOBAL)
    assert math.isnan(ta.conditional_lowest(state, 1.0, 1, 1, ta.GLOBAL))
    assert "out of order" in ta.find_error(state)
    state = np.zeros(1, STATE)[0]
    ta.conditional_step(state, 1.0, 2, 0, ta.GLOBAL)
    ta.conditional_step(state, 1.0, 2, 2, ta.GLOBAL)
    assert math.isnan(ta.conditional_lowest(state, 1.0, 2, 2, ta.GLOBAL))


def test_a_second_call_on_one_bar_is_an_error():
    state = np.zeros(1, STATE)[0]
    assert ta.conditional_lowest(state, 3.0, 2, 5, ta.RING) == 3.0
    assert math.isnan(ta.conditional_lowest(state, 2.0, 2, 5, ta.RING))
    assert math.isnan(ta.conditional_lowest(state, 2.0, 2, 6, ta.RING)), (
        "an error is never followed by values"
    )
    assert ta.find_error(state) is not None


def test_a_length_beyond_the_slots_is_an_error():
    state = np.zeros(1, STATE)[0]
    assert math.isnan(ta.conditional_lowest(state, 3.0, CAPACITY + 1, 50, ta.RING))
    assert "capacity" in ta.find_error(state)
