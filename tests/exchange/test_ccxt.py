"""The real ccxt and ccxt.pro, unchanged but for the address."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import ccxt  # type: ignore[import-untyped]
import numpy as np
import pytest

from tests.exchange import Exchange, Market, known
from tests.exchange.clients import ccxt_pro
from tests.exchange.sample import walk

SYMBOL = "BTC/USDT:USDT"
BAR_MS = 900_000
NOW_BAR = 300


@pytest.fixture
def bars() -> np.ndarray:
    return walk(600)


@asynccontextmanager
async def client_of(bars: np.ndarray) -> AsyncIterator[tuple[Exchange, Any]]:
    """A running exchange with a perpetual and a spot market, and ccxt.pro on it."""
    markets = [
        Market(known("BTCUSDT"), bars, "15m", spread_ticks=0),
        Market(known("BTCUSDT", "spot"), bars, "15m"),
    ]
    start_ms = int(bars["time_ms"][NOW_BAR]) + 5_000
    with Exchange(markets, start_ms=start_ms, stamps="wall", balance="50000") as exchange:
        client = ccxt_pro(exchange)
        try:
            yield exchange, client
        finally:
            await client.close()


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run an asynchronous test."""
    asyncio.run(work)


def test_markets_and_candles(bars: np.ndarray) -> None:
    """Both markets with their filters; candles equal the script, paging by since."""

    async def work() -> None:
        async with client_of(bars) as (_, client):
            markets = await client.load_markets()
            assert set(markets) == {"BTC/USDT", SYMBOL}
            assert markets[SYMBOL]["precision"] == {"amount": 0.001, "price": 0.1}
            assert markets[SYMBOL]["limits"]["amount"]["min"] == 0.001
            since = int(bars["time_ms"][10])
            candles = await client.fetch_ohlcv(SYMBOL, "15m", since=since, limit=50)
            assert [tuple(one) for one in candles] == [tuple(row) for row in bars[10:60].tolist()]
            ticker = await client.fetch_ticker(SYMBOL)
            assert ticker["last"] == bars["close"][NOW_BAR - 1]

    run(work())


def test_orders_positions_balance(bars: np.ndarray) -> None:
    """Create with a stop, read back, amend, cancel, close; the unified fields are filled."""

    async def work() -> None:
        async with client_of(bars) as (exchange, client):
            await client.load_markets()
            last = float(exchange.venue.last[("linear", "BTCUSDT")])
            assert (await client.fetch_balance())["USDT"]["total"] == 50_000
            await client.set_leverage(20, SYMBOL)
            entry = await client.create_order(
                SYMBOL, "market", "buy", 0.1, params={"stopLoss": {"triggerPrice": last - 400}}
            )
            position = (await client.fetch_positions([SYMBOL]))[0]
            assert (position["side"], position["contracts"], position["entryPrice"]) == ("long", 0.1, last)
            assert (position["leverage"], position["stopLossPrice"]) == (20, last - 400)
            fetched = await client.fetch_open_orders(SYMBOL)
            assert [one["triggerPrice"] for one in fetched] == [last - 400]
            trades = await client.fetch_my_trades(SYMBOL)
            assert [(one["order"], one["price"]) for one in trades] == [(entry["id"], last)]
            resting = await client.create_order(SYMBOL, "limit", "buy", 0.1, last - 100)
            await client.edit_order(resting["id"], SYMBOL, "limit", "buy", 0.2, last - 200)
            await client.cancel_order(resting["id"], SYMBOL)
            await client.create_order(SYMBOL, "market", "sell", 0.1, params={"reduceOnly": True})
            assert (await client.fetch_positions([SYMBOL]))[0]["contracts"] == 0
            closed = await client.fetch_closed_orders(SYMBOL)
            assert [one["status"] for one in closed] == ["closed", "closed"]
            assert (await client.fetch_open_orders(SYMBOL)) == []
            with pytest.raises(ccxt.BadRequest, match="zero position"):
                await client.private_post_v5_position_trading_stop(
                    {
                        "category": "linear",
                        "symbol": "BTCUSDT",
                        "positionIdx": 0,
                        "tpslMode": "Full",
                        "stopLoss": "1",
                    }
                )

    run(work())


def test_spot_round_trip(bars: np.ndarray) -> None:
    """Buy by cost, sell the coins: fees in base and in quote."""

    async def work() -> None:
        async with client_of(bars) as (exchange, client):
            await client.load_markets()
            await client.create_market_buy_order_with_cost("BTC/USDT", 1_000)
            balance = await client.fetch_balance()
            owned = balance["BTC"]["total"]
            price = float(exchange.venue.last[("spot", "BTCUSDT")])
            assert owned * price == pytest.approx(999, rel=1e-3)
            await client.create_order(
                "BTC/USDT", "market", "sell", client.amount_to_precision("BTC/USDT", owned)
            )
            balance = await client.fetch_balance()
            assert balance["USDT"]["total"] == pytest.approx(49_998, abs=0.5)

    run(work())


def test_watch_everything(bars: np.ndarray) -> None:
    """watch OHLCV, ticker, orders, my trades and positions all deliver; candles equal the script."""

    async def work() -> None:
        async with client_of(bars) as (exchange, client):
            await client.load_markets()
            calls: dict[str, Callable[[], Awaitable[Any]]] = {
                "ohlcv": lambda: client.watch_ohlcv(SYMBOL, "15m"),
                "ticker": lambda: client.watch_ticker(SYMBOL),
                "orders": lambda: client.watch_orders(SYMBOL),
                "trades": lambda: client.watch_my_trades(SYMBOL),
                "positions": lambda: client.watch_positions([SYMBOL]),
            }
            seen: dict[str, list[Any]] = {name: [] for name in calls}

            async def watch(name: str) -> None:
                while True:
                    seen[name].append(await calls[name]())

            watchers = [asyncio.ensure_future(watch(name)) for name in calls]
            await asyncio.sleep(0.5)
            await client.create_order(SYMBOL, "market", "buy", 0.1)
            await asyncio.sleep(0.2)
            for _ in range(8):
                await asyncio.to_thread(exchange.advance, BAR_MS // 2)
                await asyncio.sleep(0.05)
            for watcher in watchers:
                watcher.cancel()
            await asyncio.gather(*watchers, return_exceptions=True)
            candles = {candle[0]: tuple(candle) for update in seen["ohlcv"] for candle in update}
            for index in range(NOW_BAR, NOW_BAR + 3):
                assert candles[int(bars["time_ms"][index])] == tuple(bars[index].tolist())
            assert seen["ticker"][-1]["last"] == float(exchange.venue.last[("linear", "BTCUSDT")])
            assert seen["orders"][-1][-1]["status"] == "closed"
            assert seen["trades"][-1][-1]["amount"] == 0.1
            held = [one for update in seen["positions"] for one in update if one["contracts"]]
            assert held[-1]["side"] == "long"
            assert held[-1]["contracts"] == 0.1

    run(work())
