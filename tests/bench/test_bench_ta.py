"""What a bar of indicators costs, as ratios between loops timed side by side on this machine.

Absolute times depend on the machine and on what else it does; each limit is far above the ratio seen.
"""

from __future__ import annotations

import time

import numpy as np
import pytest
from numba import njit

from kwin_core import ta
from kwin_core.records import record
from tests.core.ta_all import sample

pytestmark = pytest.mark.bench

BARS = 200_000
STATE = record([("sma", ta.SMA), ("ema", ta.EMA), ("highest", ta.EXTREME), ("rsi", ta.RSI), ("wma", ta.WMA)])


@njit
def _copy(state, values, n, out):
    for i in range(len(values)):
        out[i] = values[i]


@njit
def _sma(state, values, n, out):
    for i in range(len(values)):
        out[i] = ta.sma(state.sma, values[i], n)


@njit
def _ema(state, values, n, out):
    for i in range(len(values)):
        out[i] = ta.ema(state.ema, values[i], n)


@njit
def _highest(state, values, n, out):
    for i in range(len(values)):
        out[i] = ta.highest(state.highest, values[i], n)


@njit
def _rsi(state, values, n, out):
    for i in range(len(values)):
        out[i] = ta.rsi(state.rsi, values[i], n)


@njit
def _wma(state, values, n, out):
    for i in range(len(values)):
        out[i] = ta.wma(state.wma, values[i], n)


@pytest.fixture(scope="module")
def values() -> np.ndarray:
    return sample(BARS)[0]["close"].copy()


def seconds(loop, values, n) -> float:
    """Best of five, compiled before."""
    out = np.empty_like(values)
    best = float("inf")
    for _ in range(6):
        states = np.zeros(1, STATE)
        begin = time.perf_counter()
        loop(states[0], values, n, out)
        best = min(best, time.perf_counter() - begin)
    assert np.isfinite(out[-1])
    return best


@pytest.mark.parametrize("loop", [_sma, _ema, _rsi], ids=lambda loop: loop.py_func.__name__[1:])
def test_the_cost_of_a_bar_does_not_grow_with_the_length(loop, values):
    assert seconds(loop, values, 500) < 3.0 * seconds(loop, values, 10)


def test_the_highest_of_a_random_walk_costs_far_less_than_its_length(values):
    """It looks back only when the extreme leaves the window: about the root of the length a bar (7 of 50)."""
    assert seconds(_highest, values, 500) < 20.0 * seconds(_highest, values, 10)


def test_an_average_that_adds_its_window_up_anew_grows_no_faster_than_its_length(values):
    short, long = seconds(_wma, values, 10), seconds(_wma, values, 500)
    assert long < 50.0 * 2.0 * short


@pytest.mark.parametrize("loop", [_sma, _ema, _rsi, _highest], ids=lambda loop: loop.py_func.__name__[1:])
def test_the_compiled_update_is_many_times_faster_than_the_same_code_in_python(loop, values):
    few = values[:2000]
    compiled = seconds(loop, values, 20) / BARS
    states = np.zeros(1, STATE)
    out = np.empty_like(few)
    begin = time.perf_counter()
    loop.py_func(states[0], few, 20, out)  # one call of a compiled function a bar, from Python
    called = (time.perf_counter() - begin) / len(few)
    assert called > 5.0 * compiled
