"""The table of REST endpoints."""

from __future__ import annotations

from tests.exchange.market_api import MarketApi
from tests.exchange.rest import Route
from tests.exchange.venue import Venue


def build_routes(venue: Venue) -> dict[tuple[str, str], Route]:
    """All endpoints by (method, path after ``/v5/``)."""
    market = MarketApi(venue)
    return {
        ("GET", "market/time"): Route(market.time),
        ("GET", "market/kline"): Route(market.kline),
        ("GET", "market/mark-price-kline"): Route(market.mark_price_kline),
        ("GET", "market/instruments-info"): Route(market.instruments_info),
        ("GET", "market/tickers"): Route(market.tickers),
        ("GET", "market/orderbook"): Route(market.orderbook),
        ("GET", "market/price-limit"): Route(market.price_limit),
        ("GET", "market/funding/history"): Route(market.funding_history),
        ("GET", "market/risk-limit"): Route(market.risk_limit),
        ("GET", "market/recent-trade"): Route(market.recent_trades),
    }
