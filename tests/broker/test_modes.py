"""Orders processed on close, the warm-up, engines with unused switches: R118, R10."""

from __future__ import annotations

import pytest

from kwin_core.strategy import LONG, SHORT
from tests.broker import (
    test_entries,
    test_exits,
    test_levels,
    test_money,
    test_path,
    test_sizes,
    test_trailing,
)
from tests.broker.cases import FULL, PLAIN, Case, check, frozen_of, properties_of, table
from tests.broker.script import enter, leave, shut_all

QUIET = (100, 101, 99, 100)
ON_CLOSE = {"process_orders_on_close": True}

CASES = [
    Case(
        "r118_a_market_order_fills_at_the_close_of_its_own_bar",
        bars=[(100, 105, 99, 104), QUIET],
        script={0: [enter("L", LONG, 1)]},
        given={**ON_CLOSE, "slippage": 2},
        fills=["0 L +1 @ 106"],
    ),
    Case(
        "r118_a_stop_the_close_has_passed_fills_at_the_close_slipped",
        bars=[(100, 105, 99, 104), QUIET],
        script={0: [enter("L", LONG, 1, stop=103)]},
        given={**ON_CLOSE, "slippage": 2},
        fills=["0 L +1 @ 106"],
    ),
    Case(
        "r118_a_limit_the_close_has_passed_fills_at_the_close_without_slippage",
        bars=[(100, 105, 99, 104), QUIET],
        script={0: [enter("S", SHORT, 1, limit=103)]},
        given={**ON_CLOSE, "slippage": 2},
        fills=["0 S -1 @ 104"],
    ),
    Case(
        "r118_others_wait_for_the_next_open",
        bars=[(100, 105, 99, 104), (110, 111, 109, 110)],
        script={0: [enter("L", LONG, 1, stop=106)]},
        given=ON_CLOSE,
        fills=["1 L +1 @ 110"],
    ),
    Case(
        "r118_older_orders_are_not_tried_at_the_close",
        bars=[(100, 105, 99, 104), (104, 104, 100, 101), (99, 99, 99, 99)],
        script={0: [enter("S", SHORT, 1)], 1: [leave("X", "S", limit=100)]},
        given=ON_CLOSE,
        fills=["0 S -1 @ 104", "2 X +1 @ 99"],
    ),
    Case(
        "r118_an_exit_placed_with_its_entry_is_tried_after_it",
        bars=[(100, 105, 99, 104), QUIET],
        script={0: [enter("L", LONG, 1), leave("X", "L", limit=103)]},
        given=ON_CLOSE,
        fills=["0 L +1 @ 104", "0 X -1 @ 104"],
    ),
    Case(
        "r118_entries_and_closes_in_the_order_of_the_script",
        bars=[QUIET, QUIET],
        script={0: [enter("L", LONG, 1)], 1: [shut_all(), enter("S", SHORT, 2)]},
        given=ON_CLOSE,
        fills=["0 L +1 @ 100", "1 close_all -1 @ 100", "1 S -2 @ 100"],
    ),
]


@table(CASES)
def test_modes(case: Case) -> None:
    check(case)


PLAIN_CASES = [
    case
    for module in (test_path, test_levels, test_sizes, test_entries, test_exits, test_trailing, test_money)
    for case in module.CASES
    if frozen_of(case, properties_of(case)) == PLAIN
]


@pytest.mark.parametrize("case", PLAIN_CASES, ids=lambda case: case.id)
def test_switches_that_are_on_but_unused_change_nothing(case: Case) -> None:
    """The engine with margin, risk rules and currency compiled in gives what the plain one gives."""
    check(case, FULL)
