"""Fill rules as a table: bars, commands, expected trades. The name of a case begins with the rule it shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from kwin_core.properties import PINE_V5, PINE_V6
from kwin_core.strategy import LONG, OCA_CANCEL, OCA_REDUCE, SHORT
from tests.emulator.scripted import command, run_case

FLAT = (100.0, 100.0, 100.0, 100.0)


@dataclass(frozen=True)
class Case:
    """Bars (open, high, low, close), commands by bar, expected lines."""

    name: str
    bars: list[tuple[float, float, float, float]]
    commands: dict[int, list[dict[str, Any]]]
    expect: list[str]
    properties: dict[str, Any] = field(default_factory=dict)


def buy(order_id: str = "A", qty: float = 1.0, **arguments: Any) -> dict[str, Any]:
    """strategy.entry, long."""
    return command("entry", order_id, side=LONG, qty=qty, **arguments)


def sell(order_id: str = "B", qty: float = 1.0, **arguments: Any) -> dict[str, Any]:
    """strategy.entry, short."""
    return command("entry", order_id, side=SHORT, qty=qty, **arguments)


def leave(order_id: str = "X", from_entry: str | None = "A", **arguments: Any) -> dict[str, Any]:
    """strategy.exit."""
    bound = {} if from_entry is None else {"from_entry": from_entry}
    return command("exit", order_id, **bound, **arguments)


TENTH = {"initial_capital": 10_000.0, "default_qty_type": "percent_of_equity", "default_qty_value": 10.0}
SMALL = {"initial_capital": 10_000.0}

UP_BIG = (100.0, 110.0, 94.0, 105.0)  # open, then low (the nearer extreme), then high, then close
DOWN_BIG = (100.0, 106.0, 90.0, 95.0)  # open, then high, then low, then close

CASES = [
    Case(
        "R2 market order at the next open",
        [FLAT, (101, 102, 99, 100)],
        {0: [buy()]},
        ["long 1 A 1@101 -> open"],
    ),
    Case(
        "R4 the nearer extreme comes first: target before stop",
        [FLAT, FLAT, (100, 105, 94, 96)],
        {0: [buy()], 1: [leave(limit=105, stop=95)]},
        ["long 1 A 1@100 -> X 2@105"],
    ),
    Case(
        "R4 a tie goes low first: stop before target",
        [FLAT, FLAT, (100, 106, 94, 96)],
        {0: [buy()], 1: [leave(limit=105, stop=95)]},
        ["long 1 A 1@100 -> X 2@95"],
    ),
    Case(
        "R5 touching is enough",
        [FLAT, (100, 105, 100, 101), (101, 101, 95, 99)],
        {0: [buy(stop=105)], 1: [leave(stop=95)]},
        ["long 1 A 1@105 -> X 2@95"],
    ),
    Case(
        "R6 R11 within a leg the nearest level fills first",
        [FLAT, (100, 100, 90, 92)],
        {0: [buy("A", limit=92), buy("B", limit=96)]},
        ["long 1 B 1@96 -> open", "long 1 A 1@92 -> open"],
        {"pyramiding": 5},
    ),
    Case(
        "R7 R21 R28 a bracket in ticks takes its place in mid-leg",
        [FLAT, (100, 108, 99, 107)],
        {0: [buy(stop=102), leave(profit=300)]},
        ["long 1 A 1@102 -> X 1@105"],
    ),
    Case(
        "R8 at one price the buy goes first",
        [FLAT, (100, 101, 99, 100), (99.5, 103, 99, 102)],
        {0: [sell("B", stop=98)], 1: [sell("B", limit=101), buy("A", stop=101)]},
        ["long 1 A 2@101 -> B 2@101"],
    ),
    Case(
        "R13 a stop passed by the open fills at the open",
        [FLAT, FLAT, (93, 94, 92, 93)],
        {0: [buy()], 1: [leave(stop=95)]},
        ["long 1 A 1@100 -> X 2@93"],
    ),
    Case(
        "R14 a limit passed by the open fills at the open",
        [FLAT, FLAT, (107, 108, 106, 107)],
        {0: [buy()], 1: [leave(limit=105)]},
        ["long 1 A 1@100 -> X 2@107"],
    ),
    Case(
        "R15 of levels gapped by one open the nearest fills first",
        [FLAT, FLAT, (90, 91, 89, 90)],
        {0: [buy("A", 2.0)], 1: [leave("X", qty=1.0, stop=98), leave("Y", qty=1.0, stop=95)]},
        ["long 1 A 1@100 -> Y 2@90", "long 1 A 1@100 -> X 2@90"],
    ),
    Case(
        "R16 R18 in a gap batch the entry fills before the exit, which then opens under its own id",
        [FLAT, FLAT, (90, 91, 89, 90)],
        {0: [buy()], 1: [leave(stop=97), sell("B", stop=95)]},
        ["long 1 A 1@100 -> B 2@90", "short 1 B 2@90 -> open", "short 1 X 2@90 -> open"],
    ),
    Case(
        "R19 a market reversal cancels a gapped exit",
        [FLAT, FLAT, (90, 91, 89, 90)],
        {0: [buy()], 1: [leave(stop=95), sell("B")]},
        ["long 1 A 1@100 -> B 2@90", "short 1 B 2@90 -> open"],
    ),
    Case(
        "R20 an exit first reached inside the bar after a reversal is cancelled",
        [FLAT, FLAT, (100, 101, 90, 92)],
        {0: [buy()], 1: [leave(stop=93), sell("B", stop=97)]},
        ["long 1 A 1@100 -> B 2@97", "short 1 B 2@97 -> open"],
    ),
    Case(
        "R17 the exit of a pending entry is looked at right after the entry, at the same open",
        [FLAT, (90, 91, 89, 90)],
        {0: [buy("A", limit=95), leave(stop=92)]},
        ["long 1 A 1@90 -> X 1@90"],
    ),
    Case(
        "R22 the second leg begins at the first extreme: limit entry, target on the same bar",
        [FLAT, UP_BIG],
        {0: [buy(limit=95), leave(limit=98)]},
        ["long 1 A 1@95 -> X 1@98"],
    ),
    Case(
        "R22 the second leg begins at the first extreme: stop entry, stop on the same bar",
        [FLAT, DOWN_BIG],
        {0: [buy(stop=105), leave(stop=103)]},
        ["long 1 A 1@105 -> X 1@103"],
    ),
    Case(
        "R24 entry stops round away, entry limits toward the trader",
        [FLAT, (100, 103, 100, 101), (101, 101, 96, 98)],
        {0: [buy("A", stop=102.004)], 1: [buy("C", limit=97.006), buy("D", limit=98.0099999)]},
        ["long 1 A 1@102.01 -> open", "long 1 D 2@98.01 -> open", "long 1 C 2@97 -> open"],
        {"pyramiding": 5},
    ),
    Case(
        "R25 R27 exit stops of a long round down, its limits up; a level within 1e-4 tick is on the grid",
        [FLAT, FLAT, (100, 100, 95, 96), (96, 96, 96, 96), (96, 110, 96, 109)],
        {
            0: [buy("A", 2.0)],
            1: [leave("X", qty=1.0, stop=98.009, limit=200)],
            2: [leave("Y", limit=105.000_000_9)],
        },
        ["long 1 A 1@100 -> X 2@98", "long 1 A 1@100 -> Y 4@105"],
    ),
    Case(
        "R28 R63 every pyramid add has its own distances",
        [FLAT, FLAT, (101, 101, 101, 101), (101, 101, 98, 98)],
        {0: [buy("A")], 1: [buy("C")], 2: [leave("X", None, loss=200)]},
        ["long 1 A 1@100 -> X 3@99", "long 1 C 2@101 -> X 3@98"],
        {"pyramiding": 5},
    ),
    Case(
        "R32 R33 slippage on market and stop, never on a limit",
        [FLAT, FLAT, (100, 106, 100, 105), FLAT, FLAT, (100, 100, 90, 95)],
        {0: [buy()], 1: [leave(limit=105)], 3: [buy()], 4: [leave(stop=95)]},
        ["long 1 A 1@100.05 -> X 2@105", "long 1 A 4@100.05 -> X 5@94.95"],
        {"slippage": 5},
    ),
    Case(
        "R36 a quantity is floored to the lot on its shortest decimal",
        [FLAT, FLAT],
        {0: [buy("A", 0.289999999999999999), buy("C", 0.2899)]},
        ["long 0.29 A 1@100 -> open", "long 0.28 C 1@100 -> open"],
        {"pyramiding": 5},
    ),
    Case("R43 a quantity of zero gives no order", [FLAT, FLAT], {0: [buy("A", 0.0)]}, []),
    Case(
        "R46 E5 a priced reversal is frozen at creation, a market one is not",
        [FLAT, FLAT, (100, 100, 100, 100), (100, 100, 94, 95)],
        {0: [buy("A", 2.0)], 1: [sell("B", 1.0, stop=95)], 2: [command("close", "A")]},
        ["long 2 A 1@100 -> Close entry(s) order A 3@100", "short 3 B 3@95 -> open"],
    ),
    Case(
        "R48 the same id unfilled is replaced",
        [FLAT, FLAT, (100, 104, 100, 104)],
        {0: [buy(stop=110)], 1: [buy(stop=103)]},
        ["long 1 A 2@103 -> open"],
    ),
    Case(
        "R49 pyramiding is judged at submission only",
        [FLAT, (100, 103, 100, 102), (102, 106, 102, 106)],
        {0: [buy("A", stop=101), buy("C", stop=102)], 1: [buy("D")]},
        ["long 1 A 1@101 -> open", "long 1 C 1@102 -> open"],
    ),
    Case(
        "R52 strategy.order ignores pyramiding and just adds its signed quantity",
        [FLAT, FLAT, FLAT, FLAT],
        {
            0: [command("order", "A", side=LONG, qty=1.0)],
            1: [command("order", "C", side=LONG, qty=2.0)],
            2: [command("order", "D", side=SHORT, qty=5.0)],
        },
        ["long 1 A 1@100 -> D 3@100", "long 2 C 2@100 -> D 3@100", "short 2 D 3@100 -> open"],
    ),
    Case(
        "R53 a stop-limit not marketable at its stop waits for the limit, this bar's way back included",
        [FLAT, (100, 106, 90, 95)],
        {0: [buy(stop=105, limit=103)]},
        ["long 1 A 1@103 -> open"],
    ),
    Case(
        "R53 a stop-limit marketable at its stop fills there",
        [FLAT, (100, 106, 90, 95)],
        {0: [buy(stop=105, limit=105.5)]},
        ["long 1 A 1@105 -> open"],
    ),
    Case(
        "R53 R152 once triggered it stays a limit order on later bars",
        [FLAT, (107, 108, 106, 107), (107, 107, 104, 105)],
        {0: [buy(stop=105, limit=105)], 1: [buy(stop=105, limit=105)]},
        ["long 1 A 2@105 -> open"],
    ),
    Case(
        "R54 cancelling a filled entry's id does not touch its exits; cancelling the exit's does",
        [FLAT, FLAT, (100, 100, 94, 94), (94, 94, 89, 89)],
        {
            0: [buy("A", 2.0)],
            1: [leave("X", qty=1.0, stop=95), leave("Y", stop=90), command("cancel", "A")],
            2: [command("cancel", "Y")],
        },
        ["long 1 A 1@100 -> X 2@95", "long 1 A 1@100 -> open"],
    ),
    Case(
        "R55 cancel_all removes a market order of the same bar",
        [FLAT, FLAT],
        {0: [buy(), command("cancel_all")]},
        [],
    ),
    Case(
        "R56 one order of an OCA cancel group removes the others",
        [FLAT, (100, 104, 100, 103), (103, 103, 90, 91)],
        {0: [buy("A", stop=103, oca=1, oca_kind=OCA_CANCEL), sell("B", stop=95, oca=1, oca_kind=OCA_CANCEL)]},
        ["long 1 A 1@103 -> open"],
    ),
    Case(
        "R56 E13 an OCA reduce group reduces",
        [FLAT, FLAT, (100, 106, 100, 105), (105, 105, 90, 91)],
        {
            0: [buy("A", 3.0)],
            1: [
                command("order", "C", side=SHORT, qty=1.0, limit=105, oca=1, oca_kind=OCA_REDUCE),
                command("order", "D", side=SHORT, qty=3.0, stop=95, oca=1, oca_kind=OCA_REDUCE),
            ],
        },
        ["long 1 A 1@100 -> C 2@105", "long 2 A 1@100 -> D 3@95"],
    ),
    Case(
        "R59 an exit with all levels absent acts like cancel",
        [FLAT, FLAT, (100, 100, 99, 99), (99, 99, 90, 91)],
        {0: [buy()], 1: [leave(stop=95)], 2: [leave()]},
        ["long 1 A 1@100 -> open"],
    ),
    Case(
        "R59 and is nothing at all under the switch keep",
        [FLAT, FLAT, (100, 100, 99, 99), (99, 99, 90, 91)],
        {0: [buy()], 1: [leave(stop=95)], 2: [leave()]},
        ["long 1 A 1@100 -> X 3@95"],
        {"all_na_exit": "keep"},
    ),
    Case(
        "R60 two exits with different ids on one entry both live; the same id replaces",
        [FLAT, FLAT, FLAT, (100, 100, 90, 91)],
        {
            0: [buy("A", 2.0)],
            1: [leave("X", qty=1.0, stop=95), leave("Y", stop=94)],
            2: [leave("X", qty=1.0, stop=96)],
        },
        ["long 1 A 1@100 -> X 3@96", "long 1 A 1@100 -> Y 3@94"],
    ),
    Case(
        "R61 a leg that fired is spent for its entry",
        [FLAT, FLAT, (100, 105, 100, 104), (104, 106, 104, 105)],
        {
            0: [buy("A", 2.0)],
            1: [leave("X", qty_percent=50.0, limit=105)],
            2: [leave("X", qty_percent=50.0, limit=105)],
        },
        ["long 1 A 1@100 -> X 2@105", "long 1 A 1@100 -> open"],
    ),
    Case(
        "R62 legs reserve first come first served; the one without a quantity takes the rest",
        [FLAT, FLAT, (100, 100, 90, 91)],
        {0: [buy("A", 4.0)], 1: [leave("X", qty_percent=25.0, stop=92), leave("Y", stop=95)]},
        ["long 3 A 1@100 -> Y 2@95", "long 1 A 1@100 -> X 2@92"],
    ),
    Case(
        "R64 without from_entry a reversal's position gets its bracket from the next bar on",
        [FLAT, FLAT, (100, 101, 90, 92), (92, 101, 91, 100)],
        {0: [buy()], 1: [sell("B", 1.0), leave("X", None, loss=50)]},
        ["long 1 A 1@100 -> B 2@100", "short 1 B 2@100 -> X 3@100.5"],
    ),
    Case(
        "R66 exits never reverse: they are clamped to what is open",
        [FLAT, FLAT, (100, 100, 90, 91)],
        {0: [buy("A", 2.0)], 1: [leave("X", qty=9.0, stop=95)]},
        ["long 2 A 1@100 -> X 2@95"],
    ),
    Case(
        "R67 when flat all exits die",
        [FLAT, FLAT, FLAT, FLAT, (100, 100, 90, 91)],
        {0: [buy()], 1: [leave(stop=95)], 2: [command("close_all")], 3: [buy("C")]},
        ["long 1 A 1@100 -> Close position order 3@100", "long 1 C 4@100 -> open"],
    ),
    Case(
        "R68 in v6 several closes of one bar stack, clamped at flat",
        [FLAT, FLAT, FLAT],
        {0: [buy("A", 3.0)], 1: [command("close", "A", qty=1.0), command("close", "A", qty=1.0)]},
        [
            "long 1 A 1@100 -> Close entry(s) order A 2@100",
            "long 1 A 1@100 -> Close entry(s) order A 2@100",
            "long 1 A 1@100 -> open",
        ],
    ),
    Case(
        "R147 in v5 the last one survives",
        [FLAT, FLAT, FLAT],
        {0: [buy("A", 3.0)], 1: [command("close", "A", qty=2.0), command("close", "A", qty=1.0)]},
        ["long 1 A 1@100 -> Close entry(s) order A 2@100", "long 2 A 1@100 -> open"],
        {"pine_version": 5},
    ),
    Case(
        "R69 close_all after a partial close on one bar ends flat",
        [FLAT, FLAT, FLAT],
        {0: [buy("A", 3.0)], 1: [command("close", "A", qty=1.0), command("close_all")]},
        ["long 1 A 1@100 -> Close entry(s) order A 2@100", "long 2 A 1@100 -> Close position order 2@100"],
    ),
    Case(
        "R72 E12 an immediate close fills at this close",
        [FLAT, (100, 103, 100, 103), FLAT],
        {0: [buy()], 1: [command("close", "A", immediately=1)]},
        ["long 1 A 1@100 -> Close entry(s) order A 1@103"],
    ),
    Case(
        "R73 FIFO: closing the second entry consumes the oldest row",
        [FLAT, FLAT, FLAT, FLAT],
        {0: [buy("A")], 1: [buy("C")], 2: [command("close", "C")]},
        ["long 1 A 1@100 -> Close entry(s) order C 3@100", "long 1 C 2@100 -> open"],
        {"pyramiding": 5},
    ),
    Case(
        "R73 ANY: closing the second entry closes its own row",
        [FLAT, FLAT, FLAT, FLAT],
        {0: [buy("A")], 1: [buy("C")], 2: [command("close", "C")]},
        ["long 1 C 2@100 -> Close entry(s) order C 3@100", "long 1 A 1@100 -> open"],
        {"pyramiding": 5, "close_entries_rule": "ANY"},
    ),
    Case(
        "R73 ANY: an exit closes the rows of its own entry",
        [FLAT, FLAT, FLAT, (100, 100, 94, 94)],
        {0: [buy("A")], 1: [buy("C")], 2: [leave("X", "C", stop=95)]},
        ["long 1 C 2@100 -> X 3@95", "long 1 A 1@100 -> open"],
        {"pyramiding": 5, "close_entries_rule": "ANY"},
    ),
    Case(
        "R74 texts by trigger",
        [FLAT, FLAT, (100, 106, 100, 105)],
        {0: [buy()], 1: [leave(limit=105, stop=90, text_profit="limit text", text_loss="stop text")]},
        ["long 1 A 1@100 -> limit text 2@105"],
    ),
    Case(
        "R77 R78 the trail arms on the touch and fires at the extreme less the offset, on the same bar",
        [FLAT, FLAT, (100, 106, 100, 103)],
        {0: [buy()], 1: [leave(trail_points=300, trail_offset=200)]},
        ["long 1 A 1@100 -> X 2@104"],
    ),
    Case(
        "R77 a bar opening beyond the activation arms at the open",
        [FLAT, FLAT, (105, 105, 102, 104)],
        {0: [buy()], 1: [leave(trail_points=300, trail_offset=200)]},
        ["long 1 A 1@100 -> X 2@103"],
    ),
    Case(
        "R79 the offset is truncated to whole ticks, the points are not",
        [FLAT, FLAT, (100, 106, 100, 103)],
        {0: [buy()], 1: [leave(trail_points=300.4, trail_offset=200.9)]},
        ["long 1 A 1@100 -> X 2@104"],
    ),
    Case(
        "R80 R82 without an offset the activation level itself is the exit",
        [FLAT, FLAT, (100, 106, 100, 103)],
        {0: [buy()], 1: [leave(trail_points=300, stop=50)]},
        ["long 1 A 1@100 -> X 2@103"],
    ),
    Case(
        "R81 a favourable open first raises the mark of a carried trail",
        [FLAT, FLAT, (100, 104, 100, 104), (108, 108, 105, 106)],
        {0: [buy()], 1: [leave(trail_points=300, trail_offset=200)]},
        ["long 1 A 1@100 -> X 3@106"],
    ),
    Case(
        "R83 a leg issued after the entry is seeded with the close of the issue bar",
        [FLAT, (100, 109, 100, 105), (105, 105, 102, 103)],
        {0: [buy()], 1: [leave(trail_points=300, trail_offset=200)]},
        ["long 1 A 1@100 -> X 2@103"],
    ),
    Case(
        "R84 the same trailing parameters keep the mark",
        [FLAT, FLAT, (100, 106, 100, 105), (105, 105, 103, 104)],
        {
            0: [buy()],
            1: [leave(trail_points=300, trail_offset=200)],
            2: [leave(trail_points=300, trail_offset=200)],
        },
        ["long 1 A 1@100 -> X 3@104"],
    ),
    Case(
        "R85 a re-issue without trailing arguments drops the trail",
        [FLAT, FLAT, (100, 106, 100, 105), (105, 105, 97, 98)],
        {0: [buy()], 1: [leave(trail_points=300, trail_offset=200)], 2: [leave(stop=98)]},
        ["long 1 A 1@100 -> X 3@98"],
    ),
    Case(
        "R87 a limit reached earlier on the path wins over the later retrace",
        [FLAT, FLAT, (100, 106, 95, 96)],
        {0: [buy()], 1: [leave(limit=105, trail_points=300, trail_offset=300)]},
        ["long 1 A 1@100 -> X 2@105"],
    ),
    Case(
        "R111 a forbidden reversal only closes",
        [FLAT, FLAT, FLAT, FLAT],
        {0: [command("allow_entry_in", side=LONG), buy()], 1: [sell("B")], 2: [sell("B")]},
        ["long 1 A 1@100 -> B 2@100"],
    ),
    Case(
        "E16 R116 an entry that would exceed the largest position is refused",
        [FLAT, FLAT, FLAT],
        {0: [command("max_position_size", value=2.0), buy("A", 2.0)], 1: [buy("C", 1.0)]},
        ["long 2 A 1@100 -> open"],
        {"pyramiding": 5},
    ),
    Case(
        "R115 the day's loss closes at the extreme and blocks the day",
        [FLAT, FLAT, (100, 101, 89, 99), FLAT],
        {0: [command("max_intraday_loss", value=10.0, type=1), buy()], 2: [buy("C")]},
        ["long 1 A 1@100 -> Close Position (Max intraday Loss) 2@89"],
    ),
    Case(
        "R47 a second call on one bar keeps only its own quantity",
        [FLAT, FLAT, (100, 100, 94, 95)],
        {0: [buy("A", 2.0)], 1: [sell("B", stop=96), sell("B", stop=95)]},
        ["long 1 A 1@100 -> B 2@95", "long 1 A 1@100 -> open"],
    ),
    Case(
        "R35 an immediate close reports the raw close",
        [FLAT, (100, 103, 100, 103), FLAT],
        {0: [buy()], 1: [command("close", "A", immediately=1)]},
        ["long 1 A 1@100.05 -> Close entry(s) order A 1@103"],
        {"slippage": 5},
    ),
    Case(
        "R34 R37 a tenth of the equity at the close, slipped",
        [FLAT, (125, 125, 125, 125)],
        {0: [buy(qty=float("nan"))]},
        ["long 9.95 A 1@125.5 -> open"],
        {**TENTH, "slippage": 50},
    ),
    Case(
        "R41 a limit is sized at its level, and anew at the open that gaps it",
        [FLAT, (100, 100, 80, 90), (40, 40, 40, 40)],
        {0: [buy("A", float("nan"), limit=80)], 1: [buy("C", float("nan"), limit=50)]},
        ["long 12.5 A 1@80 -> open", "long 25.31 C 2@40 -> open"],
        {**TENTH, "pyramiding": 5},
    ),
    Case(
        "R139 a stop that gaps is sized at its level, not at the open",
        [FLAT, (160, 160, 160, 160)],
        {0: [buy(qty=float("nan"), stop=125)]},
        ["long 8 A 1@160 -> open"],
        TENTH,
    ),
    Case(
        "R139 a stop already passed when placed is sized at that close",
        [FLAT, (160, 160, 160, 160)],
        {0: [buy(qty=float("nan"), stop=80)]},
        ["long 10 A 1@160 -> open"],
        TENTH,
    ),
    Case(
        "R152 a stop-limit is sized where it would have become a limit",
        [FLAT, (124, 126, 120, 121)],
        {0: [buy(qty=float("nan"), stop=125, limit=123)]},
        ["long 8.13 A 1@123 -> open"],
        TENTH,
    ),
    Case(
        "R90 an entry beyond the equity is dropped at placement",
        [FLAT, (100, 101, 99, 100), FLAT],
        {0: [buy("A", 101.0)], 1: [buy("C", 100.0)]},
        ["long 100 C 2@100 -> open"],
        SMALL,
    ),
    Case(
        "R91 an entry that the open makes too dear is rejected",
        [FLAT, (101, 101, 101, 101)],
        {0: [buy("A", 100.0)]},
        [],
        SMALL,
    ),
    Case(
        "R136 a market reversal refused for margin still closes",
        [FLAT, FLAT, (110, 110, 110, 110)],
        {0: [buy("A", 1.0)], 1: [sell("B", 99.0)]},
        ["long 1 A 1@100 -> B 2@110"],
        SMALL,
    ),
    Case(
        "R138 strategy.order that flips beyond the margin does nothing, one that only reduces is not judged",
        [FLAT, FLAT, (110, 110, 110, 110), (110, 110, 110, 110)],
        {
            0: [buy("A", 2.0)],
            1: [command("order", "D", side=SHORT, qty=500.0)],
            2: [command("order", "D", side=SHORT, qty=1.0)],
        },
        ["long 1 A 1@100 -> D 3@110", "long 1 A 1@100 -> open"],
        SMALL,
    ),
    Case(
        "R93 a waiting entry no longer affordable at a close is cancelled",
        [FLAT, FLAT, (100, 100, 60, 60), (60, 120, 60, 120)],
        {0: [buy("A", 90.0)], 1: [buy("C", 9.0, stop=115)]},
        ["long 90 A 1@100 -> open"],
        {**SMALL, "pyramiding": 5},
    ),
    Case(
        "R94 R95 R140 a margin call closes four times the cover, at the extreme",
        [FLAT, (100, 106, 100, 100), FLAT],
        {0: [sell("B", 90.0)]},
        ["short 3 B 1@100 -> Margin call 1@106", "short 87 B 1@100 -> open"],
        SMALL,
    ),
    Case(
        "R143 under FIFO a margin call cuts the oldest trade",
        [FLAT, FLAT, (100, 106, 100, 100), FLAT],
        {0: [sell("B", 45.0)], 1: [sell("C", 45.0)]},
        ["short 3 B 1@100 -> Margin call 2@106", "short 42 B 1@100 -> open", "short 45 C 2@100 -> open"],
        {**SMALL, "pyramiding": 5},
    ),
    Case(
        "R143 under ANY the same cut hits every trade",
        [FLAT, FLAT, (100, 106, 100, 100), FLAT],
        {0: [sell("B", 45.0)], 1: [sell("C", 45.0)]},
        [
            "short 3 B 1@100 -> Margin call 2@106",
            "short 3 C 2@100 -> Margin call 2@106",
            "short 42 B 1@100 -> open",
            "short 42 C 2@100 -> open",
        ],
        {**SMALL, "pyramiding": 5, "close_entries_rule": "ANY"},
    ),
    Case(
        "R113 the drawdown rule acts on a bar that books a close, and for good",
        [FLAT, FLAT, (100, 100, 80, 95), (95, 95, 95, 95), FLAT],
        {
            0: [command("max_drawdown", value=15.0, type=1), buy("A")],
            2: [command("close", "A")],
            3: [buy("C")],
        },
        ["long 1 A 1@100 -> Close entry(s) order A 3@95"],
    ),
    Case(
        "R118 E11 on close: a market order and a stop the close has passed, at the close; others wait",
        [(100, 104, 99, 103), (103, 103, 101, 102), (102, 106, 102, 105)],
        {0: [buy("A"), buy("C", stop=101), buy("D", stop=105)]},
        ["long 1 A 0@103 -> open", "long 1 C 0@103 -> open", "long 1 D 2@105 -> open"],
        {"process_orders_on_close": True, "pyramiding": 5},
    ),
    Case(
        "R137 an entry below one lot still closes the other side",
        [FLAT, FLAT, FLAT],
        {0: [buy()], 1: [sell("B", 0.001)]},
        ["long 1 A 1@100 -> B 2@100"],
    ),
    Case(
        "R146 a negative quantity acts by its absolute value",
        [FLAT, FLAT, FLAT],
        {0: [buy("A", 3.0)], 1: [command("close", "A", qty=-2.0)]},
        ["long 2 A 1@100 -> Close entry(s) order A 2@100", "long 1 A 1@100 -> open"],
    ),
    Case(
        "R149 the exit of a pending entry dies with it",
        [FLAT, FLAT, (100, 103, 100, 102), (102, 102, 94, 94)],
        {0: [buy(stop=103), leave(stop=95)], 1: [command("cancel", "A"), buy("C", stop=102)]},
        ["long 1 C 2@102 -> open"],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_fill(case: Case) -> None:
    """The trades of the case are the expected ones, in their order."""
    base = PINE_V5 if case.properties.get("pine_version") == 5 else PINE_V6
    played = run_case(case.bars, case.commands, properties=base.with_(**case.properties))
    assert played.lines == case.expect
