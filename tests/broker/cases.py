"""A broker case: bars, commands by bar, and what must have happened, written as short lines.

A fill reads ``2 L +1 @ 104``: on bar 2 the order L bought 1 at 104. A trade reads ``L +1 104@2 > X 110@5``. Bars are
(open, high, low, close); the default tick is 1 and the default lot 0.001, margin is off unless a case sets it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from kwin_core.bars import BAR
from kwin_core.emulator import Frozen
from kwin_core.engine import Buffers, make_engine
from kwin_core.properties import PINE_V5, PINE_V6, Instrument, Properties
from kwin_core.state import (
    BROKER_TEXTS,
    BY_MARGIN,
    BY_RISK,
    CANCELLED,
    CLOSE,
    CLOSE_ALL,
    FILLED,
    REFUSED,
    TEXT_CLOSE_ENTRY,
)
from tests.broker.script import SHOWN_FIELDS, STRATEGY, Script, encode

Prices = tuple[float, float, float, float]
HOUR_MS = 3_600_000
START_MS = 1_735_689_600_000  # 2025-01-01 00:00 UTC, a Wednesday

PLAIN = Frozen()
ON_CLOSE = Frozen(on_close=True)
FULL = Frozen(risk=True, margin=True, currency=True)
FULL_ON_CLOSE = Frozen(on_close=True, risk=True, margin=True, currency=True)
FIRST_RISK_COMMAND = 8


@dataclass(frozen=True)
class Case:
    """One case of a table; its id begins with the rules it shows, ``r013_...``.

    Parameters
    ----------
    given
        Strategy properties that differ from the defaults of ``version`` (capital 10 000, margin 0).
    fills, trades, open, cancelled, refused
        Expected lines; None is not looked at.
    shown
        Expected values of what the script saw: field -> {bar: value}.
    columns
        Expected columns of the closed trades: field -> values, compared to 1e-9.
    rates
        Account currency per quote currency, one a bar.
    """

    id: str
    bars: Sequence[Prices]
    script: Script
    fills: Sequence[str] | None = None
    trades: Sequence[str] | None = None
    open: Sequence[str] | None = None
    cancelled: Sequence[str] | None = None
    refused: Sequence[str] | None = None
    shown: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    columns: Mapping[str, Sequence[float]] = field(default_factory=dict)
    account: Mapping[str, float] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)
    version: int = 5
    tick: float = 1.0
    lot: float = 0.001
    point_value: float = 1.0
    bar_ms: int = HOUR_MS
    rates: Sequence[float] | None = None
    ask_price: float = 100.0


@dataclass(frozen=True)
class Ran:
    """What a run left behind."""

    trades: np.ndarray
    events: np.ndarray
    shown: np.ndarray
    core: Any
    names: list[str]

    def text(self, code: int, arg: int = 0) -> str:
        """Signal text of a code."""
        if code == TEXT_CLOSE_ENTRY:
            return BROKER_TEXTS[code].format(self.names[arg - 1])
        return BROKER_TEXTS[code] if code < 0 else self.names[code - 1]

    def name(self, event: Any) -> str:
        """Who an event is about."""
        if event["by"] == BY_MARGIN:
            return "margin call"
        if event["by"] == BY_RISK:
            return "risk rule"
        if event["order_kind"] == CLOSE_ALL:
            return "close_all"
        name = self.names[event["id"] - 1]
        return f"close {name}" if event["order_kind"] == CLOSE else name

    def lines(self, kind: int) -> list[str]:
        """``bar name`` of every event of a kind."""
        return [f"{e['bar']} {self.name(e)}" for e in self.events if e["kind"] == kind]

    def fills(self) -> list[str]:
        """Every fill in the order it happened."""
        return [
            f"{e['bar']} {self.name(e)} {number(e['qty'] * e['side'], '+')} @ {number(e['price'])}"
            for e in self.events
            if e["kind"] == FILLED
        ]

    def closed(self) -> list[str]:
        """Every closed trade in the order of the list of trades."""
        return [
            f"{self.text(t['entry_text'], t['entry_text_arg'])} {number(t['qty'] * t['side'], '+')} "
            f"{number(t['entry_price'])}@{t['entry_bar']} > "
            f"{self.text(t['exit_text'], t['exit_text_arg'])} {number(t['exit_price'])}@{t['exit_bar']}"
            for t in self.trades
        ]

    def open(self) -> list[str]:
        """Every open trade, oldest first."""
        return [
            f"{self.text(lot['text'], lot['text_arg'])} {number(lot['qty'] * lot['side'], '+')} "
            f"{number(lot['price'])}@{lot['bar']}"
            for lot in self.core["lots"][: self.core["lot_count"]]
            if lot["qty"] > 0  # a spent row stays while its entry still holds something for its exits
        ]


def number(value: float, sign: str = "") -> str:
    """Shortest text at eleven digits."""
    return f"{value:{sign}.11g}"


def bars_of(prices: Sequence[Prices], bar_ms: int = HOUR_MS) -> np.ndarray:
    """Bars in the core's record; one that could not exist is a mistake of the case."""
    bars = np.zeros(len(prices), BAR)
    bars["time_ms"] = START_MS + bar_ms * np.arange(len(prices))
    for n, (o, h, low, c) in enumerate(prices):
        assert low <= min(o, c) <= max(o, c) <= h, f"bar {n} cannot exist"
        bars[n]["open"], bars[n]["high"], bars[n]["low"], bars[n]["close"] = o, h, low, c
    return bars


def properties_of(case: Case) -> Properties:
    """Defaults of the case's Pine version without margin, then what it sets."""
    base = PINE_V5 if case.version == 5 else PINE_V6
    settings = {"initial_capital": 10_000.0, "margin_long": 0.0, "margin_short": 0.0, **case.given}
    return base.with_(**settings)


def frozen_of(case: Case, properties: Properties) -> Frozen:
    """The engine a case needs: four are compiled for all cases together."""
    rules = any(c["do"] >= FIRST_RISK_COMMAND for commands in case.script.values() for c in commands)
    margin = properties.margin_long > 0 or properties.margin_short > 0
    full = rules or margin or case.rates is not None
    if properties.process_orders_on_close:
        return FULL_ON_CLOSE if full else ON_CLOSE
    return FULL if full else PLAIN


def run(case: Case, frozen: Frozen | None = None) -> Ran:
    """Play a case through the compiled engine."""
    properties = properties_of(case)
    engine = make_engine(STRATEGY, frozen or frozen_of(case, properties))
    params, names = encode(case.script, case.ask_price)
    instrument = Instrument(tick=case.tick, lot=case.lot, point_value=case.point_value)
    states = engine.new_state(properties.settings(instrument), params)
    bars = bars_of(case.bars, case.bar_ms)
    buffers = Buffers(STRATEGY, bars.size)
    rates = None if case.rates is None else np.array(case.rates)
    assert engine.run(states, bars, params, buffers, rates=rates) == bars.size
    trades, events = buffers.take()
    return Ran(trades, events, buffers.signals, states[0]["core"], names)


def check(case: Case, frozen: Frozen | None = None) -> None:
    """Run a case and compare everything it states."""
    ran = run(case, frozen)
    found: dict[str, Any] = {}
    wanted: dict[str, Any] = {}
    for label, lines, have in (
        ("fills", case.fills, ran.fills()),
        ("trades", case.trades, ran.closed()),
        ("open", case.open, ran.open()),
        ("cancelled", case.cancelled, ran.lines(CANCELLED)),
        ("refused", case.refused, ran.lines(REFUSED)),
    ):
        if lines is not None:
            wanted[label], found[label] = list(lines), have
    assert found == wanted
    for name, values in case.shown.items():
        assert name in SHOWN_FIELDS
        for bar, value in values.items():
            assert ran.shown[bar][name] == pytest.approx(value, rel=1e-9, nan_ok=True), (name, bar)
    for name, column in case.columns.items():
        assert ran.trades[name] == pytest.approx(list(column), rel=1e-9, abs=1e-9), name
    for name, value in case.account.items():
        assert ran.core[name] == pytest.approx(value, rel=1e-9, abs=1e-9), name
    stated = (case.fills, case.trades, case.open, case.cancelled, case.refused)
    states = case.shown or case.columns or case.account or any(lines is not None for lines in stated)
    assert states, "the case states nothing"


def table(cases: Sequence[Case]) -> Any:
    """The cases as parameters of a test, named by their ids."""
    return pytest.mark.parametrize("case", [pytest.param(case, id=case.id) for case in cases])
