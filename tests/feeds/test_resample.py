"""Resampling: against plain Python, in any chunks, and only whole bars."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.gate import Gate
from feeds.resample import Resampler
from kwin_core.bars import DAY_MS, floor_time
from kwin_core.errors import ConfigError, DataError
from tests.feeds.bars_of import QUARTER_MS, START_MS, good_bars

HOUR_MS = 4 * QUARTER_MS


def plain(bars: np.ndarray, to_ms: int, parts: int) -> list[tuple[float, ...]]:
    """Whole long bars, one group at a time."""
    long = []
    for start, group in itertools.groupby(bars.tolist(), key=lambda bar: floor_time(bar[0], to_ms)):
        inside = list(group)
        if len(inside) == parts:
            high, low = max(bar[2] for bar in inside), min(bar[3] for bar in inside)
            volume = round(sum(bar[5] for bar in inside), 8)
            long.append((start, inside[0][1], high, low, inside[-1][4], volume))
    return long


@given(
    st.integers(0, 9),
    st.integers(1, 90),
    st.sampled_from([2, 4, 16, 96]),
    st.lists(st.integers(0, 90), max_size=5),
    st.sets(st.integers(0, 89), max_size=4),
)
def test_equals_plain_python_in_any_chunks(
    shift: int, count: int, parts: int, cuts: list[int], gone: set[int]
) -> None:
    bars = good_bars(count, start_ms=START_MS + shift * QUARTER_MS)
    bars = np.delete(bars, [row for row in gone if row < count])
    resampler = Resampler(QUARTER_MS, parts * QUARTER_MS, allow_gaps=True)
    edges = sorted({0, *(min(cut, bars.size) for cut in cuts), bars.size})
    done = [resampler.add(bars[first:last]) for first, last in itertools.pairwise(edges)]
    resampler.finish()
    long = np.concatenate([np.zeros(0, dtype=bars.dtype), *done])
    assert long.tolist() == plain(bars, parts * QUARTER_MS, parts)
    groups = {floor_time(int(time), parts * QUARTER_MS) for time in bars["time_ms"]}
    assert sorted([*resampler.left_out, *long["time_ms"].tolist()]) == sorted(groups)
    Gate(parts * QUARTER_MS, allow_gaps=True).check(long)


def test_a_bar_that_is_not_whole_is_refused_in_between_and_left_out_at_the_ends() -> None:
    bars = good_bars(43, start_ms=START_MS + QUARTER_MS)
    resampler = Resampler(QUARTER_MS, HOUR_MS)
    assert resampler.add(bars).size == 10
    resampler.finish()
    assert resampler.left_out == [START_MS]
    resampler = Resampler(QUARTER_MS, HOUR_MS, source="x")
    with pytest.raises(
        DataError, match=r"x: the 60m bar of 2025-01-01T03:00:00Z has 3 of 4 bars; fill the gap"
    ):
        resampler.add(np.delete(bars, 12))


def test_weeks_begin_on_monday() -> None:
    days = good_bars(30, timeframe_ms=DAY_MS)
    weeks = Resampler(DAY_MS, 7 * DAY_MS).add(days)
    assert weeks["time_ms"][0] == 1_736_121_600_000  # Monday 2025-01-06


@pytest.mark.parametrize("to_ms", [QUARTER_MS, 300_000, 25 * 60_000])
def test_only_whole_multiples(to_ms: int) -> None:
    with pytest.raises(ConfigError, match="cannot be made of 15m bars; ask for a whole multiple"):
        Resampler(QUARTER_MS, to_ms)
