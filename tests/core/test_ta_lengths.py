"""Wrong lengths are refused before a run and are errors that stay during one; first bars by the rules."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kwin_core import ta
from kwin_core.errors import ConfigError
from kwin_core.records import record
from tests.core.ta_all import compute, lengths, sample

FIVE = ta.sma_state(5)


@pytest.mark.parametrize("length", [0, -3, 6, 1.5, True])
def test_a_length_outside_the_window_is_refused_by_name(length):
    with pytest.raises(ConfigError, match=r"slow_length.*1 to 5"):
        ta.check_length(length, 5, "slow_length")


def test_a_good_length_passes_as_a_whole_number():
    assert ta.check_length(5, 5) == 5
    assert ta.check_length(14.0) == 14
    assert ta.check_length(ta.DEFAULT_CAPACITY) == ta.DEFAULT_CAPACITY
    assert ta.check_length(100_000, ta.UNLIMITED) == 100_000


@pytest.mark.parametrize("length", [0, -1, 6, 10**9])
def test_a_compiled_window_keeps_the_error_and_never_gives_a_value_again(length):
    state = np.zeros(1, FIVE)[0]
    assert math.isnan(ta.sma(state, 1.0, length))
    assert "capacity" in ta.find_error(state)
    for _ in range(9):
        assert math.isnan(ta.sma(state, 1.0, 3)), "a good length afterwards does not hide it"


def test_a_length_that_changes_during_a_run_is_an_error():
    state = np.zeros(1, FIVE)[0]
    for _ in range(4):
        ta.sma(state, 1.0, 2)
    assert math.isnan(ta.sma(state, 1.0, 3))
    assert math.isnan(ta.sma(state, 1.0, 2))
    assert "changed" in ta.find_error(state)


def test_an_average_without_window_has_no_upper_limit_but_a_lower_one():
    state = np.zeros(1, ta.EMA)[0]
    for i in range(3000):
        value = ta.ema(state, float(i), 3000)
    assert value == 2999 / 2
    state = np.zeros(1, ta.EMA)[0]
    assert math.isnan(ta.ema(state, 1.0, 0))
    assert ta.find_error(state) is not None


@pytest.mark.parametrize(("left", "right"), [(-1, 1), (1, -1), (32, 32)])
def test_pivot_strengths_outside_the_window_are_errors(left, right):
    state = np.zeros(1, ta.PIVOT)[0]
    assert math.isnan(ta.pivothigh(state, 1.0, left, right))
    assert math.isnan(ta.pivothigh(state, 1.0, 1, 1))
    assert ta.find_error(state) is not None


@pytest.mark.parametrize("occurrence", [-1, 16])
def test_occurrences_outside_the_state_are_errors(occurrence):
    state = np.zeros(1, ta.VALUEWHEN)[0]
    assert math.isnan(ta.valuewhen(state, True, 1.0, occurrence))
    assert ta.find_error(state) is not None


def test_the_error_is_found_in_nested_states_and_arrays_and_named_by_its_path():
    strategy = record([("up", ta.RSI), ("bands", ta.bb_state(5)), ("legs", FIVE)])
    states = np.zeros(2, strategy)
    assert ta.find_error(states) is None
    ta.bb(states[1].bands, 1.0, 6, 2.0)
    assert ta.find_error(states, "state").startswith("state.bands.values: ")


FIRST_VALUE = {
    **dict.fromkeys(
        ("sma", "ema", "rma", "wma", "alma", "rolling_sum", "highest", "lowestbars", "atr"), 10
    ),  # I4, I1
    **dict.fromkeys(("stdev", "bb_upper", "linreg", "stoch", "supertrend_line", "vwma"), 10),
    **dict.fromkeys(
        ("rsi", "cmo", "change", "roc", "dmi_plus", "kc_upper"), 11
    ),  # I2: one bar for the change
    "kc_middle": 10,
    "hma": 11 + 3 - 1,  # wma of 11, then of floor(sqrt(11))
    "macd_line": 14,
    "macd_signal": 14 + 4 - 1,
    "dmi_adx": 11 + 4 - 1,
    "pivothigh": 3 + 2 + 1,  # I5
    "sar": 2,  # I12
    "tr": 2,
    "swma": 4,
    "mfi": 10,
    "cum": 1,
    "vwap": 4,  # the anchor of the test loop
}


@pytest.mark.parametrize(("column", "number"), FIRST_VALUE.items())
def test_first_bar_with_a_value(column, number):
    """Bar numbers begin with 1; a rising series without holes, lengths 10 and 4, pivots 3 and 2."""
    bars, _ = sample(40)
    peak = np.where(np.arange(40) == number - 3, 3000.0, 2000.0 + np.arange(40))  # a pivot as early as can be
    x = peak if column == "pivothigh" else bars["close"].copy()
    if column == "supertrend_line":
        number, bars, x = number - 1, bars[1:], x[1:]  # the very first bar gives 0: look from the second on
        results = compute(np.concatenate((bars[:1], bars)), np.concatenate((x[:1], x)), lengths(10, 4, 3, 2))[
            1:
        ]
    else:
        results = compute(bars, x, lengths(10, 4, 3, 2))
    assert np.flatnonzero(np.isfinite(results[column]))[0] + 1 == number
