"""Take profit, stop loss and trailing stop of a position: conditional orders that live and die with it."""

from __future__ import annotations

from decimal import Decimal

from tests.exchange.checks import MAX_PARTIAL_TPSL
from tests.exchange.numbers import ZERO
from tests.exchange.orders import FALLING, RISING, Order, Trail, opposite
from tests.exchange.positions import Position
from tests.exchange.replies import RefusedError
from tests.exchange.venue import Venue

_CREATE_TYPES = {
    "TakeProfit": "CreateByTakeProfit",
    "StopLoss": "CreateByStopLoss",
    "TrailingStop": "CreateByTrailingStop",
    "PartialTakeProfit": "CreateByPartialTakeProfit",
    "PartialStopLoss": "CreateByPartialStopLoss",
}


class Protection:
    """Keeps the stop orders of positions equal to what the positions say.

    In Full mode there is one order of each kind over the whole position, amended in place and resized with
    it; in Partial mode orders only add up. All are cancelled when the position is flat.
    """

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def stops(self, position: Position) -> list[Order]:
        """Stop orders of a position that wait for their trigger."""
        return [
            order
            for order in self._venue.account.open_of("linear", position.symbol)
            if order.belongs_to_position
            and order.status == "Untriggered"
            and order.position_idx == position.idx
        ]

    def set_price(self, position: Position, kind: str, price: Decimal, trigger_by: str) -> None:
        """Set, move or (0) remove the Full stop loss or take profit."""
        if kind == "StopLoss":
            position.stop_loss, position.sl_trigger_by = price, trigger_by if price else ""
        else:
            position.take_profit, position.tp_trigger_by = price, trigger_by if price else ""
        order = self._find(position, kind)
        if not price:
            self._drop(order)
            return
        if order is None:
            order = self._new(position, kind, position.size)
        order.trigger_price, order.trigger_by = price, trigger_by
        order.updated_ms = self._venue.clock.now_ms()
        self._venue.note_order(order)

    def set_trail(self, position: Position, distance: Decimal, active_price: Decimal) -> None:
        """Set, change or (0) remove the trailing stop; a changed distance keeps the best price reached."""
        position.trailing = distance
        position.active_price = active_price if distance else ZERO
        order = self._find(position, "TrailingStop")
        if not distance:
            self._drop(order)
            return
        if order is None:
            order = self._new(position, "TrailingStop", position.size)
            order.trail = Trail(distance)
        assert order.trail is not None
        order.trail.distance = distance
        if active_price != order.trail.active_price or order.trail.best is None:
            last = self._venue.last[("linear", position.symbol)]
            order.trail.best = None if active_price else last
        order.trail.active_price = active_price
        order.trigger_price, order.trigger_by = active_price, "LastPrice"
        order.updated_ms = self._venue.clock.now_ms()
        self._venue.note_order(order)

    def add_partial(
        self, position: Position, kind: str, price: Decimal, qty: Decimal, trigger_by: str, limit: Decimal
    ) -> None:
        """Add a Partial stop loss or take profit over part of the position.

        Raises
        ------
        RefusedError
            110061 when the symbol has twenty already.
        """
        existing = [one for one in self.stops(position) if one.stop_order_type.startswith("Partial")]
        if len(existing) >= MAX_PARTIAL_TPSL:
            raise RefusedError(110061)
        order = self._new(position, f"Partial{kind}", qty)
        order.trigger_price, order.trigger_by = price, trigger_by
        if limit:
            order.order_type, order.price, order.time_in_force = "Limit", limit, "GTC"
        order.tpsl_mode = position.tpsl_mode = "Partial"
        self._venue.note_order(order)

    def attach(self, order: Order, position: Position, filled: Decimal) -> None:
        """Hand the take profit and stop loss of a filled order to its position (the latest order wins)."""
        if position.side != order.side:
            return
        pairs = (
            ("TakeProfit", order.take_profit, order.tp_trigger_by, order.tp_limit_price),
            ("StopLoss", order.stop_loss, order.sl_trigger_by, order.sl_limit_price),
        )
        for kind, price, trigger_by, limit in pairs:
            if not price:
                continue
            if order.tpsl_mode == "Partial":
                self.add_partial(position, kind, price, filled, trigger_by, limit)
            else:
                self.set_price(position, kind, price, trigger_by)

    def sync(self, position: Position) -> None:
        """After a fill: resize to the position, or clear everything when it is flat or has turned."""
        account, now_ms = self._venue.account, self._venue.clock.now_ms()
        for order in self.stops(position):
            if not position.size or order.side == position.side:
                self._venue.finish(order, "Deactivated", "CancelByTpSlTsClear")
            elif order.qty > position.size or (order.tpsl_mode == "Full" and order.qty < position.size):
                order.qty, order.updated_ms = position.size, now_ms
                self._venue.note_order(order)
        if not self.stops(position):
            position.take_profit = position.stop_loss = position.trailing = position.active_price = ZERO
            position.tp_trigger_by = position.sl_trigger_by = ""
            position.tpsl_mode = "Full"
        for order in account.open_of("linear", position.symbol):
            if not (order.rests and order.reduce_only and order.leaves) or order.position_idx != position.idx:
                continue
            if not position.size or order.side == position.side:
                self._venue.finish(order, "Cancelled", "CancelByReduceOnly")
            elif order.leaves > position.size:
                order.qty = order.filled_qty + position.size
                self._venue.note_order(order)

    def consumed(self, order: Order) -> None:
        """A stop of a position has fired: the position no longer lists it."""
        position = self._venue.account.positions[(order.symbol, order.position_idx)]
        if order.stop_order_type == "StopLoss":
            position.stop_loss = ZERO
        elif order.stop_order_type == "TakeProfit":
            position.take_profit = ZERO
        elif order.stop_order_type == "TrailingStop":
            position.trailing = position.active_price = ZERO

    def _find(self, position: Position, kind: str) -> Order | None:
        return next((one for one in self.stops(position) if one.stop_order_type == kind), None)

    def _drop(self, order: Order | None) -> None:
        if order is not None:
            self._venue.finish(order, "Deactivated", "CancelByUser")

    def _new(self, position: Position, kind: str, qty: Decimal) -> Order:
        venue = self._venue
        closing = opposite(position.side)
        with_trend = kind.endswith("TakeProfit")
        rising = (closing == "Sell") == with_trend
        order = Order(
            order_id=venue.new_id(),
            link_id="",
            category="linear",
            symbol=position.symbol,
            side=closing,
            order_type="Market",
            qty=qty,
            created_ms=venue.clock.now_ms(),
            updated_ms=venue.clock.now_ms(),
            time_in_force="IOC",
            position_idx=position.idx,
            reduce_only=True,
            close_on_trigger=True,
            status="Untriggered",
            create_type=_CREATE_TYPES[kind],
            stop_order_type=kind,
            trigger_direction=RISING if rising else FALLING,
            tpsl_mode="Full",
            last_on_created=venue.last[("linear", position.symbol)],
        )
        venue.account.add(order)
        return order
