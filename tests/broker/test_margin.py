"""Margin: R89 to R97, R109, R136, R140, R142, R143, R162."""

from __future__ import annotations

from math import nan

from kwin_core.properties import PINE_V5, PINE_V6
from kwin_core.strategy import LONG, SHORT
from tests.broker.cases import Case, check, table
from tests.broker.script import enter, leave, raw, shut

QUIET = (100, 101, 99, 100)
STILL = (100, 100, 100, 100)
FULL = {"margin_long": 100, "margin_short": 100}
QUARTER = {"margin_long": 25, "margin_short": 25}
TWO = {"pyramiding": 2}

CASES = [
    Case(
        "r090_an_order_that_is_not_affordable_at_this_close_is_dropped",
        bars=[STILL, STILL],
        script={0: [enter("L", LONG, 100.001), enter("S", SHORT, 101, stop=95)]},
        given=FULL,
        fills=[],
        refused=["0 L", "0 S"],
    ),
    Case(
        "r090_the_last_cent_of_equity_may_be_used",
        bars=[STILL, STILL],
        script={0: [enter("L", LONG, 100)]},
        given=FULL,
        fills=["1 L +100 @ 100"],
    ),
    Case(
        "r091_one_that_is_not_affordable_at_its_fill_is_refused",
        bars=[STILL, (101, 101, 101, 101)],
        script={0: [enter("L", LONG, 100)]},
        given=FULL,
        fills=[],
        refused=["1 L"],
    ),
    Case(
        "r091_a_priced_reversal_is_refused_whole",
        bars=[STILL, STILL, (100, 101, 100, 100)],
        script={0: [enter("L", LONG, 20)], 1: [enter("S", SHORT, 99, limit=101)]},
        given={**FULL, "commission_type": "cash_per_order", "commission_value": 90},
        fills=["1 L +20 @ 100"],
        refused=["2 S"],
    ),
    Case(
        "r136_a_market_reversal_refused_when_placed_still_closes",
        bars=[STILL] * 3,
        script={0: [enter("L", LONG, 10)], 1: [enter("S", SHORT, 101)]},
        given=FULL,
        fills=["1 L +10 @ 100", "2 S -10 @ 100"],
        refused=["1 S"],
        open=[],
    ),
    Case(
        "r136_refused_at_its_fill_too",
        bars=[STILL, STILL, (102, 102, 102, 102)],
        script={0: [enter("L", LONG, 10)], 1: [enter("S", SHORT, 100)]},
        given=FULL,
        fills=["1 L +10 @ 100", "2 S -10 @ 102"],
        trades=["L +10 100@1 > S 102@2"],
        open=[],
    ),
    Case(
        "r092_the_second_half_of_close_and_reverse_fills_and_is_trimmed",
        bars=[STILL] * 3,
        script={0: [enter("L", LONG, 99)], 1: [shut("L"), enter("S", SHORT, 100)]},
        given={**FULL, "slippage": 1},
        lot=1.0,
        fills=["1 L +99 @ 101", "2 close L -99 @ 99", "2 S -100 @ 99", "2 margin call +8 @ 101"],
    ),
    Case(
        "r092_a_stack_of_one_bar_that_fits_one_by_one_fills_and_is_trimmed",
        bars=[STILL] * 2,
        script={0: [enter("A", LONG, 60), enter("B", LONG, 60)]},
        given={**FULL, **TWO},
        fills=["1 A +60 @ 100", "1 B +60 @ 100", "1 margin call -80 @ 100"],
        open=["B +40 100@1"],
    ),
    Case(
        "r092_an_add_to_an_older_position_is_judged_with_it",
        bars=[STILL] * 3,
        script={0: [enter("A", LONG, 60)], 1: [enter("B", LONG, 60)]},
        given={**FULL, **TWO},
        fills=["1 A +60 @ 100"],
        refused=["1 B"],
    ),
    Case(
        "r093_a_waiting_entry_is_cancelled_at_the_close_that_makes_it_unaffordable",
        bars=[STILL, (102, 102, 102, 102), (102, 106, 102, 105)],
        script={0: [enter("L", LONG, 100, stop=105), leave("X", "L", stop=90)]},
        given=FULL,
        fills=[],
        cancelled=["1 L", "1 X"],
    ),
    Case(
        "r094_r095_a_call_closes_four_times_the_cover_at_the_extreme",
        bars=[STILL, STILL, (100, 101, 96, 100)],
        script={0: [enter("L", LONG, 400)]},
        given=QUARTER,
        lot=1.0,
        fills=["1 L +400 @ 100", "2 margin call -200 @ 96"],
        trades=["L +200 100@1 > Margin call 96@2"],
        open=["L +200 100@1"],
    ),
    Case(
        "r095_at_the_open_when_that_is_short_already",
        bars=[STILL, STILL, (96, 101, 95, 100)],
        script={0: [enter("L", LONG, 400)]},
        given=QUARTER,
        lot=1.0,
        fills=["1 L +400 @ 100", "2 margin call -200 @ 96"],
    ),
    Case(
        "r095_r142_at_the_favourable_extreme_too",
        bars=[STILL, STILL, (100, 101, 90, 95)],
        script={0: [enter("S", SHORT, 100)]},
        given=FULL,
        lot=1.0,
        fills=["1 S -100 @ 100", "2 margin call +4 @ 101"],
    ),
    Case(
        "r095_a_call_is_slipped",
        bars=[STILL, STILL, (100, 101, 96, 100)],
        script={0: [enter("L", LONG, 380)]},
        given={**QUARTER, "slippage": 1},
        lot=1.0,
        fills=["1 L +380 @ 101", "2 margin call -168 @ 95"],
    ),
    Case(
        "r094_at_most_the_position",
        bars=[STILL, STILL, (80, 80, 80, 80)],
        script={0: [enter("L", LONG, 400)]},
        given=QUARTER,
        lot=1.0,
        fills=["1 L +400 @ 100", "2 margin call -400 @ 80"],
        open=[],
    ),
    Case(
        "r140_a_shortfall_below_a_lot_closes_one_whole_contract",
        bars=[STILL, STILL, (100, 100.5, 100, 100.5)],
        script={0: [enter("S", SHORT, 99)]},
        given=FULL,
        tick=0.01,
        lot=1.0,
        fills=["1 S -99 @ 100"],
    ),
    Case(
        "r140_a_shortfall_below_a_lot_closes_one_whole_contract_also_with_small_lots",
        bars=[STILL, STILL, (100, 100.01, 100, 100.01)],
        script={0: [enter("S", SHORT, 100)]},
        given=FULL,
        tick=0.01,
        lot=0.1,
        fills=["1 S -100 @ 100", "2 margin call +1 @ 100.01"],
    ),
    Case(
        "r140_the_cover_is_plainly_truncated",
        bars=[STILL, STILL, (100, 101.99, 100, 101)],
        script={0: [enter("S", SHORT, 100)]},
        given=FULL,
        tick=0.01,
        lot=1.0,
        fills=["1 S -100 @ 100", "2 margin call +12 @ 101.99"],
    ),
    Case(
        "r142_at_the_fill_price_itself",
        bars=[(99, 99, 99, 99), (99, 101, 99, 100)],
        script={0: [enter("L", LONG, 100, stop=100)]},
        given={**FULL, "commission_value": 1.0},
        lot=1.0,
        fills=["1 L +100 @ 100", "1 margin call -4 @ 100"],
    ),
    Case(
        "r143_under_fifo_a_call_cuts_from_the_oldest_trade",
        bars=[STILL, STILL, STILL, (96, 96, 96, 96)],
        script={0: [enter("L", LONG, 200)], 1: [enter("L", LONG, 200)]},
        given={**QUARTER, **TWO},
        lot=1.0,
        trades=["L +200 100@1 > Margin call 96@3"],
        open=["L +200 100@2"],
    ),
    Case(
        "r143_under_any_the_same_cut_hits_each_trade",
        bars=[STILL, STILL, STILL, (99, 99, 99, 99)],
        script={0: [enter("L", LONG, 200)], 1: [enter("L", LONG, 200)]},
        given={**QUARTER, **TWO, "close_entries_rule": "ANY"},
        lot=1.0,
        trades=["L +48 100@1 > Margin call 99@3", "L +48 100@2 > Margin call 99@3"],
        open=["L +152 100@1", "L +152 100@2"],
    ),
    Case(
        "r162_the_call_of_a_bar_runs_before_the_orders_of_its_close",
        bars=[STILL, STILL],
        script={
            0: [enter("L", LONG, 370)],
            1: [shut("L", qty=1, immediately=True), raw("R", SHORT, 100)],
        },
        given={
            "margin_long": 25,
            "commission_type": "cash_per_order",
            "commission_value": 500,
            "process_orders_on_close": True,
        },
        lot=1.0,
        fills=["0 L +370 @ 100", "1 close L -1 @ 100", "1 margin call -36 @ 100", "1 R -100 @ 100"],
    ),
    Case(
        "r096_the_liquidation_price_of_a_long_is_floored",
        bars=[STILL, STILL],
        script={0: [enter("L", LONG, 300)]},
        given=QUARTER,
        shown={"liquidation_price": {0: nan, 1: 88}},
    ),
    Case(
        "r096_of_a_short_ceiled",
        bars=[STILL, STILL],
        script={0: [enter("S", SHORT, 300)]},
        given=QUARTER,
        shown={"liquidation_price": {0: nan, 1: 107}},
    ),
    Case(
        "r096_without_margin_there_is_none",
        bars=[STILL, STILL],
        script={0: [enter("S", SHORT, 300)]},
        shown={"liquidation_price": {1: nan}},
    ),
    Case(
        "r097_capital_held_is_size_times_entry_price",
        bars=[STILL, STILL, (90, 90, 90, 90)],
        script={0: [enter("A", LONG, 10)], 1: [enter("B", LONG, 5)]},
        given={"margin_short": 10, **TWO},
        shown={"capital_held": {0: 0, 1: 1000, 2: 1450}},
    ),
    Case(
        "r097_it_is_absent_only_without_any_margin",
        bars=[STILL, STILL],
        script={0: [enter("A", LONG, 10)]},
        shown={"capital_held": {0: nan, 1: nan}},
    ),
    Case(
        "r109_the_size_of_no_trade_is_zero",
        bars=[STILL, STILL],
        script={0: [enter("S", SHORT, 10)]},
        shown={"first_size": {0: 0, 1: -10}},
    ),
]


@table(CASES)
def test_margin(case: Case) -> None:
    check(case)


def test_r089_margin_is_off_in_v5_and_full_in_v6() -> None:
    assert (PINE_V5.margin_long, PINE_V5.margin_short) == (0, 0)
    assert (PINE_V6.margin_long, PINE_V6.margin_short) == (100, 100)


def test_r089_without_margin_nothing_is_checked() -> None:
    """A thousand times the capital, and a loss beyond it."""
    check(
        Case(
            "r089",
            bars=[STILL, STILL, (10, 10, 10, 10)],
            script={0: [enter("L", LONG, 100_000)]},
            fills=["1 L +100000 @ 100"],
            shown={"equity": {2: 10_000 - 9_000_000}},
        )
    )
