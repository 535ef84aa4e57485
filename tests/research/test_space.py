"""Spaces: what a person may write, which sets come of it, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from engines.research.axis import Axis, axis_of
from engines.research.jobs import KwinJob, StrategyJob
from engines.research.space import parameter_sets
from kwin_core.errors import ConfigError
from kwin_core.properties import PINE_V6
from tests.engines.small_strategy import BUY_AND_CLOSE

JOB = KwinJob("dual-sfp", "intent", {"use_window": False})


def test_a_range_with_a_step_is_counted_in_decimals() -> None:
    axis = axis_of("x", {"low": 0.1, "high": 0.5, "step": 0.1}, whole=False)
    assert axis.values == (0.1, 0.2, 0.3, 0.4, 0.5)
    assert axis_of("x", {"low": 1, "high": 10, "step": 4}, whole=True).values == (1, 5, 9)
    assert axis_of("x", {"low": 2, "high": 5}, whole=True).values == (2, 3, 4, 5)
    assert axis_of("x", np.arange(3), whole=True).values == (0, 1, 2)


def test_a_grid_is_every_combination_once_last_input_fastest() -> None:
    sets = parameter_sets(JOB.axes({"len": [3, 5], "use_fee_filter": [True, False]}), "grid", None, 0)
    assert list(sets) == [
        {"swing_len": 3, "use_fee_filter": True},
        {"swing_len": 3, "use_fee_filter": False},
        {"swing_len": 5, "use_fee_filter": True},
        {"swing_len": 5, "use_fee_filter": False},
    ]
    assert list(sets[1:3]) == list(sets)[1:3]


@pytest.mark.parametrize("method", ["random", "sobol", "halton"])
def test_draws_are_different_repeatable_and_inside(method: str) -> None:
    axes = JOB.axes(
        {"swing_len": {"low": 2, "high": 20}, "trailing_perc": {"low": 0.1, "high": 2.0, "log": True}}
    )
    sets = list(parameter_sets(axes, method, 300, 7))
    assert sets == list(parameter_sets(axes, method, 300, 7))
    assert sets != list(parameter_sets(axes, method, 300, 8))
    assert len({tuple(one.values()) for one in sets}) == 300
    assert {one["swing_len"] for one in sets} == set(range(2, 21))
    shares = np.array([one["trailing_perc"] for one in sets])
    assert shares.min() >= 0.1
    assert shares.max() <= 2.0
    assert 0.35 < np.median(shares) < 0.56  # the middle of the logarithms is 0.447


def test_quasi_random_draws_fill_every_cell_that_random_ones_leave_empty() -> None:
    axes = [Axis("x", (), 0.0, 1.0), Axis("y", (), 0.0, 1.0)]

    def cells(method: str) -> int:
        points = np.array([list(one.values()) for one in parameter_sets(axes, method, 256, 3)])
        return len({tuple(cell) for cell in np.floor(points * 16).clip(0, 15).astype(int)})

    assert cells("sobol") == 256
    assert cells("random") < 200


def test_all_sets_of_a_small_space_can_be_drawn() -> None:
    axes = JOB.axes({"swing_len": [2, 3, 4], "use_fee_filter": [True, False]})
    assert len({tuple(one.values()) for one in parameter_sets(axes, "random", 6, 0)}) == 6


BAD_SPACES = {
    "unknown input": ({"swing_length": [2]}, r"unknown input 'swing_length'.*did you mean swing_len"),
    "out of range": ({"swing_len": [2, 900]}, r"swing_len = 900: must be at least 1 and at most 500"),
    "range end out of range": ({"risk_pct": {"low": 1, "high": 99}}, r"risk_pct = 99.0: must be"),
    "wrong type": ({"swing_len": [2, "many"]}, r"swing_len = 'many': expected a number"),
    "part of a whole": ({"swing_len": [2.5]}, r"swing_len = 2.5: expected a whole number"),
    "empty list": ({"swing_len": []}, r"swing_len: the list of values is empty"),
    "a single value": ({"swing_len": 5}, r"swing_len = 5: write a list of values"),
    "low above high": ({"swing_len": {"low": 9, "high": 2}}, r"swing_len: low 9 is above high 2"),
    "no high": ({"swing_len": {"low": 9}}, r"swing_len: a range needs high"),
    "no step forward": ({"swing_len": {"low": 1, "high": 9, "step": 0}}, r"step = 0: must be positive"),
    "unknown key": ({"swing_len": {"low": 1, "high": 9, "steps": 2}}, r"unknown key steps; a range has low"),
    "text as an end": ({"swing_len": {"low": "1", "high": 9}}, r"low = '1': expected a number"),
    "range of a switch": ({"use_fee_filter": {"low": 0, "high": 1}}, r"use_fee_filter: not a number"),
    "unknown choice": ({"stop_source": ["pivot", "moon"]}, r"stop_source = 'moon': choose one of pivot"),
    "twice in the list": ({"swing_len": [3, 3]}, r"swing_len: the list of values has one twice"),
    "twice under two names": ({"swing_len": [3], "len": [4]}, r"input swing_len is in the space twice"),
    "fixed as well": ({"use_window": [True, False]}, r"input use_window is in the space and fixed"),
    "not of the preset": ({"rsi_period": [3]}, r"'rsi_period' has no effect under the preset dual-sfp"),
    "log from nothing": ({"trailing_perc": {"low": 0, "high": 1, "log": True}}, r"begins above 0, not at 0"),
    "log and step": ({"trailing_perc": {"low": 1, "high": 2, "step": 1, "log": True}}, r"not both"),
    "log of whole numbers": (
        {"swing_len": {"low": 2, "high": 9, "log": True}},
        r"swing_len: takes whole numbers",
    ),
    "endless": ({"trailing_perc": {"low": 0, "high": float("inf")}}, r"high = inf: must be a finite number"),
    "nested": ({"swing_len": [[1, 2]]}, r"\[1, 2\] in the list of values is not one value"),
}


@pytest.mark.parametrize("name", BAD_SPACES)
def test_a_bad_space_is_refused_in_one_line(name: str) -> None:
    space, says = BAD_SPACES[name]
    with pytest.raises(ConfigError, match=says) as caught:
        JOB.axes(space)
    assert "\n" not in str(caught.value)


BAD_METHODS = {
    "unknown": ("gird", None, r"method = 'gird': choose one of grid, random, sobol, halton, search"),
    "a grid with a number": ("grid", 10, r"sets = 10: a grid has all its sets"),
    "no number": ("sobol", None, r"method sobol needs a number of sets"),
    "none": ("random", 0, r"sets = 0: expected a whole number from 1"),
    "more than there are": ("halton", 7, r"sets = 7: the space has only 6"),
}


@pytest.mark.parametrize("name", BAD_METHODS)
def test_a_bad_method_is_refused_in_one_line(name: str) -> None:
    method, sets, says = BAD_METHODS[name]
    axes = JOB.axes({"swing_len": [2, 3, 4], "use_fee_filter": [True, False]})
    with pytest.raises(ConfigError, match=says):
        parameter_sets(axes, method, sets, 0)


def test_a_grid_over_a_continuous_range_or_of_billions_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"trailing_perc: a grid needs a step"):
        parameter_sets(JOB.axes({"trailing_perc": {"low": 0.1, "high": 1}}), "grid", None, 0)
    wide = {name: {"low": 1, "high": 500} for name in ("swing_len", "trail_lookback", "atr_period")}
    with pytest.raises(ConfigError, match=r"the grid has 125000000 sets, at most 5000000"):
        parameter_sets(JOB.axes(wide), "grid", None, 0)


def test_parameters_of_a_strategy_of_ones_own_are_checked_too() -> None:
    job = StrategyJob(BUY_AND_CLOSE, {"qty": 1.0}, PINE_V6)
    assert job.axes({"buy_bar": [1, 2.0]})[0].values == (1, 2)
    for space, says in (
        (
            {"buy_bars": [1]},
            r"unknown parameter 'buy_bars' of 'buy and close': it has buy_bar, close_bar, qty",
        ),
        ({"qty": [1.0]}, r"parameter qty is in the space and fixed"),
        ({"buy_bar": [1.5]}, r"buy_bar = 1.5: expected a whole number"),
        ({"buy_bar": ["one"]}, r"buy_bar = 'one': expected a whole number"),
    ):
        with pytest.raises(ConfigError, match=says):
            job.axes(space)
