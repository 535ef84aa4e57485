"""Mistakes earlier ports made (X-T to X-R), each proven not to be made here; on the compiled core.

Those that concern feeds, exchange, pages and configuration are tested where these live (README.md of this folder).
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from kwin_core.bars import close_time, floor_time
from kwin_core.engine import Buffers, make_engine
from kwin_core.errors import ConfigError
from kwin_core.kwin.dual import good_wick
from kwin_core.kwin.setup import build, window_start_ms
from tests.core.hand_made import (
    BAR_MS,
    BOTH,
    CLASSIC,
    START_MS,
    SWEEP,
    Prices,
    Settings,
    classic,
    dual,
    fills,
    quiet,
    trailing,
)
from tests.core.kwin_runs import BUSY, feed, fixture_bars, setup, start
from tests.differential.compiled import run
from tests.reference.hand_made import make_bars

DAY_MS = 86_400_000

# ---- time and bars


def test_x_t1_milliseconds_are_floored_by_milliseconds() -> None:
    assert floor_time(1_755_309_786_300, 900_000) == 1_755_309_600_000
    assert floor_time(1_755_309_600_000, 900_000) == 1_755_309_600_000


@pytest.mark.parametrize("hour", [0, 11, 23])
def test_x_t2_the_window_counts_utc_midnights(hour: int) -> None:
    """Whatever the hour and the machine's zone: midnight UTC minus N days."""
    now = datetime(2025, 9, 20, hour, 59, 59, tzinfo=UTC)
    midnight = datetime(2025, 8, 21, tzinfo=UTC)
    values = {"use_window": True, "start_time_ms": 0, "period_choice": "30"}
    assert window_start_ms(values, int(now.timestamp() * 1000)) == int(midnight.timestamp() * 1000)


def test_x_t7_x_t8_a_15m_value_is_not_known_before_its_last_5m_bar_closes() -> None:
    """A 15m low made by the third 5m bar cannot be seen on the first two: absurd values there change nothing."""
    made = build("dual-sfp", "tv-literal", {"use_window": False}, tick=0.01, timeframe_ms=300_000, now_ms=0)
    engine = make_engine(made.strategy, made.frozen)
    seen = []
    for low in (2_000.0, 1.0):
        bars = fixture_bars()[:302].copy()
        bars["time_ms"] = START_MS + np.arange(bars.size) * 300_000
        bars["low"][-1] = low  # 302 = 3 x 100 + 2: the second bar of its 15 minutes
        states = engine.new_state(made.settings, made.params)
        engine.run(states, bars, made.params, Buffers(made.strategy, 0))
        user = states[0]["user"]
        seen.append((float(user["htf15"]["low"]), float(user["close15"]), int(user["htf15"]["count"])))
    assert seen[0] == seen[1]
    assert seen[0][2] == 100


def test_x_t9_a_decision_belongs_to_the_close_of_its_bar() -> None:
    assert close_time(1_755_309_600_000, 900_000) == 1_755_310_500_000


def test_x_t12_capacity_covers_every_allowed_length_and_refuses_the_rest() -> None:
    """Swings of 500 still find their pivot, a lookback of 512 still works; one more is an error at once."""
    prices: list[Prices] = [(100, 101, 99, 100)] * 502
    prices[500] = (100, 102, 98, 100)
    rows = dual(prices, swing_len=500).bars
    assert (rows[-1]["pl"], rows[-1]["ph"], rows[-2]["pl"]) == (98, 102, None)
    made = setup("dual-sfp", "intent", {**BUSY, "trail_lookback": 512, "swing_len": 500})
    engine, states = start(made)
    feed(engine, states, made, fixture_bars()[:2_000], [2_000])
    engine.check(states)
    lows = fixture_bars()["low"][2_000 - 512 : 2_000]
    assert states[0]["user"]["long"]["extreme_previous"] == lows.min()
    for name, value in (("trail_lookback", 513), ("swing_len", 501), ("atr_period", 513)):
        with pytest.raises(ConfigError, match=name):
            setup("dual-sfp", given={name: value})


# ---- signals


@pytest.mark.parametrize(
    ("lows", "pivot"),
    [
        ([99, 98, 99], 98),
        ([97, 98, 99], None),  # S1: lower on the left
        ([99, 98, 97], None),  # S1: lower on the right
        ([98, 98, 99], 98),  # S5: a tie on the left is allowed
        ([99, 98, 98], None),  # S5: a tie on the right is not
    ],
)
def test_x_s1_x_s3_x_s5_pivots_look_both_ways_at_the_previous_bar(
    lows: list[float], pivot: float | None
) -> None:
    rows = dual([(100, 101, low, 100) for low in lows]).bars
    assert [row["pl"] for row in rows] == [None, None, pivot]


def test_x_s4_x_s6_local_sweeps_do_fire() -> None:
    """A detector that wants the pivot confirmed on the sweeping bar never does (SP-15)."""
    made = setup("dual-sfp")
    engine, states = start(made)
    bars = fixture_bars()[:5_000]
    buffers = Buffers(made.strategy, bars.size)
    engine.run(states, bars, made.params, buffers)
    rows = buffers.signals
    assert rows["bull_local"].sum() > 100
    assert rows["bear_local"].sum() > 100
    assert not (~np.isnan(rows["pl"]) & (rows["bull_local"] != 0)).any()


def test_x_s7_no_waiting_for_confirmation() -> None:
    assert dual(SWEEP).open_trades[0].entry_bar == 3


@pytest.mark.parametrize(
    ("bar", "sweep"),
    [
        ((100, 101, 97, 100), 1),
        ((97.5, 101, 97, 100), 0),  # opened below the level
        ((100, 101, 97, 97.5), 0),  # closed below it
        ((98, 101, 97, 100), 0),  # exactly on it is not beyond
        ((100, 101, 98, 100), 0),  # touched, not swept
    ],
)
def test_x_s8_open_and_close_both_lie_on_the_far_side(bar: Prices, sweep: int) -> None:
    assert dual([*SWEEP[:3], bar]).bars[3]["bull_local"] == sweep


@pytest.mark.parametrize(("share", "good"), [(0.5, True), (0.6, True), (0.61, False), (1.0, False)])
def test_x_s9_x_s10_close_back_is_a_fraction_of_the_wick(share: float, good: bool) -> None:
    """A wick of 1.00 below 100 that came back 0.60; divided by 100 every share would pass."""
    params = setup("dual-sfp", given={"use_sfp_quality": True, "close_back_pct": share}).params
    assert bool(good_wick(params[0], 1, 100.0, 99.0, 99.6)) == good
    assert bool(good_wick(params[0], -1, 100.0, 101.0, 100.4)) == good


# ---- gate, priority, locks


def test_x_g1_the_gate_follows_the_close_not_the_clock() -> None:
    """Equal closes on bars 3 and 4: a new bar alone does not open it."""
    rows = dual([*SWEEP, (100, 100.2, 96, 100), (100, 101, 99, 100.5)]).bars
    assert [row["can_long"] for row in rows[3:]] == [0, 0, 1]


def test_x_g3_an_entry_shuts_its_own_side_only() -> None:
    row = dual(SWEEP).bars[3]
    assert (row["can_long"], row["can_short"]) == (0, 1)


@pytest.mark.parametrize(("priority", "action"), [("Skip", 0), ("Prefer Bear", 2), ("Prefer Bull", 1)])
def test_x_g4_x_g8_the_rule_for_both_sides_decides_not_their_order(priority: str, action: int) -> None:
    assert dual(BOTH, bar_priority=priority).bars[3]["action"] == action
    both = dual(BOTH, use_one_per_bar=False)
    assert both.bars[3]["action"] == 3
    assert both.trades[0].side == "long"  # the long block went first


def test_x_g5_a_bar_that_closes_a_trade_can_open_one() -> None:
    result = dual([*SWEEP, (100, 100.2, 96, 100.1)])
    assert (result.trades[0].exit_bar, result.open_trades[0].entry_bar) == (4, 4)


def test_x_g6_the_lock_is_not_keyed_by_the_pivot() -> None:
    """Two sweeps of one pivot give two lock values."""
    rows = dual([*SWEEP, (100, 100.2, 96, 100.1)]).bars
    assert [row["swL"] for row in rows[3:]] == [98, 98]
    assert [row["traded_bull"] for row in rows[3:]] == [2, 3]


# ---- size, fees, equity

DEEP: list[Prices] = [SWEEP[0], (100, 101, 92, 100), SWEEP[2], (100, 101, 91, 100)]  # 9 / 8 = 1.125


def test_x_q1_nearest_step_ties_up() -> None:
    """Floor and banker's rounding both give 1.12."""
    assert dual(DEEP).bars[3]["qty"] == pytest.approx(1.13, abs=1e-12)


def test_x_q2_below_the_minimum_is_skipped_and_the_cap_comes_last() -> None:
    assert dual(DEEP, min_order_qty=1.13).bars[3]["action"] == 1
    assert dual(DEEP, min_order_qty=1.14).bars[3]["action"] == 0
    assert dual(DEEP, max_qty_manual=1.125).bars[3]["qty"] == 1.125


@pytest.mark.parametrize(("minimum", "action"), [(8.505, 1), (8.5051, 0)])
def test_x_q3_x_q8_the_filter_takes_1r_and_two_fees_of_the_entry(minimum: float, action: int) -> None:
    """9 - 2 x 450 x 0.00055 = 8.505; three legs give 8.2575, a target of 1.3 R gives 11.2."""
    assert dual(SWEEP, use_fee_filter=True, min_net_profit=minimum).bars[3]["action"] == action


def test_x_q6_equity_grows_by_the_net_result_from_the_presets_capital() -> None:
    result = quiet([*SWEEP, (100, 101, 97, 97)], use_bar_trail=False)
    trade = result.trades[0]
    assert trade.net_pnl == pytest.approx(4.5 * -2 - trade.commission)
    assert result.equity == pytest.approx(300 + trade.net_pnl)
    assert classic(CLASSIC).equity == 100


# ---- stops and exits


def test_x_e2_the_entry_bar_does_not_stop_itself() -> None:
    """Every local SFP would die at once: its low is below its stop."""
    result = quiet(SWEEP)
    assert (result.trades, result.open_trades[0].entry_bar) == ([], 3)


def test_x_e4_a_stop_moved_at_the_close_was_not_there_during_the_bar() -> None:
    """Bar 5 falls to 98.5 and then moves its stop to 99 (low of bar 4): not hit on bar 5, but on bar 6."""
    prices: list[Prices] = [*SWEEP, (100, 102, 99, 101), (101, 103, 98.5, 102), (102, 102, 98, 99)]
    result = dual(prices, trailing_perc=5_000.0, trail_buf_ticks=0, trail_lookback=2)
    assert result.bars[5]["exit_stop"] == 99
    assert fills(result) == [("long", 3, 6, 99, "stop")]


@pytest.mark.parametrize(
    ("bar", "exit_price", "kind"),
    [
        ((100, 103, 97, 100), 98, "stop"),  # tie: low first
        ((100, 102.9, 97, 100), 102.6, "limit"),  # the high is nearer
        ((100, 103.1, 97, 100), 98, "stop"),
    ],
)
def test_x_e5_the_path_decides_between_target_and_stop(bar: Prices, exit_price: float, kind: str) -> None:
    """Stop 98, target 100 + 1.3 x 2."""
    result = dual([*SWEEP, bar], use_take_profit=True, enable_smart_trail=False)
    assert fills(result) == [("long", 3, 4, exit_price, kind)]


def test_x_e6_a_gap_leaves_at_the_open() -> None:
    assert fills(quiet([*SWEEP, (95, 96, 94, 95)], use_bar_trail=False)) == [("long", 3, 4, 95, "stop@gap")]


@pytest.mark.parametrize(("low", "expected"), [(98.3, []), (98.2, [("long", 3, 4, 98.0, "stop")])])
def test_x_e10_a_level_is_rounded_once_away_from_the_position(low: float, expected: list[object]) -> None:
    """Tick 0.5: the stop 98.3 is 98.0; a low of 98.3 is the tick 98.5, one of 98.2 is 98.0."""
    prices: list[Prices] = [SWEEP[0], (100, 101, 98.3, 100), SWEEP[2], SWEEP[3], (100, 100, low, 100)]
    result = dual(prices, Settings(tick=0.5), trailing_perc=900.0, use_bar_trail=False)
    assert result.bars[3]["sl"] == 98.3
    assert fills(result) == expected


def test_x_e11_the_last_bar_closes_nothing() -> None:
    result = dual(SWEEP)
    assert (result.trades, len(result.open_trades)) == ([], 1)


# ---- trailing and arming


def test_x_r1_points_activate_and_offset_follows() -> None:
    """200 ticks up, 100 behind: 101.5 activates nothing; 102.2 does and leaves at 101.2. Swapped: 99.5, 100.2."""
    short_of_it: list[Prices] = [*SWEEP, (100, 101.5, 100, 100)]
    assert fills(trailing(short_of_it)) == []
    assert fills(trailing([*SWEEP, (100, 102.2, 99.9, 101)])) == [("long", 3, 4, 101.2, "trail")]


def test_x_r2_profiles_are_not_mixed() -> None:
    prices: list[Prices] = [*SWEEP, (100, 101, 99.5, 100)]
    assert [fills(dual(prices, profile=name))[0][3] for name in ("tv-literal", "intent")] == [100.01, 100.6]


def test_x_r4_a_percent_is_a_hundredth() -> None:
    """0.5 means 100.5, not 150."""
    row = dual(SWEEP, profile="intent").bars[3]
    assert row["trail_points"] == pytest.approx(50)  # ticks of 0.01
    assert row["trail_offset"] == pytest.approx(40)


def test_x_r5_the_tick_trail_lives_before_arming() -> None:
    assert fills(dual([*SWEEP, (100, 100.2, 99.9, 100)], arm_rr=50.0)) == [("long", 3, 4, 100.01, "trail")]


@pytest.mark.parametrize(("bar", "armed"), [((100, 104, 99, 100.99), 0), ((100, 101, 99, 101), 1)])
def test_x_r6_arming_looks_at_the_close_and_the_initial_stop(bar: Prices, armed: int) -> None:
    """A high of 104 does not arm; 101 = 100 + 0.5 x (100 - 98) does."""
    assert dual([*SWEEP, bar], trailing_perc=900.0).bars[4]["long_armed"] == armed


def test_x_r7_the_bar_trail_looks_one_execution_back() -> None:
    """On bar 5 (low 99.5) the value of bar 4 (low 99) counts, in the profile intent the two bars before."""
    prices: list[Prices] = [*SWEEP, (100, 102, 99, 101), (101, 103, 99.5, 102)]
    assert quiet(prices, trail_lookback=2).bars[5]["lookback_prev"] == 99
    assert quiet(prices, trail_lookback=2, profile="intent").bars[5]["lookback_prev"] == 97


@pytest.mark.parametrize(("tick", "exit_price"), [(0.01, 100.01), (0.1, 100.1), (0.5, 100.5)])
def test_x_r9_the_tick_is_the_instruments(tick: float, exit_price: float) -> None:
    """0.5 ticks above 100, up to the grid."""
    assert fills(dual([*SWEEP, (100, 101, 99.5, 100)], Settings(tick=tick)))[0][3] == exit_price


def test_x_r11_extremes_begin_anew_with_each_trade() -> None:
    """The first trade's mark 110 would close the second one at its first open."""
    prices: list[Prices] = [
        *SWEEP, (100, 110, 100, 109.5), (109.5, 109.5, 100, 100.1), (100.1, 101, 96.5, 100.2),
        (100.2, 101, 99, 100.5),
    ]  # fmt: skip
    result = trailing(prices)
    assert fills(result) == [("long", 3, 5, 109, "trail")]
    assert result.open_trades[0].entry_bar == 6
    assert result.open_trades[0].runup == pytest.approx(
        (101 - 100.2) * result.open_trades[0].qty - result.open_trades[0].commission
    )


def test_x_c3_unknown_names_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"unknown input 'trailPerc'.*trailingPerc"):
        run(make_bars(SWEEP), "dual-sfp", "tv-literal", {"trailPerc": 1.0})


def test_bars_of_the_helpers_are_15_minutes() -> None:
    assert BAR_MS == 900_000
