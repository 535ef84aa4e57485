"""Fixtures of the simulator's own tests."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
from pybit.exceptions import InvalidRequestError
from pybit.unified_trading import HTTP

from tests.exchange import Exchange, Market, bars_from_prices, linear
from tests.exchange.clients import pybit_http

START_MS = 1_700_006_400_000
MINUTE_MS = 60_000
GENEROUS = dict.fromkeys(
    (
        "order/create",
        "order/amend",
        "order/cancel",
        "order/cancel-all",
        "position/list",
        "position/trading-stop",
        "order/realtime",
        "order/history",
        "execution/list",
        "account/wallet-balance",
    ),
    10000,
)


@dataclass
class Rig:
    """A one-symbol exchange on a path of prices, one minute each, and pybit's REST session on it."""

    exchange: Exchange
    session: HTTP

    def order(self, side: str, qty: str, **more: Any) -> str:
        """Send a market order, or a limit order when ``price`` is given; returns its id."""
        kind = "Limit" if "price" in more else "Market"
        words = {"category": "linear", "symbol": "TESTUSDT", "orderType": kind, "side": side, "qty": qty}
        reply: Any = self.session.place_order(**{**words, **more})
        return str(reply["result"]["orderId"])

    def stop(self, **more: Any) -> None:
        """Set the trading stop in Full mode."""
        words = {"category": "linear", "symbol": "TESTUSDT", "tpslMode": "Full", "positionIdx": 0}
        self.session.set_trading_stop(**{**words, **more})

    def position(self, row: int = 0) -> Any:
        """A row of the position list."""
        reply: Any = self.session.get_positions(category="linear", symbol="TESTUSDT")
        return reply["result"]["list"][row]

    def shown(self, order_id: str) -> Any:
        """An order as order/realtime shows it."""
        reply: Any = self.session.get_open_orders(category="linear", symbol="TESTUSDT", orderId=order_id)
        return reply["result"]["list"][0]

    def open_orders(self) -> list[Any]:
        """Open orders, newest first."""
        reply: Any = self.session.get_open_orders(category="linear", symbol="TESTUSDT")
        return list(reply["result"]["list"])

    def fills(self) -> list[tuple[str, str, str, bool]]:
        """(side, price, qty, maker) of every execution, oldest first."""
        reply: Any = self.session.get_executions(category="linear", symbol="TESTUSDT", limit=100)
        return [
            (row["side"], row["execPrice"], row["execQty"], row["isMaker"])
            for row in reversed(reply["result"]["list"])
        ]

    def balance(self) -> Decimal:
        """USDT wallet balance."""
        reply: Any = self.session.get_wallet_balance(accountType="UNIFIED", coin="USDT")
        return Decimal(reply["result"]["list"][0]["coin"][0]["walletBalance"])

    def minutes(self, count: int = 1) -> None:
        """Let the market run for some bars."""
        self.exchange.advance(count * MINUTE_MS)

    def refused(self, call: Callable[[], Any]) -> tuple[int, str]:
        """retCode and retMsg of a call that must be refused."""
        with pytest.raises(InvalidRequestError) as caught:
            call()
        return int(caught.value.status_code), str(caught.value.message)


@pytest.fixture
def rig() -> Iterator[Callable[..., Rig]]:
    """Builds rigs: ``rig([100, 101, 99])`` starts at 100 and walks a bar to each further price.

    ``spoil`` may change the bars before the market opens.
    """
    running: list[Exchange] = []

    def build(prices: Sequence[float], **options: Any) -> Rig:
        market_options = {
            name: options.pop(name)
            for name in ("depth_qty", "mark_offset", "funding_rate")
            if name in options
        }
        price_limit = options.pop("price_limit", Decimal("0.5"))
        start_ms = options.pop("start_ms", START_MS)
        instrument = linear("TESTUSDT", tick="0.01", step="0.001", price_limit=price_limit, max_qty="1000")
        bars = bars_from_prices(list(prices), start_ms=start_ms)
        options.pop("spoil", lambda _: None)(bars)
        market = Market(instrument, bars, "1m", spread_ticks=0, **market_options)
        exchange = Exchange(
            [market], start_ms=start_ms, stamps="wall", per_second=GENEROUS, ip_limit=100_000, **options
        )
        running.append(exchange.start())
        return Rig(exchange, pybit_http(exchange, retry_codes={-1}))

    yield build
    for exchange in running:
        exchange.__exit__(None, None, None)


@pytest.fixture(autouse=True)
def wall_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """pybit stamps by the machine's clock here, whatever clock an earlier test of the process gave it."""
    monkeypatch.setattr("pybit._helpers.generate_timestamp", lambda: int(time.time() * 1_000))
