"""Turns the parameters of ``order/create`` into an order, refusing what the exchange refuses."""

from __future__ import annotations

from decimal import Decimal

from tests.exchange import checks
from tests.exchange.engine import Engine
from tests.exchange.market import Market
from tests.exchange.numbers import ZERO, floor_to
from tests.exchange.orders import Order
from tests.exchange.parameters import Parameters
from tests.exchange.replies import RefusedError
from tests.exchange.venue import Venue
from tests.exchange.wallet import available

PRICE_SOURCES = ("LastPrice", "MarkPrice", "IndexPrice")
_TIMES_IN_FORCE = ("GTC", "IOC", "FOK", "PostOnly", "RPI")


class OrderReader:
    """Reads and checks new orders of both categories."""

    def __init__(self, venue: Venue, engine: Engine) -> None:
        self._venue = venue
        self._engine = engine

    def read(self, parameters: Parameters) -> tuple[Order, Market]:
        """The order, ready to submit.

        Raises
        ------
        RefusedError
            With the code and text of the first rule broken.
        """
        category = parameters.choice("category", ("linear", "spot", "inverse", "option"))
        market = self._venue.market(category, parameters.required("symbol"))
        order = self._basics(parameters, market)
        checks.check_link_id(self._venue.account, order.link_id)
        if category == "spot":
            self._finish_spot(parameters, order, market)
        else:
            self._finish_linear(parameters, order, market)
        return order, market

    def _basics(self, parameters: Parameters, market: Market) -> Order:
        side = parameters.choice("side", ("Buy", "Sell"))
        order_type = parameters.choice("orderType", ("Market", "Limit"))
        now_ms = self._venue.clock.now_ms()
        qty = parameters.number("qty")
        if qty is None:
            raise RefusedError(10001, "params error: qty is required")
        is_market = order_type == "Market"
        return Order(
            order_id=self._venue.new_id(),
            link_id=parameters.text("orderLinkId"),
            category=market.instrument.category,
            symbol=market.symbol,
            side=side,
            order_type=order_type,
            qty=qty,
            price=ZERO if is_market else _price(parameters, "price"),
            time_in_force="IOC" if is_market else parameters.choice("timeInForce", _TIMES_IN_FORCE, "GTC"),
            created_ms=now_ms,
            updated_ms=now_ms,
            last_on_created=self._venue.last[market.key],
            slippage_type=parameters.text("slippageToleranceType", "UNKNOWN"),
            slippage=_price(parameters, "slippageTolerance"),
        )

    def _finish_linear(self, parameters: Parameters, order: Order, market: Market) -> None:
        venue, one = self._venue, market.instrument
        account = venue.account
        order.position_idx = parameters.whole("positionIdx", 0) or 0
        order.reduce_only = parameters.flag("reduceOnly")
        order.close_on_trigger = parameters.flag("closeOnTrigger")
        checks.check_position_idx(account, order.symbol, order.position_idx)
        checks.check_tradable(one, order.reduce_only)
        position = account.position(one, order.position_idx, venue.clock.now_ms())
        if order.qty == 0 and order.reduce_only and order.close_on_trigger:
            order.qty = position.size  # "close all"
            if not position.size:
                raise RefusedError(110017)
        is_market = order.order_type == "Market"
        checks.check_qty(one, order.qty, market=is_market, closing=order.reduce_only)
        self._read_trigger(parameters, order, market)
        self._read_protection(parameters, order, market)
        if is_market:
            order.price = self._engine.protective_price(market, order)
        else:
            checks.check_price(one, order.price, order.side, venue.price_band(market))
        if order.reduce_only and not order.trigger_price:
            order.qty = checks.reduced_qty(position, order, one)
        checks.check_hedge_side(position, order)
        if not order.reduce_only:
            reference = order.last_on_created if is_market else order.price
            checks.check_notional(one, order.qty * reference)
            opening = order.qty if position.side in ("", order.side) else max(ZERO, order.qty - position.size)
            if not order.trigger_price:
                cost = opening * reference * (1 / position.leverage + account.taker)
                checks.check_margin(cost, available(account, venue.price_of))
        checks.check_counts(account, order)

    def _read_trigger(self, parameters: Parameters, order: Order, market: Market) -> None:
        order.trigger_price = _price(parameters, "triggerPrice")
        if not order.trigger_price:
            return
        order.trigger_by = parameters.choice("triggerBy", PRICE_SOURCES, "LastPrice")
        order.trigger_direction = parameters.whole("triggerDirection", 0) or 0
        order.stop_order_type, order.status = "Stop", "Untriggered"
        quote = self._venue.quote(market)
        checks.check_trigger(order, checks.trigger_base(quote, order.trigger_by))

    def _read_protection(self, parameters: Parameters, order: Order, market: Market) -> None:
        order.take_profit = _price(parameters, "takeProfit")
        order.stop_loss = _price(parameters, "stopLoss")
        if not order.take_profit and not order.stop_loss:
            return
        if order.reduce_only:
            raise RefusedError(10001, "params error: reduceOnly order can not set tp/sl")
        order.tpsl_mode = parameters.choice("tpslMode", ("Full", "Partial"), "Full")
        order.tp_limit_price = _price(parameters, "tpLimitPrice")
        order.sl_limit_price = _price(parameters, "slLimitPrice")
        quote, tick = self._venue.quote(market), market.instrument.tick
        for name, price, field in (
            ("TakeProfit", order.take_profit, "tpTriggerBy"),
            ("StopLoss", order.stop_loss, "slTriggerBy"),
        ):
            source = parameters.choice(field, PRICE_SOURCES, "LastPrice") if price else ""
            base = order.price or checks.trigger_base(quote, source)
            checks.check_protection(order.side, name, price, base, source, tick)
            if name == "TakeProfit":
                order.tp_trigger_by = source
            else:
                order.sl_trigger_by = source

    def _finish_spot(self, parameters: Parameters, order: Order, market: Market) -> None:
        venue, one = self._venue, market.instrument
        checks.check_spot_parameters(parameters)
        if "triggerPrice" in parameters or parameters.text("orderFilter", "Order") != "Order":
            raise RefusedError(170003)
        quote = venue.quote(market)
        is_market = order.order_type == "Market"
        reference = quote.ask if is_market else order.price
        if is_market:
            by_value = order.side == "Buy"
            order.market_unit = parameters.text("marketUnit", "quoteCoin" if by_value else "baseCoin")
            if order.market_unit == "quoteCoin":
                order.qty = floor_to(order.qty / reference, one.step)
            order.price = self._engine.protective_price(market, order)
        else:
            checks.check_price(one, order.price, order.side, venue.price_band(market))
        if order.qty < one.min_qty:
            raise RefusedError(170136)
        if order.qty % one.step:
            raise RefusedError(170137)
        if order.qty * reference < one.min_notional:
            raise RefusedError(170140)
        coin, needed = (one.quote, order.qty * reference) if order.side == "Buy" else (one.base, order.qty)
        owned = venue.account.coin(coin).wallet - venue.account.locked(coin)
        checks.check_spot_balance(needed, owned)


def _price(parameters: Parameters, name: str) -> Decimal:
    """A price that may be absent (0)."""
    value = parameters.number(name)
    if value is not None and value < 0:
        raise RefusedError(10001, f"params error: {name} invalid")
    return value or ZERO
