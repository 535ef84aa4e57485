"""Which order acts next while the price moves: pure geometry, no state of its own.

The price is continuous along the path and touching a level is enough. A level that lies behind the price
already (a stop set on the wrong side, a gap) acts at once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from tests.exchange.numbers import ZERO
from tests.exchange.orders import FALLING, RISING, Order


@dataclass(frozen=True)
class Crossing:
    """An order and the last price at which it acts; ``arms`` when a trailing stop only starts there."""

    order: Order
    price: Decimal
    level: Decimal
    arms: bool = False


def next_crossing(
    orders: Iterable[Order], start: Decimal, target: Decimal, *, mark_offset: Decimal, origin: Decimal
) -> Crossing | None:
    """First order that acts while the last price goes from ``start`` to ``target``.

    Parameters
    ----------
    orders
        Open orders of the market, oldest first; of two at the same distance the older acts first.
    mark_offset
        Mark price minus last price: triggers by mark or index are moved by it.
    origin
        Where the whole move began: in a gap everything acts at ``target``, the levels nearest to the origin
        first.
    """
    best: Crossing | None = None
    best_rank = (ZERO, ZERO)
    for order in orders:
        found = _crossing(order, start, target, mark_offset)
        if found is None:
            continue
        rank = (abs(found.price - start), abs(found.level - origin))
        if best is None or rank < best_rank:
            best, best_rank = found, rank
    return best


def _crossing(order: Order, start: Decimal, target: Decimal, mark_offset: Decimal) -> Crossing | None:
    if order.status == "Untriggered":
        shift = ZERO if order.trigger_by in ("", "LastPrice") else mark_offset
        if order.trail is None:
            return _touch(order, order.trigger_price - shift, order.trigger_direction, start, target)
        return _trail_crossing(order, start, target)
    if order.rests:
        direction = FALLING if order.side == "Buy" else RISING
        return _touch(order, order.price, direction, start, target)
    return None


def _trail_crossing(order: Order, start: Decimal, target: Decimal) -> Crossing | None:
    trail = order.trail
    assert trail is not None
    towards = FALLING if order.side == "Sell" else RISING  # a long's stop sells on the way down
    if trail.best is None:
        away = RISING if towards == FALLING else FALLING
        found = _touch(order, trail.active_price, away, start, target)
        return Crossing(order, found.price, found.level, arms=True) if found else None
    stop = trail.best - trail.distance if towards == FALLING else trail.best + trail.distance
    return _touch(order, stop, towards, start, target)


def _touch(order: Order, level: Decimal, direction: int, start: Decimal, target: Decimal) -> Crossing | None:
    if direction == FALLING:
        if start <= level:
            return Crossing(order, start, level)
        return Crossing(order, level, level) if target <= level else None
    if start >= level:
        return Crossing(order, start, level)
    return Crossing(order, level, level) if target >= level else None


def follow(orders: Iterable[Order], price: Decimal) -> None:
    """Move the best price of every started trail to ``price`` when that is more favourable."""
    for order in orders:
        trail = order.trail
        if trail is None or trail.best is None:
            continue
        trail.best = max(trail.best, price) if order.side == "Sell" else min(trail.best, price)
