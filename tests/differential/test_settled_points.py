"""Minimal examples of differences the random comparison once found; each rule stays decided."""

from __future__ import annotations

import numpy as np

from tests import reference
from tests.core.hand_made import BOTH, REVERSING, SWEEP, Settings, dual, fills, trailing
from tests.differential import compiled
from tests.differential.compare import differences
from tests.differential.compiled import run_setup, setup_for, to_array
from tests.reference.hand_made import make_bars


def test_offset_0_beyond_the_activation_fills_at_the_open() -> None:
    """Activation 100.01, open 100.5: filled at the open, so trail@open."""
    assert fills(dual([*SWEEP, (100.5, 101, 99.5, 100)])) == [("long", 3, 4, 100.5, "trail@open")]


def test_the_better_placed_of_stop_and_trail_names_a_gap() -> None:
    """Trail 109 - 1 = 108 stands above the stop 98; the open at 97 has passed both."""
    prices = [*SWEEP, (100, 109, 100, 108.5), (97, 98, 96, 97)]
    assert fills(trailing(prices)) == [("long", 3, 5, 97, "trail@open")]


def test_no_leg_is_left_behind_by_an_entry_below_one_lot() -> None:
    """Lot 4.5: the long is one lot; the short's 3 floor to none, closes the long (R137), leaves no order."""
    setup = setup_for(
        "dual-sfp",
        "tv-literal",
        {"use_window": False, "use_fee_filter": False, "swing_len": 1, "trailing_perc": 900.0,
         "use_bar_trail": False, "use_dir_lock": False, "limit_qty_enabled": True, "max_qty_manual": 50.0},
        Settings(lot=4.5),
    )  # fmt: skip
    bars = make_bars([*REVERSING[:-1], (102, 105, 101, 101)])  # 3 below its stop 104: about 3 units
    _, states, buffers = run_setup(setup, to_array(bars))
    trades, _ = buffers.take()
    core = states[0]["core"]
    assert np.array_equal(trades["exit_bar"], [6])
    assert (int(core["lot_count"]), int(core["order_count"])) == (0, 0)


def test_the_exit_of_an_entry_below_one_lot_was_in_force_until_it_filled() -> None:
    """Bar 5: the short floors to no lot and closes the long; the script's end saw its exit, after the close is none."""
    prices = [*[(200, 200, 200, 200)] * 2, (200.2, 200.2, 200.2, 200.2), (200.2, 200.2, 199.9, 200.1),
              (200.1, 200.1, 200.1, 200.1), (200.1, 201.4, 199.9, 199.9), (199.9, 199.9, 199.9, 199.9)]  # fmt: skip
    params = {"use_window": False, "swing_len": 1, "risk_pct": 0.5, "use_fee_filter": False, "use_arm_after_rr": False,
              "use_dir_lock": False, "stop_source": "signal"}  # fmt: skip
    case = (
        make_bars(prices),
        "dual-sfp",
        "tv-literal",
        params,
        Settings(tick=0.1, lot=1.0, margin_percent=0.0),
    )
    expected = reference.run(*case)
    assert [(one.exit_bar, one.exit_kind) for one in expected.trades] == [(5, "reversal")]
    assert list(differences(expected, compiled.run(*case))) == []


def test_the_first_of_two_entries_stays_when_both_do_not_fit() -> None:
    """Margin 100: 2.25 at 100 is 225 of 300; the short's as much again does not fit beside it."""
    result = dual(BOTH, Settings(margin_percent=100.0), use_one_per_bar=False, max_qty_manual=2.25)
    assert result.bars[3]["action"] == 3
    assert [trade.side for trade in result.open_trades] == ["long"]
