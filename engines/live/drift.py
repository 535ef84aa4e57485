"""How a trade on the exchange differs from the emulator's: one closed set of kinds, decided by pure functions.

A trade of E and the rows of X that stand for it are paired by the bar and side of their entry. X may have closed in
several rows (executions); they count as one trade at their mean price.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from kwin_core.state import BY_HAND, BY_LIQUIDATION, BY_RISK, BY_SETTLEMENT, EXIT_KIND_NAMES


class Kind(StrEnum):
    """What happened to a trade."""

    SAME = "same"
    MISSED = "missed"  # E traded, X did not: rejected, denied, too late
    EXTRA = "extra"  # X traded, E did not: opened outside, or after a difference
    EXIT_X_ONLY = "exit_x_only"  # X left on an earlier bar
    EXIT_E_ONLY = "exit_e_only"  # X left on a later bar
    MANUAL = "manual"
    LIQUIDATION = "liquidation"
    SETTLEMENT = "settlement"
    UNPROTECTED = "unprotected"  # left because no stop could be placed
    PARTIAL = "partial"  # another quantity
    PRICE = "price"  # same bars, other prices
    FEE = "fee"  # same prices, other fees


_BY_EXIT = {
    BY_HAND: Kind.MANUAL,
    BY_LIQUIDATION: Kind.LIQUIDATION,
    BY_SETTLEMENT: Kind.SETTLEMENT,
    BY_RISK: Kind.UNPROTECTED,
}


@dataclass(frozen=True)
class Side:
    """One ledger's version of a trade: times in ms, prices in quote, quantity in base, money in account currency."""

    entry_time_ms: int
    exit_time_ms: int
    entry_price: float
    exit_price: float
    qty: float
    fees: float
    net: float
    exit_kind: int

    @property
    def exit_words(self) -> str:
        """How it left."""
        return EXIT_KIND_NAMES.get(self.exit_kind, "")


@dataclass(frozen=True)
class Pair:
    """A trade in both ledgers, or in one; ``number`` counts E's trades from 1, 0 when E has none."""

    number: int
    side: int
    emulator: Side | None
    exchange: Side | None
    kind: Kind

    def slippage_ticks(self, tick: float) -> tuple[float, float] | None:
        """Entry and exit of X against E, ticks, positive when worse for the trade."""
        if self.emulator is None or self.exchange is None:
            return None
        entry = (self.exchange.entry_price - self.emulator.entry_price) * self.side / tick
        exit_ = (self.emulator.exit_price - self.exchange.exit_price) * self.side / tick
        return round(entry, 6), round(exit_, 6)


def pair_trades(emulator: np.ndarray, exchange: np.ndarray, *, tick: float) -> list[Pair]:
    """Pair closed trades (``kwin_core.state.TRADE``) of both ledgers, in the order of their entries.

    Parameters
    ----------
    emulator, exchange
        Shape (n,), oldest first.
    tick
        Price step: prices closer than half of it are equal.
    """
    of_e, of_x = _grouped(emulator), _grouped(exchange)
    keys = sorted({*of_e, *of_x})
    found = []
    number = 0
    for key in keys:
        mine, theirs = of_e.get(key), of_x.get(key)
        number += mine is not None
        found.append(
            Pair(number if mine is not None else 0, key[1], mine, theirs, classify(mine, theirs, tick=tick))
        )
    return found


def classify(emulator: Side | None, exchange: Side | None, *, tick: float) -> Kind:
    """The kind of one pair; the first that applies, from the cause to its consequences."""
    if emulator is None:
        return Kind.EXTRA
    if exchange is None:
        return Kind.MISSED
    by_exit = _BY_EXIT.get(exchange.exit_kind)
    if by_exit is not None:
        return by_exit
    if exchange.exit_time_ms < emulator.exit_time_ms:
        return Kind.EXIT_X_ONLY
    if exchange.exit_time_ms > emulator.exit_time_ms:
        return Kind.EXIT_E_ONLY
    if abs(exchange.qty - emulator.qty) > 1e-9:
        return Kind.PARTIAL
    prices = (
        abs(exchange.entry_price - emulator.entry_price),
        abs(exchange.exit_price - emulator.exit_price),
    )
    if max(prices) > tick / 2:
        return Kind.PRICE
    if abs(exchange.fees - emulator.fees) > 1e-6 * max(1.0, emulator.fees):
        return Kind.FEE
    return Kind.SAME


def _grouped(trades: np.ndarray) -> dict[tuple[int, int], Side]:
    rows: dict[tuple[int, int], list[np.void]] = {}
    for row in trades:
        rows.setdefault((int(row["entry_time_ms"]), int(row["side"])), []).append(row)
    return {key: _one(group) for key, group in rows.items()}


def _one(rows: Sequence[np.void]) -> Side:
    qty = float(sum(row["qty"] for row in rows))

    def mean(name: str) -> float:
        return float(sum(row[name] * row["qty"] for row in rows)) / qty

    last = rows[-1]
    return Side(
        entry_time_ms=int(last["entry_time_ms"]),
        exit_time_ms=int(last["exit_time_ms"]),
        entry_price=mean("entry_price"),
        exit_price=mean("exit_price"),
        qty=qty,
        fees=float(sum(row["commission"] for row in rows)),
        net=float(sum(row["net_pnl"] for row in rows)),
        exit_kind=int(last["exit_kind"]),
    )
