"""From wishes of the exchange's ledger to named intents: the same decision always gives the same names."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
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
    A further entry of the same bar counts up in its name.
    """
    ledger = lane.exchange
    if not ledger.has_orders:
        return []
    found: list[tuple[Working, EntryWish | None]] = [
        (_working(lane, deployment, CLOSE, close.side, close.qty, 0), None)
        for close in closes_wanted(ledger.states)
    ]
    for attempt, wish in enumerate(entries_wanted(ledger.states), 1):
        if wish.reverses:
            size = abs(ledger.position)
            found.append((_working(lane, deployment, REVERSAL, wish.side, size, 0, attempt), None))
        found.append((_working(lane, deployment, ENTRY, wish.side, wish.qty, wish.id, attempt), wish))
    return found


def overtaken(order: Working, entries: Sequence[Working], held: Decimal) -> str:
    """Why an order is not sent although the script asked for it; empty when it is.

    Entries of both sides on one bar come to what the last one leaves (SP-35); on its side already, the position stays.

    Parameters
    ----------
    order
        One of `orders_wanted`.
    entries
        All entries of the bar, in the order of the script.
    held
        Signed position, base currency.
    """
    if order.action not in (ENTRY, REVERSAL) or all(one.side == entries[-1].side for one in entries):
        return ""
    if order.side != entries[-1].side:
        return "an entry of the other side follows on the same bar"
    return "the position is on that side already" if held * order.side > 0 else ""


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


def _working(
    lane: Lane, deployment: uuid.UUID, action: str, side: int, qty: float, entry_id: int, attempt: int = 1
) -> Working:
    ledger, length_ms = lane.exchange, lane.stream.timeframe_ms
    later = 0 if lane.setup.frozen.on_close is not None else 1  # else it fills at the next open, on that bar
    return Working(
        link_id=order_link_id(deployment, lane.stream, ledger.time_ms, action, attempt),
        action=action,
        side=side,
        qty=Decimal(repr(qty)),
        entry_id=entry_id,
        bar_index=ledger.bar_index + later,
        bar_ms=ledger.time_ms + later * length_ms,
        intent=0,
        attempt=attempt,
    )
