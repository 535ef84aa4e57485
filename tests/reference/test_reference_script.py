"""What the scripts decide on tiny bars, with values worked out by hand from the rules."""

from __future__ import annotations

from typing import Any

import pytest

from kwin_core.errors import ConfigError
from tests.reference import Result, Settings, run
from tests.reference.hand_made import BAR_MS, START_MS, Prices, make_bars

DAY_MS = 86_400_000

# With swing_len 1: bar 2 confirms the pivot low 98, bar 3 sweeps it: long at 100, stop 98, 9 / 2 = 4.5.
SWEEP: list[Prices] = [(100, 101, 99, 100), (100, 101, 98, 100), (100, 101, 99, 100), (100, 101, 97, 100)]
# Bar 2 confirms 103 and 97, bar 3 sweeps both.
BOTH: list[Prices] = [(100, 101, 99, 100), (100, 103, 97, 100), (100, 102, 98, 100), (100, 104, 96, 100)]
# With swing_len 2: bar 3 confirms the pivot low 97 and takes the low of bar 1: classic long, close 101.
CLASSIC: list[Prices] = [(101, 102, 100, 101), (101, 102, 99, 100), (100, 101, 97, 100), (100, 102, 98, 101)]


def dual(prices: list[Prices], settings: Settings | None = None, **params: Any) -> Result:
    """dual-sfp without window and fee filter, swings of one bar."""
    profile = params.pop("profile", "tv-literal")
    inputs = {"use_window": False, "use_fee_filter": False, "swing_len": 1, **params}
    return run(make_bars(prices), "dual-sfp", profile, inputs, settings)


def quiet(prices: list[Prices], **params: Any) -> Result:
    """The same with tick 1 and a trail that never activates (150 for an entry at 100)."""
    return dual(prices, Settings(tick=1.0), trailing_perc=50.0, trail_buf_ticks=0, **params)


def fills(result: Result) -> list[tuple[str, int, int, float, str]]:
    return [(t.side, t.entry_bar, t.exit_bar, round(t.exit_price, 9), t.exit_kind) for t in result.trades]


def test_a_local_sweep_enters_at_its_close() -> None:
    """Steps 3, 8, 11; SP-7: the lock is the sweep's bar minus one; SP-32: its own low does not stop it."""
    result = dual(SWEEP)
    row = result.bars[3]
    assert (row["pl"], row["swL"], row["bull_local"], row["bull15"]) == (None, 98, 1, 0)
    assert (row["action"], row["qty"], row["sl"], row["exit_stop"]) == (1, 4.5, 98, 98)
    assert (row["pivL_swing_bix"], row["traded_bull"], row["can_long"], row["can_short"]) == (2, 2, 0, 1)
    assert (row["trail_points"], row["trail_offset"]) == (0.5, 0.4)
    assert result.open_trades[0].entry_price == 100
    assert result.bars[2]["pl"] == 98


def test_literal_trail_counts_ticks_and_intent_counts_percent() -> None:
    """SP-27: 0.5 ticks up to 100.01 with offset 0, or 0.5 % up and 0.4 % behind the high 101."""
    prices = [*SWEEP, (100.0, 101.0, 99.5, 100.0)]
    assert fills(dual(prices)) == [("long", 3, 4, 100.01, "trail")]
    assert fills(dual(prices, profile="intent")) == [("long", 3, 4, 100.6, "trail")]


def test_gate_stays_shut_on_equal_closes() -> None:
    """SP-2: bar 4 trails out and sweeps again; only a changed close opens the gate."""
    assert dual([*SWEEP, (100, 100.2, 96, 100)]).bars[4]["bull_local"] == 1
    assert dual([*SWEEP, (100, 100.2, 96, 100)]).bars[4]["action"] == 0
    again = dual([*SWEEP, (100, 100.2, 96, 100.1)])
    assert again.bars[4]["action"] == 1
    assert again.bars[4]["traded_bull"] == 3  # SP-8: the fresh sweep cleared the lock


def test_quantity_halves_go_up_and_the_cap_comes_last() -> None:
    """SP-40, SP-43: 9 / 8 = 1.125 becomes 1.13; a cap of 1.125 stays off the grid."""
    deep: list[Prices] = [SWEEP[0], (100, 101, 92, 100), SWEEP[2], (100, 101, 91, 100)]
    assert dual(deep).bars[3]["qty"] == pytest.approx(1.13, abs=1e-12)
    assert dual(deep, max_qty_manual=1.125).bars[3]["qty"] == 1.125
    assert dual(deep, max_qty_manual=1.125, limit_qty_enabled=False).bars[3]["qty"] == pytest.approx(1.13)
    assert dual(deep, min_order_qty=1.14).bars[3]["action"] == 0  # below the minimum: skipped, not raised


@pytest.mark.parametrize(("low", "action"), [(99.86, 0), (99.85, 1)])
def test_fee_filter_needs_a_stop_of_0_1414_percent(low: float, action: int) -> None:
    """9 - 7.07 = 1.93 at a distance of 0.14, 9 - 6.6 = 2.4 at 0.15."""
    high: Prices = (100, 101, 99.9, 100)
    prices: list[Prices] = [high, (100, 101, low, 100), high, (100, 101, 99.8, 100)]
    assert dual(prices, use_fee_filter=True, limit_qty_enabled=False).bars[3]["action"] == action


@pytest.mark.parametrize(("close", "armed"), [(100, 0), (101, 1), (102, 1)])
def test_arming_at_exactly_the_ratio(close: float, armed: int) -> None:
    """Step 13: 0.5 x (100 - 98) = 1 above the entry, by the close."""
    assert quiet([*SWEEP, (100, 102, 99, close)]).bars[4]["long_armed"] == armed


def test_literal_bar_trail_from_the_first_armed_bar() -> None:
    """SP-23: first na, which cancels; then the lowest low since arming, up to the bar before."""
    prices = [*SWEEP, (100, 102, 99, 101), (101, 103, 100, 102), (102, 104, 101, 103), (103, 103, 98, 100)]
    rows = quiet(prices, trail_lookback=2).bars
    assert (rows[4]["lookback_prev"], rows[4]["barTS"], rows[4]["exit_stop"]) == (None, None, None)
    assert (rows[5]["lookback_prev"], rows[5]["exit_stop"], rows[5]["trail_points"]) == (99, 99, None)
    assert (rows[6]["lookback_prev"], rows[6]["exit_stop"]) == (99, 99)
    assert fills(quiet(prices, trail_lookback=2)) == [("long", 3, 7, 99, "stop")]
    kept = quiet(prices[:5], trail_lookback=2, all_na_exit="keep").bars[4]
    assert (kept["exit_stop"], kept["trail_points"]) == (98, 50)


def test_intent_bar_trail_is_the_true_low_and_never_loosens() -> None:
    """Profile intent, N = 2: 97 does not loosen 98; then 99; then 100, which is the close: out there."""
    prices = [*SWEEP, (100, 102, 99, 101), (101, 103, 100, 102), (102, 104, 101, 103), (103, 104, 100, 100)]
    result = quiet(prices, profile="intent", trail_lookback=2)
    assert [row["lookback_prev"] for row in result.bars[4:]] == [97, 97, 99, 100]
    assert [row["barTS"] for row in result.bars[4:]] == [98, 98, 99, 100]
    assert result.bars[5]["trail_points"] == 50
    assert fills(result) == [("long", 3, 7, 100, "stop@close")]


def test_intent_keeps_the_stop_while_bars_are_missing() -> None:
    """Profile intent: with N = 6 and five bars before it, the stop stays 98."""
    prices = [*SWEEP, (100, 102, 99, 101), (101, 103, 100, 102)]
    row = quiet(prices, profile="intent", trail_lookback=6).bars[5]
    assert (row["long_armed"], row["lookback_prev"], row["exit_stop"]) == (1, None, 98)


def test_without_arming_the_bar_trail_starts_on_the_next_bar() -> None:
    """SP-31: armed at the entry; SP-30: without the bar trail arming changes nothing."""
    prices = [*SWEEP, (100, 101, 99, 100)]
    rows = quiet(prices, use_arm_after_rr=False).bars
    assert (rows[3]["long_armed"], rows[3]["exit_stop"], rows[4]["exit_stop"]) == (1, 98, None)
    assert quiet(prices, use_arm_after_rr=False, use_bar_trail=False).bars[4]["exit_stop"] == 98


def test_without_the_smart_trail_there_is_no_stop_at_all() -> None:
    """SP-29."""
    result = quiet([*SWEEP, (100, 101, 50, 60)], enable_smart_trail=False)
    assert result.trades == []
    assert result.bars[3]["exit_stop"] is None


# bar 5 confirms the pivot high 104, bar 6 sweeps it at 105 and closes at 103
REVERSING: list[Prices] = [*SWEEP, (100, 104, 99, 101), (101, 103, 100, 102), (102, 105, 101, 103)]


def test_direction_lock_decides_whether_an_opposite_signal_reverses() -> None:
    """SP-34: without the lock the close reverses, and the long's variables stay stale."""
    assert quiet(REVERSING, use_bar_trail=False).bars[6]["bear_signal"] == 1
    assert quiet(REVERSING, use_bar_trail=False).bars[6]["action"] == 0
    result = quiet([*REVERSING, (103, 103, 102, 102)], use_bar_trail=False, use_dir_lock=False)
    assert fills(result) == [("long", 3, 6, 103, "reversal")]
    assert result.trades[0].exit_signal == "Short SFP"
    assert result.open_trades[0].side == "short"
    assert (result.bars[7]["longEntry"], result.bars[7]["long_armed"]) == (100, 1)


def test_reversal_at_the_close_pays_one_order() -> None:
    """R99 by quantity: the fee of each leg is the fee of its own quantity."""
    result = quiet(REVERSING, use_bar_trail=False, use_dir_lock=False)
    # the long: 4.5 at 100 and at 103
    assert result.trades[0].commission == pytest.approx(0.00055 * 4.5 * 203, abs=1e-9)
    assert result.open_trades[0].commission == pytest.approx(
        0.00055 * 103 * result.open_trades[0].qty, abs=1e-9
    )


@pytest.mark.parametrize(("priority", "action"), [("Skip", 0), ("Prefer Bear", 2), ("Prefer Bull", 1)])
def test_both_signals_on_one_bar(priority: str, action: int) -> None:
    """Step 9."""
    assert dual(BOTH, bar_priority=priority).bars[3]["action"] == action


def test_both_entries_at_one_close() -> None:
    """SP-35: a zero-length long, then the short with its own quantity 9 / 3."""
    result = dual(BOTH, use_one_per_bar=False)
    assert result.bars[3]["action"] == 3
    assert fills(result) == [("long", 3, 3, 100, "reversal")]
    assert (result.open_trades[0].side, result.open_trades[0].qty) == ("short", 3)


def test_commands_before_trade_from_are_discarded_and_state_is_not() -> None:
    """The script believes in its entry on bar 3 and forgets it on bar 4; locks and gate remember."""
    prices = [*SWEEP, (100, 101, 99, 100)]
    result = dual(prices, Settings(trade_from_ms=START_MS + 4 * BAR_MS))
    assert (result.trades, result.open_trades) == ([], [])
    assert (result.bars[3]["action"], result.bars[3]["longEntry"]) == (1, 100)
    row = result.bars[4]
    assert (row["longEntry"], row["traded_bull"], row["can_long"]) == (None, 2, 0)
    assert len(dual(prices, Settings(trade_from_ms=START_MS + 3 * BAR_MS)).trades) == 1


@pytest.mark.parametrize(
    ("start_ms", "now_ms", "action"),
    [
        (START_MS + 3 * BAR_MS, START_MS, 1),
        (START_MS + 3 * BAR_MS + 1, START_MS, 0),
        (0, START_MS + 31 * DAY_MS - 1, 1),
        (0, START_MS + 31 * DAY_MS, 0),
    ],
)
def test_window_compares_open_times(start_ms: int, now_ms: int, action: int) -> None:
    """Step 4, SP-45: start time and midnight UTC of the pinned day minus 30 days, both inclusive."""
    result = dual(SWEEP, use_window=True, start_time_ms=start_ms, now_ms=now_ms)
    assert result.bars[3]["action"] == action
    assert result.bars[3]["bull_signal"] == 1  # SP-47: only entries are gated


def test_quality_filter_measures_from_the_swept_level() -> None:
    """The wick is 98 - 97 = 100 ticks deep; swing and lock do not see the filter."""
    assert dual(SWEEP, use_sfp_quality=True, wick_min_ticks=100).bars[3]["action"] == 1
    row = dual(SWEEP, use_sfp_quality=True, wick_min_ticks=101).bars[3]
    assert (row["action"], row["bull_signal"], row["pivL_swing_bix"]) == (0, 0, 2)


def test_stop_sources_and_buffers() -> None:
    """Swings of two: pivot 98, previous low 99, bar [2] low 98, own low 97; then ticks and ATR."""
    prices: list[Prices] = [SWEEP[0], (100, 101, 98.8, 100), *SWEEP[1:]]

    def stop(**params: Any) -> float:
        return float(dual(prices, swing_len=2, **params).bars[4]["sl"])

    assert stop() == 98
    assert stop(stop_source="previous") == 99
    assert stop(stop_source="signal") == 97
    assert stop(stop_source="min_prev_len") == 98
    assert stop(sl_buf_ticks=5) == pytest.approx(97.95)
    # ranges 2, 2.2, 3, 2, 4; Wilder over 2: 2.1, 2.55, 2.275, 3.1375
    assert stop(atr_mult=2.0, atr_period=2, sl_buf_ticks=5) == pytest.approx(97.95 - 6.275)
    assert dual(prices, swing_len=2, atr_mult=1.0).bars[4]["action"] == 0  # ATR 14 is still na


def test_a_stop_on_the_wrong_side() -> None:
    """Close 98.5 under the previous low 99: refused by the fee filter, else out at its own close."""
    prices: list[Prices] = [*SWEEP[:3], (100, 101, 97, 98.5)]
    result = dual(prices, stop_source="previous")
    assert fills(result) == [("long", 3, 3, 98.5, "stop@close")]
    assert dual(prices, stop_source="previous", use_fee_filter=True).bars[3]["action"] == 0


def test_take_profit_is_a_limit_at_r() -> None:
    """100 + 1.3 x 2 = 102.6, with the smart trail off; a second run shows it staying in re-issues."""
    prices = [*SWEEP, (100, 103, 99.5, 101)]
    result = dual(prices, use_take_profit=True, enable_smart_trail=False)
    assert fills(result) == [("long", 3, 4, 102.6, "limit")]
    literal = dual(prices, use_take_profit=True, trailing_perc=500.0)
    assert fills(literal) == [("long", 3, 4, 102.6, "limit")]
    # armed on bar 4 by its close 101: the stop is na, the limit stays and fills on bar 5
    longer = [*SWEEP, (100, 102, 99, 101), (101, 103, 90, 95)]
    kept = dual(longer, use_take_profit=True, trailing_perc=500.0)
    assert kept.bars[4]["exit_stop"] is None
    assert fills(kept) == [("long", 3, 5, 102.6, "limit")]


def test_inverted_signals_use_the_other_block() -> None:
    """A bull sweep sells: no swing high yet, so the stop is the bar's high 101 and the quantity 9."""
    row = dual(SWEEP, invert_signals=True).bars[3]
    assert (row["action"], row["sl"], row["qty"], row["traded_bear"]) == (2, 101, 9, None)


@pytest.mark.parametrize(("minutes", "action"), [(0, 1), (15, 1), (16, 0)])
def test_cooldown_counts_from_the_last_entry_bar(minutes: int, action: int) -> None:
    """Bar 4 opens 15 minutes after bar 3, which entered."""
    assert dual([*SWEEP, (100, 100.2, 96, 100.1)], cooldown_minutes=minutes).bars[4]["action"] == action


def classic(prices: list[Prices], profile: str = "tv-literal", **params: Any) -> Result:
    return run(make_bars(prices), "classic", profile, {"use_window": False, **params})


def test_classic_sizes_with_the_extra_division() -> None:
    """Risk 3, distance 101 - 98 = 3: (3 - 1 x 101 x 0.0004) / 3 / 101; without fees 3 / 3."""
    row = classic(CLASSIC).bars[3]
    assert row["qty"] == pytest.approx((3 - 0.0404) / 3 / 101, rel=1e-12)
    assert (row["action"], row["sl"], row["trail_points"], row["trail_offset"]) == (1, 98, 3, 3)
    assert classic(CLASSIC, zero_commission=True).bars[3]["qty"] == 1


def test_classic_enters_at_the_next_open_and_trails_in_ticks() -> None:
    """Filled at 102, activation 102.03, high 102.5 first, 3 ticks behind."""
    result = classic([*CLASSIC, (102, 102.5, 101, 101.5)])
    assert fills(result) == [("long", 4, 4, 102.47, "trail")]
    assert result.trades[0].entry_price == 102


def test_classic_target_when_the_smart_trail_is_off() -> None:
    """101 + 10.5 x 3 = 132.5, from the signal's close although filled at 102."""
    result = classic([*CLASSIC, (102, 140, 101, 120)], enable_smart_trail=False)
    assert fills(result) == [("long", 4, 4, 132.5, "limit")]


def test_classic_in_intent_trails_by_its_percents() -> None:
    """1.5 % of 101 above 102, up to the tick: 103.52; 1 % of 101 behind the high 104: 102.99."""
    result = classic([*CLASSIC, (102, 104, 101, 101)], profile="intent")
    assert fills(result) == [("long", 4, 4, 102.99, "trail")]


def test_classic_with_a_stop_nearer_than_the_fee_orders_nothing() -> None:
    """Distance 0.02 on 100 is below 0.04 %: the fee eats the risk and the quantity is negative."""
    prices: list[Prices] = [CLASSIC[0], (101, 102, 100, 101), (101, 102, 97, 100), (101, 102, 99.99, 100.01)]
    row = classic(prices).bars[3]
    assert (row["bull_signal"], row["action"], row["qty"], row["sl"]) == (1, 0, None, None)


def test_classic_gate_is_inverted() -> None:
    """Re-entry off leaves the flag true, on shuts it until the close changes."""
    assert classic(CLASSIC).bars[3]["can_long"] == 1
    prices = [*CLASSIC, (101, 102, 100, 101), (101, 102, 100, 102)]
    rows = classic(prices, enable_reentry_after_sl=True).bars
    assert [rows[bar]["can_long"] for bar in (3, 4, 5)] == [0, 0, 1]


def test_rsi_weight_uses_the_hour_that_this_bar_ends() -> None:
    """Hours close at 100, 105 and, with the signal bar itself, 101: falling, so the size is halved."""
    flat, higher = (100.0, 100.0, 100.0, 100.0), (105.0, 105.0, 105.0, 105.0)
    hours: list[Prices] = [flat] * 4 + [higher] * 4
    params: dict[str, Any] = {"rsi_period": 2, "rsi_oversold": 0.0}
    full = classic([*hours, *CLASSIC], **params).bars[11]
    weak = classic([*hours, *CLASSIC], use_rsi_weight=True, **params).bars[11]
    assert (full["htf60_close"], full["htf60_close1"]) == (101, 105)
    assert weak["qty"] == pytest.approx(full["qty"] / 2, rel=1e-12)
    stretched = classic([*hours, *CLASSIC], use_rsi_weight=True, rsi_period=2, rsi_oversold=100.0).bars[11]
    assert stretched["qty"] == full["qty"]


def test_classic_quality_stops_at_the_previous_bar() -> None:
    """Wick 99 - 98 = 100 ticks; stop 97, 9 / 4 = 2.25, filled at the close 101."""
    result = run(make_bars(CLASSIC), "classic-quality", "tv-literal", {"use_window": False})
    row = result.bars[3]
    assert (row["action"], row["qty"], row["sl"], row["exit_stop"]) == (1, 2.25, 97, 97)
    assert result.open_trades[0].entry_price == 101
    off = run(
        make_bars(CLASSIC), "classic-quality", "tv-literal", {"use_window": False, "wick_min_ticks": 101}
    )
    assert off.bars[3]["action"] == 0


def test_classic_quality_filters_on_the_target() -> None:
    """1.3 x 4 x 2.25 = 11.7 less 2.25 x 101 x 0.0011 = 0.249975: 11.450025."""
    for minimum, action in ((11.45, 1), (11.4501, 0)):
        params = {"use_window": False, "min_net_profit": minimum}
        assert run(make_bars(CLASSIC), "classic-quality", "tv-literal", params).bars[3]["action"] == action


@pytest.mark.parametrize(
    ("preset", "profile", "params", "word"),
    [
        ("dual", "tv-literal", {}, "preset"),
        ("dual-sfp", "literal", {"use_window": False}, "profile"),
        ("dual-sfp", "tv-literal", {"use_window": False, "swingLen": 2}, "swingLen"),
        ("classic", "tv-literal", {"use_window": False, "stop_source": "pivot"}, "stop_source"),
        ("dual-sfp", "tv-literal", {"use_window": False, "bar_priority": "None"}, "bar_priority"),
        ("dual-sfp", "tv-literal", {}, "now_ms"),
    ],
)
def test_configuration_errors_name_what_is_wrong(
    preset: str, profile: str, params: dict[str, object], word: str
) -> None:
    """C3: unknown names and values are refused."""
    with pytest.raises(ConfigError, match=word):
        run(make_bars(SWEEP), preset, profile, params)
