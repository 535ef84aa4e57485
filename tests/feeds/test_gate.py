"""The gate: every kind of bad bar is refused with its row, time and values; good bars always pass."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.gate import TIMEFRAME_EVIDENCE, Gate
from feeds.timeframe import common_step
from kwin_core.bars import BAR, DAY_MS
from kwin_core.errors import ConfigError, DataError
from tests.feeds.bars_of import QUARTER_MS, START_MS, good_bars

HOUR_MS = 4 * QUARTER_MS


def refused(bars: np.ndarray, *, timeframe_ms: int = QUARTER_MS, allow_gaps: bool = False) -> DataError:
    with pytest.raises(DataError) as caught:
        Gate(timeframe_ms, allow_gaps=allow_gaps, source="x").check(bars)
    assert "\n" not in str(caught.value)
    return caught.value


SPOILED = {
    # name: (row, field, value, words of the message)
    "nan open": (3, "open", np.nan, "open is nan, not a price"),
    "nan high": (3, "high", np.nan, "high is nan, not a price"),
    "nan low": (3, "low", np.nan, "low is nan"),
    "nan close": (3, "close", np.nan, "close is nan"),
    "infinite high": (4, "high", np.inf, "high is inf"),
    "zero close": (5, "close", 0.0, "close 0.0 is not positive"),
    "negative low": (5, "low", -1.0, "low -1.0 is not positive"),
    "high below low": (6, "high", 1.0, "high below low"),
    "low above close": (6, "low", 3001.5, "low above open or close"),
    "nan volume": (7, "volume", np.nan, "volume nan is not a finite number"),
    "negative volume": (7, "volume", -0.1, "volume -0.1"),
    "infinite volume": (7, "volume", np.inf, "volume inf"),
}


@pytest.mark.parametrize("name", SPOILED)
def test_impossible_values_are_refused_with_row_time_and_values(name: str) -> None:
    row, field, value, words = SPOILED[name]
    bars = good_bars(20)
    bars["open"][row], bars["close"][row] = 3000.0, 3001.0
    bars["high"][row], bars["low"][row] = 3002.0, 2999.0
    bars[field][row] = value
    error = refused(bars)
    assert words in str(error)
    assert error.row == row
    assert error.time_ms == START_MS + row * QUARTER_MS
    assert f"row {row}, 2025-01-01T0" in str(error)
    assert f"({error.time_ms} ms)" in str(error)


def test_high_below_close_is_told_from_high_below_low() -> None:
    bars = good_bars(5)
    bars["open"][2], bars["low"][2], bars["high"][2], bars["close"][2] = 3000.0, 2999.0, 3000.5, 3001.0
    assert "high below open or close (open 3000.0, high 3000.5, low 2999.0, close 3001.0)" in str(
        refused(bars)
    )


def test_duplicate() -> None:
    bars = good_bars(10)
    error = refused(np.concatenate([bars[:5], bars[4:]]))
    assert "duplicate" in str(error)
    assert error.row == 5


def test_unsorted_and_newest_first() -> None:
    bars = good_bars(10)
    swapped = bars.copy()
    swapped[[4, 5]] = swapped[[5, 4]]
    assert "gap: 1 15m bar is missing after 2025-01-01T00:45:00Z" in str(refused(swapped))
    assert "back in time, after 2025-01-01T01:15:00Z; sort" in str(refused(swapped, allow_gaps=True))
    assert "newest first: reverse" in str(refused(bars[::-1]))


def test_gap_is_refused_unless_declared_and_then_counted() -> None:
    bars = np.delete(good_bars(30), [10, 11, 12, 20])
    error = refused(bars)
    assert "gap: 3 15m bars are missing after 2025-01-01T02:15:00Z" in str(error)
    assert "--allow-gaps" in str(error)
    assert error.row == 10
    gate = Gate(QUARTER_MS, allow_gaps=True)
    gate.check(bars)
    assert (gate.gaps, gate.missing_bars, gate.bars) == (2, 4, 26)


def test_misaligned() -> None:
    bars = good_bars(10)
    bars["time_ms"] += 60_000
    assert "60 s off the 15m grid" in str(refused(bars))
    one = good_bars(10)
    one["time_ms"][6] += 1
    assert "0.001 s off the 15m grid" in str(refused(one))
    assert refused(one).row == 6


def test_seconds_taken_for_milliseconds() -> None:
    bars = good_bars(10)
    bars["time_ms"] //= 1000
    for allow_gaps in (False, True):
        error = refused(bars, allow_gaps=allow_gaps)
        assert "seconds taken for milliseconds: multiply the times by 1000" in str(error)


@pytest.mark.parametrize("factor", [1_000, 1_000_000])
def test_finer_units_taken_for_milliseconds(factor: int) -> None:
    bars = good_bars(10)
    bars["time_ms"] *= factor
    assert "not a time in milliseconds" in str(refused(bars, allow_gaps=True))


def test_not_a_time_is_refused_not_overflowed() -> None:
    bars = good_bars(3)
    bars["time_ms"][0] = np.iinfo(np.int64).min
    assert refused(bars).row == 0


@pytest.mark.parametrize("allow_gaps", [False, True])
@pytest.mark.parametrize("found_ms", [HOUR_MS, 5 * 60_000])
def test_wrong_timeframe_is_named(found_ms: int, allow_gaps: bool) -> None:
    name = "60m" if found_ms == HOUR_MS else "5m"
    error = refused(good_bars(50, timeframe_ms=found_ms), allow_gaps=allow_gaps)
    assert f"bars are {name}, asked for 15m" in str(error)


def test_wrong_timeframe_with_gaps_allowed_needs_evidence_and_is_found_in_any_chunks() -> None:
    bars = good_bars(50, timeframe_ms=HOUR_MS)
    for size in (1, 2, 3, 7, 8, 9, 10, 50):
        edges = [*range(0, bars.size, size), bars.size]
        refusal = first_refusal(bars, edges, allow_gaps=True)
        assert refusal == (TIMEFRAME_EVIDENCE, int(bars["time_ms"][TIMEFRAME_EVIDENCE])), size
    Gate(QUARTER_MS, allow_gaps=True).check(bars[:TIMEFRAME_EVIDENCE])


def test_weekly_bars_open_on_mondays() -> None:
    week = 7 * DAY_MS
    monday = 1_736_121_600_000  # 2025-01-06
    Gate(week).check(good_bars(10, timeframe_ms=week, start_ms=monday))
    assert "off the 1w grid" in str(refused(good_bars(10, timeframe_ms=week), timeframe_ms=week))


def test_a_refused_block_leaves_the_gate_unchanged() -> None:
    bars = good_bars(20)
    gate = Gate(QUARTER_MS)
    gate.check(bars[:10])
    spoiled = bars[10:].copy()
    spoiled["close"][5] = np.nan
    with pytest.raises(DataError) as caught:
        gate.check(spoiled)
    assert caught.value.row == 15
    assert (gate.bars, gate.last_ms) == (10, int(bars["time_ms"][9]))
    gate.check(bars[10:])
    assert gate.bars == 20


def test_rows_of_the_source_are_reported_when_given() -> None:
    bars = good_bars(4)
    bars["close"][2] = -1
    with pytest.raises(DataError) as caught:
        Gate(QUARTER_MS).check(bars, rows=np.array([7, 8, 99, 100]))
    assert caught.value.row == 99


def test_only_bar_records_pass() -> None:
    with pytest.raises(DataError, match=r"kwin_core\.bars\.BAR"):
        Gate(QUARTER_MS).check(np.zeros(3, dtype=[("time_ms", "i8")]))
    with pytest.raises(ConfigError, match="whole number of minutes"):
        Gate(1_000)


def test_common_step_prefers_the_smaller_on_a_tie() -> None:
    assert common_step(np.array([900, 1800, 900, 1800])) == 900
    assert common_step(np.array([-5, 0])) == 0


def cuts(size: int) -> st.SearchStrategy[list[int]]:
    return st.lists(st.integers(0, size), max_size=6).map(lambda inner: [0, *sorted(inner), size])


@given(count=st.integers(1, 60), seed=st.integers(0, 2**32 - 1), data=st.data())
def test_good_bars_pass_in_any_chunks(count: int, seed: int, data: st.DataObject) -> None:
    bars = good_bars(count, seed=seed)
    gate = Gate(QUARTER_MS)
    edges = data.draw(cuts(count))
    for first, last in itertools.pairwise(edges):
        gate.check(bars[first:last])
    assert (gate.bars, gate.gaps, gate.last_ms) == (count, 0, int(bars["time_ms"][-1]))


TIME_FAULTS = ("drop", "repeat", "shift", "swap")
VALUE_FAULTS = ("open", "high", "low", "close", "volume")


def spoil(bars: np.ndarray, row: int, fault: str) -> np.ndarray:
    """One fault at a row; returns the spoiled copy."""
    bars = bars.copy()
    if fault == "drop":
        return np.delete(bars, row)
    if fault == "repeat":
        return np.insert(bars, row, bars[row - 1])
    if fault == "shift":
        bars["time_ms"][row] += 60_000
    elif fault == "swap":
        bars[[row - 1, row]] = bars[[row, row - 1]]
    else:
        bars[fault][row] = np.nan
    return bars


@given(
    seed=st.integers(0, 2**32 - 1),
    faults=st.lists(
        st.tuples(st.integers(2, 37), st.sampled_from(TIME_FAULTS + VALUE_FAULTS)), min_size=1, max_size=3
    ),
    data=st.data(),
    allow_gaps=st.booleans(),
)
def test_the_same_row_is_refused_however_the_stream_is_cut(
    seed: int, faults: list[tuple[int, str]], data: st.DataObject, allow_gaps: bool
) -> None:
    bars = good_bars(40, seed=seed)
    for row, fault in faults:
        bars = spoil(bars, row, fault)
    whole = first_refusal(bars, [0, bars.size], allow_gaps)
    assert first_refusal(bars, data.draw(cuts(bars.size)), allow_gaps) == whole
    assert whole == plain_refusal(bars, allow_gaps)


def plain_refusal(bars: np.ndarray, allow_gaps: bool) -> tuple[int, int] | None:
    """The rules again, one bar at a time in plain Python."""
    last = None
    for row, bar in enumerate(bars):
        time_ms, opened, high, low, close, volume = bar.item()
        good = time_ms % QUARTER_MS == 0 and (last is None or time_ms > last)
        good = good and (allow_gaps or last is None or time_ms == last + QUARTER_MS)
        good = good and all(0 < price < float("inf") for price in (opened, high, low, close))
        good = good and high >= max(opened, close) and low <= min(opened, close)
        if not (good and 0 <= volume < float("inf")):
            return row, time_ms
        last = time_ms
    return None


def first_refusal(
    bars: np.ndarray, edges: list[int], allow_gaps: bool
) -> tuple[int | None, int | None] | None:
    gate = Gate(QUARTER_MS, allow_gaps=allow_gaps)
    try:
        for first, last in itertools.pairwise(edges):
            gate.check(bars[first:last])
    except DataError as error:
        return error.row, error.time_ms
    return None


def test_an_empty_block_is_nothing() -> None:
    gate = Gate(QUARTER_MS)
    gate.check(np.zeros(0, dtype=BAR))
    assert gate.last_ms is None
