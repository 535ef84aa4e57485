"""Two series next to each other."""

from __future__ import annotations

import numpy as np
import pytest

from feeds.difference import compare
from kwin_core.errors import DataError
from tests.feeds.bars_of import good_bars


def test_equal_series_are_the_same() -> None:
    found = compare(good_bars(50), good_bars(50))
    assert found.same
    assert (found.common, found.differing) == (50, 0)
    assert found.fields["close"].largest_time_ms is None


def test_missing_bars_are_counted_on_their_side() -> None:
    bars = good_bars(50)
    found = compare(np.delete(bars, [3, 4]), np.delete(bars, [10]))
    assert (found.common, found.only_first, found.only_second) == (47, 1, 2)
    assert found.only_first_ms.tolist() == [int(bars["time_ms"][10])]
    assert found.only_second_ms.tolist() == bars["time_ms"][3:5].tolist()
    assert not found.same


def test_differences_by_field_with_the_largest_and_its_time() -> None:
    first, second = good_bars(50), good_bars(50)
    second["close"][[7, 20]] += [0.01, 0.05]
    second["volume"][20] += 1.0
    found = compare(first, second)
    assert (found.fields["close"].count, found.fields["close"].largest_time_ms) == (
        2,
        int(first["time_ms"][20]),
    )
    assert abs(found.fields["close"].largest - 0.05) < 1e-9
    assert found.fields["volume"].count == 1
    assert found.differing == 2
    assert found.times_ms.tolist() == first["time_ms"][[7, 20]].tolist()
    assert found.second["close"].tolist() == second["close"][[7, 20]].tolist()


def test_tolerance_is_for_prices_only() -> None:
    first, second = good_bars(50), good_bars(50)
    second["close"][7] += 0.4
    second["volume"][9] += 0.4
    assert compare(first, second, tolerance=0.5).differing == 1
    assert compare(first, second, tolerance=0.5, fields=("open", "high", "low", "close")).same
    assert compare(first, second, tolerance=0.3).differing == 2


def test_series_out_of_order_are_refused() -> None:
    with pytest.raises(DataError, match="not in order; check the file first"):
        compare(good_bars(5)[::-1], good_bars(5))
