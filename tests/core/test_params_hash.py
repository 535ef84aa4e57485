"""Any change of one input changes the hash of the parameters, and nothing else does."""

from __future__ import annotations

from typing import Any

import pytest

from kwin_core.kwin.inputs import INPUTS, PRESETS, PROFILES, effective, params_hash
from tests.core.kwin_runs import setup

CASES = [(preset, item) for preset in PRESETS for item in INPUTS if not item.only or preset in item.only]


def another(item: Any, preset: str) -> list[Any]:
    """Other values of an input: every choice, the other flag, a step within the range."""
    default = item.default_for(preset)
    if item.choices:
        return [choice for choice in item.choices if choice != default]
    if isinstance(default, bool):
        return [not default]
    low, high = item.range_for(preset)
    step = 1 if isinstance(default, int) else 1e-9 * max(1.0, abs(default))
    return [value for value in (default + step, default - step) if (low or 0) <= value <= (high or 1e15)]


@pytest.mark.parametrize(("preset", "item"), [pytest.param(p, i, id=f"{p}-{i.name}") for p, i in CASES])
def test_any_single_input_changes_the_hash(preset: str, item: Any) -> None:
    """Down to the ninth digit of a number."""
    base = effective(preset)
    hashes = {params_hash(preset, "tv-literal", base)}
    values = another(item, preset)
    assert values
    for value in values:
        changed = effective(preset, {item.name: value})
        assert changed != base
        hashes.add(params_hash(preset, "tv-literal", changed))
    assert len(hashes) == 1 + len(values)


def test_preset_and_profile_are_part_of_it() -> None:
    hashes = {
        params_hash(preset, profile, effective("dual-sfp")) for preset in PRESETS for profile in PROFILES
    }
    assert len(hashes) == len(PRESETS) * len(PROFILES)


def test_names_and_order_do_not_matter() -> None:
    """Pine names, other orders and defaults written out are the same setting."""
    plain = setup("dual-sfp", given={"swing_len": 3, "risk_pct": 1.0})
    assert setup("dual-sfp", given={"riskPct": "1", "len": 3}).params_hash == plain.params_hash
    assert (
        setup("dual-sfp", given={"swing_len": 3, "risk_pct": 1.0, "armRR": 0.5}).params_hash
        == plain.params_hash
    )
    assert plain.params.tobytes() == setup("dual-sfp", given={"len": 3, "riskPct": 1}).params.tobytes()
