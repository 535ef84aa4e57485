"""Rules of the reference broker that no published list decides, with values worked out by hand."""

from __future__ import annotations

import pytest

from tests.reference.hand_made import Prices, buy, drive, exit_long, exit_short, fills, sell
from tests.reference.ticks import floor_to_lot, round_down, round_money, round_up, snap

ENTRY_BAR: Prices = (100, 100, 100, 100)

# Long from 100 at the close of bar 0 with the exit given; bar 1; where and how it ends (None: still open).
ONE_BAR: dict[str, tuple[dict[str, float], Prices, tuple[float, str] | None]] = {
    "R4: on a tie the low comes first": (
        {"stop": 95, "limit": 105}, (100, 106, 94, 100), (95, "stop")
    ),
    "R4: the nearer high comes first": (
        {"stop": 95, "limit": 105}, (100, 105, 94, 100), (105, "limit")
    ),
    "R5: touching a stop is enough": ({"stop": 95}, (100, 101, 95, 100), (95, "stop")),
    "R5: one tick short is not": ({"stop": 95}, (100, 101, 96, 100), None),
    "R13: a gap through the stop fills at the open": ({"stop": 95}, (90, 99, 89, 98), (90, "stop@gap")),
    "R5: an open on the stop fills it": ({"stop": 95}, (95, 99, 95, 98), (95, "stop@gap")),
    "R14: a gap through the limit fills at the open": (
        {"limit": 105}, (108, 109, 90, 100), (108, "limit@open")
    ),
    "R25: a long's stop rounds down": ({"stop": 95.9}, (100, 101, 95, 100), (95, "stop")),
    "R25: a long's limit rounds up": ({"limit": 104.1}, (100, 105, 99, 100), (105, "limit")),
    "R27: 0.00006 tick above is on the grid": (
        {"limit": 104.00006}, (100, 104, 99, 100), (104, "limit")
    ),
    "R27: 0.00012 tick above is not": ({"limit": 104.00012}, (100, 104, 99, 100), None),
    # activation 100 + 4.015 -> 105, offset 2.9 -> 2; 100-107 first (7 < 8 down), then down through 105
    "R26, R79: activation up, offset truncated": (
        {"points": 4.015, "offset": 2.9}, (100, 107, 92, 95), (105, "trail")
    ),
    "R77: one tick below the activation arms nothing": (
        {"points": 4.015, "offset": 2.9}, (100, 104, 92, 95), None
    ),
    "R80: offset truncated to 0 fills on the activation": (
        {"points": 4.015, "offset": 0.99}, (100, 107, 92, 95), (105, "trail")
    ),
    "R80: offset 0, open beyond the activation": (
        {"points": 4, "offset": 0}, (106, 107, 92, 95), (106, "trail@open")
    ),
    # armed by the open at 106, mark 106; down first (16 < 24): 106 - 2
    "R77: an open beyond the activation arms with that mark": (
        {"points": 4, "offset": 2}, (106, 130, 90, 95), (104, "trail")
    ),
    # up to 110: trail 108 beats the stop 95 on the way down
    "SP-37: the better placed of stop and trail": (
        {"stop": 95, "points": 4, "offset": 2}, (100, 110, 80, 90), (108, "trail")
    ),
    # down first (5 < 10): the stop is met before the trail could arm
    "SP-37: the path decides, not the trail": (
        {"stop": 95, "points": 4, "offset": 2}, (100, 110, 95, 109), (95, "stop")
    ),
    "R87: a limit before the retrace wins": (
        {"limit": 106, "points": 4, "offset": 2}, (100, 110, 80, 90), (106, "limit")
    ),
    # down to 99, up to 108, the closing leg to 104 passes 108 - 2
    "R78: the closing leg can hit the trail": (
        {"points": 4, "offset": 2}, (100, 108, 99, 104), (106, "trail")
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ONE_BAR)
def test_one_bar_of_a_long(name: str) -> None:
    """A long entered at 100 meets one bar."""
    arguments, bar, expected = ONE_BAR[name]
    broker = drive([ENTRY_BAR, bar], {0: [buy(), exit_long(**arguments)]})
    assert fills(broker) == ([] if expected is None else [("long", 0, 100, 1, *expected)])


@pytest.mark.parametrize("name", [name for name in ONE_BAR if "tie" not in name])
def test_one_bar_of_a_short_is_the_mirror_image(name: str) -> None:
    """The same table with every price mirrored at 100; only the path tie (R4) is not symmetric."""
    arguments, (opened, high, low, closed), expected = ONE_BAR[name]
    mirrored_bar = (200 - opened, 200 - low, 200 - high, 200 - closed)
    mirrored = {key: 200 - value if key in ("stop", "limit") else value for key, value in arguments.items()}
    broker = drive([ENTRY_BAR, mirrored_bar], {0: [sell(), exit_short(**mirrored)]})
    if expected is None:
        assert fills(broker) == []
    else:
        assert fills(broker) == [("short", 0, 100, 1, 200 - expected[0], expected[1])]


def test_a_short_takes_the_low_first_on_a_tie_too() -> None:
    """R4: the tie rule looks at the bar, not at the side; the short's limit at 95 is met first."""
    broker = drive([ENTRY_BAR, (100, 106, 94, 100)], {0: [sell(), exit_short(stop=105, limit=95)]})
    assert fills(broker) == [("short", 0, 100, 1, 95, "limit")]


def test_evidence_of_the_activation_level() -> None:
    """Points 20.015 and offset 16.9 with tick 0.01: activation entry + 0.21, distance 0.16."""
    bars = [(50.0, 50.0, 50.0, 50.0), (50.0, 50.21, 49.0, 49.5)]
    broker = drive(bars, {0: [buy(), exit_long(points=20.015, offset=16.9)]}, tick=0.01)
    assert fills(broker) == [("long", 0, 50.0, 1, 50.05, "trail")]
    bars[1] = (50.0, 50.20, 49.0, 49.5)
    assert fills(drive(bars, {0: [buy(), exit_long(points=20.015, offset=16.9)]}, tick=0.01)) == []


def test_the_entry_bar_never_hits_its_own_stop() -> None:
    """SP-32: the entry bar went down to 90 before the entry at its close; the stop at 95 is not met."""
    broker = drive([(100, 101, 90, 100), (100, 101, 99, 100)], {0: [buy(), exit_long(stop=95)]})
    assert broker.closed == []


def test_a_carried_trail_passed_by_the_open_fills_at_the_open() -> None:
    """R81: armed on bar 1 with mark 110 and offset 5; bar 2 opens at 103, below 105."""
    bars = [ENTRY_BAR, (100, 110, 99, 110), (103, 104, 102, 103)]
    broker = drive(bars, {0: [buy(), exit_long(points=4, offset=5)]})
    assert fills(broker) == [("long", 0, 100, 2, 103, "trail@open")]


def test_a_favourable_open_raises_the_mark_first() -> None:
    """R81: mark 110 carried, bar 2 opens at 115 and falls: 115 - 5."""
    bars = [ENTRY_BAR, (100, 110, 99, 110), (115, 117, 90, 100)]
    broker = drive(bars, {0: [buy(), exit_long(points=4, offset=5)]})
    # 115 - 117 first (2 < 25): the mark is 117
    assert fills(broker) == [("long", 0, 100, 2, 112, "trail")]
    bars[2] = (115, 140, 109, 120)
    # down first (6 < 25): the mark is still the open's 115
    assert fills(drive(bars, {0: [buy(), exit_long(points=4, offset=5)]})) == [
        ("long", 0, 100, 2, 110, "trail")
    ]


def test_a_leg_issued_after_the_entry_starts_from_the_close() -> None:
    """R83: issued on bar 1 (high 120, close 106): mark 106, not 120; bar 2 falls to 104 = 106 - 2."""
    bars = [ENTRY_BAR, (100, 120, 99, 106), (105, 106, 104, 105)]
    broker = drive(bars, {0: [buy()], 1: [exit_long(points=4, offset=2)]})
    assert fills(broker) == [("long", 0, 100, 2, 104, "trail")]


def test_reissue_with_unchanged_trail_keeps_the_mark() -> None:
    """R84: bar 1 reaches 120 (mark 120, closes there); re-issued on bar 2 at close 116, bar 3 hits 115."""
    bars = [ENTRY_BAR, (100, 120, 99, 120), (118, 119, 116, 116), (116, 117, 110, 112)]
    again = exit_long(stop=90, points=4, offset=5)
    broker = drive(bars, {0: [buy(), again], 2: [again]})
    assert fills(broker) == [("long", 0, 100, 3, 115, "trail")]


def test_reissue_with_changed_trail_starts_again_from_the_close() -> None:
    """R84: as above with offset 6: mark 117, the best of bar 3 after the close 116, so 111 is hit."""
    bars = [ENTRY_BAR, (100, 120, 99, 120), (118, 119, 116, 116), (116, 117, 110, 112)]
    broker = drive(bars, {0: [buy(), exit_long(points=4, offset=5)], 2: [exit_long(points=4, offset=6)]})
    assert fills(broker) == [("long", 0, 100, 3, 111, "trail")]


def test_reissue_without_trail_drops_it() -> None:
    """R85, SP-28: after a stop-only call a bar that would have trailed out does not."""
    bars = [ENTRY_BAR, (100, 101, 99, 100), (100, 120, 96, 97)]
    commands = {0: [buy(), exit_long(stop=95, points=4, offset=2)], 1: [exit_long(stop=95)]}
    assert drive(bars, commands).closed == []


def test_an_all_na_call_cancels_or_keeps() -> None:
    """R59: with `cancel` the position has no stop until levels come again, with `keep` it has."""
    bars = [ENTRY_BAR, (100, 101, 99, 100), (100, 101, 90, 99), (99, 100, 98, 99), (99, 100, 80, 90)]
    commands = {0: [buy(), exit_long(stop=95)], 1: [exit_long()], 3: [exit_long(stop=85)]}
    assert fills(drive(bars, commands)) == [("long", 0, 100, 4, 85, "stop")]
    assert fills(drive(bars, commands, all_na_exit="keep")) == [("long", 0, 100, 2, 95, "stop")]


def test_a_reissued_stop_beyond_the_close_fills_at_the_close() -> None:
    """R118: stop raised to 99 on a bar closing at 98."""
    bars = [ENTRY_BAR, (100, 101, 97, 98), (98, 120, 98, 120)]
    broker = drive(bars, {0: [buy(), exit_long(stop=90)], 1: [exit_long(stop=99)]})
    assert fills(broker) == [("long", 0, 100, 1, 98, "stop@close")]


def test_without_orders_on_close_a_passed_stop_waits_for_the_open() -> None:
    """R1, R13: entry at the open of bar 1; the stop raised at its close fills at the open of bar 2."""
    bars = [ENTRY_BAR, (100, 101, 97, 98), (97, 120, 97, 120)]
    commands = {0: [buy(), exit_long(stop=90)], 1: [exit_long(stop=99)]}
    assert fills(drive(bars, commands, on_close=False)) == [("long", 1, 100, 2, 97, "stop@gap")]


def test_a_passed_limit_fills_at_the_close_of_its_bar() -> None:
    """R118: limit 101 placed while the close is 103."""
    bars = [ENTRY_BAR, (100, 103, 99, 103)]
    broker = drive(bars, {0: [buy()], 1: [exit_long(limit=101)]})
    assert fills(broker) == [("long", 0, 100, 1, 103, "limit@close")]


def test_an_exit_without_its_entry_is_ignored() -> None:
    """E9: nothing of that id is open or waiting, so the later entry has no exit."""
    bars = [ENTRY_BAR, ENTRY_BAR, (100, 101, 80, 90)]
    assert drive(bars, {0: [exit_long(stop=95)], 1: [buy()]}).closed == []


def test_an_exit_of_a_waiting_entry_meets_the_entry_open() -> None:
    """R17: bought at the open of bar 1 at 94, below the stop 95: out at the same open."""
    broker = drive([ENTRY_BAR, (94, 99, 93, 98)], {0: [buy(), exit_long(stop=95)]}, on_close=False)
    assert fills(broker) == [("long", 1, 94, 1, 94, "stop@gap")]


def test_both_entries_at_one_close_book_a_zero_length_long() -> None:
    """SP-35: the long then the short; the net position is the short's own quantity."""
    commands = {0: [buy(2), exit_long(stop=95), sell(3), exit_short(stop=105)]}
    broker = drive([ENTRY_BAR, (100, 101, 99, 100)], commands)
    assert fills(broker) == [("long", 0, 100, 0, 100, "reversal")]
    assert broker.closed[0].exit_signal == "Short SFP"
    assert broker.position_size() == -3


def test_both_signals_against_a_short_end_short() -> None:
    """R134: with a short open the long reverses it and the second short reverses that, all at one open."""
    bars = [ENTRY_BAR, (100, 101, 99, 100), (100, 101, 99, 100), (100, 107, 99, 100)]
    commands = {0: [sell(1), exit_short(stop=110)], 1: [buy(2), sell(3), exit_short(stop=106)]}
    broker = drive(bars, commands, on_close=False)
    assert fills(broker) == [
        ("short", 1, 100, 2, 100, "reversal"),
        ("long", 2, 100, 2, 100, "reversal"),
        ("short", 2, 100, 3, 106, "stop"),
    ]
    assert [t.qty for t in broker.closed] == [1, 2, 3]


def test_a_second_entry_of_the_open_side_is_refused_but_its_exit_replaces() -> None:
    """R49 with pyramiding 0, R60: the quantity stays 1, the stop becomes 98."""
    bars = [ENTRY_BAR, (100, 101, 99, 100), (100, 101, 98, 99)]
    broker = drive(bars, {0: [buy(1), exit_long(stop=90)], 1: [buy(5), exit_long(stop=98)]})
    assert fills(broker) == [("long", 0, 100, 2, 98, "stop")]
    assert broker.closed[0].qty == 1


def test_a_reversal_takes_the_old_exit_with_it() -> None:
    """R67: reversed at the close of bar 1; the long's stop at 95 does nothing on bar 2."""
    bars = [ENTRY_BAR, (100, 103, 99, 103), (103, 104, 90, 92)]
    broker = drive(bars, {0: [buy(), exit_long(stop=95)], 1: [sell(), exit_short(stop=110)]})
    assert fills(broker) == [("long", 0, 100, 1, 103, "reversal")]
    assert broker.position_size() == -1


def test_a_trade_can_close_and_the_next_open_on_one_bar() -> None:
    """SP-33: stopped inside bar 1, bought again at its close."""
    bars = [ENTRY_BAR, (100, 101, 94, 97)]
    broker = drive(bars, {0: [buy(), exit_long(stop=95)], 1: [buy()]})
    assert fills(broker) == [("long", 0, 100, 1, 95, "stop")]
    assert (broker.position_size(), broker.open_trades()[0].entry_price) == (1, 97)


def test_money_of_one_trade() -> None:
    """R98, R101, R102: 2 x (110 - 100) less 0.1 % of 200 and of 220; the entry fee leaves equity at once."""
    bars = [ENTRY_BAR, (100, 110, 99, 105)]
    broker = drive(bars[:1], {0: [buy(2)]}, commission_percent=0.1)
    assert broker.equity() == pytest.approx(999.8, abs=1e-12)
    broker = drive(bars, {0: [buy(2), exit_long(limit=110)]}, commission_percent=0.1)
    assert broker.closed[0].commission == pytest.approx(0.42, abs=1e-12)
    assert broker.closed[0].net_pnl == pytest.approx(19.58, abs=1e-12)
    assert broker.equity() == pytest.approx(1_019.58, abs=1e-12)


def test_excursions_end_at_the_fills() -> None:
    """R106: bar 0 reached 150 before the entry, bar 2 falls to 50 after the stop: neither counts."""
    bars = [(100, 150, 80, 100), (100, 108, 97, 103), (103, 104, 50, 60)]
    broker = drive(bars, {0: [buy(2), exit_long(stop=95)]}, commission_percent=0.1)
    # best 108: 2 x 8 - 0.2; worst 95, the fill: -2 x 5 - 0.2
    assert broker.closed[0].runup == pytest.approx(15.8, abs=1e-12)
    assert broker.closed[0].drawdown == pytest.approx(-10.2, abs=1e-12)


def test_a_gap_exit_takes_only_its_fill_from_the_bar() -> None:
    """R106: out at the open 90; the bar's later 120 does not count. Run-up is never below zero."""
    broker = drive([ENTRY_BAR, (90, 120, 80, 100)], {0: [buy(), exit_long(stop=95)]}, commission_percent=0.1)
    assert broker.closed[0].runup == 0
    assert broker.closed[0].drawdown == pytest.approx(-10.1, abs=1e-12)


def test_margin_drops_an_entry_at_placement() -> None:
    """R90: 11 x 100 against 1 000; 10 x 100 fits exactly. The exit call finds nothing."""
    assert drive([ENTRY_BAR], {0: [buy(11), exit_long(stop=90)]}, margin_percent=100).position_size() == 0
    assert drive([ENTRY_BAR], {0: [buy(10)]}, margin_percent=100).position_size() == 10


def test_margin_refuses_an_entry_at_its_fill() -> None:
    """R91: 10 x 100 fitted at the close, 10 x 101 does not fit at the next open."""
    bars = [ENTRY_BAR, (101, 102, 100, 101)]
    assert drive(bars, {0: [buy(10)]}, on_close=False, margin_percent=100).position_size() == 0
    assert drive(bars, {0: [buy(9)]}, on_close=False, margin_percent=100).position_size() == 9


def test_a_refused_reversal_still_closes() -> None:
    """R136: the short of 20 cannot be paid; the long is closed by it and nothing opens."""
    bars = [ENTRY_BAR, (100, 103, 99, 103)]
    commands = {0: [buy(5)], 1: [sell(20), exit_short(stop=110)]}
    broker = drive(bars, commands, margin_percent=100)
    assert fills(broker) == [("long", 0, 100, 1, 103, "reversal")]
    assert broker.position_size() == 0
    assert broker.legs == {}


def test_of_two_opposite_entries_the_first_stays_unless_both_fit() -> None:
    """R57: 6 + 5 lots of 100 do not fit into 1 000, 5 + 5 do."""
    assert drive([ENTRY_BAR], {0: [buy(6), sell(5)]}, margin_percent=100).position_size() == 6
    assert drive([ENTRY_BAR], {0: [buy(5), sell(5)]}, margin_percent=100).position_size() == -5


def test_margin_call_of_a_short() -> None:
    """R94, R95: short 8 at 100 with 1 000; at the high 112 equity is 904, margin 896: fine.

    At 113 equity is 896, margin 904: shortfall 8, 8 / 113 = 0.0707.. cut to 0.07 lots, times 4 = 0.28.
    The low comes first (1 < 13); the close at 100 needs nothing.
    """
    broker = drive([ENTRY_BAR, (100, 112, 99, 100)], {0: [sell(8)]}, margin_percent=100, lot=0.01)
    assert broker.closed == []
    broker = drive([ENTRY_BAR, (100, 113, 99, 100)], {0: [sell(8)]}, margin_percent=100, lot=0.01)
    assert fills(broker) == [("short", 0, 100, 1, 113, "margin")]
    assert broker.closed[0].qty == pytest.approx(0.28, abs=1e-12)
    assert broker.closed[0].exit_signal == "Margin call"
    assert broker.position_size() == pytest.approx(-7.72, abs=1e-12)
    # worst 113, best 99 on the row's own share
    assert broker.closed[0].drawdown == pytest.approx(-13 * 0.28, abs=1e-12)
    assert broker.closed[0].runup == pytest.approx(0.28, abs=1e-12)


def test_margin_call_below_one_lot_closes_a_whole_contract() -> None:
    """R94, R140: the same cover 0.0707.. with lot 0.1 is no lot: one contract; without lots 4 x 8 / 113."""
    bars = [ENTRY_BAR, (100, 113, 99, 100)]
    assert drive(bars, {0: [sell(8)]}, margin_percent=100, lot=0.1).closed[0].qty == 1
    cut = drive(bars, {0: [sell(8)]}, margin_percent=100).closed[0].qty
    assert cut == pytest.approx(32 / 113, abs=1e-12)


def test_margin_call_is_at_most_the_position() -> None:
    """R94: short 8 at 100, open 150: equity 600, margin 1 200, cover 4 contracts, 4 times that is above 8."""
    broker = drive([ENTRY_BAR, (150, 151, 149, 150)], {0: [sell(8)]}, margin_percent=100)
    assert fills(broker) == [("short", 0, 100, 1, 150, "margin")]
    assert broker.closed[0].qty == 8


def test_quantities_are_cut_on_their_decimal_text() -> None:
    """R36: 0.0010899999999999998 with lot 1e-5 is 108 lots although the double is next to 109."""
    assert floor_to_lot(0.0010899999999999998, 1e-5) == 108 * 1e-5
    assert floor_to_lot(0.29, 0.01) == 29 * 0.01
    assert floor_to_lot(0.0099, 0.01) == 0
    assert floor_to_lot(0.0099, 0.0) == 0.0099


def test_a_size_below_one_lot_opens_nothing_but_closes_the_other_side() -> None:
    """R43, R137."""
    bars = [ENTRY_BAR, (100, 103, 99, 103)]
    broker = drive(bars, {0: [buy(1)], 1: [sell(0.4)]}, lot=1.0)
    assert fills(broker) == [("long", 0, 100, 1, 103, "reversal")]
    assert broker.position_size() == 0
    assert drive(bars, {0: [buy(0.4)]}, lot=1.0).position_size() == 0
    assert drive(bars, {0: [buy(1)], 1: [sell(-1)]}, lot=1.0).position_size() == 1


def test_rounding_helpers() -> None:
    """R3, R23, R27, R100."""
    assert (snap(100.005, 0.01), snap(100.0049, 0.01)) == (10001, 10000)
    assert (round_up(7.0001), round_up(7.00011), round_down(6.9999), round_down(6.99989)) == (7, 8, 7, 6)
    assert (round_up(-7.5), round_down(-7.5)) == (-7, -8)
    assert round_money(1.23456789051) == 1.234567891
    assert round_money(0.00012345678905) == 0.0001234567891
