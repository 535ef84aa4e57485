"""The survey finds what the gate refuses, counts all of it, and never stops."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.gate import Gate
from feeds.survey import Survey
from kwin_core.errors import DataError
from tests.feeds.bars_of import QUARTER_MS, good_bars


def surveyed(bars: np.ndarray, edges: list[int] | None = None, **options: float) -> Survey:
    survey = Survey(QUARTER_MS, **options)
    for first, last in itertools.pairwise(edges or [0, bars.size]):
        survey.add(bars[first:last], np.arange(first, last))
    survey.finish()
    return survey


def counts(survey: Survey) -> dict[str, int]:
    return {kind: finding.count for kind, finding in survey.findings.items() if finding.count}


def test_a_good_series_has_no_findings() -> None:
    bars = good_bars(500)
    bars["volume"] += 1.0
    survey = surveyed(bars, tick=0.01)
    assert counts(survey) == {}
    assert survey.good


def test_every_kind_is_counted_with_row_time_and_words() -> None:
    bars = good_bars(200)
    bars["volume"] += 1.0
    bars["volume"][50:57] = 0.0
    bars["volume"][60:62] = 0.0  # too short to mention
    bars["open"][70] += 0.01
    bars["high"][70] += 0.01
    bars["high"][80] = 3600.0
    bars["low"][90] -= 0.003
    bars["close"][100] = np.nan
    bars["time_ms"][110] += 1_000
    bars = np.delete(bars, [120, 121])
    bars = np.insert(bars, 130, bars[129])
    bars[[140, 141]] = bars[[141, 140]]
    survey = surveyed(bars, tick=0.01)
    assert counts(survey) == {
        "gap": 3,  # the hole, and one on either side of the two bars that changed places
        "duplicate": 1,
        "back in time": 1,
        "misaligned": 1,
        "impossible": 1,
        "zero volume": 1,
        "jump": 1,
        "open differs": 6,
        "off tick": 1,
    }
    assert not survey.good
    assert survey.findings["zero volume"].examples == [
        (50, int(bars["time_ms"][50]), "7 bars without volume")
    ]
    assert survey.findings["gap"].total == 2 + 1 + 1
    assert survey.findings["gap"].examples[0][2].startswith("2 missing after 2025-01-02T05:45:00Z")
    assert 0.19 < survey.findings["jump"].worst < 0.21
    assert survey.findings["impossible"].examples[0][:2] == (100, int(bars["time_ms"][100]))


@given(
    st.lists(
        st.tuples(st.integers(1, 38), st.sampled_from(["drop", "repeat", "shift", "swap", "nan", "none"])),
        max_size=3,
    ),
    st.lists(st.integers(0, 40), max_size=4),
)
def test_good_exactly_when_the_gate_passes_and_the_same_in_any_chunks(
    faults: list[tuple[int, str]], cuts: list[int]
) -> None:
    bars = good_bars(40)
    for row, fault in faults:
        bars = bars.copy()
        if fault == "drop":
            bars = np.delete(bars, row)
        elif fault == "repeat":
            bars = np.insert(bars, row, bars[row])
        elif fault == "shift":
            bars["time_ms"][row] += 60_000
        elif fault == "swap":
            bars[[row - 1, row]] = bars[[row, row - 1]]
        elif fault == "nan":
            bars["low"][row] = np.nan
    try:
        Gate(QUARTER_MS).check(bars)
        passed = True
    except DataError:
        passed = False
    whole = surveyed(bars, zero_run=1)
    assert whole.good == passed
    edges = sorted({0, *(min(cut, bars.size) for cut in cuts), bars.size})
    assert surveyed(bars, edges, zero_run=1).findings == whole.findings


@pytest.mark.parametrize("edges", [[0, 30], [0, 12, 30], [0, 10, 13, 18, 30], list(range(31))])
def test_runs_without_volume_go_on_across_blocks_and_reach_the_end(edges: list[int]) -> None:
    bars = good_bars(30)
    bars["volume"] = 1.0
    bars["volume"][10:18] = 0.0
    bars["volume"][26:] = 0.0
    finding = surveyed(bars, edges).findings["zero volume"]
    assert [(row, words) for row, _, words in finding.examples] == [
        (10, "8 bars without volume"),
        (26, "4 bars without volume"),
    ]
    assert (finding.total, finding.worst) == (12, 8)


def test_examples_are_limited_but_counts_are_not() -> None:
    bars = good_bars(1_000)
    bars["open"] += 0.01
    bars["high"] += 0.01
    finding = surveyed(bars).findings["open differs"]
    assert finding.count == 999
    assert len(finding.examples) == 5
