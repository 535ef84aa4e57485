"""Public REST endpoints: time, klines, instruments, tickers, funding history, price limits."""

from __future__ import annotations

from typing import Any

from tests.exchange.klines import DEFAULT_ROWS, INTERVALS, MAX_ROWS
from tests.exchange.numbers import fixed, plain
from tests.exchange.parameters import Parameters
from tests.exchange.replies import RefusedError
from tests.exchange.tickers import linear_ticker, quote_of, spot_ticker
from tests.exchange.venue import Venue

_CATEGORIES = ("linear", "spot", "inverse", "option")
_PAGE = 500


class MarketApi:
    """Handlers of ``/v5/market/*``; each takes the request's parameters and returns ``result``."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def time(self, _: Parameters) -> dict[str, Any]:
        """``GET /v5/market/time``."""
        now_ms = self._venue.clock.server_ms()
        return {"timeSecond": str(now_ms // 1000), "timeNano": str(now_ms * 1_000_000)}

    def kline(self, parameters: Parameters) -> dict[str, Any]:
        """``GET /v5/market/kline``: newest first, forming bar included."""
        category = parameters.choice("category", _CATEGORIES, default="linear")
        symbol = parameters.required("symbol")
        interval = parameters.required("interval")
        market = self._venue.market(category, symbol)
        book = self._venue.klines[market.key]
        if interval not in INTERVALS or not book.serves(interval):
            raise RefusedError(10001, "params error: intervalTime is invalid")
        rows = [
            bar.row()
            for bar in book.query(
                interval,
                start_ms=parameters.whole("start"),
                end_ms=parameters.whole("end"),
                limit=parameters.limit(default=DEFAULT_ROWS, most=MAX_ROWS),
                now_ms=self._venue.clock.now_ms(),
            )
        ]
        self._venue.faults.rest.revise_rows(rows, parameters.values)
        return {"symbol": symbol, "category": category, "list": rows}

    def mark_price_kline(self, parameters: Parameters) -> dict[str, Any]:
        """``GET /v5/market/mark-price-kline``: rows of five, last price plus the mark offset."""
        result = self.kline(parameters)
        market = self._venue.market(result["category"], result["symbol"])
        result["list"] = [
            [row[0], *(plain(round(float(price) + market.mark_offset, 8)) for price in row[1:5])]
            for row in result["list"]
        ]
        return result

    def instruments_info(self, parameters: Parameters) -> dict[str, Any]:
        """``GET /v5/market/instruments-info`` with cursor paging by position in the list."""
        category = parameters.choice("category", _CATEGORIES)
        markets = [one for one in self._venue.markets.values() if one.instrument.category == category]
        if "symbol" in parameters:
            markets = [self._venue.market(category, parameters.text("symbol"))]
        if "status" in parameters:
            markets = [one for one in markets if one.instrument.status == parameters.text("status")]
        for name in ("baseCoin", "settleCoin"):
            if name in parameters:
                wanted = parameters.text(name)
                markets = [one for one in markets if one.instrument.row().get(name) == wanted]
        first = parameters.whole("cursor", 0) or 0
        limit = parameters.limit(default=_PAGE, most=MAX_ROWS)
        page = markets[first : first + limit]
        cursor = str(first + limit) if first + limit < len(markets) else ""
        result: dict[str, Any] = {"category": category, "list": [one.instrument.row() for one in page]}
        if category != "spot":
            result["nextPageCursor"] = cursor
        return result

    def tickers(self, parameters: Parameters) -> dict[str, Any]:
        """``GET /v5/market/tickers``."""
        category = parameters.choice("category", _CATEGORIES)
        now_ms = self._venue.clock.now_ms()
        markets = [one for one in self._venue.markets.values() if one.instrument.category == category]
        if "symbol" in parameters:
            markets = [self._venue.market(category, parameters.text("symbol"))]
        render = spot_ticker if category == "spot" else linear_ticker
        rows = [render(one, self._venue.quote(one), self._venue.klines[one.key], now_ms) for one in markets]
        for row in rows:
            row.pop("tickDirection", None)
        return {"category": category, "list": rows}

    def orderbook(self, parameters: Parameters) -> dict[str, Any]:
        """``GET /v5/market/orderbook``: one level each side, of a maker who never runs dry."""
        category = parameters.choice("category", _CATEGORIES)
        market = self._venue.market(category, parameters.required("symbol"))
        quote = self._venue.quote(market)
        decimals, size = market.instrument.price_decimals, plain(market.instrument.max_market_qty)
        now_ms = self._venue.clock.server_ms()
        return {
            "s": market.symbol,
            "b": [[fixed(quote.bid, decimals), size]],
            "a": [[fixed(quote.ask, decimals), size]],
            "ts": now_ms,
            "u": now_ms,
            "seq": now_ms,
            "cts": now_ms,
        }

    def price_limit(self, parameters: Parameters) -> dict[str, Any]:
        """``GET /v5/market/price-limit``."""
        category = parameters.choice("category", _CATEGORIES, default="linear")
        market = self._venue.market(category, parameters.required("symbol"))
        low, high = self._venue.price_band(market)
        decimals = market.instrument.price_decimals
        return {
            "symbol": market.symbol,
            "buyLmt": fixed(high, decimals),
            "sellLmt": fixed(low, decimals),
            "ts": str(self._venue.clock.server_ms()),
        }

    def funding_history(self, parameters: Parameters) -> dict[str, Any]:
        """``GET /v5/market/funding/history``: up to 200, newest first; a start alone is refused."""
        market = self._venue.market("linear", parameters.required("symbol"))
        start, end = parameters.whole("startTime"), parameters.whole("endTime")
        if start is not None and end is None:
            raise RefusedError(10001, "params error: endTime is required")
        step = market.instrument.funding_interval_min * 60_000
        newest = min(self._venue.clock.now_ms(), end if end is not None else self._venue.clock.now_ms())
        oldest = max(market.start_ms, start or 0)
        times = range(newest // step * step, oldest - 1, -step)
        limit = parameters.limit(default=_PAGE, most=200)
        return {
            "category": "linear",
            "list": [
                {
                    "symbol": market.symbol,
                    "fundingRate": plain(market.funding_rate),
                    "fundingRateTimestamp": str(at),
                }
                for at in times[:limit]
            ],
        }

    def risk_limit(self, parameters: Parameters) -> dict[str, Any]:
        """``GET /v5/market/risk-limit``: one tier a symbol, 15 symbols a page."""
        markets = [one for one in self._venue.markets.values() if one.instrument.category == "linear"]
        if "symbol" in parameters:
            markets = [self._venue.market("linear", parameters.text("symbol"))]
        first = parameters.whole("cursor", 0) or 0
        page = markets[first : first + 15]
        return {
            "category": "linear",
            "list": [
                {
                    "id": 1,
                    "symbol": one.symbol,
                    "riskLimitValue": plain(one.instrument.risk_limit),
                    "maintenanceMargin": plain(one.instrument.maintenance_rate),
                    "initialMargin": plain(1 / one.instrument.max_leverage),
                    "isLowestRisk": 1,
                    "maxLeverage": str(one.instrument.max_leverage),
                    "mmDeduction": "",
                }
                for one in page
            ],
            "nextPageCursor": str(first + 15) if first + 15 < len(markets) else "",
        }

    def recent_trades(self, parameters: Parameters) -> dict[str, Any]:
        """``GET /v5/market/recent-trade``: the last node of the price path as one trade."""
        category = parameters.choice("category", _CATEGORIES)
        market = self._venue.market(category, parameters.required("symbol"))
        quote = quote_of(market, self._venue.clock.now_ms())
        return {
            "category": category,
            "list": [
                {
                    "execId": f"{market.symbol}-{self._venue.clock.now_ms()}",
                    "symbol": market.symbol,
                    "price": fixed(quote.last, market.instrument.price_decimals),
                    "size": plain(market.instrument.min_qty),
                    "side": "Buy",
                    "time": str(self._venue.clock.now_ms()),
                    "isBlockTrade": False,
                    "isRPITrade": False,
                }
            ],
        }
