"""Order of work, the assumed path, the open and its gaps: R1 to R22, R131 and R132."""

from __future__ import annotations

from kwin_core.strategy import LONG, OCA_CANCEL, SHORT
from tests.broker.cases import Case, check, table
from tests.broker.script import enter, leave, raw, shut

FLAT = (100, 100, 100, 100)
QUIET = (100, 101, 99, 100)

CASES = [
    Case(
        "r001_r002_a_market_order_fills_at_the_next_open",
        bars=[QUIET, (102, 103, 101, 102), QUIET],
        script={0: [enter("L", LONG, 1)]},
        fills=["1 L +1 @ 102"],
        shown={"position_size": {0: 0, 1: 1}},
    ),
    Case(
        "r001_orders_of_earlier_bars_come_before_the_script_and_the_close_pass_after_it",
        bars=[QUIET, (100, 106, 99, 104), QUIET],
        script={0: [enter("L", LONG, 1, stop=105)], 1: [shut("L")]},
        given={"process_orders_on_close": True},
        fills=["1 L +1 @ 105", "1 close L -1 @ 104"],
    ),
    Case(
        "r003_prices_of_a_bar_are_snapped_to_the_tick_halves_up",
        bars=[QUIET, (100, 104.5, 99.4, 100)],
        script={0: [enter("L", LONG, 1, stop=105), enter("M", LONG, 1, limit=99)]},
        given={"pyramiding": 2},
        fills=["1 M +1 @ 99", "1 L +1 @ 105"],
    ),
    Case(
        "r003_below_the_half_they_are_snapped_down",
        bars=[QUIET, (100, 104.49, 99.5, 100)],
        script={0: [enter("L", LONG, 1, stop=105), enter("M", LONG, 1, limit=99)]},
        fills=[],
    ),
    Case(
        "r004_high_first_when_it_is_nearer",
        bars=[QUIET, (100, 103, 96, 100)],
        script={0: [enter("S", SHORT, 1, stop=97), enter("L", LONG, 1, stop=102)]},
        fills=["1 L +1 @ 102", "1 S -1 @ 97"],
    ),
    Case(
        "r004_low_first_when_it_is_nearer",
        bars=[QUIET, (100, 104, 97, 100)],
        script={0: [enter("L", LONG, 1, stop=102), enter("S", SHORT, 1, stop=98)]},
        fills=["1 S -1 @ 98", "1 L +1 @ 102"],
    ),
    Case(
        "r004_low_first_on_a_tie",
        bars=[QUIET, (100, 103, 97, 100)],
        script={0: [enter("L", LONG, 1, stop=102), enter("S", SHORT, 1, stop=98)]},
        fills=["1 S -1 @ 98", "1 L +1 @ 102"],
    ),
    Case(
        "r005_touching_a_stop_is_enough",
        bars=[QUIET, (100, 105, 99, 104)],
        script={0: [enter("L", LONG, 1, stop=105)]},
        fills=["1 L +1 @ 105"],
    ),
    Case(
        "r005_touching_a_limit_is_enough",
        bars=[QUIET, (100, 101, 97, 100)],
        script={0: [enter("L", LONG, 1, limit=97)]},
        fills=["1 L +1 @ 97"],
    ),
    Case(
        "r005_one_tick_short_of_the_level_is_not",
        bars=[QUIET, (100, 104, 98, 100)],
        script={0: [enter("L", LONG, 1, stop=105), enter("M", LONG, 1, limit=97)]},
        fills=[],
    ),
    Case(
        "r006_r011_the_nearest_level_of_a_leg_first",
        bars=[QUIET, (100, 107, 99, 106)],
        script={0: [enter("far", LONG, 1, stop=106), enter("near", LONG, 1, stop=103)]},
        given={"pyramiding": 2},
        fills=["1 near +1 @ 103", "1 far +1 @ 106"],
    ),
    Case(
        "r007_a_bracket_born_on_the_way_takes_its_place_in_the_order_of_levels",
        bars=[QUIET, (100, 110, 99, 109)],
        script={
            0: [
                enter("A", LONG, 1, stop=102),
                enter("B", LONG, 1, stop=107),
                leave("XA", "A", profit=3),
            ]
        },
        given={"pyramiding": 2},
        fills=["1 A +1 @ 102", "1 XA -1 @ 105", "1 B +1 @ 107"],
    ),
    Case(
        "r008_at_one_price_the_buy_first_whatever_was_placed_first",
        bars=[QUIET, (100, 106, 99, 104)],
        script={0: [enter("S", SHORT, 1, limit=105), enter("L", LONG, 1, stop=105)]},
        fills=["1 L +1 @ 105", "1 S -1 @ 105"],
    ),
    Case(
        "r008_at_one_price_on_one_side_the_order_placed_first",
        bars=[QUIET, (100, 106, 99, 104)],
        script={0: [enter("second", LONG, 1, stop=105), enter("first", LONG, 1, stop=105)]},
        given={"pyramiding": 2},
        fills=["1 second +1 @ 105", "1 first +1 @ 105"],
    ),
    Case(
        "r009_the_way_to_the_close_fills_what_became_active_on_this_bar_at_its_level",
        bars=[QUIET, (100, 101, 90, 99)],
        script={0: [enter("L", LONG, 1, limit=92), leave("X", "L", limit=95)]},
        fills=["1 L +1 @ 92", "1 X -1 @ 95"],
    ),
    Case(
        "r009_the_way_to_the_close_fills_nothing_the_extremes_did_not_reach",
        bars=[QUIET, (100, 103, 97, 102)],
        script={0: [enter("S", SHORT, 1, limit=104), enter("L", LONG, 1, limit=96)]},
        fills=[],
    ),
    Case(
        "r013_a_buy_stop_passed_by_the_open_fills_at_the_open",
        bars=[QUIET, (107, 108, 106, 107)],
        script={0: [enter("L", LONG, 1, stop=105)]},
        fills=["1 L +1 @ 107"],
    ),
    Case(
        "r013_a_sell_stop_passed_by_the_open_fills_at_the_open",
        bars=[QUIET, QUIET, (90, 92, 89, 91)],
        script={0: [enter("L", LONG, 1), leave("X", "L", stop=95)]},
        trades=["L +1 100@1 > X 90@2"],
    ),
    Case(
        "r014_a_buy_limit_passed_by_the_open_fills_better_at_the_open",
        bars=[QUIET, (93, 94, 92, 93)],
        script={0: [enter("L", LONG, 1, limit=95)]},
        fills=["1 L +1 @ 93"],
    ),
    Case(
        "r014_a_target_passed_by_the_open_fills_better_at_the_open",
        bars=[QUIET, QUIET, (112, 113, 111, 112)],
        script={0: [enter("L", LONG, 1), leave("X", "L", limit=105)]},
        trades=["L +1 100@1 > X 112@2"],
    ),
    Case(
        "r015_levels_gapped_by_one_open_fill_there_nearest_first",
        bars=[QUIET, (110, 111, 109, 110)],
        script={0: [enter("far", LONG, 1, stop=103), enter("near", LONG, 2, stop=107)]},
        given={"pyramiding": 2},
        fills=["1 near +2 @ 110", "1 far +1 @ 110"],
    ),
    Case(
        "r016_entries_gapped_by_the_open_fill_before_exits_whatever_the_levels",
        bars=[QUIET, QUIET, (90, 91, 89, 90)],
        script={
            0: [enter("L", LONG, 2), leave("X", "L", qty=1, stop=95)],
            1: [raw("more", SHORT, 1, stop=93)],
        },
        fills=["1 L +2 @ 100", "2 more -1 @ 90", "2 X -1 @ 90"],
    ),
    Case(
        "r017_an_exit_of_a_pending_entry_never_fires_before_it",
        bars=[QUIET, (100, 101, 94, 95), (96, 106, 95, 105)],
        script={0: [enter("L", LONG, 1, stop=105), leave("X", "L", stop=95)]},
        fills=["2 L +1 @ 105"],
    ),
    Case(
        "r017_right_after_its_entry_it_meets_the_same_open",
        bars=[QUIET, (110, 112, 109, 111)],
        script={0: [enter("L", LONG, 1, stop=105), leave("X", "L", limit=108)]},
        fills=["1 L +1 @ 110", "1 X -1 @ 110"],
    ),
    Case(
        "r018_an_exit_gapped_with_the_stop_that_reverses_sells_again_under_its_own_id",
        bars=[QUIET, QUIET, (90, 91, 89, 90), QUIET],
        script={0: [enter("L", LONG, 1), leave("X", "L", stop=95)], 1: [enter("S", SHORT, 1, stop=96)]},
        fills=["1 L +1 @ 100", "2 S -2 @ 90", "2 X -1 @ 90"],
        trades=["L +1 100@1 > S 90@2"],
        open=["S -1 90@2", "X -1 90@2"],
    ),
    Case(
        "r018_what_it_opened_is_closed_after_the_older_trade",
        bars=[QUIET, QUIET, (90, 91, 89, 90), (92, 93, 91, 92)],
        script={
            0: [enter("L", LONG, 1), leave("X", "L", stop=95)],
            1: [enter("S", SHORT, 1, stop=96)],
            2: [shut("X")],
        },
        trades=["L +1 100@1 > S 90@2", "S -1 90@2 > Close entry(s) order X 92@3"],
        open=["X -1 90@2"],
    ),
    Case(
        "r019_a_market_reversal_cancels_a_gapped_exit",
        bars=[QUIET, QUIET, (90, 91, 89, 90)],
        script={0: [enter("L", LONG, 1), leave("X", "L", stop=95)], 1: [enter("S", SHORT, 1)]},
        fills=["1 L +1 @ 100", "2 S -2 @ 90"],
        open=["S -1 90@2"],
    ),
    Case(
        "r020_an_exit_level_reached_after_a_reversal_on_that_bar_is_gone",
        bars=[QUIET, QUIET, (100, 101, 90, 91)],
        script={0: [enter("L", LONG, 1), leave("X", "L", stop=93)], 1: [enter("S", SHORT, 1, stop=96)]},
        fills=["1 L +1 @ 100", "2 S -2 @ 96"],
    ),
    Case(
        "r021_a_bracket_acts_on_the_rest_of_the_bar_its_entry_fills_on",
        bars=[QUIET, (100, 110, 99, 101)],
        script={0: [enter("L", LONG, 1, stop=105), leave("X", "L", stop=103, limit=120)]},
        fills=["1 L +1 @ 105", "1 X -1 @ 103"],
    ),
    Case(
        "r021_not_on_what_the_path_had_passed_before",
        bars=[QUIET, (100, 106, 97, 106)],
        script={0: [enter("L", LONG, 1, stop=105), leave("X", "L", stop=98)]},
        fills=["1 L +1 @ 105"],
    ),
    Case(
        "r022_the_second_leg_begins_at_the_first_extreme_target",
        bars=[QUIET, (100, 110, 94, 105)],
        script={0: [enter("L", LONG, 1, limit=95), leave("X", "L", limit=98)]},
        fills=["1 L +1 @ 95", "1 X -1 @ 98"],
    ),
    Case(
        "r022_the_second_leg_begins_at_the_first_extreme_stop",
        bars=[QUIET, (100, 106, 90, 95)],
        script={0: [enter("L", LONG, 1, stop=105), leave("X", "L", stop=103)]},
        fills=["1 L +1 @ 105", "1 X -1 @ 103"],
    ),
    Case(
        "r131_opposite_entries_gapped_by_one_open_are_booked_as_a_long_the_short_closed",
        bars=[QUIET, (110, 111, 109, 110)],
        script={0: [enter("S", SHORT, 1, limit=108), enter("L", LONG, 1, stop=103)]},
        fills=["1 S -1 @ 110", "1 L +1 @ 110"],
        trades=["L +1 110@1 > S 110@1"],
        open=[],
    ),
    Case(
        "r131_the_profit_is_the_same_under_either_label",
        bars=[QUIET, (110, 111, 109, 110)],
        script={0: [enter("S", SHORT, 1, limit=108), enter("L", LONG, 1, stop=103)]},
        given={"slippage": 2},
        trades=["L +1 112@1 > S 110@1"],
        columns={"net_pnl": [-2]},
    ),
    Case(
        "r132_at_one_level_the_exit_activated_first_fills_first",
        bars=[QUIET, QUIET, (100, 101, 94, 95)],
        script={0: [enter("L", LONG, 1), leave("X", "L", stop=95)], 1: [enter("S", SHORT, 1, stop=95)]},
        fills=["1 L +1 @ 100", "2 X -1 @ 95", "2 S -2 @ 95"],
        open=["S -2 95@2"],
    ),
    Case(
        "r132_an_exit_at_the_level_of_the_reversal_fills_out_though_its_entry_is_spent",
        bars=[QUIET, QUIET, QUIET, (100, 101, 94, 95)],
        script={
            0: [enter("L", LONG, 1)],
            1: [enter("S", SHORT, 1, stop=95)],
            2: [leave("X", "L", stop=95)],
        },
        fills=["1 L +1 @ 100", "3 S -2 @ 95", "3 X -1 @ 95"],
        open=["S -1 95@3", "X -1 95@3"],
    ),
    Case(
        "r010_r118_a_fill_at_the_close_carries_the_bar_it_filled_on",
        bars=[QUIET, (100, 103, 99, 102), QUIET],
        script={0: [enter("L", LONG, 1)], 1: [shut("L")]},
        given={"process_orders_on_close": True},
        trades=["L +1 100@0 > Close entry(s) order L 102@1"],
    ),
    Case(
        "r056_an_oca_order_gapped_with_the_other_of_its_group_is_cancelled",
        bars=[QUIET, (110, 111, 109, 110)],
        script={
            0: [
                enter("A", LONG, 1, stop=103, oca="g", oca_kind=OCA_CANCEL),
                enter("B", LONG, 1, stop=107, oca="g", oca_kind=OCA_CANCEL),
            ]
        },
        given={"pyramiding": 2},
        fills=["1 B +1 @ 110"],
        cancelled=["1 A"],
    ),
]


@table(CASES)
def test_path(case: Case) -> None:
    check(case)
