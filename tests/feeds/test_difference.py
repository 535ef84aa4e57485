"""Two series next to each other, against dictionaries in plain Python, in any blocks."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from feeds.difference import EXAMPLES, FIELDS, Difference, compare
from tests.feeds.bars_of import good_bars


def blocks(bars: np.ndarray, cuts: list[int] | None = None) -> list[np.ndarray]:
    edges = sorted({0, *(min(cut, bars.size) for cut in cuts or []), bars.size})
    return [bars[first:last] for first, last in itertools.pairwise(edges)]


def compared(first: np.ndarray, second: np.ndarray, **options: object) -> Difference:
    return compare(blocks(first), blocks(second), **options)


def test_equal_series_are_the_same() -> None:
    found = compared(good_bars(50), good_bars(50))
    assert found.same
    assert (found.common, found.differing) == (50, 0)
    assert found.fields["close"].largest_time_ms is None


def test_differences_by_field_with_the_largest_and_its_time() -> None:
    first, second = good_bars(50), good_bars(50)
    second["close"][[7, 20]] += [0.01, 0.05]
    second["volume"][20] += 1.0
    found = compared(first, second)
    close = found.fields["close"]
    assert (close.count, close.largest_time_ms) == (2, int(first["time_ms"][20]))
    assert abs(close.largest - 0.05) < 1e-9
    assert found.fields["volume"].count == 1
    assert found.differing == 2
    assert [pair[1]["close"] for pair in found.examples] == second["close"][[7, 20]].tolist()


def test_tolerance_is_for_prices_only() -> None:
    first, second = good_bars(50), good_bars(50)
    second["close"][7] += 0.4
    second["volume"][9] += 0.4
    assert compared(first, second, tolerance=0.5).differing == 1
    assert compared(first, second, tolerance=0.5, fields=("open", "high", "low", "close")).same
    assert compared(first, second, tolerance=0.3).differing == 2


def test_series_that_do_not_meet() -> None:
    bars = good_bars(50)
    found = compared(bars[:20], bars[30:])
    assert (found.common, found.only_first, found.only_second) == (0, 20, 20)
    assert compared(bars[30:], bars[:20], overlap=True).common == 0


@given(
    gone=st.tuples(st.sets(st.integers(0, 59)), st.sets(st.integers(0, 59))),
    changed=st.dictionaries(st.integers(0, 59), st.sampled_from(FIELDS), max_size=20),
    cuts=st.tuples(st.lists(st.integers(0, 60), max_size=5), st.lists(st.integers(0, 60), max_size=5)),
    overlap=st.booleans(),
)
def test_equals_plain_python_in_any_blocks(
    gone: tuple[set[int], set[int]],
    changed: dict[int, str],
    cuts: tuple[list[int], list[int]],
    overlap: bool,
) -> None:
    other = good_bars(60)
    for row, name in changed.items():
        other[name][row] += 0.25
    first, second = np.delete(good_bars(60), list(gone[0])), np.delete(other, list(gone[1]))
    found = compare(blocks(first, cuts[0]), blocks(second, cuts[1]), overlap=overlap)
    left, right = ({bar[0]: bar for bar in series.tolist()} for series in (first, second))
    if overlap:
        if not left or not right:
            left = right = {}
        else:
            low, high = max(min(left), min(right)), min(max(left), max(right))
            left, right = (
                {time: bar for time, bar in one.items() if low <= time <= high} for one in (left, right)
            )
    both = sorted(left.keys() & right.keys())
    assert found.common == len(both)
    assert (found.only_first, found.only_second) == (
        len(left.keys() - right.keys()),
        len(right.keys() - left.keys()),
    )
    assert found.only_first_ms == min(left.keys() - right.keys(), default=None)
    assert found.only_second_ms == min(right.keys() - left.keys(), default=None)
    differing = [time for time in both if left[time] != right[time]]
    assert found.differing == len(differing)
    assert [pair[0]["time_ms"] for pair in found.examples] == differing[:EXAMPLES]
    for at, name in enumerate(FIELDS, start=1):
        assert found.fields[name].count == sum(left[time][at] != right[time][at] for time in both)
