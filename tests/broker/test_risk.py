"""Risk rules: R111 to R117, E14, E16."""

from __future__ import annotations

from kwin_core.strategy import LONG, SHORT
from tests.broker.cases import HOUR_MS, Case, check, table
from tests.broker.script import (
    allow,
    cap_day_loss,
    cap_drawdown,
    cap_fills,
    cap_loss_days,
    cap_position,
    enter,
    leave,
    shut,
    shut_all,
)

QUIET = (100, 101, 99, 100)
STILL = (100, 100, 100, 100)
LOW = (90, 90, 90, 90)
DAY_MS = 24 * HOUR_MS
HALF_DAY_MS = 12 * HOUR_MS
TEXT_FILLS = "Close Position (Max number of filled orders in one day)"

CASES = [
    Case(
        "r111_a_forbidden_entry_is_refused_when_flat",
        bars=[STILL] * 2,
        script={0: [allow(LONG), enter("S", SHORT, 1)]},
        fills=[],
        refused=["0 S"],
    ),
    Case(
        "r111_a_forbidden_reversal_only_closes_and_pays_a_full_fee",
        bars=[STILL] * 3,
        script={0: [allow(LONG), enter("L", LONG, 1)], 1: [enter("S", SHORT, 5)]},
        given={"commission_type": "cash_per_order", "commission_value": 3},
        fills=["1 L +1 @ 100", "2 S -1 @ 100"],
        columns={"commission": [6]},
        open=[],
    ),
    Case(
        "r111_also_as_a_resting_order",
        bars=[STILL, STILL, (100, 100, 94, 94)],
        script={0: [allow(LONG), enter("L", LONG, 1)], 1: [enter("S", SHORT, 5, stop=95)]},
        fills=["1 L +1 @ 100", "2 S -1 @ 95"],
        open=[],
    ),
    Case(
        "r111_both_directions_are_allowed_again",
        bars=[STILL] * 2,
        script={0: [allow(LONG), allow(0), enter("S", SHORT, 1)]},
        fills=["1 S -1 @ 100"],
    ),
    Case(
        "r112_at_the_cap_the_position_is_closed_at_once",
        bars=[STILL, (102, 103, 101, 102)],
        script={0: [cap_fills(1), enter("L", LONG, 1)]},
        trades=[f"L +1 102@1 > {TEXT_FILLS} 102@1"],
    ),
    Case(
        "r112_inside_the_bar_at_the_next_vertex_on_the_favourable_side_its_extreme",
        bars=[STILL, (100, 110, 99, 104)],
        script={0: [cap_fills(1), enter("L", LONG, 1, stop=105)]},
        trades=[f"L +1 105@1 > {TEXT_FILLS} 110@1"],
    ),
    Case(
        "r112_and_on_the_other_side_too",
        bars=[STILL, (100, 110, 90, 104)],
        script={0: [cap_fills(1), enter("L", LONG, 1, limit=95)]},
        trades=[f"L +1 95@1 > {TEXT_FILLS} 90@1"],
    ),
    Case(
        "r112_a_reversal_counts_once",
        bars=[STILL] * 4,
        script={0: [cap_fills(3), enter("L", LONG, 1)], 1: [enter("S", SHORT, 1)], 2: [enter("L", LONG, 1)]},
        fills=["1 L +1 @ 100", "2 S -2 @ 100", "3 L +2 @ 100", "3 risk rule -1 @ 100"],
    ),
    Case(
        "r112_what_rests_is_dropped_and_placements_are_refused_until_the_next_day",
        bars=[STILL, STILL, (100, 106, 100, 105), STILL, STILL, STILL],
        script={
            0: [cap_fills(1), enter("L", LONG, 1), enter("P", LONG, 1, stop=105)],
            1: [enter("A", LONG, 1)],
            3: [enter("B", LONG, 1)],
            4: [enter("C", LONG, 1)],
        },
        given={"pyramiding": 2},
        bar_ms=6 * HOUR_MS,
        fills=["1 L +1 @ 100", "1 risk rule -1 @ 100", "5 C +1 @ 100", "5 risk rule -1 @ 100"],
    ),
    Case(
        "r112_exits_count_as_well",
        bars=[STILL, (100, 110, 99, 104), QUIET],
        script={0: [cap_fills(2), enter("L", LONG, 2), leave("X", "L", qty=1, limit=105)]},
        trades=["L +1 100@1 > X 105@1", f"L +1 100@1 > {TEXT_FILLS} 110@1"],
    ),
    Case(
        "r113_drawdown_from_the_realised_peak_halts_for_good",
        bars=[STILL, STILL, LOW, LOW, LOW],
        script={
            0: [cap_drawdown(100), enter("L", LONG, 20)],
            1: [shut("L")],
            2: [enter("M", LONG, 1)],
            3: [enter("N", LONG, 1)],
        },
        fills=["1 L +20 @ 100", "2 close L -20 @ 90"],
    ),
    Case(
        "r113_it_is_tested_only_on_bars_that_book_a_close",
        bars=[STILL, STILL, LOW, STILL, STILL, STILL],
        script={
            0: [cap_drawdown(100), enter("L", LONG, 20)],
            3: [enter("M", LONG, 1)],
            4: [shut("M")],
        },
        given={"pyramiding": 2},
        fills=["1 L +20 @ 100", "4 M +1 @ 100", "5 close M -1 @ 100", "5 risk rule -20 @ 100"],
    ),
    Case(
        "r113_in_percent_of_the_peak",
        bars=[STILL, STILL, LOW, LOW],
        script={
            0: [cap_drawdown(2, percent=True), enter("L", LONG, 19)],
            1: [shut("L")],
            2: [enter("M", LONG, 1)],
        },
        fills=["1 L +19 @ 100", "2 close L -19 @ 90", "3 M +1 @ 90"],
    ),
    Case(
        "r113_in_percent_of_the_peak_reached",
        bars=[STILL, STILL, LOW, LOW],
        script={
            0: [cap_drawdown(2, percent=True), enter("L", LONG, 20)],
            1: [shut("L")],
            2: [enter("M", LONG, 1)],
        },
        fills=["1 L +20 @ 100", "2 close L -20 @ 90"],
    ),
    Case(
        "r114_losing_days_in_a_row_halt_at_the_open_of_the_next",
        bars=[STILL, STILL, LOW, (80, 80, 80, 80), (80, 80, 80, 80)],
        script={0: [cap_loss_days(2), enter("L", LONG, 1)], 3: [enter("M", LONG, 1)]},
        bar_ms=DAY_MS,
        trades=["L +1 100@1 > Close Position (Max number of consecutive loss days) 80@4"],
    ),
    Case(
        "r114_a_day_without_loss_starts_the_count_anew",
        bars=[STILL, STILL, LOW, (95, 95, 95, 95), LOW, LOW],
        script={0: [cap_loss_days(2), enter("L", LONG, 1)]},
        bar_ms=DAY_MS,
        fills=["1 L +1 @ 100"],
    ),
    Case(
        "r115_the_day_that_loses_too_much_is_closed_at_the_extreme_slipped",
        bars=[STILL, (100, 101, 90, 95), STILL],
        script={0: [cap_day_loss(50), enter("L", LONG, 10)]},
        given={"slippage": 1},
        trades=["L +10 101@1 > Close Position (Max intraday Loss) 89@1"],
    ),
    Case(
        "r115_in_percent_of_the_days_opening_equity",
        bars=[STILL, (100, 101, 90, 95), STILL],
        script={0: [cap_day_loss(1, percent=True), enter("L", LONG, 10)]},
        trades=["L +10 100@1 > Close Position (Max intraday Loss) 90@1"],
    ),
    Case(
        "r115_just_short_of_it_nothing_happens",
        bars=[STILL, (100, 101, 90, 95), STILL],
        script={0: [cap_day_loss(100.01), enter("L", LONG, 10)]},
        fills=["1 L +10 @ 100"],
        trades=[],
    ),
    Case(
        "r115_trading_resumes_on_the_next_day",
        bars=[STILL, (100, 101, 90, 95), STILL, STILL, STILL],
        script={
            0: [cap_day_loss(50), enter("L", LONG, 10)],
            1: [enter("A", LONG, 1)],
            2: [enter("B", LONG, 1)],
        },
        bar_ms=HALF_DAY_MS,
        fills=["1 L +10 @ 100", "1 risk rule -10 @ 90", "3 B +1 @ 100"],
    ),
    Case(
        "r115_it_is_armed_only_while_the_days_opening_equity_is_positive",
        bars=[STILL, STILL, (80, 80, 80, 80), (70, 70, 70, 70)],
        script={0: [enter("L", LONG, 500)], 2: [cap_day_loss(10)]},
        bar_ms=DAY_MS,
        fills=["1 L +500 @ 100"],
    ),
    Case(
        "r116_e16_an_entry_beyond_the_largest_position_is_refused",
        bars=[STILL] * 3,
        script={0: [cap_position(5), enter("A", LONG, 3)], 1: [enter("B", LONG, 3), enter("C", LONG, 2)]},
        given={"pyramiding": 5},
        fills=["1 A +3 @ 100", "2 C +2 @ 100"],
        refused=["1 B"],
    ),
    Case(
        "r116_a_reversal_is_measured_by_what_it_opens",
        bars=[STILL] * 3,
        script={0: [cap_position(5), enter("A", LONG, 5)], 1: [enter("S", SHORT, 5)]},
        fills=["1 A +5 @ 100", "2 S -10 @ 100"],
    ),
    Case(
        "r117_the_trading_day_may_begin_before_midnight",
        bars=[STILL, STILL, STILL, STILL, STILL],
        script={
            0: [cap_fills(1), enter("L", LONG, 1)],
            1: [enter("A", LONG, 1)],
            2: [enter("B", LONG, 1)],
            3: [enter("C", LONG, 1)],
        },
        given={"day_offset_minutes": 7 * 60},
        bar_ms=6 * HOUR_MS,
        fills=["1 L +1 @ 100", "1 risk rule -1 @ 100", "4 C +1 @ 100", "4 risk rule -1 @ 100"],
    ),
]


@table(CASES)
def test_risk(case: Case) -> None:
    check(case)


def test_a_halted_strategy_still_holds_nothing() -> None:
    """After a halt even closes are without effect: there is nothing to close."""
    check(
        Case(
            "halted",
            bars=[STILL, STILL, LOW, LOW, LOW],
            script={0: [cap_drawdown(100), enter("L", LONG, 20)], 1: [shut("L")], range(2, 4): [shut_all()]},
            open=[],
            cancelled=[],
        )
    )
