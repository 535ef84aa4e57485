"""Runs that are copied from a template are the runs that are made one by one."""

from __future__ import annotations

import numpy as np
import pytest

from engines.plan import Plan, plan_kwin
from engines.research.held import HeldBars
from engines.research.jobs import KwinJob
from feeds.protocol import Instrument
from kwin_core.kwin.inputs import PRESETS, PROFILES
from tests.research.runs import QUARTER_MS, fixture_bars, wild_sets


@pytest.mark.parametrize("profile", PROFILES)
@pytest.mark.parametrize("preset", PRESETS)
def test_a_copied_run_is_the_run_made_by_itself(preset: str, profile: str) -> None:
    """Every input random: parameter record, settings, hash and shortest history are equal, byte for byte."""
    held = HeldBars("bars", Instrument("ETHUSDT", QUARTER_MS, 0.01, 0.01), fixture_bars(50))
    job = KwinJob(preset, profile, {})
    sets = wild_sets(preset, 120, seed=len(preset))
    for given, copied in zip(sets, job.plans(held, sets), strict=True):
        alone = plan_kwin(held, preset, profile, given, job.options)
        assert isinstance(copied, Plan)
        assert copied.params.tobytes() == alone.params.tobytes()
        assert dict(copied.settings) == dict(alone.settings)
        assert copied.label == alone.label
        assert copied.values == alone.values
        assert copied.least_bars == alone.least_bars
        assert copied.frozen == alone.frozen
    assert len({plan.params.tobytes() for plan in job.plans(held, sets)}) == len(sets)


def test_one_input_at_a_time_over_a_base() -> None:
    """The sets of a sweep name few inputs; the rest stay what the job fixes."""
    held = HeldBars("bars", Instrument("ETHUSDT", QUARTER_MS, 0.01, 0.01), fixture_bars(50))
    job = KwinJob("classic-quality", "intent", {"use_window": False, "risk_reward": 3.0})
    sets = [{name: value} for given in wild_sets("classic-quality", 3, 5) for name, value in given.items()]
    sets = [given for given in sets if not set(given) & set(job.fixed)]
    for given, copied in zip(sets, job.plans(held, sets), strict=True):
        alone = job.plan(held, given)
        assert isinstance(copied, Plan)
        np.testing.assert_array_equal(copied.params, alone.params)
        assert copied.label == alone.label
        assert dict(copied.settings) == dict(alone.settings)
