"""Orders of ours that may still execute, and what an execution means for the exchange's ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np

from engines.journal import Execution
from kwin_core.bars import floor_time
from kwin_core.state import (
    BY_HAND,
    BY_LIMIT,
    BY_LIQUIDATION,
    BY_MARKET,
    BY_REVERSAL,
    BY_RISK,
    BY_SETTLEMENT,
    BY_STOP,
    BY_STOP_CLOSE,
    BY_TRAIL,
)
from kwin_core.venue import ENTERED, LEFT, PAID, REPORT

ENTRY = "e"
REVERSAL = "r"  # the reduce-only close before an entry of the other side
CLOSE = "c"  # the script's own market close
FLATTEN = "f"  # the operator's, or a policy's
CROSSED = "s"  # the market was beyond the stop already
FOLLOW = "w"  # shadow: the emulator has left
UNPROTECTED = "u"  # no stop could be placed in time

_BY_ACTION = {
    REVERSAL: BY_REVERSAL,
    CLOSE: BY_MARKET,
    FLATTEN: BY_HAND,
    CROSSED: BY_STOP_CLOSE,
    FOLLOW: BY_HAND,
    UNPROTECTED: BY_RISK,
}
_AT_ITS_CLOSE = (REVERSAL, CLOSE, CROSSED)  # decided at a close, so they belong to it (V1)
_BY_STOP_TYPE = {
    "StopLoss": BY_STOP,
    "PartialStopLoss": BY_STOP,
    "Stop": BY_STOP,
    "TrailingStop": BY_TRAIL,
    "TakeProfit": BY_LIMIT,
    "PartialTakeProfit": BY_LIMIT,
}
_BY_EXEC_TYPE = {
    "BustTrade": BY_LIQUIDATION,
    "AdlTrade": BY_LIQUIDATION,
    "Settle": BY_SETTLEMENT,
    "Delivery": BY_SETTLEMENT,
    "SessionSettlePnL": BY_SETTLEMENT,
}


@dataclass(frozen=True)
class Working:
    """An order that was asked for.

    Attributes
    ----------
    link_id
        Its name, from `engines.journal.order_link_id`.
    action
        One of this module's letters.
    side
        +1 buys, -1 sells.
    qty, executed
        Base currency.
    entry_id
        Code of the entry's id; 0 for an exit.
    bar_index, bar_ms
        The bar it was decided on: number in the ledger, open time (ms).
    intent
        Number of the intent in the journal.
    attempt
        From 1; a further one follows a definite refusal only.
    stop
        Attached to an entry, quote currency.
    waits
        An entry that must not be sent before the position it reverses has gone.
    """

    link_id: str
    action: str
    side: int
    qty: Decimal
    entry_id: int
    bar_index: int
    bar_ms: int
    intent: int
    attempt: int = 1
    stop: Decimal | None = None
    waits: bool = False
    executed: Decimal = Decimal(0)

    @property
    def enters(self) -> bool:
        """Whether it opens."""
        return self.action == ENTRY

    @property
    def left(self) -> Decimal:
        """What has not been executed, base currency."""
        return self.qty - self.executed

    def with_fill(self, qty: Decimal) -> Working:
        """After an execution."""
        return replace(self, executed=self.executed + qty)


def reports_of(
    execution: Execution,
    body: Mapping[str, Any],
    order: Working | None,
    *,
    position: float,
    bar_index: int,
    bar_ms: int,
    timeframe_ms: int,
    entry_code: int = 0,
) -> np.ndarray:
    """What one execution is for the exchange's ledger, dtype `kwin_core.venue.REPORT`.

    Parameters
    ----------
    execution, body
        The fill, and the message it came in; ``by`` in it is how the emulator filled (paper).
    order
        The order of ours it belongs to; None when it is not of ours, or a stop of the position.
    position
        Signed, base currency, before it.
    bar_index, bar_ms
        The ledger's last bar: number and open time (ms).
    timeframe_ms
        Length of a bar.
    entry_code
        Id of an entry that no order of ours asked for.
    """
    if execution.exec_type == "Funding":
        return _rows([(PAID, 0, 0, 0.0, 0.0, float(execution.fee), 0, bar_index, bar_ms)])
    side = 1 if execution.side == "Buy" else -1
    qty, price, fee = float(execution.quantity), float(execution.price), float(execution.fee)
    closing = min(qty, abs(position)) if position * side < 0.0 else 0.0
    if order is not None and not order.enters and closing == 0.0:
        return _rows([])  # an exit that found nothing: the position is reconciled instead
    share = fee if closing >= qty else fee * closing / qty
    found = []
    if closing > 0.0:
        if order is not None and order.action in _AT_ITS_CLOSE:
            number, slot_ms = order.bar_index, order.bar_ms
        else:
            slot_ms = floor_time(execution.exec_time_ms, timeframe_ms)
            number = bar_index + (slot_ms - bar_ms) // timeframe_ms
        by = int(body.get("by", 0)) or _how_left(execution, body, order)
        found.append((LEFT, 0, side, closing, price, share, by, number, slot_ms))
    reduced = max(Decimal(repr(closing)), Decimal(str(body.get("closedSize") or 0)))
    opening = float(Decimal(execution.quantity) - reduced)  # what closed there opens nothing here
    if opening > 0.0:
        if order is not None:
            at = (order.bar_index, order.bar_ms)
            found.append((ENTERED, order.entry_id, side, opening, price, fee - share, BY_MARKET, *at))
        else:
            at = (bar_index, bar_ms)
            found.append((ENTERED, entry_code, side, opening, price, fee - share, BY_HAND, *at))
    return _rows(found)


def _how_left(execution: Execution, body: Mapping[str, Any], order: Working | None) -> int:
    if order is not None:
        return _BY_ACTION.get(order.action, BY_REVERSAL)
    by_type = _BY_EXEC_TYPE.get(execution.exec_type)
    if by_type is not None:
        return by_type
    created = str(body.get("createType", ""))
    if created.startswith(("CreateByLiq", "CreateByAdl", "CreateByTakeOver")):
        return BY_LIQUIDATION
    if created == "CreateBySettle":
        return BY_SETTLEMENT
    return _BY_STOP_TYPE.get(execution.stop_order_type, BY_HAND)


def _rows(values: list[tuple[Any, ...]]) -> np.ndarray:
    return np.array(values, REPORT) if values else np.zeros(0, REPORT)
