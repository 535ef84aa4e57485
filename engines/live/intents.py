"""From wishes of the exchange's ledger to named intents: the same decision always gives the same names."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from engines.journal import Intent, order_link_id
from engines.live.lane import Lane
from engines.live.working import CLOSE, ENTRY, REVERSAL, Working
from kwin_core.wishes import EntryWish, closes_wanted, entries_wanted


def decision_id(lane: Lane) -> str:
    """Correlation id of everything that follows from the lane's last bar."""
    return f"{lane.stream.symbol}-{lane.exchange.time_ms // lane.stream.timeframe_ms}"


def orders_wanted(lane: Lane, deployment: uuid.UUID) -> list[tuple[Working, EntryWish | None]]:
    """Orders that X's last decision asks for, in the order they have to be done; not yet in the journal.

    An entry that reverses is two orders: the reduce-only close of what is open, then the entry of its own quantity.
    """
    ledger = lane.exchange
    if not ledger.has_orders:
        return []
    found: list[tuple[Working, EntryWish | None]] = [
        (_working(lane, deployment, CLOSE, close.side, close.qty, 0), None)
        for close in closes_wanted(ledger.states)
    ]
    for wish in entries_wanted(ledger.states):
        if wish.reverses:
            size = abs(ledger.position)
            found.append((_working(lane, deployment, REVERSAL, wish.side, size, 0), None))
        found.append((_working(lane, deployment, ENTRY, wish.side, wish.qty, wish.id), wish))
    return found


def intent_of(order: Working, lane: Lane, extra: Mapping[str, Any] | None = None) -> Intent:
    """The row that is written before the order is sent; `working_of` reads it back."""
    body = {
        "side": order.side,
        "qty": str(order.qty),
        "entry_id": order.entry_id,
        "bar_index": order.bar_index,
        "bar_ms": order.bar_ms,
        "attempt": order.attempt,
        "stop": None if order.stop is None else str(order.stop),
        "waits": order.waits,
    }
    decision = f"{lane.stream.symbol}-{order.bar_ms // lane.stream.timeframe_ms}"
    return Intent(
        stream=lane.stream,
        decision_id=decision,
        action=order.action,
        order_link_id=order.link_id,
        body={**body, **(extra or {})},
    )


def working_of(number: int, intent: Intent) -> Working:
    """The order of an intent in the journal."""
    body: Any = intent.body
    return Working(
        link_id=str(intent.order_link_id),
        action=intent.action,
        side=int(body["side"]),
        qty=Decimal(body["qty"]),
        entry_id=int(body["entry_id"]),
        bar_index=int(body["bar_index"]),
        bar_ms=int(body["bar_ms"]),
        intent=number,
        attempt=int(body["attempt"]),
        stop=None if body["stop"] is None else Decimal(body["stop"]),
        waits=bool(body["waits"]),
    )


def recorded(order: Working, number: int) -> Working:
    """The order once its intent has a number."""
    return replace(order, intent=number)


def _working(lane: Lane, deployment: uuid.UUID, action: str, side: int, qty: float, entry_id: int) -> Working:
    ledger, length_ms = lane.exchange, lane.stream.timeframe_ms
    later = 0 if lane.setup.frozen.on_close is not None else 1  # else it fills at the next open, on that bar
    return Working(
        link_id=order_link_id(deployment, lane.stream, ledger.time_ms, action),
        action=action,
        side=side,
        qty=Decimal(repr(qty)),
        entry_id=entry_id,
        bar_index=ledger.bar_index + later,
        bar_ms=ledger.time_ms + later * length_ms,
        intent=0,
    )
