"""Kinds of drift, as the pure functions they are: each word has a case, causes come before consequences."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import engines.live
from engines.journal import Outcome
from engines.live.drift import Facts, Kind, Note, Side, classify, pair_trades
from engines.live.working import CROSSED, FLATTEN, FOLLOW
from kwin_core.state import (
    BY_HAND,
    BY_LIQUIDATION,
    BY_RISK,
    BY_SETTLEMENT,
    BY_STOP,
    BY_STOP_CLOSE,
    BY_TRAIL,
    BY_TRAIL_GAP,
    TRADE,
)

TICK = 0.01
BAR_MS = 900_000
E = Side(
    entry_time_ms=0,
    exit_time_ms=4 * BAR_MS,
    entry_price=3_000.0,
    exit_price=3_010.0,
    qty=2.0,
    fees=6.0,
    net=14.0,
    exit_kind=BY_TRAIL,
)
EARLIER = replace(E, exit_time_ms=3 * BAR_MS)
LATER = replace(E, exit_time_ms=5 * BAR_MS)
OPEN = replace(E, exit_time_ms=None, exit_kind=0)
STOPPED = replace(E, exit_kind=BY_STOP_CLOSE)
REFUSED_TRAIL = Facts(notes=frozenset({Note.TRAIL_REFUSED}))
KEPT_STOP = Facts(notes=frozenset({Note.STOP_KEPT}))

CASES: list[tuple[Kind, Side | None, Side | None, Facts]] = [
    (Kind.SAME, E, E, Facts()),
    (Kind.SAME, OPEN, OPEN, Facts()),
    (Kind.SAME, E, replace(E, exit_price=3_010.004), Facts()),
    (Kind.SAME, E, E, REFUSED_TRAIL),
    (Kind.SAME, E, E, Facts(outcome=Outcome.CONFIRMED, asked_qty=2.0, exit_action=CROSSED)),
    (Kind.REJECTED, E, None, Facts(outcome=Outcome.REJECTED)),
    (Kind.REJECTED, E, None, Facts(outcome=Outcome.CONFIRMED)),
    (Kind.REJECTED, E, None, Facts(outcome=Outcome.UNKNOWN, ended_unfilled=True)),
    (Kind.DENIED, E, None, Facts(outcome=Outcome.DENIED)),
    (Kind.MISSED, E, None, Facts(outcome=Outcome.DENIED, too_late=True)),
    (Kind.MISSED, E, None, Facts(outcome=Outcome.UNKNOWN)),
    (Kind.MISSED, E, None, Facts(outcome=Outcome.CONFIRMED, under_way=True)),
    (Kind.MISSED, E, None, Facts()),
    (Kind.EXTRA, None, E, Facts()),
    (Kind.ADOPTED, None, E, Facts(opened_outside=True, estimated_entry=True)),
    (Kind.MANUAL, None, E, Facts(opened_outside=True)),
    (Kind.LIQUIDATION, None, replace(E, exit_kind=BY_LIQUIDATION), Facts()),
    (Kind.LIQUIDATION, E, replace(E, exit_kind=BY_LIQUIDATION), Facts()),
    (Kind.LIQUIDATION, E, replace(EARLIER, exit_kind=BY_LIQUIDATION), REFUSED_TRAIL),
    (Kind.SETTLEMENT, E, replace(EARLIER, exit_kind=BY_SETTLEMENT), Facts()),
    (Kind.UNPROTECTED, E, replace(EARLIER, exit_kind=BY_RISK), Facts()),
    (Kind.PHANTOM, E, replace(EARLIER, exit_kind=BY_HAND), Facts(estimated_exit=True)),
    (Kind.MANUAL, E, replace(EARLIER, exit_kind=BY_HAND), Facts()),
    (Kind.MANUAL, E, replace(EARLIER, exit_kind=BY_HAND), Facts(exit_action=FLATTEN)),
    (Kind.LATE_EXIT, E, replace(LATER, exit_kind=BY_HAND), Facts(exit_action=FOLLOW)),
    (Kind.TRAIL_REFUSED, E, LATER, REFUSED_TRAIL),
    (Kind.TRAIL_REFUSED, E, OPEN, REFUSED_TRAIL),
    (Kind.TRAIL_REFUSED, E, replace(E, exit_price=3_005.0, exit_kind=BY_STOP), REFUSED_TRAIL),
    (Kind.SAME, E, E, KEPT_STOP),
    (Kind.STOP_KEPT, E, replace(EARLIER, exit_kind=BY_STOP), KEPT_STOP),
    (Kind.STOP_CROSSED, E, replace(EARLIER, exit_kind=BY_STOP_CLOSE), Facts(exit_action=CROSSED)),
    (Kind.PRICE, STOPPED, replace(STOPPED, exit_price=3_009.9), Facts(exit_action=CROSSED)),
    (Kind.OTHER_EXIT, E, replace(E, exit_price=2_990.0, exit_kind=BY_STOP), Facts()),
    (Kind.SAME, E, replace(E, exit_kind=BY_STOP), Facts()),
    (Kind.PRICE, replace(E, exit_kind=BY_TRAIL_GAP), replace(E, exit_price=3_009.9), Facts()),
    (Kind.EXIT_X_ONLY, E, EARLIER, Facts()),
    (Kind.EXIT_X_ONLY, OPEN, E, Facts()),
    (Kind.EXIT_E_ONLY, E, LATER, Facts()),
    (Kind.EXIT_E_ONLY, E, OPEN, Facts()),
    (Kind.EXIT_X_ONLY, E, replace(EARLIER, qty=1.0), Facts(asked_qty=2.0)),
    (Kind.PARTIAL, E, replace(E, qty=1.0, entry_price=3_001.0), Facts(asked_qty=2.0)),
    (Kind.PRICE, E, replace(E, entry_price=3_000.01), Facts(asked_qty=2.0)),
    (Kind.PRICE, E, replace(E, exit_price=3_009.0, qty=1.9), Facts(asked_qty=1.9)),
    (Kind.SIZE, E, replace(E, qty=1.9, fees=5.7), Facts(asked_qty=1.9)),
    (Kind.FEE, E, replace(E, fees=6.01), Facts()),
]


@pytest.mark.parametrize(
    ("kind", "emulator", "exchange", "facts"), CASES, ids=[f"{n}-{case[0]}" for n, case in enumerate(CASES)]
)
def test_the_kind_of_a_pair(kind: Kind, emulator: Side | None, exchange: Side | None, facts: Facts) -> None:
    assert classify(emulator, exchange, tick=TICK, facts=facts) is kind


def test_every_kind_has_a_case() -> None:
    """A word that nothing leads to would be a promise."""
    assert {case[0] for case in CASES} == set(Kind)


def rows(*values: tuple[int, int, int, int, float, float, float]) -> np.ndarray:
    """Trades: side, entry bar, exit bar, exit's code, entry price, exit price, quantity; net without fees."""
    found = np.zeros(len(values), TRADE)
    for row, (side, entry, exit_, code, bought, sold, qty) in zip(found, values, strict=True):
        row["side"], row["exit_kind"], row["qty"] = side, code, qty
        row["entry_bar"], row["exit_bar"] = entry, exit_
        row["entry_time_ms"], row["exit_time_ms"] = entry * BAR_MS, exit_ * BAR_MS
        row["entry_price"], row["exit_price"] = bought, sold
        row["net_pnl"] = side * (sold - bought) * qty
    return found


def test_trades_are_paired_by_bar_and_side_and_rows_of_one_entry_count_once() -> None:
    """Two rows of X are one trade at their mean; X's own short on E's bar is no pair of E's long."""
    of_e = rows((1, 10, 12, BY_TRAIL, 100.0, 104.0, 4.0), (1, 20, 22, BY_STOP, 100.0, 99.0, 4.0))
    of_x = rows(
        (1, 10, 12, BY_TRAIL, 100.0, 104.0, 1.0),
        (1, 10, 12, BY_TRAIL, 100.0, 102.0, 3.0),
        (-1, 20, 22, BY_STOP, 100.0, 101.0, 4.0),
    )
    first, short, long = pair_trades(of_e, of_x, tick=TICK)
    assert (first.number, first.kind) == (1, Kind.PRICE)
    assert first.exchange is not None
    assert (first.exchange.qty, first.exchange.exit_price) == (4.0, 102.5)
    assert first.slippage_ticks(TICK) == (0.0, 150.0)
    assert first.slippage_quote() == (0.0, 6.0)
    assert first.net_difference == pytest.approx(-6.0)
    assert (short.number, short.side, short.kind) == (0, -1, Kind.EXTRA)
    assert (long.number, long.side, long.kind) == (2, 1, Kind.MISSED)
    assert short.slippage_ticks(TICK) is None
    assert short.net_difference == pytest.approx(-4.0)
    assert long.net_difference == pytest.approx(4.0)


def test_slippage_is_positive_when_worse_and_an_open_trade_has_none_at_its_exit() -> None:
    """A short that was sold lower and is still open on one side."""
    of_e = rows((-1, 10, 12, BY_STOP, 100.0, 101.0, 2.0))
    of_x = rows((-1, 10, -1, 0, 99.9, 98.0, 2.0))
    (pair,) = pair_trades(of_e, of_x, tick=TICK)
    assert pair.kind is Kind.EXIT_E_ONLY
    assert pair.slippage_ticks(TICK) == (pytest.approx(10.0), None)
    assert pair.slippage_quote() == (pytest.approx(0.2), None)


def test_the_bot_records_no_other_words() -> None:
    """Every kind of drift that is written in the sources of the bot is one of the closed set."""
    folder = Path(engines.live.__file__).parent
    words = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                words |= _drift_words(node)
    assert {"rejected", "trail_refused", "bar_revised", "manual_close"} <= words
    assert words <= {note.value for note in Note}


def _drift_words(call: ast.Call) -> set[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name == "Drift":
        places: list[ast.AST] = [one.value for one in call.keywords if one.arg == "kind"]
    elif name == "drift" and call.args:
        places = [call.args[0]]
        if isinstance(call.args[0], ast.Name):  # a table of words: `kind = {...}.get(by, "...")`
            return {"manual_close", "liquidation", "settlement"}
    else:
        return set()
    return {
        node.value
        for place in places
        for node in _choices(place)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def _choices(place: ast.AST) -> list[ast.AST]:
    """The outcomes of ``a if c else b``, not the words in its condition."""
    return [place.body, place.orelse] if isinstance(place, ast.IfExp) else [place]
