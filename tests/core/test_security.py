"""Higher timeframes from chart bars against a plain grouping of the same bars (M1)."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kwin_core.bars import BAR, floor_time, parse_timeframe
from kwin_core.errors import ConfigError
from kwin_core.lengths import find_error
from kwin_core.security import HTF, check_htf, held, htf_open_time, htf_update

M15 = parse_timeframe("15m")
H1 = parse_timeframe("1h")
MONDAY = 1_744_588_800_000  # 2025-04-14 00:00 UTC


def chart(start_ms: int, count: int, step_ms: int = M15, missing: tuple[int, ...] = ()) -> np.ndarray:
    bars = np.zeros(count, BAR)
    rng = np.random.default_rng(count)
    bars["time_ms"] = start_ms + step_ms * np.arange(count)
    bars["open"] = rng.integers(90, 110, count)
    bars["close"] = rng.integers(90, 110, count)
    bars["high"] = np.maximum(bars["open"], bars["close"]) + rng.integers(0, 5, count)
    bars["low"] = np.minimum(bars["open"], bars["close"]) - rng.integers(0, 5, count)
    bars["volume"] = rng.integers(0, 50, count)
    return np.delete(bars, missing).view(np.recarray)


def aggregate(bars: np.ndarray, chart_ms: int, htf_ms: int) -> tuple[list, np.record]:
    """What a script sees after each chart bar: (completed here, time, o, h, l, c, v or na)."""
    state = np.zeros(1, HTF)[0]
    seen = []
    for bar in bars:
        completed = htf_update(state, bar, chart_ms, htf_ms)
        values = tuple(held(state, float(state[n])) for n in ("open", "high", "low", "close", "volume"))
        seen.append((bool(completed), int(state.time_ms), *values))
    return seen, state


def grouped(bars: np.ndarray, htf_ms: int) -> dict[int, tuple]:
    groups: dict[int, list] = {}
    for bar in bars:
        groups.setdefault(floor_time(int(bar["time_ms"]), htf_ms), []).append(bar)
    return {
        opened: (
            group[0]["open"],
            max(b["high"] for b in group),
            min(b["low"] for b in group),
            group[-1]["close"],
            sum(b["volume"] for b in group),
        )
        for opened, group in groups.items()
    }


def test_an_hour_becomes_visible_on_the_bar_that_ends_it_and_is_held():
    bars = chart(MONDAY, 12)
    seen, state = aggregate(bars, M15, H1)
    assert [i for i, s in enumerate(seen) if s[0]] == [3, 7, 11], "the bars that open at minute 45"
    assert all(math.isnan(v) for v in seen[2][2:])
    assert seen[3][2:] == seen[6][2:] == grouped(bars, H1)[MONDAY]
    assert seen[7][2:] == grouped(bars, H1)[MONDAY + H1]
    assert state.count == 3


@given(
    offset=st.integers(0, 400),
    count=st.integers(1, 300),
    chart_minutes=st.sampled_from([1, 5, 15, 60]),
    multiple=st.sampled_from([1, 2, 3, 4, 16, 96, 672]),
)
def test_any_multiple_equals_grouping_by_utc_periods(offset, count, chart_minutes, multiple):
    chart_ms = chart_minutes * 60_000
    htf_ms = chart_ms * multiple
    bars = chart(MONDAY + offset * chart_ms, count, chart_ms)
    seen, state = aggregate(bars, chart_ms, htf_ms)
    whole = grouped(bars, htf_ms)
    for bar, (completed, opened, *values) in zip(bars, seen, strict=True):
        ends_here = int(bar["time_ms"]) + chart_ms == floor_time(int(bar["time_ms"]), htf_ms) + htf_ms
        assert completed == ends_here
        if completed:
            assert tuple(values) == whole[opened]
            assert opened == floor_time(int(bar["time_ms"]), htf_ms)
    assert state.count == sum(s[0] for s in seen)
    assert state.superseded == 0
    assert find_error(state) is None


def test_the_first_higher_bar_is_built_from_what_there_is():
    bars = chart(MONDAY + 2 * M15, 2)
    seen, _ = aggregate(bars, M15, H1)
    assert seen[1][0]
    assert seen[1][2] == bars[0]["open"]


def test_where_the_ending_bar_is_missing_the_next_bar_shows_the_higher_bar():
    seen, state = aggregate(chart(MONDAY, 9, missing=(3,)), M15, H1)
    assert [i for i, s in enumerate(seen) if s[0]] == [3, 6]
    assert seen[3][1] == MONDAY
    assert state.superseded == 0


def test_two_higher_bars_that_end_on_one_chart_bar_are_counted():
    seen, state = aggregate(chart(MONDAY, 8, missing=(3, 4, 5, 6)), M15, H1)
    assert seen[3][:2] == (True, MONDAY + H1)
    assert state.superseded == 1
    assert state.count == 2


@given(st.integers(-(2**42), 2**42), st.sampled_from(["15m", "1h", "4h", "1d", "1w", "2w", "3d"]))
def test_alignment_equals_the_project_arithmetic(time_ms, name):
    """Weeks begin on Monday, everything else on the UTC epoch, as in kwin_core.bars."""
    assert htf_open_time(time_ms, parse_timeframe(name)) == floor_time(time_ms, parse_timeframe(name))


def test_bars_out_of_order_are_an_error_and_complete_nothing():
    bars = chart(MONDAY, 4)
    seen, state = aggregate(bars[[0, 1, 1, 3]], M15, H1)
    assert not any(s[0] for s in seen)
    assert "out of order" in find_error(state, "hour")


@pytest.mark.parametrize(("chart_ms", "htf_ms"), [(M15, M15 - 1), (M15, M15 * 4 + 1), (H1, M15), (0, H1)])
def test_timeframes_that_do_not_fit_are_refused_before_and_during_a_run(chart_ms, htf_ms):
    with pytest.raises(ConfigError, match="whole multiple"):
        check_htf(chart_ms, htf_ms)
    _, state = aggregate(chart(MONDAY, 4), chart_ms, htf_ms)
    assert find_error(state) is not None


def test_timeframes_that_fit_pass():
    check_htf(M15, M15)
    check_htf(M15, parse_timeframe("1w"))
