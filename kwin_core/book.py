"""The order book: slots in activation order, and the outbox that tells what happened to them.

The first ``order_count`` slots are in use, oldest activation first (R8, R132). Slot ``ZERO`` is always zero and
wipes freed ones, so that equal states are equal bytes; ``SCRATCH`` is used while a slot moves.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.chain import bits, mix
from kwin_core.jit import compiled
from kwin_core.state import (
    CANCELLED,
    EXIT,
    MAX_EVENTS,
    MAX_ORDERS,
    TOO_MANY_EVENTS,
    TOO_MANY_ORDERS,
)

_WHAT = np.uint64(0x9FB21C651E98DF25)
_WHO = np.uint64(0xD6E8FEB86659FD93)
_QTY = np.uint64(0xA0761D6478BD642F)
_PRICE = np.uint64(0xE7037ED1A0B428DB)

ZERO = MAX_ORDERS
SCRATCH = MAX_ORDERS + 1


@compiled
def emit(core: Any, kind: int, order: Any, qty: float, price: float, by: int) -> None:
    """Record one command or fill in the outbox and in the chain."""
    out = core.outbox
    if out.event_count >= MAX_EVENTS:
        core.status = TOO_MANY_EVENTS
        return
    tick = core.settings.tick
    event = out.events[out.event_count]
    out.event_count += 1
    event.bar = core.bar_index
    event.time_ms = core.time_ms
    event.kind = kind
    event.order_kind = order.kind
    event.id = order.id
    event.entry = order.entry
    event.side = order.side
    event.qty = qty
    event.price = price
    event.limit = order.limit * tick
    event.stop = order.stop * tick
    event.activation = order.activation * tick
    event.trail_offset = order.trail_offset
    event.by = by
    event.phase = out.phase
    word = (
        np.uint64(np.int64(kind * 1_000_003 + order.kind * 131 + order.side * 17 + by)) * _WHAT
        + np.uint64(np.int64(order.id * 65_537 + order.entry)) * _WHO
        + bits(qty) * _QTY
        + bits(price) * _PRICE
    )
    levels = (
        bits(order.limit) * _WHAT
        + bits(order.stop) * _WHO
        + bits(order.activation) * _QTY
        + bits(order.trail_offset) * _PRICE
    )
    core.chain = mix(mix(core.chain, word), levels)


@compiled
def append(core: Any, kind: int, order_id: int, side: int) -> int:
    """Index of a new slot at the end of the book with all levels absent; -1 when the book is full."""
    i = core.order_count
    if i >= MAX_ORDERS:
        core.status = TOO_MANY_ORDERS
        return -1
    core.order_count = i + 1
    order = core.orders[i]
    order.kind = kind
    order.id = order_id
    order.side = side
    order.placed_bar = core.bar_index
    order.limit = np.nan
    order.stop = np.nan
    order.activation = np.nan
    order.qty_arg = np.nan
    order.qty_fraction = np.nan
    order.profit_ticks = np.nan
    order.loss_ticks = np.nan
    order.stop_arg = np.nan
    order.limit_arg = np.nan
    order.trail_points = np.nan
    order.trail_price = np.nan
    order.trail_offset = np.nan
    order.best = np.nan
    return i


@compiled
def remove(core: Any, i: int) -> None:
    """Free slot ``i``; later ones move up and keep their order."""
    last = core.order_count - 1
    for k in range(i, last):
        core.orders[k] = core.orders[k + 1]
    core.orders[last] = core.orders[ZERO]
    core.order_count = last


@compiled
def to_the_back(core: Any, i: int) -> int:
    """Move slot ``i`` behind all others, as a changed order loses its place (R133); its new index."""
    last = core.order_count - 1
    if i == last:
        return i
    core.orders[SCRATCH] = core.orders[i]
    for k in range(i, last):
        core.orders[k] = core.orders[k + 1]
    core.orders[last] = core.orders[SCRATCH]
    core.orders[SCRATCH] = core.orders[ZERO]
    return last


@compiled
def find(core: Any, kind: int, order_id: int) -> int:
    """Index of the resting order of this kind and id, or -1."""
    for i in range(core.order_count):
        if core.orders[i].kind == kind and core.orders[i].id == order_id:
            return i
    return -1


@compiled
def cancel_at(core: Any, i: int) -> None:
    """Cancel slot ``i`` and say so."""
    emit(core, CANCELLED, core.orders[i], core.orders[i].qty, np.nan, 0)
    remove(core, i)


@compiled
def drop_legs_of_pending(core: Any, entry_id: int) -> None:
    """Exit legs that wait for an entry die with it; one of no entry in particular waits for the next (R75, R149)."""
    i = 0
    while i < core.order_count:
        order = core.orders[i]
        if order.kind == EXIT and order.lot == 0 and order.entry == entry_id:
            if order.from_entry != 0 or homeless(core, order.id) >= 0:
                cancel_at(core, i)
                continue
            order.entry = 0
        i += 1


@compiled
def homeless(core: Any, exit_id: int) -> int:
    """Index of the leg of this exit whose entry never filled and that waits for any other, or -1."""
    for i in range(core.order_count):
        order = core.orders[i]
        if order.kind == EXIT and order.lot == 0 and order.entry == 0 and order.id == exit_id:
            return i
    return -1
