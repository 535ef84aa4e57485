"""How much an order trades: R36 to R47, R135 to R139, R152, R161."""

from __future__ import annotations

from math import inf, nan

from kwin_core.strategy import LONG, SHORT
from tests.broker.cases import Case, check, table
from tests.broker.script import enter, leave, raw, shut, shut_all

QUIET = (100, 101, 99, 100)
ALL_IN = {"default_qty_type": "percent_of_equity", "default_qty_value": 100}
HALF = {"default_qty_type": "percent_of_equity", "default_qty_value": 50}
CASH = {"default_qty_type": "cash", "default_qty_value": 1000}

CASES = [
    Case(
        "r036_an_explicit_quantity_is_floored_to_the_lot",
        bars=[QUIET, QUIET],
        script={0: [enter("L", LONG, 0.0010899999999999998)]},
        lot=1e-5,
        fills=["1 L +0.00108 @ 100"],
    ),
    Case(
        "r036_lot_zero_takes_quantities_as_they_are",
        bars=[QUIET, QUIET],
        script={0: [enter("L", LONG, 0.0010899999999)]},
        lot=0.0,
        fills=["1 L +0.0010899999999 @ 100"],
    ),
    Case(
        "r037_percent_of_equity_at_this_close",
        bars=[QUIET, (50, 50, 50, 50)],
        script={0: [enter("L", LONG)]},
        given=HALF,
        fills=["1 L +50 @ 50"],
    ),
    Case(
        "r037_the_percent_commission_is_part_of_the_price",
        bars=[QUIET, QUIET],
        script={0: [enter("L", LONG)]},
        given={**ALL_IN, "commission_value": 25.0},
        fills=["1 L +80 @ 100"],
    ),
    Case(
        "r037_equity_counts_net_profit_with_paid_entry_fees_and_open_profit",
        bars=[QUIET, QUIET, (100, 110, 100, 110), (110, 111, 109, 110)],
        script={0: [enter("L", LONG, 100)], 2: [enter("M", LONG)]},
        given={**ALL_IN, "pyramiding": 2, "commission_type": "cash_per_order", "commission_value": 10},
        lot=1.0,
        shown={"equity": {2: 10_990}},
        fills=["1 L +100 @ 100", "3 M +99 @ 110"],
    ),
    Case(
        "r037_point_value_counts",
        bars=[QUIET, QUIET],
        script={0: [enter("L", LONG)]},
        given=ALL_IN,
        point_value=50.0,
        fills=["1 L +2 @ 100"],
    ),
    Case(
        "r038_a_fee_per_contract_is_added_to_the_price",
        bars=[QUIET, QUIET],
        script={0: [enter("L", LONG)]},
        given={**ALL_IN, "commission_type": "cash_per_contract", "commission_value": 25.0},
        fills=["1 L +80 @ 100"],
    ),
    Case(
        "r038_a_fee_per_order_is_taken_from_the_budget",
        bars=[QUIET, QUIET],
        script={0: [enter("L", LONG)]},
        given={**ALL_IN, "commission_type": "cash_per_order", "commission_value": 500.0},
        fills=["1 L +95 @ 100"],
    ),
    Case(
        "r039_cash_sizes_do_not_count_the_commission",
        bars=[QUIET, QUIET],
        script={0: [enter("L", LONG)]},
        given={**CASH, "commission_value": 25.0},
        fills=["1 L +10 @ 100"],
    ),
    Case(
        "r040_the_budget_is_rounded_to_ten_digits_before_it_is_divided",
        bars=[QUIET, QUIET],
        script={0: [enter("L", LONG)]},
        given={"initial_capital": 999.99999996, **ALL_IN},
        lot=1.0,
        fills=["1 L +10 @ 100"],
    ),
    Case(
        "r040_a_hair_less_is_a_lot_less",
        bars=[QUIET, QUIET],
        script={0: [enter("L", LONG)]},
        given={"initial_capital": 999.9999994, **ALL_IN},
        lot=1.0,
        fills=["1 L +9 @ 100"],
    ),
    Case(
        "r041_a_limit_without_quantity_is_sized_at_its_level",
        bars=[QUIET, (100, 101, 79, 100)],
        script={0: [enter("L", LONG, limit=80)]},
        given=ALL_IN,
        fills=["1 L +125 @ 80"],
    ),
    Case(
        "r041_and_anew_at_a_better_open_with_the_budget_of_its_placement",
        bars=[QUIET, (50, 51, 49, 50)],
        script={0: [enter("L", LONG, limit=80)]},
        given=ALL_IN,
        fills=["1 L +200 @ 50"],
    ),
    Case(
        "r041_the_budget_is_that_of_the_last_placement",
        bars=[QUIET, (100, 110, 99, 110), (110, 111, 109, 110), (50, 51, 49, 50)],
        script={
            0: [enter("A", LONG, 100), enter("L", LONG, limit=80)],
            1: [shut_all()],
            2: [enter("L", LONG, limit=80)],
        },
        given={**ALL_IN, "pyramiding": 2},
        fills=["1 A +100 @ 100", "2 close_all -100 @ 110", "3 L +220 @ 50"],
    ),
    Case(
        "r041_the_rest_leg_of_its_bracket_grows_with_it",
        bars=[QUIET, (50, 51, 49, 50), (50, 62, 49, 61)],
        script={
            0: [enter("L", LONG, limit=80), leave("A", "L", qty=20, limit=60), leave("B", "L", limit=61)]
        },
        given=ALL_IN,
        fills=["1 L +200 @ 50", "2 A -20 @ 60", "2 B -180 @ 61"],
    ),
    Case(
        "r041_an_explicit_quantity_is_never_sized_anew",
        bars=[QUIET, (50, 51, 49, 50)],
        script={0: [enter("L", LONG, 7, limit=80)]},
        given=ALL_IN,
        fills=["1 L +7 @ 50"],
    ),
    Case(
        "r139_a_stop_without_quantity_is_sized_at_the_stop_also_gapped",
        bars=[QUIET, (200, 201, 199, 200)],
        script={0: [enter("L", LONG, stop=125)]},
        given=ALL_IN,
        fills=["1 L +80 @ 200"],
    ),
    Case(
        "r139_at_the_close_of_its_placement_when_that_had_passed_it",
        bars=[QUIET, (50, 51, 49, 50)],
        script={0: [enter("L", LONG, stop=80)]},
        given=ALL_IN,
        fills=[],
    ),
    Case(
        "r139_at_the_close_of_its_placement_when_that_had_passed_it_and_it_fills",
        bars=[QUIET, (90, 91, 89, 90)],
        script={0: [enter("L", LONG, stop=80)]},
        given=ALL_IN,
        fills=["1 L +100 @ 90"],
    ),
    Case(
        "r139_slipped",
        bars=[QUIET, (110, 111, 109, 110)],
        script={0: [enter("L", LONG, stop=105)]},
        given={**ALL_IN, "slippage": 20},
        fills=["1 L +80 @ 130"],
    ),
    Case(
        "r152_a_stop_limit_without_quantity_is_sized_where_it_would_fill_when_placed",
        bars=[QUIET, (121, 130, 119, 125), (123, 124, 119, 120)],
        script={0: [enter("L", LONG, stop=125, limit=120)]},
        given={**ALL_IN, "slippage": 5},
        lot=1.0,
        fills=["2 L +83 @ 120"],
    ),
    Case(
        "r043_no_order_without_size",
        bars=[QUIET, QUIET],
        script={
            0: [enter("a", LONG, 0), enter("b", LONG, -1), enter("c", LONG, inf), enter("d", LONG, 0.0004)]
        },
        fills=[],
        open=[],
    ),
    Case(
        "r043_raw_orders_neither",
        bars=[QUIET, QUIET],
        script={0: [raw("a", LONG, 0), raw("b", LONG, -1), raw("c", LONG, inf), raw("d", LONG, 0.0004)]},
        fills=[],
        open=[],
    ),
    Case(
        "r044_lots_add_up_without_dust",
        bars=[QUIET] * 5,
        script={n: [enter(f"L{n}", LONG, 0.1)] for n in range(3)} | {3: [shut_all()]},
        given={"pyramiding": 9},
        lot=0.1,
        shown={"position_size": {3: 0.3, 4: 0}},
        fills=["1 L0 +0.1 @ 100", "2 L1 +0.1 @ 100", "3 L2 +0.1 @ 100", "4 close_all -0.3 @ 100"],
        open=[],
    ),
    Case(
        "r046_a_market_reversal_trades_the_old_position_and_its_own_quantity",
        bars=[QUIET] * 3,
        script={0: [enter("L", LONG, 2)], 1: [enter("S", SHORT, 3)]},
        fills=["1 L +2 @ 100", "2 S -5 @ 100"],
        open=["S -3 100@2"],
    ),
    Case(
        "r046_its_size_is_added_when_it_is_processed",
        bars=[QUIET, QUIET, (100, 101, 99, 100), (94, 95, 93, 94)],
        script={
            0: [enter("L", LONG, 2)],
            1: [leave("X", "L", qty=1, stop=95)],
            2: [enter("S", SHORT, 3)],
        },
        fills=["1 L +2 @ 100", "3 S -5 @ 94"],
    ),
    Case(
        "r046_a_stop_fixes_it_when_it_is_placed_flat_it_only_closes_what_comes",
        bars=[QUIET, QUIET, (100, 101, 90, 91)],
        script={0: [enter("S", SHORT, 2, stop=95), enter("L", LONG, 2)]},
        fills=["1 L +2 @ 100", "2 S -2 @ 95"],
        open=[],
    ),
    Case(
        "r046_a_stop_placed_against_a_position_that_is_gone_opens_the_larger_size",
        bars=[QUIET, QUIET, QUIET, (100, 101, 90, 91)],
        script={0: [enter("L", LONG, 2)], 1: [enter("S", SHORT, 2, stop=95), shut("L")]},
        fills=["1 L +2 @ 100", "2 close L -2 @ 100", "3 S -4 @ 95"],
        open=["S -4 95@3"],
    ),
    Case(
        "r135_its_size_is_that_of_the_position_the_closes_of_this_bar_leave",
        bars=[QUIET, QUIET, QUIET, (100, 101, 90, 91)],
        script={0: [enter("L", LONG, 2)], 1: [shut("L"), enter("S", SHORT, 2, stop=95)]},
        fills=["1 L +2 @ 100", "2 close L -2 @ 100", "3 S -2 @ 95"],
    ),
    Case(
        "r047_a_market_entry_repeated_on_its_bar_trades_its_bare_quantity",
        bars=[QUIET] * 3,
        script={0: [enter("L", LONG, 2)], 1: [enter("S", SHORT, 3), enter("S", SHORT, 3)]},
        fills=["1 L +2 @ 100", "2 S -3 @ 100"],
        open=["S -1 100@2"],
    ),
    Case(
        "r137_a_size_below_a_lot_still_closes_the_other_side",
        bars=[QUIET] * 3,
        script={0: [enter("L", LONG, 2)], 1: [enter("S", SHORT, 0.0004)]},
        fills=["1 L +2 @ 100", "2 S -2 @ 100"],
        open=[],
    ),
    Case(
        "r137_and_deletes_the_pending_order_of_its_id",
        bars=[QUIET, QUIET, (100, 101, 90, 95)],
        script={0: [enter("S", SHORT, 1, stop=95)], 1: [enter("S", SHORT, 0.0004)]},
        fills=[],
        cancelled=["1 S"],
    ),
    Case(
        "r137_a_size_computed_as_zero_or_below_does_nothing",
        bars=[QUIET, QUIET, (100, 101, 90, 95)],
        script={0: [enter("S", SHORT, 1, stop=95)], 1: [enter("S", SHORT, 0), enter("S", SHORT, -2)]},
        fills=["2 S -1 @ 95"],
    ),
    Case(
        "r161_default_entry_qty_snaps_the_price_and_floors_to_the_lot",
        bars=[QUIET, QUIET],
        script={0: [enter("L", LONG, 3)]},
        given=ALL_IN,
        ask_price=300.4,
        lot=1.0,
        shown={"default_qty": {0: 33, 1: 33}},
    ),
    Case(
        "r161_a_fixed_size_ignores_the_price",
        bars=[QUIET],
        script={},
        given={"default_qty_value": 2.5},
        ask_price=nan,
        shown={"default_qty": {0: 2.5}},
    ),
    Case(
        "r161_nothing_to_divide_by_gives_nothing",
        bars=[QUIET],
        script={},
        given=ALL_IN,
        ask_price=0.0,
        shown={"default_qty": {0: 0}},
    ),
]


@table(CASES)
def test_sizes(case: Case) -> None:
    check(case)
