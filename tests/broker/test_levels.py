"""Rounding of levels and prices, absent arguments, slippage: R23 to R35."""

from __future__ import annotations

from math import nan

import numpy as np
import pytest

from kwin_core.money import floor_explicit, floor_internal, round_money, tick_down, tick_up
from kwin_core.strategy import LONG, SHORT
from tests.broker.cases import Case, check, run, table
from tests.broker.script import enter, leave, raw, shut, shut_all

QUIET = (100, 101, 99, 100)
WIDE = (100, 110, 90, 100)  # low first

CASES = [
    Case(
        "r024_entry_stops_long_up_short_down",
        bars=[QUIET, WIDE],
        script={0: [enter("L", LONG, 1, stop=104.3), enter("S", SHORT, 1, stop=95.7)]},
        fills=["1 S -1 @ 95", "1 L +1 @ 105"],
    ),
    Case(
        "r024_entry_limits_long_down_short_up",
        bars=[QUIET, WIDE],
        script={0: [enter("L", LONG, 1, limit=95.7), enter("S", SHORT, 1, limit=104.3)]},
        fills=["1 L +1 @ 95", "1 S -1 @ 105"],
    ),
    Case(
        "r025_exit_of_a_long_stop_down_limit_up",
        bars=[QUIET, QUIET, WIDE],
        script={
            0: [enter("L", LONG, 2), leave("A", "L", qty=1, stop=95.7), leave("B", "L", qty=1, limit=104.3)]
        },
        fills=["1 L +2 @ 100", "2 A -1 @ 95", "2 B -1 @ 105"],
    ),
    Case(
        "r025_exit_of_a_short_stop_up_limit_down",
        bars=[QUIET, QUIET, WIDE],
        script={
            0: [enter("S", SHORT, 2), leave("A", "S", qty=1, stop=104.3), leave("B", "S", qty=1, limit=95.7)]
        },
        fills=["1 S -2 @ 100", "2 B +1 @ 95", "2 A +1 @ 105"],
    ),
    Case(
        "r025_r028_profit_of_a_long_up_loss_down",
        bars=[QUIET, QUIET, WIDE],
        script={
            0: [enter("L", LONG, 2), leave("A", "L", qty=1, loss=4.3), leave("B", "L", qty=1, profit=4.3)]
        },
        fills=["1 L +2 @ 100", "2 A -1 @ 95", "2 B -1 @ 105"],
    ),
    Case(
        "r025_r028_profit_of_a_short_down_loss_up",
        bars=[QUIET, QUIET, WIDE],
        script={
            0: [enter("S", SHORT, 2), leave("A", "S", qty=1, loss=4.3), leave("B", "S", qty=1, profit=4.3)]
        },
        fills=["1 S -2 @ 100", "2 B +1 @ 95", "2 A +1 @ 105"],
    ),
    Case(
        "r026_trail_points_activate_rounded_away_from_the_entry_long",
        bars=[QUIET, QUIET, WIDE],
        script={0: [enter("L", LONG, 1), leave("X", "L", trail_points=4.3, trail_offset=0)]},
        fills=["1 L +1 @ 100", "2 X -1 @ 105"],
    ),
    Case(
        "r026_trail_points_activate_rounded_away_from_the_entry_short",
        bars=[QUIET, QUIET, WIDE],
        script={0: [enter("S", SHORT, 1), leave("X", "S", trail_points=4.3, trail_offset=0)]},
        fills=["1 S -1 @ 100", "2 X +1 @ 95"],
    ),
    Case(
        "r026_an_absolute_activation_rounds_like_a_stop_long",
        bars=[QUIET, QUIET, WIDE],
        script={0: [enter("L", LONG, 1), leave("X", "L", trail_price=104.7, trail_offset=0)]},
        fills=["1 L +1 @ 100", "2 X -1 @ 104"],
    ),
    Case(
        "r026_an_absolute_activation_rounds_like_a_stop_short",
        bars=[QUIET, QUIET, WIDE],
        script={0: [enter("S", SHORT, 1), leave("X", "S", trail_price=95.3, trail_offset=0)]},
        fills=["1 S -1 @ 100", "2 X +1 @ 96"],
    ),
    Case(
        "r027_within_a_ten_thousandth_of_a_tick_a_level_is_on_the_grid",
        bars=[QUIET, WIDE],
        script={0: [enter("L", LONG, 1, stop=104.00009), enter("S", SHORT, 1, stop=95.99991)]},
        fills=["1 S -1 @ 96", "1 L +1 @ 104"],
    ),
    Case(
        "r027_beyond_it_the_level_moves",
        bars=[QUIET, WIDE],
        script={0: [enter("L", LONG, 1, stop=104.00012), enter("S", SHORT, 1, stop=95.99988)]},
        fills=["1 S -1 @ 95", "1 L +1 @ 105"],
    ),
    Case(
        "r028_each_pyramid_entry_measures_from_its_own_fill",
        bars=[QUIET, (100, 101, 99, 100), (104, 105, 103, 104), (104, 110, 104, 110)],
        script={
            0: [enter("A", LONG, 1), leave("XA", "A", profit=5)],
            1: [enter("B", LONG, 1), leave("XB", "B", profit=5)],
        },
        given={"pyramiding": 2},
        fills=["1 A +1 @ 100", "2 B +1 @ 104", "2 XA -1 @ 105", "3 XB -1 @ 109"],
    ),
    Case(
        "r029_order_levels_round_like_those_of_entries",
        bars=[QUIET, WIDE],
        script={
            0: [
                raw("a", LONG, 1, limit=95.7),
                raw("b", LONG, 1, stop=104.3),
                raw("c", SHORT, 1, limit=106.3),
                raw("d", SHORT, 1, stop=93.7),
            ]
        },
        fills=["1 a +1 @ 95", "1 d -1 @ 93", "1 b +1 @ 105", "1 c -1 @ 107"],
    ),
    Case(
        "r030_average_price_of_the_open_trades",
        bars=[QUIET, (100, 101, 99, 100), (110, 111, 109, 110), (104, 105, 103, 104), QUIET],
        script={
            0: [enter("A", LONG, 1)],
            1: [enter("B", LONG, 3)],
            2: [shut("A")],
        },
        given={"pyramiding": 2},
        shown={"position_avg_price": {0: nan, 1: 100, 2: 107.5, 3: 110}, "position_size": {2: 4, 3: 3}},
    ),
    Case(
        "r031_absent_levels_make_a_market_order",
        bars=[QUIET, (102, 103, 101, 102)],
        script={0: [enter("L", LONG, 1, stop=nan, limit=nan)]},
        fills=["1 L +1 @ 102"],
    ),
    Case(
        "r032_slippage_is_adverse_on_market_orders",
        bars=[QUIET, QUIET, QUIET],
        script={0: [enter("L", LONG, 1)], 1: [shut("L")]},
        given={"slippage": 2},
        trades=["L +1 102@1 > Close entry(s) order L 98@2"],
        columns={"net_pnl": [-4]},
    ),
    Case(
        "r032_on_stops_also_gapped",
        bars=[QUIET, (100, 106, 99, 104), (90, 91, 89, 90)],
        script={0: [enter("L", LONG, 1, stop=105)], 1: [leave("X", "L", stop=95)]},
        given={"slippage": 2},
        trades=["L +1 107@1 > X 88@2"],
    ),
    Case(
        "r032_on_trailing_stops",
        bars=[QUIET, QUIET, (100, 110, 99, 100)],
        script={0: [enter("L", LONG, 1), leave("X", "L", trail_points=5, trail_offset=3)]},
        given={"slippage": 2},
        trades=["L +1 102@1 > X 105@2"],
    ),
    Case(
        "r033_never_on_limits",
        bars=[QUIET, (100, 101, 94, 100), (100, 106, 99, 105)],
        script={0: [enter("L", LONG, 1, limit=95)], 1: [leave("X", "L", limit=105)]},
        given={"slippage": 2},
        trades=["L +1 95@1 > X 105@2"],
    ),
    Case(
        "r033_not_on_gapped_limits_either",
        bars=[QUIET, (93, 94, 92, 93), (108, 109, 107, 108)],
        script={0: [enter("L", LONG, 1, limit=95)], 1: [leave("X", "L", limit=105)]},
        given={"slippage": 2},
        trades=["L +1 93@1 > X 108@2"],
    ),
    Case(
        "r034_default_sizes_count_the_slippage",
        bars=[QUIET, QUIET],
        script={0: [enter("L", LONG)]},
        given={"slippage": 25, "default_qty_type": "percent_of_equity", "default_qty_value": 100},
        lot=1.0,
        fills=["1 L +80 @ 125"],
    ),
    Case(
        "r034_so_does_the_margin_check_when_the_order_is_placed",
        bars=[QUIET, QUIET],
        script={0: [enter("fits", LONG, 80), enter("does not", SHORT, 140)]},
        given={"slippage": 25, "margin_long": 100, "margin_short": 100},
        fills=["1 fits +80 @ 125"],
        refused=["0 does not"],
    ),
    Case(
        "r035_an_immediate_close_pays_the_slippage_and_shows_the_raw_close",
        bars=[QUIET, (100, 111, 99, 110), QUIET],
        script={0: [enter("L", LONG, 1)], 1: [shut_all(immediately=True)]},
        given={"slippage": 3},
        trades=["L +1 103@1 > Close position order 110@1"],
        columns={"net_pnl": [4]},
    ),
]


@table(CASES)
def test_levels(case: Case) -> None:
    check(case)


def test_r023_a_booked_price_is_the_product_of_ticks_and_tick() -> None:
    """93 761.9 on a grid of 0.1 is 937 619 * 0.1, a double above the literal."""
    bars = [(93_761.9, 93_762.0, 93_761.8, 93_761.9)] * 2
    ran = run(Case("r023", bars=bars, script={0: [enter("L", LONG, 1)]}, tick=0.1))
    assert ran.core["lots"][0]["price"] == 93761.90000000001
    assert ran.core["lots"][0]["price"] != 93761.9


def test_r027_the_tolerance_is_one_of_ticks_not_of_prices() -> None:
    """EURUSD: 1e-4 of a tick of 1e-5 is 1e-9."""
    tick = 1e-5
    assert tick_up(1.100000001, tick) == 110_000.0
    assert tick_up(1.10000001, tick) == 110_001.0
    assert tick_down(1.099999999, tick) == 110_000.0
    assert tick_down(1.09999999, tick) == 109_999.0
    assert np.isnan(tick_up(nan, tick))


@pytest.mark.parametrize(
    ("qty", "lot", "lots"),
    [
        (0.0010899999999999998, 1e-5, 108),
        (0.00109, 1e-5, 109),
        (0.3, 0.1, 3),
        (0.7, 0.1, 7),
        (0.7999999999999999, 0.1, 7),
        (15_863.99994, 1.0, 15_863),
        (2.999, 0.25, 11),
        (7.0, 2.5, 2),
    ],
)
def test_r036_an_explicit_quantity_is_floored_on_its_shortest_decimal(
    qty: float, lot: float, lots: int
) -> None:
    steps = round(1 / lot)
    per_unit = float(steps) if abs(steps * lot - 1) < 1e-9 else 0.0
    assert round(floor_explicit(qty, lot, per_unit) / lot) == lots


@pytest.mark.parametrize(
    ("qty", "lot", "lots"),
    [
        (173.432, 1e-4, 1_734_320),
        (94.1290999939999, 1e-4, 941_290),
        (195.87397999999998, 1e-4, 1_958_739),
        (195.8739999999999998, 1e-4, 1_958_740),
    ],
)
def test_r042_an_internal_size_tolerates_a_few_ulp_below_a_lot_and_no_more(
    qty: float, lot: float, lots: int
) -> None:
    assert round(floor_internal(qty, lot, round(1 / lot)) / lot) == lots


@pytest.mark.parametrize(
    ("money", "rounded"),
    [
        (1234.56789049, 1234.567890),
        (1234.5678905, 1234.567891),
        (0.123456789049, 0.1234567890),
        (12345678901.0, 12345678900.0),
        (12345678905.0, 12345678910.0),
        (-1234.5678905, -1234.567891),
        (0.0, 0.0),
    ],
)
def test_r040_r100_money_has_ten_significant_digits_halves_up(money: float, rounded: float) -> None:
    assert round_money(money) == pytest.approx(rounded, rel=1e-14)


def test_r040_every_magnitude_rounds_like_decimal_arithmetic() -> None:
    """Against Python's decimals for random values of all sizes that are not within a hair of a half."""
    from decimal import ROUND_HALF_UP, Context, Decimal

    context = Context(prec=10, rounding=ROUND_HALF_UP)
    random = np.random.default_rng(40)
    for value in 10.0 ** random.uniform(-9, 14, 3_000):
        exact = Decimal(float(value))
        wanted = float(context.plus(exact))
        assert round_money(float(value)) == pytest.approx(wanted, rel=1e-15), value
