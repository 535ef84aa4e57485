"""The trailing stop: R77 to R88."""

from __future__ import annotations

from kwin_core.strategy import LONG, SHORT
from tests.broker.cases import Case, check, table
from tests.broker.script import enter, leave

QUIET = (100, 101, 99, 100)


def trail(offset: float, points: float = 5, name: str = "L") -> dict[str, object]:
    """An exit that arms ``points`` ticks in profit and follows ``offset`` ticks behind."""
    return leave("X", name, trail_points=points, trail_offset=offset)


CASES = [
    Case(
        "r077_it_arms_when_the_path_touches_the_activation",
        bars=[QUIET, QUIET, (100, 105, 99, 104), (104, 104, 101, 102)],
        script={0: [enter("L", LONG, 1), trail(3)]},
        fills=["1 L +1 @ 100", "3 X -1 @ 102"],
    ),
    Case(
        "r077_a_tick_short_it_does_not",
        bars=[QUIET, QUIET, (100, 104, 99, 103), (103, 103, 90, 91)],
        script={0: [enter("L", LONG, 1), trail(3)]},
        fills=["1 L +1 @ 100"],
    ),
    Case(
        "r077_an_open_beyond_the_activation_arms_with_the_open_as_mark",
        bars=[QUIET, QUIET, (108, 108, 104, 104)],
        script={0: [enter("L", LONG, 1), trail(3)]},
        fills=["1 L +1 @ 100", "2 X -1 @ 105"],
    ),
    Case(
        "r078_the_mark_follows_the_path_of_the_same_bar",
        bars=[QUIET, QUIET, (100, 110, 99, 101)],
        script={0: [enter("L", LONG, 1), trail(3)]},
        fills=["1 L +1 @ 100", "2 X -1 @ 107"],
    ),
    Case(
        "r078_short_side",
        bars=[QUIET, QUIET, (100, 101, 90, 99)],
        script={0: [enter("S", SHORT, 1), trail(3, name="S")]},
        fills=["1 S -1 @ 100", "2 X +1 @ 93"],
    ),
    Case(
        "r078_a_retrace_short_of_the_offset_leaves_it",
        bars=[QUIET, QUIET, (100, 110, 99, 108)],
        script={0: [enter("L", LONG, 1), trail(3)]},
        fills=["1 L +1 @ 100"],
    ),
    Case(
        "r079_the_offset_is_cut_to_whole_ticks",
        bars=[QUIET, QUIET, (100, 110, 99, 101)],
        script={0: [enter("L", LONG, 1), trail(3.9999999)]},
        fills=["1 L +1 @ 100", "2 X -1 @ 107"],
    ),
    Case(
        "r079_the_points_keep_their_fractions_only_the_price_is_rounded",
        bars=[QUIET, QUIET, (100, 104, 99, 101)],
        script={0: [enter("L", LONG, 1), trail(0, points=3.5)]},
        fills=["1 L +1 @ 100", "2 X -1 @ 104"],
    ),
    Case(
        "r080_offset_zero_fills_on_the_activation",
        bars=[QUIET, QUIET, (100, 110, 99, 109)],
        script={0: [enter("L", LONG, 1), trail(0)]},
        fills=["1 L +1 @ 100", "2 X -1 @ 105"],
    ),
    Case(
        "r080_or_at_the_open_beyond_it",
        bars=[QUIET, QUIET, (108, 110, 107, 109)],
        script={0: [enter("L", LONG, 1), trail(0)]},
        fills=["1 L +1 @ 100", "2 X -1 @ 108"],
    ),
    Case(
        "r081_a_carried_stop_passed_by_the_open_fills_at_the_open",
        bars=[QUIET, QUIET, (100, 110, 99, 109), (95, 96, 94, 95)],
        script={0: [enter("L", LONG, 1), trail(3)]},
        fills=["1 L +1 @ 100", "3 X -1 @ 95"],
    ),
    Case(
        "r081_a_favourable_open_raises_the_mark_first",
        bars=[QUIET, QUIET, (100, 110, 99, 109), (115, 115, 110, 111)],
        script={0: [enter("L", LONG, 1), trail(3)]},
        fills=["1 L +1 @ 100", "3 X -1 @ 112"],
    ),
    Case(
        "r082_points_without_offset_beside_a_stop_mean_offset_zero",
        bars=[QUIET, QUIET, (100, 110, 99, 109)],
        script={0: [enter("L", LONG, 1), leave("X", "L", stop=90, trail_points=5)]},
        fills=["1 L +1 @ 100", "2 X -1 @ 105"],
    ),
    Case(
        "r083_first_issued_later_it_is_seeded_with_the_close_of_that_bar_armed",
        bars=[QUIET, (100, 112, 99, 107), (106, 106, 103, 104)],
        script={0: [enter("L", LONG, 1)], 1: [trail(3)]},
        fills=["1 L +1 @ 100", "2 X -1 @ 104"],
    ),
    Case(
        "r083_never_with_the_extreme_of_that_bar",
        bars=[QUIET, (100, 112, 99, 104), (104, 104, 90, 91)],
        script={0: [enter("L", LONG, 1)], 1: [trail(3)]},
        fills=["1 L +1 @ 100"],
    ),
    Case(
        "r084_re_issued_unchanged_it_keeps_mark_and_armed_state",
        bars=[QUIET, QUIET, (100, 110, 99, 108), (108, 108, 105, 106)],
        script={0: [enter("L", LONG, 1)], range(4): [trail(3)]},
        fills=["1 L +1 @ 100", "3 X -1 @ 107"],
    ),
    Case(
        "r084_changed_it_is_armed_anew_from_the_close_of_that_bar",
        bars=[QUIET, QUIET, (100, 110, 99, 108), (108, 108, 103, 103)],
        script={0: [enter("L", LONG, 1), trail(3)], 2: [trail(4)]},
        fills=["1 L +1 @ 100", "3 X -1 @ 104"],
    ),
    Case(
        "r084_changed_with_the_close_short_of_the_activation_it_is_not_armed",
        bars=[QUIET, QUIET, (100, 110, 99, 108), (108, 108, 103, 103)],
        script={0: [enter("L", LONG, 1), trail(3)], 2: [trail(3, points=9)]},
        fills=["1 L +1 @ 100"],
    ),
    Case(
        "r085_re_issued_without_trail_it_is_gone",
        bars=[QUIET, QUIET, (100, 110, 99, 108), (108, 108, 97, 98)],
        script={0: [enter("L", LONG, 1), trail(3)], 2: [leave("X", "L", stop=98)]},
        fills=["1 L +1 @ 100", "3 X -1 @ 98"],
    ),
    Case(
        "r086_activated_inside_the_bar_only_the_rest_of_the_path_counts",
        bars=[QUIET, (100, 112, 94, 96)],
        script={0: [enter("L", LONG, 1, limit=95), trail(3, points=0)]},
        fills=["1 L +1 @ 95", "1 X -1 @ 109"],
    ),
    Case(
        "r086_the_mark_begins_at_the_fill_price",
        bars=[QUIET, (100, 106, 98, 101)],
        script={0: [enter("L", LONG, 1, stop=105), trail(3, points=0)]},
        fills=["1 L +1 @ 105", "1 X -1 @ 103"],
    ),
    Case(
        "r087_a_limit_reached_earlier_wins_over_the_later_retrace",
        bars=[QUIET, QUIET, (100, 110, 99, 101)],
        script={0: [enter("L", LONG, 1), leave("X", "L", limit=108, trail_points=5, trail_offset=3)]},
        fills=["1 L +1 @ 100", "2 X -1 @ 108"],
    ),
    Case(
        "r087_a_hard_stop_reached_earlier_wins_too",
        bars=[QUIET, QUIET, (100, 110, 94, 101)],
        script={0: [enter("L", LONG, 1), leave("X", "L", stop=96, trail_points=5, trail_offset=3)]},
        fills=["1 L +1 @ 100", "2 X -1 @ 96"],
    ),
    Case(
        "r088_after_a_margin_call_at_the_extreme_the_trail_closes_what_is_left",
        bars=[QUIET, (100, 100, 100, 100), (100, 115, 90, 91)],
        script={0: [enter("S", SHORT, 100), trail(3, name="S")]},
        given={"margin_short": 100},
        lot=1.0,
        fills=["1 S -100 @ 100", "2 X +100 @ 93"],
    ),
    Case(
        "r088_after_a_margin_call_at_the_extreme_the_trail_closes_the_rest",
        bars=[QUIET, (100, 100, 100, 100), (100, 104, 80, 99)],
        script={0: [enter("S", SHORT, 100), trail(3, name="S")]},
        given={"margin_short": 100},
        lot=1.0,
        fills=["1 S -100 @ 100", "2 margin call +28 @ 104", "2 X +72 @ 83"],
    ),
]


@table(CASES)
def test_trailing(case: Case) -> None:
    check(case)
