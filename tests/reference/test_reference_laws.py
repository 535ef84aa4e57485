"""The conditional-history laws (SP-22) and the indicators on values worked out by hand."""

from __future__ import annotations

import pytest

from kwin_core.errors import ConfigError
from tests.reference.hand_made import BAR_MS, START_MS, make_bars
from tests.reference.indicators import atr, hour_closes, pivot_high, pivot_low, rsi
from tests.reference.laws import call_site
from tests.reference.pine import ge, gt, math_max, math_round, truthy

# bar:            0  1  2  3  4   5   6  7  8  9  10  11
SOURCE = [5.0, 5.0, 5.0, 5.0, 9.0, 10.0, 11.0, 1.0, 1.0, 1.0, 12.0, 13.0]
CALLED = (4, 5, 6, 10, 11)


@pytest.mark.parametrize(
    ("law", "expected"),
    [
        # 9 first; 9 kept; age 2: rescan 11, 10; age 5: rescan 12 and the slot of bar 9, which holds bar 6's
        # 11 (3 slots); age 2 counted from bar 9: rescan 13, 12
        ("ring", [9, 9, 10, 11, 12]),
        ("per-call", [9, 9, 10, 11, 12]),
        ("global", [5, 9, 10, 1, 12]),
    ],
)
def test_lowest_of_two_called_on_some_bars(law: str, expected: list[float]) -> None:
    """Length 2, called on bars 4, 5, 6, 10 and 11."""
    site = call_site(law, 2, want_lowest=True)
    assert [site.call(bar, SOURCE) for bar in CALLED] == expected


def test_ring_and_per_call_differ_once_a_slot_is_stale() -> None:
    """Length 2, called on bars 0, 1, 2, 4: bar 3's slot still is 0.0, never written, so lowest is 0."""
    source = [4.0, 5.0, 6.0, 99.0, 7.0]
    calls = (0, 1, 2, 4)
    ring = call_site("ring", 2, want_lowest=True)
    per_call = call_site("per-call", 2, want_lowest=True)
    assert [ring.call(bar, source) for bar in calls] == [None, 4, 5, 4]
    assert [per_call.call(bar, source) for bar in calls] == [None, 4, 5, 6]


def test_never_written_slots_count_as_zero_for_lowest_only() -> None:
    """SP-24: length 3, called on bars 5 and 9; the slots of bars 8 and 7 were never written."""
    source = [7.0] * 5 + [7.0] + [7.0] * 3 + [8.0]
    lowest = call_site("ring", 3, want_lowest=True)
    highest = call_site("ring", 3, want_lowest=False)
    assert [lowest.call(bar, source) for bar in (5, 9)] == [7, 0]
    assert [highest.call(bar, source) for bar in (5, 9)] == [7, 8]


@pytest.mark.parametrize("law", ["ring", "per-call", "global"])
def test_every_law_is_na_while_bars_are_missing(law: str) -> None:
    """Length 3: na on bars 0 and 1, even when called on both."""
    site = call_site(law, 3, want_lowest=False)
    assert [site.call(bar, [3.0, 2.0, 1.0]) for bar in range(3)] == [None, None, 3]


@pytest.mark.parametrize("law", ["ring", "per-call", "global"])
def test_all_laws_agree_when_called_on_every_bar(law: str) -> None:
    """Called always, each is the plain lowest of the last three."""
    source = [5.0, 3.0, 4.0, 6.0, 7.0, 7.0, 2.0, 8.0]
    site = call_site(law, 3, want_lowest=True)
    assert [site.call(bar, source) for bar in range(8)] == [None, None, 3, 3, 4, 6, 2, 2]


def test_unknown_law() -> None:
    """A typed error names the value."""
    with pytest.raises(ConfigError, match="'rings'"):
        call_site("rings", 3, want_lowest=True)


def test_pivot_ties() -> None:
    """SP-13: equal on the left is allowed, on the right it is not; SP-12: all bars on the left are needed."""
    assert pivot_high([1, 2, 2, 1], 3, 2) == 2
    assert pivot_high([1, 2, 2, 2], 3, 2) is None
    assert pivot_high([3, 1, 2, 1], 3, 2) is None
    assert pivot_high([1, 2, 1], 2, 2) is None
    assert pivot_low([3, 2, 2, 3], 3, 2) == 2
    assert pivot_low([3, 2, 2, 2], 3, 2) is None


def test_rsi_and_atr_start_up() -> None:
    """I2, I3 with length 2: RSI from bar 2 (gains 1, 0; losses 0, 1), then Wilder; ATR from bar 1."""
    values = rsi([10.0, 11.0, 10.0, 12.0], 2)
    # bar 3: gain (0.5 + 2) / 2 = 1.25, loss 0.5 / 2 = 0.25: 100 - 100 / 6
    assert values == [None, None, 50.0, pytest.approx(100 - 100 / 6)]
    assert rsi([1.0, 2.0, 3.0], 2) == [None, None, 100.0]
    bars = make_bars([(10, 11, 9, 10), (13, 14, 12, 13), (13, 13, 12, 12)])
    assert atr(bars, 2) == [None, 3.0, 2.0]  # ranges 2, 4 (from the close 10), 1


def test_the_hour_shows_on_the_bar_that_ends_it() -> None:
    """M1: bars from 00:30; the hour's close shows on the bars opening at :45."""
    closes = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]
    bars = make_bars([(c, c, c, c) for c in closes], start_ms=START_MS + 2 * BAR_MS)
    latest, before = hour_closes(bars)
    assert latest == [None, 2.0, 2.0, 2.0, 2.0, 6.0, 6.0]
    assert before == [None, None, None, None, None, 2.0, 2.0]


def test_pine_operators() -> None:
    """R124, SP-40: equality within 1e-10, halves up, na wins."""
    assert ge(0.3, 0.1 + 0.2)
    assert not gt(0.1 + 0.2, 0.3)
    assert not ge(0.3 - 2e-10, 0.3)
    assert not ge(None, 1.0)
    assert [math_round(x) for x in (0.5, 1.5, 2.5, 2.4999)] == [1, 2, 3, 2]
    assert math_max(None, 1.0) is None
    assert not truthy(None)
    assert not truthy(1e-11)
