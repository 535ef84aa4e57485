"""Private REST endpoints of positions: list, leverage, mode, trading stop, closed results."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.exchange import checks
from tests.exchange.engine import Engine
from tests.exchange.market import Market
from tests.exchange.numbers import ZERO
from tests.exchange.order_reader import PRICE_SOURCES
from tests.exchange.pages import page, time_range
from tests.exchange.parameters import Parameters
from tests.exchange.positions import Position
from tests.exchange.replies import RefusedError
from tests.exchange.venue import Venue

_HEDGE = 3


class PositionApi:
    """Handlers of ``/v5/position/*``."""

    def __init__(self, venue: Venue, engine: Engine) -> None:
        self._venue = venue
        self._engine = engine

    def list(self, parameters: Parameters) -> dict[str, Any]:
        """``GET /v5/position/list``: by symbol flat rows too, by settle coin only what is held."""
        category = parameters.choice("category", ("linear", "inverse", "option"))
        account = self._venue.seen_account()
        if "symbol" in parameters:
            market = self._venue.market(category, parameters.text("symbol"))
            now_ms = self._venue.clock.now_ms()
            positions = [
                account.position(market.instrument, idx, now_ms) for idx in account.indexes(market.symbol)
            ]
        elif "settleCoin" in parameters:
            positions = account.held() if parameters.text("settleCoin") == "USDT" else []
        elif category == "linear":
            raise RefusedError(10001, "params error: symbol or settleCoin is required")
        else:
            positions = []
        rows, cursor = page(positions, parameters, default=20, most=200)
        shown = [one.row(self._venue.price_of("linear", one.symbol)) for one in rows]
        return {"nextPageCursor": cursor, "category": category, "list": shown}

    def set_leverage(self, parameters: Parameters) -> dict[str, Any]:
        """``POST /v5/position/set-leverage``; tells the position topic, flat or not."""
        market = self._linear(parameters)
        buy, sell = parameters.number("buyLeverage"), parameters.number("sellLeverage")
        if buy is None or sell is None:
            raise RefusedError(10001, "params error: buyLeverage and sellLeverage are required")
        wanted = (buy, sell)
        positions = self._positions(market)
        if len(positions) == 1 and wanted[0] != wanted[1]:
            raise RefusedError(10001, "buy leverage and sell leverage must be equal in one-way mode")
        if min(wanted) < 1 or max(wanted) > market.instrument.max_leverage:
            raise RefusedError(110013)
        pairs = list(zip(positions, wanted, strict=False))
        if all(position.leverage == value for position, value in pairs):
            raise RefusedError(110043)
        self._venue.remember()
        for position, value in pairs:
            position.leverage = value
            position.updated_ms = self._venue.clock.now_ms()
            self._venue.note_position(position)
        return {}

    def switch_mode(self, parameters: Parameters) -> dict[str, Any]:
        """``POST /v5/position/switch-mode``: 0 one-way, 3 hedge, for a symbol or all of a coin."""
        parameters.choice("category", ("linear",))
        mode = parameters.whole("mode")
        if mode not in (0, _HEDGE):
            raise RefusedError(10001, "params error: mode invalid")
        if "symbol" in parameters:
            markets = [self._venue.market("linear", parameters.text("symbol"))]
        else:
            markets = [one for one in self._venue.markets.values() if one.instrument.category == "linear"]
        account = self._venue.account
        symbols = {market.symbol for market in markets}
        if any((symbol in account.hedged) == (mode == _HEDGE) for symbol in symbols):
            raise RefusedError(110025)
        if any(position.symbol in symbols for position in account.held()):
            raise RefusedError(110024)
        if any(order.symbol in symbols for order in account.open_orders.values()):
            raise RefusedError(110028)
        self._venue.remember()
        if mode == _HEDGE:
            account.hedged |= symbols
        else:
            account.hedged -= symbols
        for market in markets:
            for position in self._positions(market):
                self._venue.note_position(position)
        return {}

    def trading_stop(self, parameters: Parameters) -> dict[str, Any]:
        """``POST /v5/position/trading-stop``: stop loss, take profit and trail of a position."""
        category = parameters.text("category")
        if category not in ("linear", "inverse"):
            raise RefusedError(181001)
        market = self._linear(parameters)
        idx = parameters.whole("positionIdx", 0) or 0
        checks.check_position_idx(self._venue.account, market.symbol, idx)
        now_ms = self._venue.clock.now_ms()
        position = self._venue.account.position(market.instrument, idx, now_ms)
        mode = parameters.text("tpslMode")
        if not mode and ("slOrderType" in parameters or "tpOrderType" in parameters):
            raise RefusedError(10001, "slOrderType can not have a value when tpSlMode is empty")
        if mode not in ("", "Full", "Partial"):
            raise RefusedError(10001, "params error: tpslMode invalid")
        if not position.size:
            raise RefusedError(10001, "can not set tp/sl/ts for zero position")
        if mode == "Partial":
            self._set_partial(parameters, position, market)
        else:
            self._set_full(parameters, position, market)
        position.updated_ms = now_ms
        position.seq = self._venue.next_seq()
        self._venue.note_position(position)
        self._engine.settle_price(market)
        return {}

    def _set_full(self, parameters: Parameters, position: Position, market: Market) -> None:
        stops = []
        for kind, name, by_name, current, by_current in (
            ("TakeProfit", "takeProfit", "tpTriggerBy", position.take_profit, position.tp_trigger_by),
            ("StopLoss", "stopLoss", "slTriggerBy", position.stop_loss, position.sl_trigger_by),
        ):
            price = parameters.number(name)
            if price is None:
                continue
            source = self._checked(parameters, position, market, kind, price, by_name)
            if price != current or (price and source != by_current):
                stops.append((kind, price, source))
        trail = self._read_trail(parameters, position, market)
        if not stops and trail is None:
            raise RefusedError(34040)
        self._venue.remember()
        for kind, price, source in stops:
            self._engine.protection.set_price(position, kind, price, source)
        if trail is not None:
            self._engine.protection.set_trail(position, *trail)

    def _read_trail(
        self, parameters: Parameters, position: Position, market: Market
    ) -> tuple[Decimal, Decimal] | None:
        """Distance and activation price when they change something."""
        distance = parameters.number("trailingStop")
        active = parameters.number("activePrice")
        if distance is None and active is None:
            return None
        distance = position.trailing if distance is None else distance
        active = position.active_price if active is None and distance == position.trailing else active
        active = active or ZERO
        tick = market.instrument.tick
        if distance < 0 or distance % tick or active % tick:
            raise RefusedError(10001, "TrailingStop price invalid")
        last = self._venue.last[market.key]
        if active and active != position.active_price:
            behind = active <= last if position.side == "Buy" else active >= last
            if behind:
                raise RefusedError(
                    10001, f"ActivePrice:{active} set for {position.side} position is behind {last}"
                )
        if distance == position.trailing and active == position.active_price:
            return None
        return distance, active

    def _set_partial(self, parameters: Parameters, position: Position, market: Market) -> None:
        additions = []
        for kind, name, by_name, size_name, limit_name in (
            ("TakeProfit", "takeProfit", "tpTriggerBy", "tpSize", "tpLimitPrice"),
            ("StopLoss", "stopLoss", "slTriggerBy", "slSize", "slLimitPrice"),
        ):
            price = parameters.number(name)
            if not price:
                continue
            source = self._checked(parameters, position, market, kind, price, by_name)
            qty = parameters.number(size_name) or position.size
            checks.check_qty(market.instrument, qty, market=True, closing=True)
            additions.append((kind, price, min(qty, position.size), source, parameters.number(limit_name)))
        if not additions:
            raise RefusedError(34040)
        self._venue.remember()
        for kind, price, qty, source, limit in additions:
            self._engine.protection.add_partial(position, kind, price, qty, source, limit or ZERO)

    def _checked(
        self,
        parameters: Parameters,
        position: Position,
        market: Market,
        kind: str,
        price: Decimal,
        by_name: str,
    ) -> str:
        """Check one price against its source and return the source."""
        source = parameters.choice(by_name, PRICE_SOURCES, "LastPrice")
        base = checks.trigger_base(self._venue.quote(market), source)
        checks.check_protection(position.side, kind, price, base, source, market.instrument.tick)
        return source

    def closed_pnl(self, parameters: Parameters) -> dict[str, Any]:
        """``GET /v5/position/closed-pnl``: a row a closing execution, newest first."""
        category = parameters.choice("category", ("linear", "inverse", "option"))
        start, end = time_range(parameters, self._venue.clock.now_ms())
        symbol = parameters.text("symbol")
        found = [
            row
            for row in reversed(self._venue.seen_account().closed_pnl)
            if symbol in ("", row["symbol"]) and start <= int(row["updatedTime"]) <= end
        ]
        rows, cursor = page(found, parameters, default=50, most=100)
        return {"nextPageCursor": cursor, "category": category, "list": list(rows)}

    def _linear(self, parameters: Parameters) -> Market:
        parameters.choice("category", ("linear",))
        return self._venue.market("linear", parameters.required("symbol"))

    def _positions(self, market: Market) -> tuple[Position, ...]:
        account, now_ms = self._venue.account, self._venue.clock.now_ms()
        return tuple(
            account.position(market.instrument, idx, now_ms) for idx in account.indexes(market.symbol)
        )
