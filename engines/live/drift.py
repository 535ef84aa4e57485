"""How a trade on the exchange differs from the emulator's: closed sets of words, decided by pure functions.

A trade of E and the rows of X that stand for it are paired by the bar and side of their entry. X may have closed in
several rows (executions); they count as one trade at their mean price. A trade that is still open is marked at the
last close. The first kind that applies is the trade's: causes come before their consequences.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from engines.journal import Outcome
from engines.live.working import CROSSED, FLATTEN, FOLLOW
from kwin_core.state import (
    BY_HAND,
    BY_LIMIT,
    BY_LIMIT_CLOSE,
    BY_LIMIT_GAP,
    BY_LIQUIDATION,
    BY_RISK,
    BY_SETTLEMENT,
    BY_STOP,
    BY_STOP_GAP,
    BY_TRAIL,
    BY_TRAIL_GAP,
    EXIT_KIND_NAMES,
)

OPEN_BAR = -1
"""``exit_bar`` of a row that marks an open trade (`engines.trade_rows.open_trades`)."""
_QTY_NOISE = 1e-9
_FEE_NOISE = 1e-6  # relative: the emulator rounds the fee of a reversal once, two orders have one each


class Kind(StrEnum):
    """What happened to a trade: every pair has exactly one."""

    SAME = "same"
    # E traded, X did not
    REJECTED = "rejected"  # the exchange refused the entry, or ended it without a fill
    DENIED = "denied"  # not sent, for a reason of ours: halted, not feasible, position unknown
    MISSED = "missed"  # too late, outcome unknown, or never asked for: X was in another position
    # X traded, E did not
    EXTRA = "extra"  # X's own decision, after the ledgers had parted
    ADOPTED = "adopted"  # a position that no execution explains was taken over at the exchange's entry price
    # X left in a way that E does not know
    LIQUIDATION = "liquidation"  # or auto-deleveraging
    SETTLEMENT = "settlement"
    UNPROTECTED = "unprotected"  # left because no stop could be placed
    PHANTOM = "phantom"  # the exchange was flat and no execution explains it: booked at an estimate
    MANUAL = "manual"  # opened or closed outside by its owner, or flattened by the operator
    LATE_EXIT = "late_exit"  # shadow: left after the emulator had
    # both traded, and the exit differs
    TRAIL_REFUSED = "trail_refused"  # the exchange took no trail: the hard stop was alone
    STOP_KEPT = "stop_kept"  # the script asked for no stop any more; the one that rested stayed
    STOP_CROSSED = "stop_crossed"  # the market was beyond the stop when it should have been placed
    EXIT_X_ONLY = "exit_x_only"  # X left on an earlier bar, or E is still in
    EXIT_E_ONLY = "exit_e_only"  # X left on a later bar, or is still in
    OTHER_EXIT = "other_exit"  # on the same bar in another way, such as X's stop where E had its trail
    # both traded and left alike on the same bars
    PARTIAL = "partial"  # the entry was executed in part
    PRICE = "price"  # other prices
    SIZE = "size"  # same prices, another quantity asked for: X's equity is another, or it was scaled down
    FEE = "fee"  # other fees


class Note(StrEnum):
    """Kinds of the drift rows that a running bot records; what they lead to is told by `Kind`."""

    BAR_REVISED = "bar_revised"  # the exchange told another bar after the fact; nothing was decided again
    REJECTED = "rejected"
    DENIED = "denied"
    MISSED = "missed"
    PARTIAL = "partial"
    LATE = "late"  # an execution inside a bar that had been decided
    LATE_EXIT = "late_exit"
    UNSETTLED = "unsettled"  # a bar was decided without a confirmed position
    TRAIL_REFUSED = "trail_refused"
    STOP_KEPT = "stop_kept"
    STOP_CROSSED = "stop_crossed"
    EXTERNAL_OPEN = "external_open"
    MANUAL_CLOSE = "manual_close"
    LIQUIDATION = "liquidation"
    SETTLEMENT = "settlement"
    ADOPTED = "adopted"
    PHANTOM = "phantom"
    WALLET_DIFFERENCE = "wallet_difference"  # of a day: the balance moved otherwise than the books


_BY_EXIT = {
    BY_LIQUIDATION: Kind.LIQUIDATION,
    BY_SETTLEMENT: Kind.SETTLEMENT,
    BY_RISK: Kind.UNPROTECTED,
    BY_HAND: Kind.MANUAL,
}

_BY_ACTION = {FOLLOW: "followed", FLATTEN: "flattened"}
_FAMILY = {
    BY_STOP_GAP: BY_STOP,
    BY_TRAIL_GAP: BY_TRAIL,
    BY_LIMIT_GAP: BY_LIMIT,
    BY_LIMIT_CLOSE: BY_LIMIT,
}
"""An execution does not say whether its level was met at the open or on the way."""

Key = tuple[int, int]
"""What a trade is found by in both ledgers: open time of its entry's bar (ms), and side."""


@dataclass(frozen=True)
class Side:
    """One ledger's version of a trade.

    Attributes
    ----------
    entry_time_ms, exit_time_ms
        Open times of the bars (ms); the exit's is None while the trade is open.
    entry_price, exit_price
        Means over its rows, quote currency; of an open trade the last close.
    qty
        Base currency.
    fees, net
        Both sides' fees, and the result after them, account currency.
    exit_kind
        ``BY_*`` of `kwin_core.state`; 0 while open.
    """

    entry_time_ms: int
    exit_time_ms: int | None
    entry_price: float
    exit_price: float
    qty: float
    fees: float
    net: float
    exit_kind: int

    def exit_words(self, action: str = "") -> str:
        """How it left; ``action`` is the letter of the order of ours that did it."""
        if self.exit_time_ms is None:
            return "open"
        return _BY_ACTION.get(action) or EXIT_KIND_NAMES.get(self.exit_kind, "")


@dataclass(frozen=True)
class Facts:
    """What the journal knows of X's side of a trade beyond its numbers.

    Attributes
    ----------
    outcome
        What became of the entry order; None when none was asked for.
    ended_unfilled
        The exchange ended it without a fill, whatever it had answered.
    too_late
        It was not sent because its time had passed.
    under_way
        The order may still be executed: the journal ends before its outcome.
    asked_qty
        Quantity that the ledger asked for, base currency; None without an order of ours.
    opened_outside
        An execution that no order of ours explains opened it.
    estimated_entry, estimated_exit
        Booked from the exchange's position, not from an execution.
    exit_action
        Letter of the order of ours that left (`engines.live.working`); empty for stops and others'.
    notes
        Kinds of the drift rows that were recorded while it was open.
    """

    outcome: Outcome | None = None
    ended_unfilled: bool = False
    too_late: bool = False
    under_way: bool = False
    asked_qty: float | None = None
    opened_outside: bool = False
    estimated_entry: bool = False
    estimated_exit: bool = False
    exit_action: str = ""
    notes: frozenset[str] = frozenset()


NOTHING_KNOWN = Facts()


@dataclass(frozen=True)
class Pair:
    """A trade in both ledgers, or in one; ``number`` counts E's trades from 1, 0 when E has none."""

    number: int
    key: Key
    emulator: Side | None
    exchange: Side | None
    kind: Kind

    @property
    def side(self) -> int:
        """+1 long, -1 short."""
        return self.key[1]

    def slippage_ticks(self, tick: float) -> tuple[float, float | None] | None:
        """Entry and exit of X against E, ticks, positive when worse for the trade.

        None when a side is missing; the exit's is None while one of them is open.
        """
        mine, theirs = self.emulator, self.exchange
        if mine is None or theirs is None:
            return None
        entry = round((theirs.entry_price - mine.entry_price) * self.side / tick, 6) + 0.0
        if mine.exit_time_ms is None or theirs.exit_time_ms is None:
            return entry, None
        return entry, round((mine.exit_price - theirs.exit_price) * self.side / tick, 6) + 0.0

    def slippage_quote(self) -> tuple[float, float | None] | None:
        """The same as money on the quantity that both traded, quote currency."""
        apart = self.slippage_ticks(1.0)
        if apart is None or self.emulator is None or self.exchange is None:
            return None
        qty = min(self.emulator.qty, self.exchange.qty)
        return round(apart[0] * qty, 9), None if apart[1] is None else round(apart[1] * qty, 9)

    @property
    def net_difference(self) -> float:
        """Result of X less that of E, account currency; a missing side counts as nothing."""
        mine = 0.0 if self.emulator is None else self.emulator.net
        return (0.0 if self.exchange is None else self.exchange.net) - mine


def pair_trades(
    emulator: np.ndarray, exchange: np.ndarray, *, tick: float, facts: Mapping[Key, Facts] | None = None
) -> list[Pair]:
    """Pair the trades (``kwin_core.state.TRADE``) of both ledgers, in the order of their entries.

    Parameters
    ----------
    emulator, exchange
        Shape (n,), oldest first; open ones have ``exit_bar`` `OPEN_BAR`.
    tick
        Price step: prices closer than half of it are equal.
    facts
        What else is known of X's side.
    """
    known = facts or {}
    of_e, of_x = trades_by_key(emulator), trades_by_key(exchange)
    found = []
    number = 0
    for key in sorted({*of_e, *of_x}):
        mine, theirs = of_e.get(key), of_x.get(key)
        number += mine is not None
        kind = classify(mine, theirs, tick=tick, facts=known.get(key, NOTHING_KNOWN))
        found.append(Pair(number if mine is not None else 0, key, mine, theirs, kind))
    return found


def classify(emulator: Side | None, exchange: Side | None, *, tick: float, facts: Facts) -> Kind:
    """The kind of one pair; the first that applies, from the cause to its consequences."""
    if exchange is None:
        return _not_traded(facts)
    if emulator is None:
        return _not_in_emulator(exchange, facts)
    forced = _forced_exit(exchange, facts)
    if forced is not None:
        return forced
    away = _exit_differs(emulator, exchange, tick, facts)
    if away is not None:
        return away
    if facts.asked_qty is not None and exchange.qty < facts.asked_qty - _QTY_NOISE:
        return Kind.PARTIAL
    if _apart(emulator.entry_price, exchange.entry_price, tick) or _exit_price_apart(
        emulator, exchange, tick
    ):
        return Kind.PRICE
    if abs(exchange.qty - emulator.qty) > _QTY_NOISE:
        return Kind.SIZE
    if abs(exchange.fees - emulator.fees) > _FEE_NOISE * max(1.0, emulator.fees):
        return Kind.FEE
    return Kind.SAME


def trades_by_key(trades: np.ndarray) -> dict[Key, Side]:
    """Rows of one ledger, those of one entry taken together."""
    rows: dict[Key, list[np.void]] = {}
    for row in trades:
        rows.setdefault(key_of(row), []).append(row)
    return {key: _one(group) for key, group in rows.items()}


def key_of(row: np.void) -> Key:
    """By what a row of ``TRADE`` is found in the other ledger."""
    return int(row["entry_time_ms"]), int(row["side"])


def _not_traded(facts: Facts) -> Kind:
    if facts.ended_unfilled:
        return Kind.REJECTED
    if facts.too_late or facts.under_way or facts.outcome in (None, Outcome.UNKNOWN):
        return Kind.MISSED
    return Kind.DENIED if facts.outcome is Outcome.DENIED else Kind.REJECTED


def _not_in_emulator(exchange: Side, facts: Facts) -> Kind:
    if facts.estimated_entry:
        return Kind.ADOPTED
    if facts.opened_outside:
        return Kind.MANUAL
    return _forced_exit(exchange, facts) or Kind.EXTRA


def _forced_exit(exchange: Side, facts: Facts) -> Kind | None:
    by_exit = _BY_EXIT.get(exchange.exit_kind)
    if by_exit is Kind.MANUAL and facts.estimated_exit:
        return Kind.PHANTOM
    if by_exit is Kind.MANUAL and facts.exit_action == FOLLOW:
        return Kind.LATE_EXIT
    return by_exit


def _exit_differs(emulator: Side, exchange: Side, tick: float, facts: Facts) -> Kind | None:
    same_bar = emulator.exit_time_ms == exchange.exit_time_ms
    same_way = _family(emulator) == _family(exchange)
    if same_bar and (same_way or not _exit_price_apart(emulator, exchange, tick)):
        return None
    if Note.TRAIL_REFUSED in facts.notes:
        return Kind.TRAIL_REFUSED
    if facts.exit_action == CROSSED:
        return Kind.STOP_CROSSED
    if Note.STOP_KEPT in facts.notes:
        return Kind.STOP_KEPT
    if same_bar:
        return Kind.OTHER_EXIT
    if exchange.exit_time_ms is None:
        return Kind.EXIT_E_ONLY
    if emulator.exit_time_ms is None or exchange.exit_time_ms < emulator.exit_time_ms:
        return Kind.EXIT_X_ONLY
    return Kind.EXIT_E_ONLY


def _family(side: Side) -> int:
    return _FAMILY.get(side.exit_kind, side.exit_kind)


def _exit_price_apart(emulator: Side, exchange: Side, tick: float) -> bool:
    return _apart(emulator.exit_price, exchange.exit_price, tick)


def _apart(one: float, other: float, tick: float) -> bool:
    return abs(one - other) > tick / 2


def _one(rows: Sequence[np.void]) -> Side:
    qty = float(sum(row["qty"] for row in rows))

    def mean(name: str) -> float:
        return float(sum(row[name] * row["qty"] for row in rows)) / qty

    last = rows[-1]
    is_open = any(row["exit_bar"] == OPEN_BAR for row in rows)
    return Side(
        entry_time_ms=int(last["entry_time_ms"]),
        exit_time_ms=None if is_open else int(last["exit_time_ms"]),
        entry_price=mean("entry_price"),
        exit_price=mean("exit_price"),
        qty=qty,
        fees=float(sum(row["commission"] for row in rows)),
        net=float(sum(row["net_pnl"] for row in rows)),
        exit_kind=0 if is_open else int(last["exit_kind"]),
    )
