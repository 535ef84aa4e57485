"""Hypothesis compares the compiled core with the independent reference: random bars, inputs and properties.

Every closed trade in every field, every column of every bar, the open trade and the equity. Where the two ever
disagree, the rule tables decide, and the example becomes a named test.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.differential import compiled
from tests.differential.compare import differences
from tests.differential.random_runs import Case, cases
from tests.golden.test_reference_kwin import eth_bars
from tests.reference import run

PRESETS = ["dual-sfp", "classic", "classic-quality"]
SLOW_INPUT = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example]


def assert_equal(case: Case) -> None:
    found = list(differences(run(*case), compiled.run(*case)))
    assert not found, "\n".join(found[:5])


@pytest.mark.parametrize("preset", PRESETS)
@given(data=st.data())
@settings(max_examples=70, deadline=None, suppress_health_check=SLOW_INPUT)
def test_core_is_the_reference(preset: str, data: st.DataObject) -> None:
    """All options of the preset, both profiles, all switches, several ticks and lots, margin 0."""
    assert_equal(data.draw(cases(preset, longest=60)))


@pytest.mark.slow
@pytest.mark.parametrize("preset", PRESETS)
@given(data=st.data())
@settings(max_examples=1_500, deadline=None, suppress_health_check=SLOW_INPUT)
def test_core_is_the_reference_at_length(preset: str, data: st.DataObject) -> None:
    """The same, longer and more often."""
    assert_equal(data.draw(cases(preset, longest=150)))


@pytest.mark.slow
@pytest.mark.parametrize("preset", PRESETS)
@given(data=st.data())
@settings(max_examples=600, deadline=None, suppress_health_check=SLOW_INPUT)
def test_core_is_the_reference_with_margin(preset: str, data: st.DataObject) -> None:
    """Margin 100 percent: what is refused, and what a margin call closes (R90 to R95, R136, R140)."""
    assert_equal(data.draw(cases(preset, margin_percent=100.0, longest=100)))


REAL_RUNS = [
    ("dual-sfp", "tv-literal", {}),
    ("dual-sfp", "tv-literal", {"conditional_history": "per-call", "use_dir_lock": False}),
    ("dual-sfp", "tv-literal", {"all_na_exit": "keep", "use_one_per_bar": False}),
    ("dual-sfp", "tv-literal", {"conditional_history": "global", "trailing_perc": 20.0, "risk_pct": 0.5}),
    ("dual-sfp", "intent", {"trail_lookback": 5}),
    ("dual-sfp", "intent", {"use_fee_filter": False, "use_take_profit": True, "risk_pct": 0.2}),
    ("classic-quality", "tv-literal", {}),
    ("classic-quality", "intent", {"enable_smart_trail": False}),
    ("classic", "tv-literal", {}),
    ("classic", "tv-literal", {"use_rsi_weight": True, "zero_commission": True, "enable_smart_trail": False}),
    ("classic", "intent", {"enable_reentry_after_sl": True}),
]


@pytest.mark.golden
@pytest.mark.parametrize(("preset", "profile", "params"), REAL_RUNS)
def test_core_is_the_reference_on_real_bars(preset: str, profile: str, params: dict[str, object]) -> None:
    """All 53 928 bars of ETHUSDT 15m, every column of every bar."""
    case = (eth_bars(), preset, profile, {"use_window": False, **params})
    found = list(differences(run(*case), compiled.run(*case)))
    assert not found, "\n".join(found[:5])
