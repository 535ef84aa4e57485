"""Private REST endpoints of orders and executions."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.exchange import checks
from tests.exchange.engine import Engine
from tests.exchange.order_reader import OrderReader
from tests.exchange.orders import Order
from tests.exchange.pages import page, time_range
from tests.exchange.parameters import Parameters
from tests.exchange.replies import RefusedError
from tests.exchange.venue import Venue

_CATEGORIES = ("linear", "spot", "inverse", "option")
_RECENT_CLOSED = 500
_GONE = ("Cancelled", "Rejected", "Deactivated")
_KEPT_MS = 86_400_000  # how long history shows orders that ended without a fill


class OrderApi:
    """Handlers of ``/v5/order/*`` and ``/v5/execution/list``."""

    def __init__(self, venue: Venue, engine: Engine) -> None:
        self._venue = venue
        self._engine = engine
        self._reader = OrderReader(venue, engine)

    def create(self, parameters: Parameters) -> dict[str, Any]:
        """``POST /v5/order/create``: acceptance, nothing more."""
        order, market = self._reader.read(parameters)
        self._venue.remember()
        self._engine.submit(order, market)
        return _ids(order)

    def amend(self, parameters: Parameters) -> dict[str, Any]:
        """``POST /v5/order/amend``: quantity, price, trigger, attached take profit and stop loss."""
        order = self._open_order(parameters)
        market = self._venue.market(order.category, order.symbol)
        one, quote = market.instrument, self._venue.quote(market)
        changes: dict[str, Decimal] = {}
        for name, field in (
            ("qty", "qty"),
            ("price", "price"),
            ("triggerPrice", "trigger_price"),
            ("takeProfit", "take_profit"),
            ("stopLoss", "stop_loss"),
        ):
            value = parameters.number(name)
            if value is not None and value != getattr(order, field):
                changes[field] = value
        if not changes:
            raise RefusedError(10001, "order not modified")
        if "qty" in changes:
            checks.check_qty(one, changes["qty"], market=False, closing=order.reduce_only)
            if changes["qty"] <= order.filled_qty:
                raise RefusedError(110001)
        if "price" in changes:
            checks.check_price(one, changes["price"], order.side, self._venue.price_band(market))
        if "trigger_price" in changes and changes["trigger_price"] % one.tick:
            raise RefusedError(10001, "params error: triggerPrice invalid")
        base = changes.get("price", order.price) or quote.last
        for field, name in (("take_profit", "TakeProfit"), ("stop_loss", "StopLoss")):
            if field in changes:
                source = "LastPrice"
                checks.check_protection(order.side, name, changes[field], base, source, one.tick)
                order.tpsl_mode = order.tpsl_mode or "Full"
        self._venue.remember()
        for field, value in changes.items():
            setattr(order, field, value)
        self._engine.amended(order, market)
        return _ids(order)

    def cancel(self, parameters: Parameters) -> dict[str, Any]:
        """``POST /v5/order/cancel``."""
        order = self._open_order(parameters)
        self._venue.remember()
        self._engine.cancel(order)
        return _ids(order)

    def cancel_all(self, parameters: Parameters) -> dict[str, Any]:
        """``POST /v5/order/cancel-all``: without a filter also stops and trailing stops."""
        category = parameters.choice("category", _CATEGORIES)
        named = any(name in parameters for name in ("symbol", "baseCoin", "settleCoin"))
        if category == "linear" and not named:
            raise RefusedError(10001, "params error: symbol or settleCoin or baseCoin is required")
        wanted = self._selected(parameters, list(self._venue.account.open_orders.values()), category)
        self._venue.remember()
        for order in wanted:
            self._engine.cancel(order)
        return {"list": [_ids(order) for order in wanted], "success": "1"}

    def realtime(self, parameters: Parameters) -> dict[str, Any]:
        """``GET /v5/order/realtime``: open orders, by id also recently closed ones."""
        category = parameters.choice("category", _CATEGORIES)
        account = self._venue.seen_account()
        by_id = "orderId" in parameters or "orderLinkId" in parameters
        if category == "linear" and not by_id:
            if not any(name in parameters for name in ("symbol", "baseCoin", "settleCoin")):
                raise RefusedError(10001, "params error: symbol or settleCoin or baseCoin is required")
        if by_id:
            found = account.find(parameters.text("orderId"), parameters.text("orderLinkId"))
            orders = [found] if found is not None and found.category == category else []
        else:
            closed = parameters.whole("openOnly", 0) == 1
            pool = list(account.orders.values())[-_RECENT_CLOSED:] if closed else account.open_orders.values()
            orders = self._selected(parameters, list(pool), category)
            if closed:
                orders = [order for order in orders if not order.is_open]
        return self._listed(orders, parameters, category)

    def history(self, parameters: Parameters) -> dict[str, Any]:
        """``GET /v5/order/history``: finished orders; those without a fill for one day."""
        category = parameters.choice("category", _CATEGORIES)
        now_ms = self._venue.clock.now_ms()
        start, end = time_range(parameters, now_ms)
        account = self._venue.seen_account()
        orders = [
            order
            for order in self._selected(parameters, list(account.orders.values()), category)
            if not order.is_open and start <= order.created_ms <= end
        ]
        orders = [
            order
            for order in orders
            if order.filled_qty or order.status not in _GONE or order.updated_ms >= now_ms - _KEPT_MS
        ]
        for name, field in (
            ("orderId", "order_id"),
            ("orderLinkId", "link_id"),
            ("orderStatus", "status"),
        ):
            if name in parameters:
                orders = [order for order in orders if getattr(order, field) == parameters.text(name)]
        return self._listed(orders, parameters, category)

    def executions(self, parameters: Parameters) -> dict[str, Any]:
        """``GET /v5/execution/list``: newest first."""
        category = parameters.choice("category", _CATEGORIES)
        start, end = time_range(parameters, self._venue.clock.now_ms())
        found = [
            one
            for one in reversed(self._venue.seen_account().executions)
            if one.category == category and start <= one.time_ms <= end
        ]
        for name, field in (
            ("symbol", "symbol"),
            ("orderId", "order_id"),
            ("orderLinkId", "link_id"),
            ("execType", "exec_type"),
        ):
            if name in parameters:
                found = [one for one in found if getattr(one, field) == parameters.text(name)]
        rows, cursor = page(found, parameters, default=50, most=100)
        return {"nextPageCursor": cursor, "category": category, "list": [one.row() for one in rows]}

    def _open_order(self, parameters: Parameters) -> Order:
        category = parameters.choice("category", _CATEGORIES)
        self._venue.market(category, parameters.required("symbol"))
        if "orderId" not in parameters and "orderLinkId" not in parameters:
            raise RefusedError(10001, "params error: OrderId or orderLinkId is required")
        order = self._venue.account.find(parameters.text("orderId"), parameters.text("orderLinkId"))
        if order is None or not order.is_open or order.symbol != parameters.text("symbol"):
            raise RefusedError(170213 if category == "spot" else 110001)
        return order

    def _selected(self, parameters: Parameters, orders: list[Order], category: str) -> list[Order]:
        chosen = [order for order in orders if order.category == category]
        if "symbol" in parameters:
            chosen = [order for order in chosen if order.symbol == parameters.text("symbol")]
        if "baseCoin" in parameters:
            base = parameters.text("baseCoin")
            markets = self._venue.markets
            chosen = [one for one in chosen if markets[(category, one.symbol)].instrument.base == base]
        if parameters.text("settleCoin", "USDT") != "USDT":
            chosen = []
        kind = parameters.text("orderFilter")
        if kind == "Order":
            chosen = [order for order in chosen if not order.stop_order_type]
        elif kind == "StopOrder":
            chosen = [order for order in chosen if order.stop_order_type]
        return chosen

    def _listed(self, orders: list[Order], parameters: Parameters, category: str) -> dict[str, Any]:
        newest = sorted(orders, key=lambda order: order.created_ms)[::-1]
        rows, cursor = page(newest, parameters, default=20, most=50)
        return {"nextPageCursor": cursor, "category": category, "list": [order.row() for order in rows]}


def _ids(order: Order) -> dict[str, str]:
    return {"orderId": order.order_id, "orderLinkId": order.link_id}
