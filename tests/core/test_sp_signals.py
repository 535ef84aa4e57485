"""SP-1 to SP-20 on the compiled core: language, order of evaluation, locks, pivots."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from tests.core.hand_made import BOTH, CLASSIC, SWEEP, Prices, classic, dual, fills, quiet
from tests.differential.random_runs import random_bars
from tests.reference.records import Bar


def test_sp_01_a_missing_pivot_is_false() -> None:
    """Bar 3 takes the low of bar 1 in both; only where 97 is a pivot there is a signal."""
    assert dual(CLASSIC, swing_len=2).bars[3]["bull15"] == 1
    no_pivot: list[Prices] = [(101, 102, 96, 101), *CLASSIC[1:]]
    row = dual(no_pivot, swing_len=2).bars[3]
    assert (row["pl"], row["bull15"]) == (None, 0)
    assert row["low"] < no_pivot[1][2] < row["close"]


def test_sp_02_the_gate_needs_a_changed_close() -> None:
    """Bar 4 trails out and sweeps again: with the close of bar 3 the gate stays shut."""
    same = dual([*SWEEP, (100, 100.2, 96, 100)])
    assert fills(same) == [("long", 3, 4, 100.01, "trail")]
    assert (same.bars[4]["bull_local"], same.bars[4]["can_long"], same.bars[4]["action"]) == (1, 0, 0)
    changed = dual([*SWEEP, (100, 100.2, 96, 100.1)])
    assert (changed.bars[4]["can_long"], changed.bars[4]["action"]) == (0, 1)
    assert (same.bars[0]["can_long"], same.bars[0]["can_short"]) == (1, 1)  # first bar: na, flags start true


def test_sp_03_history_behind_an_and_runs_on_every_bar() -> None:
    """low[2] on bar 3 is the low of bar 1 although no pivot stood before the `and` on bars 0 to 2."""
    rows = dual(CLASSIC, swing_len=2).bars
    assert [row["pl"] for row in rows] == [None, None, None, 97]
    assert rows[3]["bull15"] == 1
    higher: list[Prices] = [*CLASSIC[:1], (101, 102, 97.5, 100), *CLASSIC[2:]]
    assert dual(higher, swing_len=2).bars[3]["bull15"] == 0  # 98 is not below 97.5


def test_sp_04_nothing_is_active_before_the_first_local_sfp() -> None:
    """A classic entry then sets no lock: there is no pattern to remember."""
    row = dual(CLASSIC, swing_len=2).bars[3]
    assert (row["action"], row["bull_local"], row["pivL_swing_bix"], row["traded_bull"]) == (1, 0, None, None)


def test_sp_05_the_pivot_moves_the_level_before_the_sweep_is_tested() -> None:
    """Bar 4 lies below the old level 99.5 with open and close above it, and confirms 98: no sweep of either."""
    prices: list[Prices] = [
        (100.5, 101, 100, 100.5), (100.5, 101, 99.5, 100.5), (100.5, 101, 100, 100.5), (100, 100.5, 98, 99),
        (100, 101, 98.5, 100),
    ]  # fmt: skip
    rows = dual(prices).bars
    assert [row["swL"] for row in rows] == [None, None, 99.5, 99.5, 98]
    assert [row["bull_local"] for row in rows] == [0, 0, 0, 0, 0]


def test_sp_05_gate_and_lock_open_before_entries_and_entries_come_before_arming() -> None:
    """Bar 4 resets gate and lock and enters; the entry bar itself never arms, however low the ratio."""
    rows = dual([*SWEEP, (100, 100.2, 96, 100.1)], arm_rr=0.1).bars
    assert (rows[4]["action"], rows[4]["traded_bull"], rows[4]["long_armed"]) == (1, 3, 0)


def test_sp_06_the_initial_stop_stays_for_the_whole_trade() -> None:
    """The bar trail moves the order to 99, longSL remains 98; the short's variables are untouched."""
    prices: list[Prices] = [*SWEEP, (100, 102, 99, 101), (101, 103, 100, 102)]
    row = quiet(prices, trail_lookback=2).bars[5]
    assert (row["exit_stop"], row["longSL"], row["shortSL"], row["shortEntry"]) == (99, 98, None, None)


def test_sp_07_the_lock_names_the_bar_before_the_sweep() -> None:
    """2 for a sweep on bar 3, although the pivot is on bar 1."""
    row = dual(SWEEP).bars[3]
    assert (row["pivL_swing_bix"], row["traded_bull"]) == (2, 2)


def test_sp_08_a_fresh_sweep_of_the_same_level_trades_again() -> None:
    result = dual([*SWEEP, (100, 100.2, 96, 100.1)])
    assert [row["action"] for row in result.bars[3:]] == [1, 1]
    assert [row["swL"] for row in result.bars[3:]] == [98, 98]


# bar 4 leaves by the trail, bar 7 takes the low of bar 5 with the pivot 98.5 of bar 6: a second classic long
TWO_CLASSICS: list[Prices] = [
    *CLASSIC, (101, 103, 100, 102), (102, 103, 101, 102), (102, 102.5, 98.5, 102), (102, 103, 99, 102.5),
]  # fmt: skip


def test_sp_08_classic_entries_before_the_first_local_sfp_are_unlimited() -> None:
    rows = dual(TWO_CLASSICS, swing_len=2).bars
    assert [row["bull_local"] for row in rows] == [0] * 8
    assert [number for number, row in enumerate(rows) if row["action"] == 1] == [3, 7]


def test_sp_08_after_an_entry_classic_waits_for_the_next_local_sfp() -> None:
    """The same bars behind a local sweep and its entry: both classic signals are locked out."""
    local: list[Prices] = [
        (101, 102, 100, 101),
        (101, 102, 100, 101),
        (101, 102, 98, 101),
        (101, 102, 100, 101),
        (101, 102, 97, 101),
    ]
    prices = [*local, (101, 102.5, 101, 101.5), *TWO_CLASSICS]
    rows = dual(prices, swing_len=2).bars
    assert rows[4]["bull_local"] == rows[4]["action"] == 1
    later = [row for row in rows[6:] if row["bull15"]]
    assert len(later) == 2
    assert [row["action"] for row in later] == [0, 0]
    assert [row["traded_bull"] for row in later] == [3, 3]
    free = dual(prices, swing_len=2, use_once_per_swing=False).bars
    assert [row["action"] for row in free[6:] if row["bull15"]] == [1, 1]


def test_sp_09_the_lock_outlives_the_trade() -> None:
    result = dual([*SWEEP, (100, 101, 99, 100.5), (100, 101, 99, 100)])
    assert fills(result) == [("long", 3, 4, 100.01, "trail")]
    assert [row["traded_bull"] for row in result.bars[3:]] == [2, 2, 2]


def test_sp_10_confirmation_gates_nothing() -> None:
    """The entry is made on the sweep's own bar, which can never be confirmed (close >= low)."""
    assert dual(SWEEP).bars[3]["action"] == 1


def test_sp_11_a_pattern_signals_on_its_own_bar_only() -> None:
    rows = dual([*SWEEP, (100, 101, 99, 100.5)], use_once_per_swing=False).bars
    assert [row["bull_signal"] for row in rows] == [0, 0, 0, 1, 0]


@pytest.mark.parametrize("length", [1, 2, 5])
def test_sp_12_a_pivot_shows_one_bar_later_and_needs_len_plus_two_bars(length: int) -> None:
    """Lows make pivot lows and highs pivot highs; the first candidate has `len` bars before it."""
    for candidate, seen in ((length, True), (length - 1, False)):
        prices: list[Prices] = [(100, 101, 99, 100)] * (length + 2)
        prices[candidate] = (100, 102, 98, 100)
        rows = dual(prices, swing_len=length).bars
        assert [row["pl"] for row in rows] == [None] * (length + 1) + [98 if seen else None]
        assert [row["ph"] for row in rows] == [None] * (length + 1) + [102 if seen else None]


@pytest.mark.parametrize(
    ("lows", "pivots"),
    [
        ([99, 98, 98, 99], [None, None, None, 98]),  # equal on the right: not yet; equal on the left: allowed
        ([98, 98, 98, 99], [None, None, None, 98]),
        ([97, 98, 98, 99], [None, None, None, None]),  # with swings of two 97 is in the way
        ([98, 99, 98, 99], [None, None, None, 98]),
        ([99, 99, 98, 98], [None, None, None, None]),
    ],
)
def test_sp_13_of_equal_extremes_the_newest_is_the_pivot(
    lows: list[float], pivots: list[float | None]
) -> None:
    """Highs are the mirror image."""
    prices: list[Prices] = [(100, 200 - low, low, 100) for low in lows]
    rows = dual(prices, swing_len=2).bars
    assert [row["pl"] for row in rows] == pivots
    assert [row["ph"] for row in rows] == [None if pivot is None else 200 - pivot for pivot in pivots]


def test_sp_14_the_pivot_is_the_previous_bar_whatever_its_strength() -> None:
    lows = [99, 99, 99, 99, 95, 97, 98]
    rows = dual([(100, 101, low, 100) for low in lows], swing_len=4).bars
    assert rows[5]["pl"] == 95


@given(bars=random_bars())
@settings(max_examples=40)
def test_sp_15_no_bar_confirms_and_sweeps_at_once(bars: list[Bar]) -> None:
    """On random bars, both sides."""
    prices = [bar[1:] for bar in bars]
    for row in dual(prices).bars:
        assert not (row["pl"] is not None and row["bull_local"])
        assert not (row["ph"] is not None and row["bear_local"])


def test_sp_16_a_level_persists_and_is_not_used_up() -> None:
    """98 is swept on bars 3 and 4; 97, confirmed on bar 5, is swept 55 bars later."""
    calm: list[Prices] = [(100, 101, 98.2 + 0.01 * k, 100) for k in range(55)]
    rows = dual([*SWEEP, (100, 101, 97, 100), *calm, (100, 101, 96, 100)]).bars
    assert [number for number, row in enumerate(rows) if row["bull_local"]] == [3, 4, 60]
    assert [rows[number]["swL"] for number in (3, 4, 60)] == [98, 98, 97]


@given(bars=random_bars())
@settings(max_examples=40)
def test_sp_17_on_a_15m_chart_a_signal_always_has_its_swing(bars: list[Bar]) -> None:
    """So the fallback to the bar's own extreme cannot matter there; a reversed signal shows that it works."""
    for row in dual([bar[1:] for bar in bars], swing_len=2, use_one_per_bar=False).bars:
        assert not row["bull_signal"] or row["swL"] is not None
        assert not row["bear_signal"] or row["swH"] is not None
    inverted = dual(SWEEP, invert_signals=True).bars[3]
    assert (inverted["action"], inverted["swH"], inverted["sl"]) == (2, None, 101)


def test_both_sides_of_one_bar_are_mirror_images() -> None:
    row = dual(BOTH, use_one_per_bar=False).bars[3]
    assert (row["bear_local"], row["bull_local"], row["pivH_swing_bix"], row["pivL_swing_bix"]) == (
        1,
        1,
        2,
        2,
    )


def test_classic_has_no_flat_check_and_no_locks() -> None:
    """The same signal enters in classic without any of dual-sfp's locks."""
    assert [row["action"] for row in classic(TWO_CLASSICS).bars].count(1) == 2
