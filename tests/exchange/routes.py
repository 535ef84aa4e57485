"""The table of REST endpoints and their rate limits."""

from __future__ import annotations

from tests.exchange.account_api import AccountApi
from tests.exchange.engine import Engine
from tests.exchange.market_api import MarketApi
from tests.exchange.order_api import OrderApi
from tests.exchange.position_api import PositionApi
from tests.exchange.rest import Route
from tests.exchange.venue import Venue

PER_SECOND: dict[str, int] = {
    "order/create": 10,
    "order/amend": 10,
    "order/cancel": 10,
    "order/cancel-all": 10,
    "order/realtime": 50,
    "order/history": 50,
    "execution/list": 50,
    "position/list": 50,
    "position/closed-pnl": 50,
    "position/set-leverage": 10,
    "position/switch-mode": 10,
    "position/trading-stop": 10,
    "account/wallet-balance": 50,
    "account/info": 50,
    "account/fee-rate": 5,
    "account/set-margin-mode": 5,
    "account/transaction-log": 25,
    "user/query-api": 10,
    "asset/coin/query-info": 5,
}
"""Requests a second of one account; market endpoints have only the limit of the address."""


def build_routes(venue: Venue, engine: Engine) -> dict[tuple[str, str], Route]:
    """All endpoints by (method, path after ``/v5/``)."""
    market, order = MarketApi(venue), OrderApi(venue, engine)
    position, account = PositionApi(venue, engine), AccountApi(venue)
    public = {
        "market/time": market.time,
        "market/kline": market.kline,
        "market/mark-price-kline": market.mark_price_kline,
        "market/instruments-info": market.instruments_info,
        "market/tickers": market.tickers,
        "market/orderbook": market.orderbook,
        "market/price-limit": market.price_limit,
        "market/funding/history": market.funding_history,
        "market/risk-limit": market.risk_limit,
        "market/recent-trade": market.recent_trades,
    }
    reads = {
        "order/realtime": order.realtime,
        "order/history": order.history,
        "execution/list": order.executions,
        "position/list": position.list,
        "position/closed-pnl": position.closed_pnl,
        "account/wallet-balance": account.wallet_balance,
        "account/info": account.info,
        "account/fee-rate": account.fee_rate,
        "account/transaction-log": account.transaction_log,
        "user/query-api": account.query_api,
        "asset/coin/query-info": account.coins,
    }
    writes = {
        "order/create": order.create,
        "order/amend": order.amend,
        "order/cancel": order.cancel,
        "order/cancel-all": order.cancel_all,
        "position/set-leverage": position.set_leverage,
        "position/switch-mode": position.switch_mode,
        "position/trading-stop": position.trading_stop,
        "account/set-margin-mode": account.set_margin_mode,
    }
    table = {("GET", path): Route(handler) for path, handler in public.items()}
    table |= {("GET", path): Route(handler, private=True) for path, handler in reads.items()}
    return table | {("POST", path): Route(handler, private=True) for path, handler in writes.items()}
