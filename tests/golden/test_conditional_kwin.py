"""The ring law against the reference run of KWIN: highest(...)[1] on every armed bar (SP-22)."""

from __future__ import annotations

import csv

import numpy as np
import pytest

from kwin_core import ta
from tests.golden_data import golden_path, needs_golden

LOOKBACK = 50


def number(text: str) -> float:
    return float("nan") if text in ("na", "") else float(text)


@needs_golden
@pytest.mark.golden
def test_lookback_of_every_armed_bar():
    """One short position of 79 armed bars is among these 3 000; its lookback is the highest high of 50."""
    with golden_path("kwin", "dual_sfp_first_3000_bars.csv").open(newline="") as file:
        armed = [
            row for row in csv.DictReader(file) if row["short_armed"] == "1" and float(row["pos_seen"]) < 0
        ]
    assert len(armed) == 79
    state = np.zeros(1, ta.CONDITIONAL)[0]
    previous = float("nan")
    for row in armed:
        assert np.array_equal(number(row["lookback_prev"]), previous, equal_nan=True), f"bar {row['bar']}"
        previous = ta.conditional_highest(state, float(row["high"]), LOOKBACK, int(row["bar"]), ta.RING)
    assert ta.find_error(state) is None
