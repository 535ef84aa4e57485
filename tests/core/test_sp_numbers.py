"""SP-18 to SP-20 and SP-39 to SP-50 on the compiled core: timeframes, sizes, times, tolerances."""

from __future__ import annotations

import numpy as np
import pytest

from kwin_core.bars import close_time
from kwin_core.engine import Buffers, make_engine
from kwin_core.kwin.dual import sized
from kwin_core.kwin.setup import build
from kwin_core.money import floor_explicit
from tests.core.hand_made import BAR_MS, CLASSIC, START_MS, SWEEP, Prices, Settings, dual, fills, quiet
from tests.core.kwin_runs import fixture_bars, setup
from tests.differential.compiled import to_array
from tests.reference.indicators import pivot_low
from tests.reference.records import Bar

FIVE_MS = 300_000
DAY_MS = 86_400_000
LENGTH = 5


def five_minute_run() -> tuple[np.ndarray, np.ndarray, list[tuple[float, float, int]]]:
    """A 5-minute chart: bars, rows, and (low15 pivot held, close15 held, gate) after every bar."""
    bars = fixture_bars()[:9_000].copy()
    bars["time_ms"] = bars["time_ms"][0] // BAR_MS * BAR_MS + np.arange(bars.size) * FIVE_MS
    made = build(
        "dual-sfp",
        "tv-literal",
        {"use_window": False, "swing_len": LENGTH},
        tick=0.01,
        timeframe_ms=FIVE_MS,
        now_ms=0,
    )
    engine = make_engine(made.strategy, made.frozen)
    states = engine.new_state(made.settings, made.params)
    buffers = Buffers(made.strategy, bars.size)
    engine.run(states, bars, made.params, buffers)
    rows = buffers.signals
    states = engine.new_state(made.settings, made.params)
    held = []
    unused = Buffers(made.strategy, 0)
    for k in range(bars.size):
        engine.run(states, bars[k : k + 1], made.params, unused)
        unused.counts[:] = 0
        user = states[0]["user"]
        held.append((float(user["pl15"]), float(user["close15"]), int(user["long"]["can_enter"])))
    return bars, rows, held


def test_sp_18_sp_19_sp_20_a_finer_chart_sees_finished_15m_bars_and_counts_its_own() -> None:
    """Against a plain computation: the 15m value changes on the chart bar that ends it, never before; its
    pivot is na again with the next 15m bar; [len] goes back chart bars."""
    bars, rows, held = five_minute_run()
    lows15 = [bars["low"][k : k + 3].min() for k in range(0, bars.size, 3)]
    signals = 0
    for k in range(bars.size):
        ended = (k + 1) // 3 - 1  # the newest complete 15m bar as seen on chart bar k
        back = (k + 1 - LENGTH) // 3 - 1
        pivot = pivot_low(lows15, ended, LENGTH) if ended >= 0 else None
        assert held[k][0] == pivot if pivot is not None else np.isnan(held[k][0])
        assert held[k][1] == bars["close"][3 * ended + 2] if ended >= 0 else np.isnan(held[k][1])
        expected = False
        if pivot is not None and back >= 0:
            low_back = lows15[back]
            expected = lows15[ended] < low_back < min(bars["open"][k], bars["close"][k])
        assert bool(rows["bull_classic"][k]) == expected, k
        signals += expected
    assert signals > 10
    changes = [k for k in range(1, bars.size) if held[k][1] != held[k - 1][1] and not np.isnan(held[k][1])]
    assert {(k + 1) % 3 for k in changes} == {0}
    confirmed = [k for k in range(bars.size) if not np.isnan(held[k][0])]
    assert {k + 1 - 3 * ((k + 1) // 3) for k in confirmed} == {0, 1, 2}  # held for all its chart bars


def test_sp_39_equity_is_capital_plus_net_plus_open_profit() -> None:
    """After the entry: its commission is gone; after the exit on bar 5: the exit of that bar included."""
    result = quiet([*SWEEP, (100, 101, 99, 100.6), (100, 101, 97, 99)], use_bar_trail=False)
    fee = 4.5 * 100 * 0.00055
    rows = result.bars
    assert rows[3]["equity_seen"] == 300
    assert rows[4]["equity_seen"] == pytest.approx(300 - fee + 4.5 * 1.0)  # 100.6 snapped to tick 1
    assert rows[5]["equity_seen"] == pytest.approx(300 + result.trades[0].net_pnl)
    assert result.trades[0].net_pnl == pytest.approx(4.5 * (98 - 100) - fee - 4.5 * 98 * 0.00055)


DEEP: list[Prices] = [SWEEP[0], (100, 101, 92, 100), SWEEP[2], (100, 101, 91, 100)]  # 9 / 8 = 1.125


def test_sp_40_ties_of_the_quantity_go_up() -> None:
    """1.125 becomes 1.13; a banker's rounding gives 1.12."""
    assert dual(DEEP).bars[3]["qty"] == pytest.approx(1.13, abs=1e-12)


def test_sp_40_no_lot_is_lost_to_float_dust() -> None:
    """k x 0.01 is never floored below k lots; 0.35000000000000003 is 35 lots of 0.01."""
    for k in range(1, 5_001):
        assert floor_explicit(k * 0.01, 0.01, 100.0) == k / 100.0
        assert floor_explicit(k * 0.001, 0.001, 1_000.0) == k / 1_000.0
    assert floor_explicit(0.35000000000000003, 0.01, 100.0) == 0.35


def test_sp_41_the_size_takes_the_absolute_distance_the_filter_the_signed_one() -> None:
    """Close 98.5 under the stop 99 of the previous bar: sized 9 / 0.5, and refused by the filter."""
    prices: list[Prices] = [*SWEEP[:3], (100, 101, 97, 98.5)]
    free = dual(prices, stop_source="previous")
    assert (free.bars[3]["qty"], free.bars[3]["sl"]) == (18, 99)
    assert (
        dual(prices, stop_source="previous", use_fee_filter=True, min_net_profit=0.0).bars[3]["action"] == 0
    )


@pytest.mark.parametrize(
    ("lot", "traded"), [(0.0, 1.13), (0.001, 1.13), (0.01, 1.13), (0.1, 1.1), (0.5, 1.0)]
)
def test_sp_42_the_step_is_a_constant_and_the_symbols_lot_floors(lot: float, traded: float) -> None:
    """The script asks for 1.13 whatever the symbol's lot; a larger lot cuts it."""
    result = dual(DEEP, Settings(lot=lot))
    assert result.bars[3]["qty"] == pytest.approx(1.13, abs=1e-12)
    assert result.open_trades[0].qty == pytest.approx(traded, abs=1e-12)


def test_sp_43_the_cap_comes_after_rounding_and_stays_off_the_grid() -> None:
    assert dual(DEEP, max_qty_manual=1.125).bars[3]["qty"] == 1.125
    assert dual(DEEP, max_qty_manual=1.125, limit_qty_enabled=False).bars[3]["qty"] == pytest.approx(1.13)


@pytest.mark.parametrize(
    ("start_ms", "now_ms", "action"),
    [
        (START_MS + 3 * BAR_MS, START_MS, 1),
        (START_MS + 3 * BAR_MS + 1, START_MS, 0),
        (0, START_MS + 31 * DAY_MS - 1, 1),
        (0, START_MS + 31 * DAY_MS, 0),
    ],
)
def test_sp_44_sp_45_sp_47_the_window_gates_entries_by_the_bars_open(
    start_ms: int, now_ms: int, action: int
) -> None:
    """UTC midnight of the pinned day minus 30, and the start time, both inclusive; signals run regardless."""
    row = dual(SWEEP, use_window=True, start_time_ms=start_ms, now_ms=now_ms).bars[3]
    assert row["action"] == action
    assert (row["bull_signal"], row["pivL_swing_bix"], row["swL"]) == (1, 2, 98)


def test_sp_45_the_trade_carries_the_open_and_happens_at_the_close() -> None:
    result = quiet([*SWEEP, (97, 98, 96, 97)], use_bar_trail=False)
    trade = result.trades[0]
    assert (trade.entry_time_ms, trade.exit_time_ms) == (START_MS + 3 * BAR_MS, START_MS + 4 * BAR_MS)
    assert close_time(trade.entry_time_ms, BAR_MS) == START_MS + 4 * BAR_MS


def test_sp_46_bars_before_the_first_trade_decide_about_it() -> None:
    """Without the bars of the pivot there is no swing to sweep."""
    assert dual(SWEEP).bars[-1]["action"] == 1
    assert dual(SWEEP[2:]).bars[-1]["action"] == 0


@pytest.mark.parametrize(("below", "swept"), [(5e-11, 0), (2e-10, 1)])
def test_sp_48_a_sweep_by_less_than_the_tolerance_is_none(below: float, swept: int) -> None:
    local: list[Prices] = [*SWEEP[:3], (100, 101, 98 - below, 100)]
    assert dual(local).bars[3]["bull_local"] == swept
    classic: list[Prices] = [*CLASSIC[:3], (100, 102, 99 - below, 101)]
    assert dual(classic, swing_len=2).bars[3]["bull15"] == swept


@pytest.mark.parametrize(("dust", "qty"), [(0.0, 1.13), (4e-13, 1.13), (4e-12, 1.12)])
def test_sp_48_a_half_missed_by_less_than_the_tolerance_goes_up(dust: float, qty: float) -> None:
    """112.5 steps less 4.5e-11 are 113, less 4.5e-10 are 112."""
    params = setup("dual-sfp").params
    assert sized(params[0], 300.0 * (1.0 - dust), 8.0) == pytest.approx(qty, abs=1e-9)


@pytest.mark.parametrize(("close", "armed"), [(100.99, 0), (101, 1), (101 - 5e-11, 1), (101 - 2e-10, 0)])
def test_sp_48_arming_at_the_ratio_within_the_tolerance(close: float, armed: int) -> None:
    """0.5 x (100 - 98) = 1 above the entry, by the close."""
    assert dual([*SWEEP, (100, 100, 100, close)], trailing_perc=900.0).bars[4]["long_armed"] == armed


def test_sp_49_commissions_have_ten_significant_digits() -> None:
    """1.23456789012 at 100 and at 98: 0.067901233956... and 0.066543209277..., each rounded."""
    prices: list[Prices] = [*SWEEP, (100, 100, 97, 99)]
    result = dual(prices, trailing_perc=900.0, max_qty_manual=1.23456789012)
    assert fills(result) == [("long", 3, 4, 98, "stop")]
    assert result.trades[0].commission == pytest.approx(0.06790123396 + 0.06654320928, abs=1e-16)


def test_the_helpers_bars_are_the_bars_given() -> None:
    """The table-driven tests stand on this conversion."""
    array = to_array([Bar(START_MS, 1.0, 3.0, 0.5, 2.0)])
    assert array.tolist() == [(START_MS, 1.0, 3.0, 0.5, 2.0, 1.0)]
