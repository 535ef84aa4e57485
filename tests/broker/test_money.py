"""Commissions, profit, excursions, account currency: R98 to R110, R153 to R158, C1."""

from __future__ import annotations

from kwin_core.strategy import LONG, SHORT
from tests.broker.cases import Case, check, table
from tests.broker.script import enter, leave, raw, shut, shut_all

QUIET = (100, 101, 99, 100)
STILL = (100, 100, 100, 100)
TEN = (110, 110, 110, 110)
TWO = {"pyramiding": 2}


def fee(kind: str, value: float) -> dict[str, object]:
    return {"commission_type": kind, "commission_value": value}


CASES = [
    Case(
        "r098_percent_commission_on_the_notional_of_both_legs",
        bars=[STILL, STILL, TEN],
        script={0: [enter("L", LONG, 1)], 1: [shut("L")]},
        given=fee("percent", 10),
        columns={"commission": [21], "net_pnl": [-11]},
    ),
    Case(
        "r099_cash_per_contract_on_both_legs",
        bars=[STILL, STILL, TEN],
        script={0: [enter("L", LONG, 2)], 1: [shut("L")]},
        given=fee("cash_per_contract", 1.5),
        columns={"commission": [6], "net_pnl": [14]},
    ),
    Case(
        "r099_cash_per_order_once_an_order_a_reversals_fee_split_by_quantity",
        bars=[STILL, STILL, TEN],
        script={0: [enter("L", LONG, 1)], 1: [enter("S", SHORT, 3)]},
        given=fee("cash_per_order", 8),
        columns={"commission": [10], "net_pnl": [0]},
        account={"open_commission": 6, "commission_paid": 16, "net_profit": -6},
    ),
    Case(
        "r100_r153_one_commission_split_over_the_rows_to_the_last_digit",
        bars=[STILL, STILL, STILL, TEN],
        script={0: [enter("A", LONG, 1)], 1: [enter("B", LONG, 2)], 2: [shut_all()]},
        given={**fee("cash_per_order", 10), **TWO},
        columns={"commission": [13.333333333, 16.666666667], "net_pnl": [-3.333333333, 3.333333333]},
        account={"commission_paid": 30},
    ),
    Case(
        "r100_a_commission_has_ten_significant_digits",
        bars=[(1.23456, 1.23456, 1.23456, 1.23456)] * 3,
        script={0: [enter("L", LONG, 7.777)], 1: [shut("L")]},
        given=fee("percent", 0.123456),
        tick=0.00001,
        columns={"commission": [2 * 0.01185322429]},
    ),
    Case(
        "r101_point_value_multiplies_the_profit",
        bars=[STILL, STILL, TEN],
        script={0: [enter("S", SHORT, 2)], 1: [shut("S")]},
        given=fee("cash_per_order", 1),
        point_value=50.0,
        columns={"net_pnl": [-1002]},
    ),
    Case(
        "r102_the_entry_commission_hits_net_profit_at_the_entry",
        bars=[STILL, STILL, STILL],
        script={0: [enter("L", LONG, 1)]},
        given=fee("cash_per_order", 7),
        shown={"net_profit": {0: 0, 1: -7}, "equity": {1: 9993}},
    ),
    Case(
        "r103_the_cumulative_profit_contains_the_fees_of_open_trades",
        bars=[STILL, STILL, STILL, TEN, TEN],
        script={0: [enter("A", LONG, 1)], 1: [enter("B", LONG, 1)], 2: [shut("A")], 3: [shut("B")]},
        given={**fee("cash_per_order", 1), **TWO},
        columns={"net_pnl": [8, 8], "cumulative": [7, 16]},
    ),
    Case(
        "r104_the_percent_of_a_row_is_of_entry_value_and_entry_commission",
        bars=[STILL, STILL, TEN],
        script={0: [enter("L", LONG, 2)], 1: [shut("L")]},
        given=fee("cash_per_order", 3),
        columns={"entry_value": [203]},
    ),
    Case(
        "r106_excursions_lie_between_the_fills_only",
        bars=[QUIET, (100, 110, 90, 105), (105, 112, 100, 111)],
        script={0: [enter("L", LONG, 2, stop=105), leave("X", "L", limit=111)]},
        trades=["L +2 105@1 > X 111@2"],
        columns={"runup": [12], "drawdown": [-10]},
    ),
    Case(
        "r106_what_the_path_met_before_the_entry_does_not_count",
        bars=[QUIET, (100, 106, 95, 106), (106, 107, 106, 107)],
        script={0: [enter("L", LONG, 1, stop=105), leave("X", "L", limit=107)]},
        columns={"runup": [2], "drawdown": [0]},
    ),
    Case(
        "r106_a_trade_closed_at_the_open_takes_only_its_slipped_price_of_that_bar",
        bars=[QUIET, STILL, (104, 120, 80, 100)],
        script={0: [enter("L", LONG, 1)], 1: [shut("L")]},
        given={"slippage": 1},
        columns={"runup": [2], "drawdown": [-1]},
    ),
    Case(
        "r106_r156_the_entry_commission_lowers_both",
        bars=[QUIET, (100, 110, 95, 100), TEN],
        script={0: [enter("L", LONG, 1)], 1: [shut("L")]},
        given=fee("cash_per_order", 2),
        columns={"runup": [8], "drawdown": [-7]},
    ),
    Case(
        "r106_run_up_is_never_below_zero_nor_drawdown_above",
        bars=[QUIET, (100, 101, 100, 101), (101, 101, 101, 101)],
        script={0: [enter("L", LONG, 1)], 1: [shut("L")]},
        given=fee("cash_per_order", 3),
        columns={"runup": [0], "drawdown": [-3]},
    ),
    Case(
        "r106_each_part_of_a_trade_has_its_own",
        bars=[QUIET, STILL, (100, 105, 100, 105), (105, 105, 90, 90), (90, 90, 90, 90)],
        script={
            0: [enter("L", LONG, 2), leave("A", "L", qty=1, limit=105)],
            3: [shut("L")],
        },
        columns={"runup": [5, 5], "drawdown": [0, -10]},
    ),
    Case(
        "r108_c1_every_flow_at_the_rate_of_its_own_bar",
        bars=[STILL, STILL, TEN, TEN],
        script={0: [enter("L", LONG, 2)], 1: [shut("L")]},
        rates=[1.0, 0.5, 2.0, 1.0],
        columns={"net_pnl": [40], "entry_value": [400]},
        shown={"equity": {2: 10_040}},
    ),
    Case(
        "r108_c2_c3_sizes_at_the_rate_of_the_signal_fees_unconverted",
        bars=[STILL, STILL, TEN],
        script={0: [enter("L", LONG)], 1: [shut("L")]},
        given={
            **fee("cash_per_order", 100),
            "default_qty_type": "percent_of_equity",
            "default_qty_value": 50,
        },
        rates=[0.5, 1.0, 1.0],
        fills=["1 L +98 @ 100", "2 close L -98 @ 110"],
        columns={"commission": [200], "net_pnl": [780]},
    ),
    Case(
        "r110_wins_and_losses_are_counted_after_fees",
        bars=[STILL, STILL, TEN, TEN, TEN, TEN, (115, 115, 115, 115)],
        script={
            0: [enter("A", LONG, 1)],
            1: [shut("A")],
            2: [enter("B", LONG, 1)],
            3: [shut("B")],
            4: [enter("C", LONG, 3)],
            5: [shut("C")],
        },
        given=fee("cash_per_order", 5),
        columns={"net_pnl": [0, -10, 5]},
        account={"won_trades": 1, "lost_trades": 1, "closed_trades": 3},
    ),
    Case(
        "r153_an_exit_that_sells_again_in_its_batch_is_one_order_with_one_fee",
        bars=[QUIET, QUIET, (90, 90, 90, 90)],
        script={0: [enter("L", LONG, 1), leave("X", "L", stop=95)], 1: [enter("S", SHORT, 1, stop=96)]},
        given=fee("cash_per_order", 4),
        account={"commission_paid": 12, "open_commission": 6},
    ),
    Case(
        "r154_net_profit_is_gross_profit_less_gross_loss_less_open_commission",
        bars=[STILL, STILL, TEN, TEN, STILL, STILL],
        script={
            0: [enter("A", LONG, 1)],
            1: [shut("A")],
            2: [enter("B", LONG, 1)],
            3: [shut("B"), enter("C", SHORT, 1)],
        },
        given=fee("cash_per_order", 1),
        account={"gross_profit": 8, "gross_loss": 12, "open_commission": 1, "net_profit": -5},
    ),
    Case(
        "r155_open_profit_is_marked_at_the_snapped_close",
        bars=[STILL, (100, 105, 100, 104.5), (104, 105, 104, 104.4)],
        script={0: [enter("L", LONG, 1)]},
        shown={"open_profit": {1: 5, 2: 4}},
    ),
    Case(
        "r157_drawdown_runs_from_the_realised_peak_to_the_worst_mark_of_the_path",
        bars=[STILL, (100, 150, 100, 140), TEN, TEN, (110, 112, 90, 110), TEN],
        script={0: [enter("A", LONG, 1)], 1: [shut("A")], 2: [enter("B", LONG, 1)], 4: [shut("B")]},
        account={"max_drawdown": 20, "high_water": 10_010},
    ),
    Case(
        "r157_run_up_from_the_equity_at_the_last_entry_to_the_best_mark",
        bars=[STILL, (100, 150, 100, 140), TEN, TEN, (110, 112, 90, 110), TEN],
        script={0: [enter("A", LONG, 1)], 1: [shut("A")], 2: [enter("B", LONG, 1)], 4: [shut("B")]},
        account={"max_runup": 50},
    ),
    Case(
        "r158_the_largest_position_not_the_largest_trade",
        bars=[STILL] * 6,
        script={
            0: [enter("A", LONG, 2)],
            1: [enter("B", LONG, 3)],
            2: [raw("R", SHORT, 9)],
            3: [shut_all()],
        },
        given=TWO,
        account={"max_held_long": 5, "max_held_short": 4},
    ),
]


@table(CASES)
def test_money(case: Case) -> None:
    check(case)
