"""SP-21 to SP-38 on the compiled core: the bar trail's history, and what the orders do."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from kwin_core.engine import Buffers
from tests.core.hand_made import (
    BOTH,
    REVERSING,
    SWEEP,
    Prices,
    Settings,
    dual,
    fills,
    quiet,
    trailing,
)
from tests.core.kwin_runs import BUSY, fixture_bars, setup, start
from tests.reference.laws import Ring

# armed on bar 4 by its close 101; lows 99, 100, 101 follow
ARMING: list[Prices] = [*SWEEP, (100, 102, 99, 101), (101, 103, 100, 102), (102, 104, 101, 103)]


def test_sp_21_the_lookback_is_not_the_lowest_of_the_last_bars() -> None:
    """On bar 5 the lowest low of the two bars before is 97; the call inside the `if` saw 99 only."""
    row = quiet(ARMING, trail_lookback=2).bars[5]
    assert min(ARMING[3][2], ARMING[4][2]) == 97
    assert row["lookback_prev"] == 99


LOOKBACK = 20


@cache
def armed_run() -> tuple[np.ndarray, np.ndarray]:
    """Rows of a run with many armed stretches on both sides."""
    bars = fixture_bars()
    given = {**BUSY, "trail_lookback": LOOKBACK, "arm_rr": 0.1, "use_fee_filter": False, "risk_pct": 0.1}
    made = setup("dual-sfp", given=given)
    engine, states = start(made)
    buffers = Buffers(made.strategy, bars.size)
    engine.run(states, bars, made.params, buffers)
    return bars, buffers.signals


def trail_rows(side: int) -> np.ndarray:
    """Numbers of the bars on which the bar trail of a side ran."""
    _, rows = armed_run()
    armed = rows["long_armed"] if side > 0 else rows["short_armed"]
    return np.flatnonzero((armed != 0) & (np.sign(rows["position_seen"]) == side))


@pytest.mark.parametrize("side", [1, -1])
def test_sp_22_sp_23_the_lookback_is_the_ring_law_one_execution_back(side: int) -> None:
    """Every armed bar of the fixture: the reference's ring, called on these bars only, shifted by one call."""
    bars, rows = armed_run()
    numbers = trail_rows(side)
    assert numbers.size > 200
    assert (np.diff(numbers) > 1).sum() > 30  # many stretches
    ring = Ring(LOOKBACK, want_lowest=side > 0)
    source = bars["low" if side > 0 else "high"].tolist()
    before = None
    for n in numbers.tolist():
        seen = rows["lookback_prev"][n]
        assert np.isnan(seen) if before is None else seen == before
        before = ring.call(n, source)


def test_sp_23_the_first_armed_bar_passes_na_and_cancels_the_exit() -> None:
    """And the next ones trail by the lowest low since arming."""
    rows = quiet([*ARMING, (103, 103, 98, 100)], trail_lookback=2).bars
    assert (rows[4]["lookback_prev"], rows[4]["barTS"], rows[4]["exit_stop"]) == (None, None, None)
    assert (rows[5]["exit_stop"], rows[6]["exit_stop"]) == (99, 99)
    kept = quiet(ARMING[:5], trail_lookback=2, all_na_exit="keep").bars[4]
    assert (kept["exit_stop"], kept["trail_points"]) == (98, 50)


def test_sp_23_the_next_trade_begins_with_the_value_left_over() -> None:
    """Some first armed bar of a later trade uses a level beyond the market: out at that very close."""
    _, rows = armed_run()
    numbers = trail_rows(-1)
    first = numbers[1:][np.diff(numbers) > 1]
    left_over = rows["lookback_prev"][first]
    assert not np.isnan(left_over).any()
    assert (rows["bar_trail_stop"][first] < fixture_bars()["close"][first]).any()


def test_sp_24_slots_never_written_are_zero_and_hurt_longs_only() -> None:
    """0.0 as lowest low leaves the initial stop in force; as a highest high it never shows."""
    _, rows = armed_run()
    long, short = trail_rows(1), trail_rows(-1)
    empty = long[rows["lookback_prev"][long] == 0.0]
    assert empty.size > 0
    assert (rows["bar_trail_stop"][empty] == rows["long_stop"][empty]).all()
    assert not (rows["lookback_prev"][short] == 0.0).any()


@pytest.mark.parametrize("side", [1, -1])
def test_sp_25_the_bar_stop_loosens_but_never_beyond_the_initial_stop(side: int) -> None:
    _, rows = armed_run()
    numbers = trail_rows(side)
    initial = rows["long_stop" if side > 0 else "short_stop"][numbers]
    stop = rows["bar_trail_stop"][numbers]
    known = ~np.isnan(stop)
    assert (side * stop[known] >= side * initial[known]).all()
    same_trade = (np.diff(numbers) == 1) & (np.diff(initial) == 0) & known[1:] & known[:-1]
    assert (side * np.diff(stop)[same_trade] < 0).any()


@pytest.mark.parametrize(("tick", "stop"), [(0.01, 98.6), (0.1, 98.0)])
def test_sp_26_the_buffer_is_in_ticks_of_the_symbol(tick: float, stop: float) -> None:
    """40 ticks under 99 are 98.60 at 0.01; at 0.1 they are 95, and the initial stop 98 is nearer."""
    row = dual(ARMING, Settings(tick=tick), trailing_perc=5_000.0, trail_lookback=2).bars[5]
    assert row["barTS"] == pytest.approx(stop, abs=1e-9)


def test_sp_27_trail_numbers_are_ticks_in_tv_literal_and_percent_in_intent() -> None:
    """0.5 ticks up is 100.01, offset 0.4 ticks is none; 0.5 % is 100.50, 0.4 % behind 101 is 100.60."""
    prices: list[Prices] = [*SWEEP, (100, 101, 99.5, 100)]
    assert fills(dual(prices)) == [("long", 3, 4, 100.01, "trail")]
    assert fills(dual(prices, profile="intent")) == [("long", 3, 4, 100.6, "trail")]


# bar 4 arms by its close and stays under the activation 102; bar 5 would activate, reach 103, fall to 102
UNTRAILED: list[Prices] = [*SWEEP, (100, 101.5, 99.5, 101.2), (101.2, 103, 101, 102)]


def test_sp_28_the_stop_only_call_removes_the_trail() -> None:
    assert fills(trailing(UNTRAILED)) == [("long", 3, 5, 102, "trail")]
    assert fills(trailing(UNTRAILED, use_bar_trail=True)) == []
    kept = trailing(UNTRAILED, use_bar_trail=True, all_na_exit="keep")  # the na call did not replace it
    assert fills(kept) == [("long", 3, 5, 102, "trail")]


def test_sp_28_the_trail_keeps_its_state_while_no_call_is_made() -> None:
    """Mark 102 from bar 4, retraced by 1.00 on bar 5."""
    prices: list[Prices] = [*SWEEP, (100, 102, 100, 101.9), (101.9, 101.95, 100.5, 101)]
    assert fills(trailing(prices)) == [("long", 3, 5, 101, "trail")]


def test_sp_29_without_the_smart_trail_there_is_no_stop() -> None:
    """Only an opposite entry ends the position, and only with the lock off."""
    crash: list[Prices] = [*SWEEP, (100, 101, 50, 60)]
    result = quiet(crash, enable_smart_trail=False)
    assert (fills(result), result.bars[3]["exit_stop"]) == ([], None)
    off = quiet(REVERSING, enable_smart_trail=False, use_dir_lock=False)
    assert fills(off) == [("long", 3, 6, 103, "reversal")]
    assert fills(quiet(REVERSING, enable_smart_trail=False)) == []


def test_sp_30_without_the_bar_trail_arming_changes_nothing() -> None:
    rows = quiet(ARMING, use_bar_trail=False).bars
    assert [row["long_armed"] for row in rows[3:]] == [0, 1, 1, 1]
    assert {(row["exit_stop"], row["trail_points"]) for row in rows[3:]} == {(98, 50)}


def test_sp_31_armed_at_entry_the_bar_trail_takes_over_on_the_next_bar() -> None:
    rows = quiet(ARMING[:5], use_arm_after_rr=False).bars
    assert (rows[3]["long_armed"], rows[3]["exit_stop"], rows[3]["trail_points"]) == (1, 98, 50)
    assert (rows[4]["exit_stop"], rows[4]["trail_points"]) == (None, None)


def test_sp_32_the_entry_bar_does_not_hit_its_own_stop() -> None:
    """Its low 97 is below the stop 98, as for every local long."""
    result = quiet(SWEEP)
    assert (result.trades, result.open_trades[0].entry_bar, SWEEP[3][2]) == ([], 3, 97)
    _, rows = armed_run()
    bars = fixture_bars()
    local = np.flatnonzero((rows["action"] == 1) & (rows["bull_local"] == 1))
    assert local.size > 10
    assert (bars["low"][local] < rows["stop"][local]).all()


def test_sp_33_a_bar_that_closes_a_position_may_open_the_next() -> None:
    result = dual([*SWEEP, (100, 100.2, 96, 100.1)])
    assert fills(result) == [("long", 3, 4, 100.01, "trail")]
    assert (result.open_trades[0].entry_bar, result.bars[4]["pos_seen"]) == (4, 0)


def test_sp_34_without_the_lock_an_opposite_signal_reverses_at_the_close() -> None:
    """One order; flat is never seen, so the long's variables stay until its next entry."""
    assert quiet(REVERSING, use_bar_trail=False).bars[6]["action"] == 0
    result = quiet([*REVERSING, (103, 103, 102, 102)], use_bar_trail=False, use_dir_lock=False)
    assert fills(result) == [("long", 3, 6, 103, "reversal")]
    assert (result.trades[0].exit_signal, result.open_trades[0].side) == ("Short SFP", "short")
    assert (result.bars[7]["longEntry"], result.bars[7]["long_armed"]) == (100, 1)


def test_sp_35_both_entries_go_out_at_one_close() -> None:
    """The long first: a zero-length long is booked, then the short with its own 9 / 3."""
    result = dual(BOTH, use_one_per_bar=False)
    assert result.bars[3]["action"] == 3
    assert fills(result) == [("long", 3, 3, 100, "reversal")]
    assert (result.open_trades[0].side, result.open_trades[0].qty) == ("short", 3)


@pytest.mark.parametrize(
    ("bar", "exit_price", "kind"),
    [
        ((97.5, 99, 97, 98), 97.5, "stop@gap"),  # worse than the stop 98
        ((98.5, 99, 97, 98), 98.0, "stop"),
        (
            (103, 103.2, 101, 101.5),
            102.2,
            "trail",
        ),  # opens beyond 102: armed there, 103.2 first, then back by 1
        ((102, 102.5, 101, 101.5), 101.5, "trail"),
    ],
)
def test_sp_36_gaps_fill_at_the_open_and_activate_at_the_open(
    bar: Prices, exit_price: float, kind: str
) -> None:
    assert fills(trailing([*SWEEP, bar])) == [("long", 3, 4, exit_price, kind)]


@pytest.mark.parametrize(
    ("bar", "exit_price", "kind"),
    [
        ((100, 102.5, 97, 99), 101.5, "trail"),  # the high is nearer: activated, then back by 1
        ((100, 103.5, 97, 99), 98.0, "stop"),  # the low is nearer
        ((100, 103, 97, 99), 98.0, "stop"),  # a tie goes low first
    ],
)
def test_sp_37_the_path_decides_between_stop_and_trail(bar: Prices, exit_price: float, kind: str) -> None:
    assert fills(trailing([*SWEEP, bar])) == [("long", 3, 4, exit_price, kind)]


def test_sp_38_margin_zero_refuses_nothing_and_calls_nothing() -> None:
    """50 units at 100 on 300; a gap to 50 leaves equity at about -2 200, and no margin call."""
    result = dual([*SWEEP, (50, 51, 49, 50)], Settings(margin_percent=0.0), risk_pct=50.0)
    assert fills(result) == [("long", 3, 4, 50, "stop@gap")]
    assert result.trades[0].qty == 50
    assert result.equity == pytest.approx(300 - 2_500 - 0.00055 * 50 * 150)
