"""Entries, raw orders, ids, groups, stop-limits: R48 to R58, R133, R134, R138, R152."""

from __future__ import annotations

from kwin_core.strategy import LONG, OCA_CANCEL, OCA_NONE, OCA_REDUCE, SHORT
from tests.broker.cases import Case, check, table
from tests.broker.script import drop, drop_all, enter, leave, raw, shut, shut_all

QUIET = (100, 101, 99, 100)
STILL = (100, 100, 100, 100)
UP = (100, 110, 99, 109)  # low first
MARGIN = {"margin_long": 100, "margin_short": 100}

CASES = [
    Case(
        "r048_the_same_id_replaces_the_resting_order",
        bars=[QUIET, QUIET, UP],
        script={0: [enter("L", LONG, 1, stop=104)], 1: [enter("L", LONG, 2, stop=107)]},
        fills=["2 L +2 @ 107"],
    ),
    Case(
        "r049_an_entry_beyond_the_pyramiding_limit_is_dropped",
        bars=[QUIET] * 4,
        script={0: [enter("A", LONG, 1)], 1: [enter("B", LONG, 1)], 2: [enter("C", LONG, 1)]},
        given={"pyramiding": 2},
        fills=["1 A +1 @ 100", "2 B +1 @ 100"],
    ),
    Case(
        "r049_pyramiding_zero_acts_as_one",
        bars=[QUIET] * 3,
        script={0: [enter("A", LONG, 1)], 1: [enter("B", LONG, 1)]},
        given={"pyramiding": 0},
        fills=["1 A +1 @ 100"],
    ),
    Case(
        "r049_resting_orders_are_not_judged_again_when_they_fill",
        bars=[QUIET, UP],
        script={
            0: [enter("A", LONG, 1, stop=103), enter("B", LONG, 1, stop=105), enter("C", LONG, 1, stop=107)]
        },
        fills=["1 A +1 @ 103", "1 B +1 @ 105", "1 C +1 @ 107"],
    ),
    Case(
        "r050_what_counts_is_entries_whose_bound_quantity_is_alive",
        bars=[QUIET, QUIET, QUIET, (100, 106, 99, 105), QUIET],
        script={
            0: [enter("A", LONG, 1)],
            1: [enter("B", LONG, 1)],
            2: [leave("XB", "B", limit=105)],
            3: [enter("C", LONG, 1)],
        },
        given={"pyramiding": 2},
        fills=["1 A +1 @ 100", "2 B +1 @ 100", "3 XB -1 @ 105", "4 C +1 @ 100"],
        trades=["A +1 100@1 > XB 105@3"],
    ),
    Case(
        "r051_an_add_that_pyramiding_refuses_does_not_enlarge_an_exit",
        bars=[QUIET, QUIET, UP],
        script={0: [enter("L", LONG, 1)], 1: [enter("L", LONG, 5), leave("X", "L", limit=105)]},
        fills=["1 L +1 @ 100", "2 X -1 @ 105"],
        open=[],
    ),
    Case(
        "r052_raw_orders_ignore_pyramiding_and_add_signed_quantity",
        bars=[QUIET] * 5,
        script={
            0: [raw("a", LONG, 1)],
            1: [raw("b", LONG, 2)],
            2: [raw("c", SHORT, 1)],
            3: [raw("d", SHORT, 5)],
        },
        fills=["1 a +1 @ 100", "2 b +2 @ 100", "3 c -1 @ 100", "4 d -5 @ 100"],
        trades=["a +1 100@1 > c 100@3", "b +2 100@2 > d 100@4"],
        open=["d -3 100@4"],
    ),
    Case(
        "r053_limit_and_stop_are_one_order_that_fills_at_the_stop_when_marketable_there",
        bars=[QUIET, UP],
        script={0: [enter("L", LONG, 1, stop=105, limit=107)]},
        fills=["1 L +1 @ 105"],
    ),
    Case(
        "r053_otherwise_it_waits_for_the_limit_the_way_back_of_this_bar_included",
        bars=[QUIET, (100, 106, 94, 103)],
        script={0: [enter("L", LONG, 1, stop=105, limit=102)]},
        fills=[],
    ),
    Case(
        "r053_the_way_back_over_the_limit_fills_it_on_this_bar",
        bars=[QUIET, (100, 106, 93, 95)],
        script={0: [enter("L", LONG, 1, stop=105, limit=102)]},
        fills=["1 L +1 @ 102"],
    ),
    Case(
        "r053_and_on_later_bars",
        bars=[QUIET, (100, 106, 99, 105), (105, 106, 101, 104)],
        script={0: [enter("L", LONG, 1, stop=105, limit=102)]},
        fills=["2 L +1 @ 102"],
    ),
    Case(
        "r053_before_the_stop_the_limit_means_nothing",
        bars=[QUIET, (100, 101, 90, 100)],
        script={0: [enter("L", LONG, 1, stop=105, limit=102)]},
        fills=[],
    ),
    Case(
        "r053_a_stop_gapped_beyond_the_limit_waits",
        bars=[QUIET, (110, 111, 108, 109), (109, 110, 101, 105)],
        script={0: [enter("L", LONG, 1, stop=105, limit=102)]},
        fills=["2 L +1 @ 102"],
    ),
    Case(
        "r053_a_stop_gapped_short_of_the_limit_fills_at_the_open",
        bars=[QUIET, (106, 107, 104, 105)],
        script={0: [enter("L", LONG, 1, stop=105, limit=107)]},
        fills=["1 L +1 @ 106"],
    ),
    Case(
        "r053_short_side_and_raw_orders",
        bars=[QUIET, (100, 101, 94, 96), (96, 99, 95, 98)],
        script={0: [raw("S", SHORT, 1, stop=95, limit=98)]},
        fills=["2 S -1 @ 98"],
    ),
    Case(
        "r152_triggered_once_it_stays_triggered_over_unchanged_re_issues",
        bars=[QUIET, (100, 106, 99, 104), (104, 104, 101, 103)],
        script={range(2): [enter("L", LONG, 1, stop=105, limit=102)]},
        fills=["2 L +1 @ 102"],
    ),
    Case(
        "r152_also_when_the_default_size_changed_meanwhile",
        bars=[QUIET, (100, 106, 99, 104), (104, 104, 101, 103)],
        script={0: [enter("A", LONG, 1)], range(2): [enter("L", LONG, stop=105, limit=102)]},
        given={"pyramiding": 3, "default_qty_type": "percent_of_equity", "default_qty_value": 10},
        lot=0.0001,
        fills=["1 A +1 @ 100", "2 L +9.8078 @ 102"],
    ),
    Case(
        "r152_a_changed_level_starts_anew",
        bars=[QUIET, (100, 106, 99, 104), (104, 104, 101, 103)],
        script={
            0: [enter("L", LONG, 1, stop=105, limit=102)],
            1: [enter("L", LONG, 1, stop=106, limit=102)],
        },
        fills=[],
    ),
    Case(
        "r054_cancel_hits_an_entry_by_its_id",
        bars=[QUIET, QUIET, UP],
        script={0: [enter("L", LONG, 1, stop=105), enter("M", LONG, 1, stop=106)], 1: [drop("L")]},
        fills=["2 M +1 @ 106"],
        cancelled=["1 L"],
    ),
    Case(
        "r054_cancel_hits_an_exit_by_the_exit_id",
        bars=[QUIET, QUIET, UP],
        script={0: [enter("L", LONG, 1), leave("X", "L", limit=105)], 1: [drop("X")]},
        fills=["1 L +1 @ 100"],
        cancelled=["1 X"],
    ),
    Case(
        "r054_cancelling_a_filled_entry_does_not_touch_its_exits",
        bars=[QUIET, QUIET, UP],
        script={0: [enter("L", LONG, 1), leave("X", "L", limit=105)], 1: [drop("L")]},
        fills=["1 L +1 @ 100", "2 X -1 @ 105"],
        cancelled=[],
    ),
    Case(
        "r055_cancel_all_also_removes_a_market_order_of_this_bar",
        bars=[QUIET, UP],
        script={0: [enter("L", LONG, 1), enter("M", LONG, 1, stop=105), drop_all()]},
        given={"pyramiding": 2},
        fills=[],
        cancelled=["0 L", "0 M"],
    ),
    Case(
        "r055_what_is_placed_after_it_stays",
        bars=[QUIET, UP],
        script={0: [enter("L", LONG, 1), drop_all(), enter("L", LONG, 2)]},
        fills=["1 L +2 @ 100"],
    ),
    Case(
        "r056_oca_cancel_takes_all_others_of_the_group",
        bars=[QUIET, UP],
        script={
            0: [
                enter("A", LONG, 1, stop=103, oca="g", oca_kind=OCA_CANCEL),
                enter("B", LONG, 1, stop=105, oca="g", oca_kind=OCA_CANCEL),
                enter("S", SHORT, 1, stop=95, oca="g", oca_kind=OCA_CANCEL),
                enter("C", LONG, 1, stop=107, oca="other", oca_kind=OCA_CANCEL),
            ]
        },
        fills=["1 A +1 @ 103", "1 C +1 @ 107"],
        cancelled=["1 B", "1 S"],
    ),
    Case(
        "r056_oca_reduce_takes_the_filled_quantity_from_the_others",
        bars=[QUIET, UP],
        script={
            0: [
                raw("A", LONG, 2, stop=103, oca="g", oca_kind=OCA_REDUCE),
                raw("B", LONG, 5, stop=105, oca="g", oca_kind=OCA_REDUCE),
                raw("C", SHORT, 1, stop=95, oca="g", oca_kind=OCA_REDUCE),
            ]
        },
        fills=["1 A +2 @ 103", "1 B +3 @ 105"],
        cancelled=["1 C"],
    ),
    Case(
        "r056_oca_none_does_nothing",
        bars=[QUIET, UP],
        script={
            0: [
                raw("A", LONG, 2, stop=103, oca="g", oca_kind=OCA_NONE),
                raw("B", LONG, 5, stop=105, oca="g", oca_kind=OCA_NONE),
            ]
        },
        fills=["1 A +2 @ 103", "1 B +5 @ 105"],
    ),
    Case(
        "r057_opposite_market_entries_of_one_bar_both_fill_when_the_margin_of_both_fits",
        bars=[QUIET, QUIET],
        script={0: [enter("L", LONG, 40), enter("S", SHORT, 60)]},
        given=MARGIN,
        fills=["1 L +40 @ 100", "1 S -100 @ 100"],
        open=["S -60 100@1"],
    ),
    Case(
        "r057_otherwise_the_first_stays",
        bars=[QUIET, QUIET],
        script={0: [enter("L", LONG, 40), enter("S", SHORT, 61)]},
        given=MARGIN,
        fills=["1 L +40 @ 100"],
        refused=["0 S"],
    ),
    Case(
        "r058_a_reversal_of_an_older_position_needs_margin_for_the_new_side_only",
        bars=[STILL, STILL, STILL],
        script={0: [enter("L", LONG, 100)], 1: [enter("S", SHORT, 100)]},
        given=MARGIN,
        fills=["1 L +100 @ 100", "2 S -200 @ 100"],
        refused=[],
    ),
    Case(
        "r133_an_unchanged_re_issue_keeps_its_place",
        bars=[QUIET, QUIET, UP],
        script={
            0: [enter("A", LONG, 1, stop=105), enter("B", LONG, 1, stop=105)],
            1: [enter("A", LONG, 1, stop=105, text="other text")],
        },
        given={"pyramiding": 2},
        fills=["2 A +1 @ 105", "2 B +1 @ 105"],
        open=["other text +1 105@2", "B +1 105@2"],
    ),
    Case(
        "r133_a_changed_quantity_goes_to_the_back",
        bars=[QUIET, QUIET, UP],
        script={
            0: [enter("A", LONG, 1, stop=105), enter("B", LONG, 1, stop=105)],
            1: [enter("A", LONG, 2, stop=105)],
        },
        given={"pyramiding": 2},
        fills=["2 B +1 @ 105", "2 A +2 @ 105"],
    ),
    Case(
        "r133_a_changed_level_goes_to_the_back_even_when_it_changes_back",
        bars=[QUIET, QUIET, UP],
        script={
            0: [enter("A", LONG, 1, stop=105), enter("B", LONG, 1, stop=105)],
            1: [enter("A", LONG, 1, stop=106), enter("A", LONG, 1, stop=105)],
        },
        given={"pyramiding": 2},
        fills=["2 B +1 @ 105", "2 A +1 @ 105"],
    ),
    Case(
        "r134_pyramiding_looks_at_the_position_the_orders_of_this_bar_leave",
        bars=[QUIET, QUIET, QUIET],
        script={0: [enter("A", LONG, 1)], 1: [shut_all(), enter("S", SHORT, 1), enter("T", SHORT, 1)]},
        fills=["1 A +1 @ 100", "2 close_all -1 @ 100", "2 S -1 @ 100"],
    ),
    Case(
        "r134_a_rejected_call_is_gone_for_good_and_deletes_the_pending_order_of_its_id",
        bars=[QUIET, QUIET, UP],
        script={0: [enter("B", LONG, 1, stop=105), enter("A", LONG, 1)], 1: [enter("B", LONG, 1, stop=104)]},
        fills=["1 A +1 @ 100"],
        cancelled=["1 B"],
    ),
    Case(
        "r134_a_re_issue_of_this_bars_own_order_is_not_judged",
        bars=[QUIET, QUIET],
        script={0: [enter("A", LONG, 1), enter("A", LONG, 2)]},
        fills=["1 A +2 @ 100"],
    ),
    Case(
        "r138_a_raw_order_that_flips_beyond_its_margin_does_nothing_at_all",
        bars=[QUIET, QUIET, QUIET],
        script={0: [raw("a", LONG, 50)], 1: [raw("b", SHORT, 151)]},
        given=MARGIN,
        fills=["1 a +50 @ 100"],
        refused=["1 b"],
    ),
    Case(
        "r138_the_flip_it_can_carry_is_done",
        bars=[STILL, STILL, STILL],
        script={0: [raw("a", LONG, 50)], 1: [raw("b", SHORT, 150)]},
        given=MARGIN,
        fills=["1 a +50 @ 100", "2 b -150 @ 100"],
    ),
    Case(
        "r138_what_only_reduces_is_not_judged",
        bars=[QUIET, QUIET, (60, 60, 50, 50), (40, 40, 40, 40)],
        script={0: [raw("a", LONG, 150)], 1: [], 2: [raw("b", SHORT, 30)]},
        given={"margin_long": 50, "margin_short": 100},
        refused=[],
    ),
    Case(
        "r138_a_raw_order_resting_until_it_is_no_longer_affordable_is_refused_whole",
        bars=[QUIET, (120, 121, 119, 120)],
        script={0: [raw("a", LONG, 90, stop=105)]},
        given=MARGIN,
        fills=[],
        refused=["1 a"],
    ),
    Case(
        "r075_an_exit_of_no_entry_in_particular_survives_its_entrys_refusal_and_adapts",
        bars=[QUIET, (120, 121, 119, 120), (110, 111, 109, 110), (110, 121, 109, 120)],
        script={
            0: [enter("L", LONG, 90), leave("X", limit=115)],
            1: [enter("M", LONG, 10)],
        },
        given=MARGIN,
        refused=["1 L"],
        fills=["2 M +10 @ 110", "3 X -10 @ 115"],
    ),
    Case(
        "r149_a_leg_bound_to_an_entry_dies_when_the_entry_is_refused",
        bars=[QUIET, (120, 121, 119, 120), (110, 111, 109, 110), (110, 121, 109, 120)],
        script={
            0: [enter("L", LONG, 90), leave("X", "L", limit=115)],
            1: [enter("L", LONG, 10)],
        },
        given=MARGIN,
        refused=["1 L"],
        cancelled=["1 X"],
        fills=["2 L +10 @ 110"],
    ),
    Case(
        "r149_a_leg_dies_when_its_entry_is_cancelled",
        bars=[QUIET, QUIET, QUIET, UP],
        script={
            0: [enter("L", LONG, 1, stop=120), leave("X", "L", limit=105)],
            1: [drop("L")],
            2: [enter("L", LONG, 1)],
        },
        cancelled=["1 L", "1 X"],
        fills=["3 L +1 @ 100"],
    ),
    Case(
        "r149_one_without_from_entry_is_re_aimed_at_the_next_position",
        bars=[QUIET, QUIET, QUIET, UP],
        script={
            0: [enter("L", LONG, 1, stop=120), leave("X", limit=105)],
            1: [drop("L")],
            2: [enter("M", LONG, 1)],
        },
        fills=["3 M +1 @ 100", "3 X -1 @ 105"],
    ),
    Case(
        "r149_unless_that_has_an_exit_of_its_own",
        bars=[QUIET, QUIET, QUIET, UP],
        script={
            0: [enter("L", LONG, 1, stop=120), leave("X", limit=105)],
            1: [drop("L")],
            2: [enter("M", LONG, 1), leave("Y", "M", limit=107)],
        },
        fills=["3 M +1 @ 100", "3 Y -1 @ 107"],
    ),
    Case(
        "r071_close_and_a_reversal_that_is_refused_end_flat",
        bars=[QUIET, QUIET, QUIET],
        script={0: [enter("L", LONG, 50)], 1: [shut("L"), enter("S", SHORT, 200)]},
        given=MARGIN,
        open=[],
        refused=["1 S"],
    ),
]


@table(CASES)
def test_entries(case: Case) -> None:
    check(case)
