"""Single rules of the indicators as small tables, each with the reason it is worth a test."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kwin_core import ta

NA = math.nan


def stream(dtype, update, values, *rest):
    state = np.zeros(1, dtype)[0]
    out = [update(state, *(v if isinstance(v, tuple) else (v,)), *rest) for v in values]
    assert ta.find_error(state) is None
    return out


def fired(dtype, update, pairs):
    return [i for i, hit in enumerate(stream(dtype, update, pairs)) if hit]


def test_sma_stands_on_a_missing_value_while_ema_and_rma_give_na_and_do_not_advance():
    values = [1.0, 3.0, NA, 5.0]
    np.testing.assert_array_equal(stream(ta.SMA, ta.sma, values, 2), [NA, 2.0, 2.0, 4.0])
    np.testing.assert_array_equal(stream(ta.RMA, ta.rma, values, 2), [NA, 2.0, NA, 3.5])
    np.testing.assert_array_equal(stream(ta.EMA, ta.ema, [2.0, NA, 4.0, 6.0], 3), [NA, NA, NA, 4.0])


def test_wma_repeats_the_last_value_inside_its_window_but_is_na_on_the_bar_itself():
    np.testing.assert_array_equal(stream(ta.WMA, ta.wma, [3.0, 6.0, NA, 9.0], 2), [NA, 5.0, NA, 8.0])


def test_rsi_saturates_when_one_side_is_asleep():
    """I2 and R124: no loss is 100, then no gain is 0; the loss is looked at first."""
    assert stream(ta.RSI, ta.rsi, [1.0, 2.0, 3.0, 4.0], 2)[2:] == [100.0, 100.0]
    assert stream(ta.RSI, ta.rsi, [4.0, 3.0, 2.0, 1.0], 2)[2:] == [0.0, 0.0]
    assert stream(ta.RSI, ta.rsi, [5.0, 5.0, 5.0, 5.0], 2)[2:] == [100.0, 100.0]
    assert stream(ta.RSI, ta.rsi, [0.0, 1e-11, 0.0, 1e-11], 2)[2:] == [100.0, 100.0]


def test_mfi_of_a_flat_market_is_100():
    assert stream(ta.MFI, ta.mfi, [(5.0, 10.0)] * 5, 2)[2:] == [100.0] * 3


def test_an_empty_range_gives_na_not_infinity():
    assert math.isnan(stream(ta.STOCH, ta.stoch, [(5.0, 5.0, 5.0)] * 3, 2)[-1])
    assert math.isnan(stream(ta.WPR, ta.wpr, [(5.0, 5.0, 5.0)] * 3, 2)[-1])
    assert math.isnan(stream(ta.CMO, ta.cmo, [5.0] * 4, 2)[-1])
    assert math.isnan(stream(ta.CHANGE, ta.roc, [0.0, 1.0], 1)[-1])


def test_the_older_of_equal_extremes_counts_for_a_window():
    """I10."""
    assert stream(ta.EXTREME, ta.highestbars, [3.0, 1.0, 3.0, 2.0], 4)[-1] == -3.0
    assert stream(ta.EXTREME, ta.lowestbars, [9.0, 1.0, 5.0, 1.0, 4.0, 7.0], 4)[-2:] == [-3.0, -2.0]


@pytest.mark.parametrize(
    ("values", "left", "right", "expected"),
    [
        ([1, 2, 5, 2], 2, 1, [NA, NA, NA, 5]),
        ([1, 5, 5, 2], 2, 1, [NA, NA, NA, 5]),  # I5, SP-13: equal on the left is allowed
        ([1, 5, 5, 5, 2], 2, 1, [NA, NA, NA, NA, 5]),  # of a run of equals only the newest
        ([1, 2, 5, 5, 2], 2, 2, [NA, NA, NA, NA, NA]),  # equal on the right is not
        ([6, 2, 5, 2], 2, 1, [NA, NA, NA, NA]),
        ([1, 2, 5, 4, NA], 2, 2, [NA, NA, NA, NA, NA]),  # a missing value cannot be lower
        ([NA, 2, 5, 4, 3], 2, 2, [NA, NA, NA, NA, 5]),
        ([1, 2, 3], 1, 0, [NA, 2, 3]),  # strength 0: that side needs no confirmation
        ([3, 2, 3], 0, 1, [NA, 3, NA]),
        ([3, 2], 0, 0, [3, 2]),
    ],
)
def test_pivots(values, left, right, expected):
    values = [float(v) for v in values]
    np.testing.assert_array_equal(stream(ta.PIVOT, ta.pivothigh, values, left, right), expected)
    mirrored = [-v for v in values]
    np.testing.assert_array_equal(
        stream(ta.PIVOT, ta.pivotlow, mirrored, left, right), -np.array(expected, float)
    )


FROM_EQUAL_UP = [(1.0, 1.0)] * 3 + [(2.0, 1.0)]
FROM_EQUAL_DOWN = [(1.0, 1.0)] * 3 + [(0.0, 1.0)]
BELOW_EQUAL_UP = [(0.0, 1.0), (1.0, 1.0), (2.0, 1.0)]
ABOVE_EQUAL_UP = [(2.0, 1.0), (1.0, 1.0), (2.0, 1.0)]
DUST = [(0.0, 5e-11), (5e-11, 0.0)]


def test_crossover_and_crossunder_look_at_the_last_bar_only_and_exactly():
    assert fired(ta.CROSS, ta.crossover, FROM_EQUAL_UP) == [3]
    assert fired(ta.CROSS, ta.crossunder, FROM_EQUAL_DOWN) == [3]
    assert fired(ta.CROSS, ta.crossover, ABOVE_EQUAL_UP) == [2]
    assert fired(ta.CROSS, ta.crossover, DUST) == [1]
    assert fired(ta.CROSS, ta.crossover, [(1.0, 0.0)]) == [], "a first bar above is no cross"


def test_cross_remembers_the_last_clear_side():
    """R124, R125: an equal start never fires, equality forgets nothing, less than 1e-10 is no side."""
    assert fired(ta.CROSS, ta.cross, FROM_EQUAL_UP) == fired(ta.CROSS, ta.cross, FROM_EQUAL_DOWN) == []
    assert fired(ta.CROSS, ta.cross, BELOW_EQUAL_UP) == [2]
    assert fired(ta.CROSS, ta.cross, ABOVE_EQUAL_UP) == []
    assert fired(ta.CROSS, ta.cross, DUST) == []
    assert fired(ta.CROSS, ta.cross, [(1.0, 0.0), (-1.0, 0.0), (1.0, 0.0)]) == [1, 2]


@pytest.mark.parametrize("update", [ta.cross, ta.crossover])
def test_a_hole_neither_crosses_nor_forgets(update):
    assert fired(ta.CROSS, update, [(0.0, 1.0), (NA, 1.0), (2.0, NA), (2.0, 1.0)]) == [3]


def test_steps_below_the_tolerance_do_not_rise():
    assert stream(ta.RUN, ta.rising, [0.0, 5e-11, 2e-10, 4e-10], 1) == [False, False, True, True]
    assert stream(ta.RUN, ta.falling, [3.0, 2.0, 1.0, NA, 0.0, -1.0], 2) == [
        False,
        False,
        True,
        False,
        False,
        False,
    ]


def test_supertrend_begins_with_zero_and_direction_down():
    """TradingView's own start, seen in its printed values."""
    bars = [(2.0, 1.0, 1.5)] * 4
    assert stream(ta.SUPERTREND, ta.supertrend, bars, 3.0, 3)[0] == (0.0, 1.0)
    line, direction = stream(ta.SUPERTREND, ta.supertrend, bars, 3.0, 3)[2]
    assert (line, direction) == (4.5, 1.0)


def test_bands_of_equal_movement_count_for_neither_side():
    """R124 in the directional movement: high and low moved alike, but for rounding."""
    bars = [(1.0, 0.9, 0.95), (1.1, 0.8, 0.9), (1.2, 0.7000000000000001, 0.9)]
    plus, minus, _ = stream(ta.DMI, ta.dmi, bars, 2, 1)[-1]
    assert plus == minus == 0.0


def test_linreg_of_a_line_is_the_line():
    """I7: the end value, and the value one bar before its end."""
    values = [10.0 + 3.0 * i for i in range(8)]
    assert stream(ta.LINREG, ta.linreg, values, 5, 0)[-1] == pytest.approx(31.0, rel=1e-12)
    assert stream(ta.LINREG, ta.linreg, values, 5, 1)[-1] == pytest.approx(28.0, rel=1e-12)


def test_a_rolling_sum_keeps_its_accuracy_over_a_long_run():
    """What was really added is taken out again, so that the error does not grow with the number of bars."""
    rng = np.random.default_rng(3)
    values = 2500.0 + np.cumsum(rng.normal(0.0, 2.0, 60_000))
    state = np.zeros(1, ta.SMA)[0]
    worst = 0.0
    for i, value in enumerate(values.tolist()):
        mean = ta.sma(state, value, 20)
        if i >= 19 and i % 101 == 0:
            worst = max(worst, abs(mean * 20 / math.fsum(values[i - 19 : i + 1]) - 1.0))
    assert worst < 1e-13


def test_the_step_of_a_full_window_is_two_compensated_additions():
    """By hand: 1 + 1e16 rounds to 1e16 and loses the 1 for good. Taking the 1 out leaves 1e16 (a tie again), the
    residue of that is 1, so 3 enters as 2. A single compensation would give 1e16 + 4."""
    assert stream(ta.SUM, ta.rolling_sum, [1.0, 1e16, 3.0], 2)[-1] == 1e16 + 2.0


def test_the_sum_starts_over_when_the_compensation_no_longer_fits_beside_the_new_value():
    """Then it is the plain sum, newest first; the ordinary step would give 28.950000000000006."""
    values = [96.17, 0.72, 0.54, 27.69]
    assert stream(ta.SUM, ta.rolling_sum, values, 3)[-1] == (27.69 + 0.54) + 0.72 == 28.95
