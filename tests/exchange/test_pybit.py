"""The real pybit 5.17, unchanged but for the address: REST, public, private and trade sockets."""

from __future__ import annotations

import copy
import queue
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from pybit import _helpers
from pybit.exceptions import FailedRequestError, InvalidRequestError

from tests.exchange import Exchange, Market, known
from tests.exchange.clients import LocalTrading, LocalWebSocket, pybit_http, pybit_private, pybit_public
from tests.exchange.exchange import API_KEY, API_SECRET
from tests.exchange.sample import walk

BAR_MS = 900_000
Inbox = queue.Queue[Any]


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch) -> Iterator[Exchange]:
    """A market on virtual time, with pybit's clock redirected to it."""
    bars = walk(1_500)
    market = Market(known("BTCUSDT"), bars, "15m", spread_ticks=0)
    start_ms = int(bars["time_ms"][200]) + 10_000
    with Exchange([market], start_ms=start_ms, balance="100000") as running:
        monkeypatch.setattr(_helpers, "generate_timestamp", running.clock.now_ms)
        yield running


@pytest.fixture
def keep() -> Iterator[Callable[[Any], Any]]:
    """Sockets to close at the end."""
    opened: list[Any] = []

    def keeper(socket: Any) -> Any:
        opened.append(socket)
        return socket

    yield keeper
    for socket in opened:
        socket.exit()


Keep = Callable[[Any], Any]


def listen(inbox: Inbox) -> Callable[[Any], None]:
    """Callback that only enqueues a copy: pybit hands out the same ticker dict again and again."""
    return lambda message: inbox.put(copy.deepcopy(message))


def collect(inbox: Inbox, seconds: float = 0.3) -> list[Any]:
    """Everything that arrives until nothing has come for a while."""
    messages = []
    while True:
        try:
            messages.append(inbox.get(timeout=seconds))
        except queue.Empty:
            return messages


def wait_for_login(socket: LocalWebSocket) -> None:
    """pybit's constructor returns before the login is answered."""
    deadline = time.monotonic() + 5
    while not socket.auth:
        assert time.monotonic() < deadline, "login was not answered"
        time.sleep(0.01)


def test_trading_round_trip(exchange: Exchange) -> None:
    """Order, position, stop, executions, wallet, fees, settings: every call of the trading side."""
    session = pybit_http(exchange)
    words = {"category": "linear", "symbol": "BTCUSDT"}
    last = exchange.venue.last[("linear", "BTCUSDT")]
    session.set_leverage(**words, buyLeverage="5", sellLeverage="5")
    created: Any = session.place_order(
        **words, side="Buy", orderType="Market", qty="0.1", stopLoss=str(last - 500), orderLinkId="k1-1"
    )
    assert created["result"]["orderLinkId"] == "k1-1"
    position: Any = session.get_positions(**words)
    row = position["result"]["list"][0]
    assert (row["size"], row["avgPrice"], row["leverage"], row["stopLoss"]) == (
        "0.1",
        str(last),
        "5",
        str(last - 500),
    )
    session.set_trading_stop(**words, tpslMode="Full", positionIdx=0, trailingStop="400")
    resting: Any = session.place_order(
        **words, side="Buy", orderType="Limit", qty="0.2", price=str(last - 300)
    )
    order_id = resting["result"]["orderId"]
    session.amend_order(**words, orderId=order_id, qty="0.3")
    listed: Any = session.get_open_orders(**words)
    assert {one["stopOrderType"] for one in listed["result"]["list"]} == {"", "StopLoss", "TrailingStop"}
    session.cancel_order(**words, orderId=order_id)
    history: Any = session.get_order_history(**words)
    assert [one["orderStatus"] for one in history["result"]["list"]] == ["Cancelled", "Filled"]
    fills: Any = session.get_executions(**words)
    assert fills["result"]["list"][0]["execPrice"] == str(last)
    wallet: Any = session.get_wallet_balance(accountType="UNIFIED", coin="USDT")
    assert float(wallet["result"]["list"][0]["totalEquity"]) < 100_000
    rates: Any = session.get_fee_rates(**words)
    assert rates["result"]["list"][0]["takerFeeRate"] == "0.00055"
    info: Any = session.get_account_info()
    assert info["result"]["unifiedMarginStatus"] in (5, 6)
    cancelled: Any = session.cancel_all_orders(**words)
    assert len(cancelled["result"]["list"]) == 2


def test_lists_page_with_the_cursor(exchange: Exchange) -> None:
    """pybit sends the cursor back as it came; every order once, newest first."""
    session = pybit_http(exchange)
    words = {"category": "linear", "symbol": "BTCUSDT"}
    price = str(exchange.venue.last[("linear", "BTCUSDT")] - 100)
    for number in range(8):
        exchange.advance(200)
        session.place_order(
            **words, side="Buy", orderType="Limit", qty="0.01", price=price, orderLinkId=f"n{number}"
        )
    seen: list[str] = []
    cursor = None
    while cursor != "":
        more: dict[str, Any] = {"cursor": cursor} if cursor else {}
        reply: Any = session.get_open_orders(**words, limit=3, **more)
        seen += [one["orderLinkId"] for one in reply["result"]["list"]]
        cursor = reply["result"]["nextPageCursor"]
    assert seen == [f"n{number}" for number in range(7, -1, -1)]


def test_rate_limit_headers_and_refusal(exchange: Exchange) -> None:
    """Ten a second, counted down in the headers; the eleventh is 10006; a second later there is room."""
    session = pybit_http(exchange, return_response_headers=True, retry_codes={-1})
    words: dict[str, Any] = {"category": "linear", "symbol": "BTCUSDT"}
    left = []
    for number in range(10):
        leverage = str(11 + number)
        _, _, headers = session.set_leverage(**words, buyLeverage=leverage, sellLeverage=leverage)
        left.append(int(headers["X-Bapi-Limit-Status"]))
    assert left[0] == 9
    assert left == sorted(left, reverse=True)
    with pytest.raises(InvalidRequestError) as caught:
        session.set_leverage(**words, buyLeverage="50", sellLeverage="50")
    assert caught.value.status_code == 10006
    assert int(caught.value.resp_headers["X-Bapi-Limit-Reset-Timestamp"]) > exchange.clock.now_ms()
    exchange.advance(1_000)
    session.set_leverage(**words, buyLeverage="50", sellLeverage="50")


def test_signatures_are_checked(exchange: Exchange) -> None:
    """Wrong secret 10004, unknown key 10003, stale stamp 10002 retried by pybit with a wider window."""
    session = pybit_http(exchange)
    session.api_secret = "wrong"
    with pytest.raises(InvalidRequestError) as caught:
        session.get_account_info()
    assert caught.value.status_code == 10004
    session.api_secret, session.api_key = API_SECRET, "nobody"
    with pytest.raises(InvalidRequestError) as caught:
        session.get_account_info()
    assert caught.value.status_code == 10003
    session = pybit_http(exchange, retry_delay=0)
    exchange.faults.clock.skew(7_000)  # 5000 ms are not enough, 7500 are
    assert session.get_account_info()
    assert [one.code for one in exchange.requests][-2:] == [10002, 0]
    exchange.faults.clock.skew(-1_000)  # a stamp a full second ahead is refused however wide the window
    with pytest.raises(FailedRequestError):
        session.get_account_info()


def test_past_reset_stamp_kills_pybit(exchange: Exchange) -> None:
    """The defect a client must live with: ValueError out of a read."""
    exchange.faults.rest.rate("market/time", reset_in_ms=-500)
    with pytest.raises(ValueError, match="non-negative"):
        pybit_http(exchange).get_server_time()


def test_public_streams(exchange: Exchange, keep: Keep) -> None:
    """Klines confirm every bar, tickers merge into whole rows, trades arrive."""
    socket = keep(pybit_public(exchange))
    klines: Inbox = queue.Queue()
    tickers: Inbox = queue.Queue()
    trades: Inbox = queue.Queue()
    socket.kline_stream(interval=15, symbol="BTCUSDT", callback=listen(klines))
    socket.ticker_stream(symbol="BTCUSDT", callback=listen(tickers))
    socket.trade_stream(symbol="BTCUSDT", callback=listen(trades))
    collect(klines)
    exchange.advance(5 * BAR_MS)
    bars = [bar for message in collect(klines) for bar in message["data"]]
    assert sum(bar["confirm"] for bar in bars) == 5
    merged = collect(tickers)
    assert all(message["type"] == "snapshot" and "markPrice" in message["data"] for message in merged)
    assert len(collect(trades)) == 15


def test_private_streams(exchange: Exchange, keep: Keep) -> None:
    """One order: all four topics reach their callbacks."""
    socket = keep(pybit_private(exchange))
    wait_for_login(socket)
    inbox: Inbox = queue.Queue()
    for subscribe in (
        socket.order_stream,
        socket.execution_stream,
        socket.position_stream,
        socket.wallet_stream,
    ):
        subscribe(callback=listen(inbox))
    collect(inbox)
    pybit_http(exchange).place_order(
        category="linear", symbol="BTCUSDT", side="Buy", orderType="Market", qty="0.01"
    )
    assert [message["topic"] for message in collect(inbox)] == ["order", "execution", "position", "wallet"]


def test_reconnects_by_itself_after_a_clean_close(exchange: Exchange, keep: Keep) -> None:
    """pybit comes back, logs in, subscribes again, and data flows."""
    socket = keep(pybit_private(exchange))
    wait_for_login(socket)
    inbox: Inbox = queue.Queue()
    socket.order_stream(callback=listen(inbox))
    collect(inbox)
    exchange.faults.ws.close(1000)
    deadline = time.monotonic() + 5
    while exchange.hub.accepted < 2 or not any(one.topics for one in exchange.hub.connections):
        assert time.monotonic() < deadline, "pybit did not come back"
        time.sleep(0.02)
    pybit_http(exchange).place_order(
        category="linear", symbol="BTCUSDT", side="Buy", orderType="Market", qty="0.01"
    )
    assert collect(inbox)[0]["data"][0]["orderStatus"] == "Filled"


def test_trade_socket(exchange: Exchange, keep: Keep) -> None:
    """place, amend, cancel over the socket; refusals reach the error callback."""
    socket = keep(
        LocalTrading(api_key=API_KEY, api_secret=API_SECRET, ws_url=exchange.ws_url, private_auth_expire=10)
    )
    replies: Inbox = queue.Queue()
    words: dict[str, Any] = {"category": "linear", "symbol": "BTCUSDT"}
    price = str(exchange.venue.last[("linear", "BTCUSDT")] - 300)
    order = {"side": "Buy", "orderType": "Limit", "qty": "0.1", "price": price}
    time.sleep(0.1)
    socket.place_order(listen(replies), **words, **order)
    placed = replies.get(timeout=2)
    assert (placed["retCode"], placed["op"]) == (0, "order.create")
    assert placed["header"]["X-Bapi-Limit"] == "10"
    order_id = placed["data"]["orderId"]
    socket.amend_order(listen(replies), **words, orderId=order_id, qty="0.2")
    assert replies.get(timeout=2)["retCode"] == 0
    socket.cancel_order(listen(replies), **words, orderId=order_id)
    assert replies.get(timeout=2)["retCode"] == 0
    socket.cancel_order(listen(replies), listen(replies), **words, orderId=order_id)
    assert replies.get(timeout=2)["retCode"] == 110001


def test_lockstep_loses_nothing_at_thousands_of_times_real_time(exchange: Exchange, keep: Keep) -> None:
    """pybit's sockets and REST over 400 bars with an order every seventh: every bar, every fill."""
    public, private = keep(pybit_public(exchange)), keep(pybit_private(exchange))
    wait_for_login(private)
    session = pybit_http(exchange)
    inbox: Inbox = queue.Queue()
    counted = [0]
    closed: list[int] = []
    fills: list[str] = []

    def receive(message: Any) -> None:
        inbox.put(message)

    def settled(frames: int) -> bool:
        while not inbox.empty():
            message = inbox.get()
            counted[0] += 1
            if message["topic"].startswith("kline"):
                for bar in message["data"]:
                    if bar["confirm"]:
                        closed.append(bar["start"])
                        if len(closed) % 7 == 0:
                            trade()
            elif message["topic"] == "execution":
                trades = [row for row in message["data"] if row["execType"] == "Trade"]
                fills.extend(row["orderLinkId"] for row in trades)
        return counted[0] == exchange.data_frames >= frames

    def trade() -> None:
        number = len(closed) // 7
        session.place_order(
            category="linear",
            symbol="BTCUSDT",
            side="Buy" if number % 2 else "Sell",
            orderType="Market",
            qty="0.01",
            orderLinkId=f"bar-{len(closed)}",
        )

    public.kline_stream(interval=15, symbol="BTCUSDT", callback=receive)
    private.execution_stream(callback=receive)
    time.sleep(0.2)
    begin_ms, began = exchange.clock.now_ms(), time.monotonic()
    exchange.lockstep(begin_ms + 400 * BAR_MS, settled=settled)
    settled(0)
    first = begin_ms // BAR_MS * BAR_MS
    assert closed == list(np.arange(first, first + 400 * BAR_MS, BAR_MS))
    assert fills == [f"bar-{7 * number}" for number in range(1, 58)]
    faster = 400 * BAR_MS / 1000 / (time.monotonic() - began)
    assert faster > 1_000
