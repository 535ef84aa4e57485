"""Exits and closes: R59 to R76, R145 to R151."""

from __future__ import annotations

from math import nan

from kwin_core.strategy import LONG, SHORT
from tests.broker.cases import Case, check, table
from tests.broker.script import drop_all, enter, leave, raw, shut, shut_all

QUIET = (100, 101, 99, 100)
UP = (100, 110, 99, 109)  # low first
DOWN = (100, 101, 90, 91)  # high first
STILL = (100, 100, 100, 100)
ANY = {"close_entries_rule": "ANY"}
TWO = {"pyramiding": 2}

CASES = [
    Case(
        "r059_an_exit_without_levels_does_nothing_when_nothing_rests",
        bars=[QUIET, QUIET, UP],
        script={0: [enter("L", LONG, 1), leave("X", "L")]},
        fills=["1 L +1 @ 100"],
        cancelled=[],
    ),
    Case(
        "r059_on_a_live_leg_it_works_like_cancel",
        bars=[QUIET, QUIET, UP],
        script={0: [enter("L", LONG, 1), leave("X", "L", limit=105)], 1: [leave("X", "L", limit=nan)]},
        fills=["1 L +1 @ 100"],
    ),
    Case(
        "r059_the_leg_keeps_its_share_and_is_armed_again_by_levels",
        bars=[QUIET, QUIET, QUIET, UP],
        script={
            0: [enter("L", LONG, 3), leave("X", "L", qty=2, limit=105)],
            1: [leave("X", "L", qty=2), leave("Y", "L", limit=106)],
            2: [leave("X", "L", qty=2, limit=104)],
        },
        fills=["1 L +3 @ 100", "3 X -2 @ 104", "3 Y -1 @ 106"],
    ),
    Case(
        "r059_the_switch_keep_leaves_the_leg_alone",
        bars=[QUIET, QUIET, UP],
        script={0: [enter("L", LONG, 1), leave("X", "L", limit=105)], 1: [leave("X", "L")]},
        given={"all_na_exit": "keep"},
        fills=["1 L +1 @ 100", "2 X -1 @ 105"],
    ),
    Case(
        "r060_re_issuing_an_exit_updates_its_prices",
        bars=[QUIET, QUIET, UP],
        script={0: [enter("L", LONG, 1), leave("X", "L", limit=104)], 1: [leave("X", "L", limit=107)]},
        fills=["1 L +1 @ 100", "2 X -1 @ 107"],
    ),
    Case(
        "r060_two_exits_with_different_ids_both_live",
        bars=[QUIET, QUIET, UP],
        script={0: [enter("L", LONG, 2), leave("X", "L", qty=1, limit=104), leave("Y", "L", limit=107)]},
        fills=["1 L +2 @ 100", "2 X -1 @ 104", "2 Y -1 @ 107"],
    ),
    Case(
        "r061_a_leg_that_fired_is_spent_for_its_entry",
        bars=[QUIET, QUIET, UP, UP],
        script={0: [enter("L", LONG, 2)], range(3): [leave("X", "L", qty=1, limit=104)]},
        fills=["1 L +2 @ 100", "2 X -1 @ 104"],
        open=["L +1 100@1"],
    ),
    Case(
        "r061_a_new_entry_of_the_id_gets_it_again",
        bars=[QUIET, QUIET, UP, QUIET, UP],
        script={
            0: [enter("L", LONG, 1)],
            2: [enter("L", LONG, 1)],
            range(5): [leave("X", "L", limit=104)],
        },
        fills=["1 L +1 @ 100", "2 X -1 @ 104", "3 L +1 @ 100", "4 X -1 @ 104"],
    ),
    Case(
        "r062_a_share_is_one_of_the_original_size",
        bars=[QUIET, QUIET, UP],
        script={
            0: [
                enter("L", LONG, 10),
                leave("A", "L", qty_percent=50, limit=103),
                leave("B", "L", qty_percent=30, limit=105),
                leave("C", "L", limit=107),
            ]
        },
        fills=["1 L +10 @ 100", "2 A -5 @ 103", "2 B -3 @ 105", "2 C -2 @ 107"],
    ),
    Case(
        "r062_also_after_a_part_has_gone",
        bars=[QUIET, QUIET, (100, 104, 99, 103), (103, 110, 102, 109)],
        script={
            0: [enter("L", LONG, 10), leave("A", "L", qty_percent=50, limit=103)],
            2: [leave("B", "L", qty_percent=30, limit=106)],
        },
        fills=["1 L +10 @ 100", "2 A -5 @ 103", "3 B -3 @ 106"],
        open=["L +2 100@1"],
    ),
    Case(
        "r062_legs_reserve_first_come_first_served",
        bars=[QUIET, QUIET, UP],
        script={
            0: [
                enter("L", LONG, 10),
                leave("A", "L", qty=8, limit=107),
                leave("B", "L", qty=8, limit=103),
                leave("C", "L", limit=105),
            ]
        },
        fills=["1 L +10 @ 100", "2 B -2 @ 103", "2 A -8 @ 107"],
    ),
    Case(
        "r063_one_leg_an_entry_and_a_stop_closes_all_adds_one_row_each",
        bars=[QUIET, QUIET, (102, 103, 101, 102), DOWN],
        script={
            0: [enter("L", LONG, 1)],
            1: [enter("L", LONG, 2)],
            range(3): [leave("X", "L", stop=95)],
        },
        given=TWO,
        trades=["L +1 100@1 > X 95@3", "L +2 102@2 > X 95@3"],
    ),
    Case(
        "r064_without_from_entry_an_exit_covers_every_open_and_pending_entry",
        bars=[QUIET, QUIET, QUIET, DOWN],
        script={0: [enter("A", LONG, 1)], 1: [enter("B", LONG, 2), leave("X", stop=95)]},
        given=TWO,
        trades=["A +1 100@1 > X 95@3", "B +2 100@2 > X 95@3"],
    ),
    Case(
        "r064_r151_what_a_reversal_opens_has_its_bracket_from_the_next_bar",
        bars=[QUIET, QUIET, DOWN, DOWN],
        script={0: [enter("L", LONG, 1)], 1: [enter("S", SHORT, 1)], range(1, 4): [leave("X", limit=95)]},
        fills=["1 L +1 @ 100", "2 S -2 @ 100", "3 X +1 @ 95"],
    ),
    Case(
        "r064_an_exit_bound_by_from_entry_acts_on_the_bar_of_the_reversal",
        bars=[QUIET, QUIET, DOWN],
        script={0: [enter("L", LONG, 1)], 1: [enter("S", SHORT, 1), leave("X", "S", limit=95)]},
        fills=["1 L +1 @ 100", "2 S -2 @ 100", "2 X +1 @ 95"],
    ),
    Case(
        "r151_the_opening_half_of_a_reversal_gets_no_leg_of_the_position_it_closes",
        bars=[QUIET, QUIET, QUIET, DOWN],
        script={0: [enter("L", LONG, 1), leave("X", stop=95)], 1: [enter("S", SHORT, 1)]},
        fills=["1 L +1 @ 100", "2 S -2 @ 100"],
        open=["S -1 100@2"],
    ),
    Case(
        "r065_the_target_of_an_exit_cancels_its_stop",
        bars=[QUIET, QUIET, (100, 106, 94, 95), DOWN],
        script={0: [enter("L", LONG, 1), leave("X", "L", limit=105, stop=93)]},
        fills=["1 L +1 @ 100", "2 X -1 @ 105"],
        open=[],
    ),
    Case(
        "r066_exits_never_reverse",
        bars=[QUIET, QUIET, QUIET, DOWN],
        script={
            0: [enter("L", LONG, 3), leave("X", "L", qty=3, stop=95)],
            1: [raw("part", SHORT, 2)],
        },
        fills=["1 L +3 @ 100", "2 part -2 @ 100", "3 X -1 @ 95"],
        open=[],
    ),
    Case(
        "r067_flat_ends_all_exits",
        bars=[QUIET, QUIET, QUIET, QUIET, DOWN],
        script={
            0: [enter("L", LONG, 1), leave("X", "L", stop=95)],
            1: [shut_all()],
            2: [enter("L", LONG, 1)],
        },
        fills=["1 L +1 @ 100", "2 close_all -1 @ 100", "3 L +1 @ 100"],
    ),
    Case(
        "r067_except_those_whose_entry_is_pending",
        bars=[QUIET, QUIET, QUIET, UP],
        script={
            0: [enter("L", LONG, 1), enter("M", LONG, 1, stop=103), leave("X", "M", limit=106)],
            1: [shut_all()],
        },
        given=TWO,
        fills=["1 L +1 @ 100", "2 close_all -1 @ 100", "3 M +1 @ 103", "3 X -1 @ 106"],
    ),
    Case(
        "r068_close_trades_what_is_open_of_its_id",
        bars=[QUIET] * 4,
        script={0: [enter("A", LONG, 1)], 1: [enter("B", LONG, 2)], 2: [shut("B")]},
        given={**TWO, **ANY},
        trades=["B +2 100@2 > Close entry(s) order B 100@3"],
        open=["A +1 100@1"],
    ),
    Case(
        "r068_without_an_open_entry_of_the_id_it_does_nothing",
        bars=[QUIET] * 3,
        script={0: [enter("A", LONG, 1), shut("A"), shut("B")]},
        fills=["1 A +1 @ 100"],
    ),
    Case(
        "r147_several_closes_of_one_id_the_last_one_survives_in_v5",
        bars=[QUIET] * 3,
        script={0: [enter("L", LONG, 10)], 1: [shut("L", qty=2), shut("L", qty=3)]},
        fills=["1 L +10 @ 100", "2 close L -3 @ 100"],
    ),
    Case(
        "r068_r147_in_v6_they_stack",
        bars=[QUIET] * 3,
        script={0: [enter("L", LONG, 10)], 1: [shut("L", qty=2), shut("L", qty=3)]},
        version=6,
        fills=["1 L +10 @ 100", "2 close L -2 @ 100", "2 close L -3 @ 100"],
    ),
    Case(
        "r068_and_clamp_at_flat",
        bars=[QUIET] * 3,
        script={0: [enter("L", LONG, 4)], 1: [shut("L", qty=3), shut("L", qty=3)]},
        version=6,
        fills=["1 L +4 @ 100", "2 close L -3 @ 100", "2 close L -1 @ 100"],
        open=[],
    ),
    Case(
        "r069_close_all_after_a_partial_close_ends_flat",
        bars=[QUIET] * 3,
        script={0: [enter("L", LONG, 4)], 1: [shut("L", qty=1), shut_all()]},
        fills=["1 L +4 @ 100", "2 close L -1 @ 100", "2 close_all -3 @ 100"],
        open=[],
    ),
    Case(
        "r070_close_all_sells_again_what_a_margin_call_took_in_between",
        bars=[STILL, STILL, STILL],
        script={0: [enter("L", LONG, 370)], 1: [shut_all(), shut("L", qty=1, immediately=True)]},
        given={"margin_long": 25, "commission_type": "cash_per_order", "commission_value": 500},
        lot=1.0,
        fills=["1 L +370 @ 100", "1 close L -1 @ 100", "1 margin call -36 @ 100", "2 close_all -369 @ 100"],
        open=["Close position order -36 100@2"],
    ),
    Case(
        "r072_an_immediate_close_fills_at_the_close_after_the_script",
        bars=[QUIET, (100, 108, 99, 107), QUIET],
        script={0: [enter("L", LONG, 1)], 1: [shut("L", immediately=True)]},
        trades=["L +1 100@1 > Close entry(s) order L 107@1"],
        shown={"position_size": {1: 1, 2: 0}, "closed_trades": {1: 0, 2: 1}, "net_profit": {1: 0, 2: 7}},
    ),
    Case(
        "r072_close_all_too",
        bars=[QUIET, (100, 108, 99, 107), QUIET],
        script={0: [enter("L", LONG, 1)], 1: [shut_all(immediately=True), enter("M", LONG, 1)]},
        fills=["1 L +1 @ 100", "1 close_all -1 @ 107", "2 M +1 @ 100"],
        given=TWO,
    ),
    Case(
        "r073_fifo_consumes_the_oldest_trade_whatever_the_binding",
        bars=[QUIET, QUIET, QUIET, UP],
        script={0: [enter("A", LONG, 2)], 1: [enter("B", LONG, 2)], 2: [leave("XB", "B", limit=105)]},
        given=TWO,
        trades=["A +2 100@1 > XB 105@3"],
        open=["B +2 100@2"],
    ),
    Case(
        "r073_fifo_goes_on_to_the_next_trade",
        bars=[QUIET, QUIET, QUIET, UP],
        script={0: [enter("A", LONG, 1)], 1: [enter("B", LONG, 2)], 2: [leave("XB", "B", limit=105)]},
        given=TWO,
        trades=["A +1 100@1 > XB 105@3", "B +1 100@2 > XB 105@3"],
        open=["B +1 100@2"],
    ),
    Case(
        "r073_any_closes_only_the_bound_entry",
        bars=[QUIET, QUIET, QUIET, UP],
        script={0: [enter("A", LONG, 1)], 1: [enter("B", LONG, 2)], 2: [leave("XB", "B", limit=105)]},
        given={**TWO, **ANY},
        trades=["B +2 100@2 > XB 105@3"],
        open=["A +1 100@1"],
    ),
    Case(
        "r073_any_a_close_whose_entry_is_gone_by_then_does_nothing",
        bars=[QUIET] * 3,
        script={
            0: [enter("S", SHORT, 1)],
            1: [raw("a", LONG, 1), raw("b", SHORT, 0.125), shut("S")],
        },
        given=ANY,
        fills=["1 S -1 @ 100", "2 a +1 @ 100", "2 b -0.125 @ 100"],
        open=["b -0.125 100@2"],
    ),
    Case(
        "r074_the_names_of_closes",
        bars=[QUIET] * 5,
        script={0: [enter("L", LONG, 1)], 1: [shut("L")], 2: [enter("L", LONG, 1)], 3: [shut_all()]},
        trades=["L +1 100@1 > Close entry(s) order L 100@2", "L +1 100@3 > Close position order 100@4"],
    ),
    Case(
        "r074_a_comment_replaces_the_id",
        bars=[QUIET] * 5,
        script={
            0: [enter("L", LONG, 1, text="in")],
            1: [shut("L", text="out")],
            2: [enter("L", LONG, 1)],
            3: [shut_all(text="all out")],
        },
        trades=["in +1 100@1 > out 100@2", "L +1 100@3 > all out 100@4"],
    ),
    Case(
        "r074_a_comment_of_the_trigger_wins_profit",
        bars=[QUIET, QUIET, UP],
        script={
            0: [
                enter("L", LONG, 1),
                leave("X", "L", limit=105, stop=95, text="c", text_profit="won", text_loss="lost"),
            ]
        },
        trades=["L +1 100@1 > won 105@2"],
    ),
    Case(
        "r074_a_comment_of_the_trigger_wins_loss",
        bars=[QUIET, QUIET, DOWN],
        script={
            0: [
                enter("L", LONG, 1),
                leave("X", "L", limit=105, stop=95, text="c", text_profit="won", text_loss="lost"),
            ]
        },
        trades=["L +1 100@1 > lost 95@2"],
    ),
    Case(
        "r074_a_comment_of_the_trigger_wins_trailing",
        bars=[QUIET, QUIET, (100, 110, 99, 105)],
        script={
            0: [
                enter("L", LONG, 1),
                leave("X", "L", trail_points=5, trail_offset=2, text="c", text_trailing="trailed"),
            ]
        },
        trades=["L +1 100@1 > trailed 108@2"],
    ),
    Case(
        "r074_without_one_the_comment_stands",
        bars=[QUIET, QUIET, DOWN],
        script={0: [enter("L", LONG, 1), leave("X", "L", limit=105, stop=95, text="c", text_profit="won")]},
        trades=["L +1 100@1 > c 95@2"],
    ),
    Case(
        "r145_a_share_below_one_lot_is_one_lot",
        bars=[QUIET, QUIET, UP],
        script={0: [enter("L", LONG, 10), leave("X", "L", qty_percent=5, limit=105)]},
        lot=1.0,
        fills=["1 L +10 @ 100", "2 X -1 @ 105"],
    ),
    Case(
        "r145_a_larger_share_is_floored",
        bars=[QUIET, QUIET, DOWN],
        script={0: [enter("S", SHORT, 10), leave("X", "S", qty_percent=39, limit=95)]},
        lot=1.0,
        fills=["1 S -10 @ 100", "2 X +3 @ 95"],
    ),
    Case(
        "r145_close_by_percent_too",
        bars=[QUIET] * 4,
        script={0: [enter("L", LONG, 10)], 1: [shut("L", qty_percent=5)], 2: [shut("L", qty_percent=39)]},
        lot=1.0,
        fills=["1 L +10 @ 100", "2 close L -1 @ 100", "3 close L -3 @ 100"],
    ),
    Case(
        "r146_a_negative_quantity_acts_by_its_size",
        bars=[QUIET, QUIET, QUIET, UP],
        script={0: [enter("L", LONG, 10), leave("X", "L", qty=-2, limit=105)], 1: [shut("L", qty=-3)]},
        fills=["1 L +10 @ 100", "2 close L -3 @ 100", "3 X -2 @ 105"],
    ),
    Case(
        "r146_one_that_floors_to_nothing_acts_like_an_omitted_one",
        bars=[QUIET, QUIET, QUIET, UP],
        script={
            0: [enter("L", LONG, 10), leave("A", "L", qty=4, limit=104), leave("B", "L", qty=0.4, limit=105)],
        },
        lot=1.0,
        fills=["1 L +10 @ 100", "3 A -4 @ 104", "3 B -6 @ 105"],
    ),
    Case(
        "r146_close_too",
        bars=[QUIET] * 3,
        script={0: [enter("L", LONG, 10)], 1: [shut("L", qty=0.4)]},
        lot=1.0,
        fills=["1 L +10 @ 100", "2 close L -10 @ 100"],
    ),
    Case(
        "r148_a_second_close_by_percent_takes_the_share_of_what_is_open_under_fifo",
        bars=[QUIET] * 4,
        script={0: [enter("L", LONG, 100)], 1: [shut("L", qty_percent=10)], 2: [shut("L", qty_percent=10)]},
        lot=1.0,
        fills=["1 L +100 @ 100", "2 close L -10 @ 100", "3 close L -9 @ 100"],
    ),
    Case(
        "r148_of_the_original_size_under_any",
        bars=[QUIET] * 4,
        script={0: [enter("L", LONG, 100)], 1: [shut("L", qty_percent=10)], 2: [shut("L", qty_percent=10)]},
        given=ANY,
        lot=1.0,
        fills=["1 L +100 @ 100", "2 close L -10 @ 100", "3 close L -10 @ 100"],
    ),
    Case(
        "r150_after_close_all_a_long_re_entry_of_the_id_keeps_the_old_exit",
        bars=[QUIET, QUIET, QUIET, DOWN],
        script={0: [enter("L", LONG, 1), leave("X", "L", stop=95)], 1: [shut_all(), enter("L", LONG, 1)]},
        given=TWO,
        fills=["1 L +1 @ 100", "2 close_all -1 @ 100", "2 L +1 @ 100", "3 X -1 @ 95"],
    ),
    Case(
        "r150_a_short_one_does_not",
        bars=[QUIET, QUIET, QUIET, UP],
        script={0: [enter("S", SHORT, 1), leave("X", "S", stop=105)], 1: [shut_all(), enter("S", SHORT, 1)]},
        given=TWO,
        fills=["1 S -1 @ 100", "2 close_all +1 @ 100", "2 S -1 @ 100"],
    ),
    Case(
        "r055_cancel_all_takes_exits_too",
        bars=[QUIET, QUIET, DOWN],
        script={0: [enter("L", LONG, 1), leave("X", "L", stop=95)], 1: [drop_all()]},
        fills=["1 L +1 @ 100"],
        cancelled=["1 X"],
    ),
    Case(
        "r066_a_raw_order_may_close_and_open_where_an_exit_may_not",
        bars=[QUIET, QUIET, DOWN],
        script={0: [enter("L", LONG, 1)], 1: [raw("R", SHORT, 3, stop=95)]},
        fills=["1 L +1 @ 100", "2 R -3 @ 95"],
        open=["R -2 95@2"],
    ),
]


@table(CASES)
def test_exits(case: Case) -> None:
    check(case)
