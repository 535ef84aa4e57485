"""Public messages: order on the wire, roll messages, snapshots and deltas, refusals, control frames."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from tests.exchange import Exchange, Market, known
from tests.exchange.clients import RawSocket
from tests.exchange.kline_feed import phase_of
from tests.exchange.sample import walk

BAR_MS = 900_000
SECOND_BAR = 500


@pytest.fixture
def bars() -> np.ndarray:
    return walk(1_000)


@pytest.fixture
def exchange(bars: np.ndarray) -> Iterator[Exchange]:
    markets = [
        Market(known("BTCUSDT"), bars, "15m"),
        Market(known("ETHUSDT"), walk(1_000, first_price=2_000.0, tick=0.01, step=0.01, seed=2), "15m"),
        Market(known("BTCUSDT", "spot"), bars, "15m"),
    ]
    start_ms = int(bars["time_ms"][SECOND_BAR]) + 60_000
    with Exchange(markets, start_ms=start_ms, stamps="wall") as running:
        yield running


@pytest.fixture
def open_socket(exchange: Exchange) -> Iterator[Callable[[str], RawSocket]]:
    sockets: list[RawSocket] = []

    def connect(category: str = "linear") -> RawSocket:
        sockets.append(RawSocket(exchange, f"/v5/public/{category}"))
        return sockets[-1]

    yield connect
    for socket in sockets:
        socket.close()


Connect = Callable[..., RawSocket]


def rolls(messages: list[Any], topic: str = "kline.15.BTCUSDT") -> list[Any]:
    """Messages of a kline topic that confirm a bar."""
    of_topic = [one for one in messages if one.get("topic") == topic]
    return [one for one in of_topic if any(element["confirm"] for element in one["data"])]


def test_cached_message_comes_before_the_ack(open_socket: Connect) -> None:
    """Kline and ticker: cached last message, then the acknowledgement with its id; trades start silent."""
    socket = open_socket()
    kline, ack = socket.subscribe("kline.15.BTCUSDT", req_id="x1")
    assert kline["topic"] == "kline.15.BTCUSDT"
    assert kline["ts"] == kline["data"][0]["timestamp"]
    assert {key: ack[key] for key in ("success", "ret_msg", "op", "req_id")} == {
        "success": True,
        "ret_msg": "",
        "op": "subscribe",
        "req_id": "x1",
    }
    ticker, ack = socket.subscribe("tickers.BTCUSDT")
    assert (ticker["type"], ack["req_id"]) == ("snapshot", "")
    assert [one.get("op") for one in socket.subscribe("publicTrade.BTCUSDT")] == ["subscribe"]


def test_spot_ack_differs(open_socket: Connect) -> None:
    """ret_msg "subscribe", and no req_id when none was sent."""
    ack = open_socket("spot").subscribe("kline.15.BTCUSDT")[-1]
    assert ack["ret_msg"] == "subscribe"
    assert "req_id" not in ack
    assert open_socket("spot").subscribe("kline.15.BTCUSDT", req_id="7")[-1]["req_id"] == "7"


def test_roll_message_has_two_elements(exchange: Exchange, open_socket: Connect, bars: np.ndarray) -> None:
    """[closed bar, new bar] within 1.005 s of the boundary, on the symbol's phase, opening at the close."""
    socket = open_socket()
    socket.subscribe("kline.15.BTCUSDT")
    exchange.advance(3 * BAR_MS)
    closing = rolls(socket.drain())
    assert len(closing) == 3
    for offset, message in enumerate(closing):
        closed, new = message["data"]
        source = bars[SECOND_BAR + offset]
        assert (closed["confirm"], new["confirm"]) == (True, False)
        shown = [float(closed[name]) for name in ("open", "high", "low", "close", "volume")]
        assert shown == list(source.tolist()[1:6])
        assert closed["end"] + 1 == new["start"]
        assert {new[name] for name in ("open", "high", "low", "close")} == {closed["close"]}
        assert (new["volume"], new["turnover"]) == ("0", "0")
        assert message["ts"] % 1000 == phase_of("BTCUSDT") == 441
        assert 0 < message["ts"] - new["start"] <= 1005


def test_spot_rolls_in_two_messages(exchange: Exchange, open_socket: Connect) -> None:
    """One message closes, the next opens."""
    socket = open_socket("spot")
    socket.subscribe("kline.15.BTCUSDT")
    exchange.advance(BAR_MS)
    messages = [one for one in socket.drain() if one.get("topic")]
    assert all(len(one["data"]) == 1 for one in messages)
    index = next(i for i, one in enumerate(messages) if one["data"][0]["confirm"])
    assert messages[index + 1]["data"][0]["start"] == messages[index]["data"][0]["end"] + 1


def test_rest_and_socket_agree_after_the_roll(exchange: Exchange, open_socket: Connect) -> None:
    """Every confirmed bar equals the REST row of the same start, field by field."""
    import requests

    socket = open_socket()
    socket.subscribe("kline.15.BTCUSDT", "kline.60.BTCUSDT")
    exchange.advance(12 * BAR_MS)
    messages = socket.drain()
    for interval in ("15", "60"):
        words = {"category": "linear", "symbol": "BTCUSDT", "interval": interval, "limit": "1000"}
        listed = requests.get(f"{exchange.url}/v5/market/kline", params=words, timeout=5).json()["result"][
            "list"
        ]
        by_start = {int(row[0]): row[1:] for row in listed}
        confirmed = [one["data"][0] for one in rolls(messages, f"kline.{interval}.BTCUSDT")]
        assert len(confirmed) in (12, 3)
        for bar in confirmed:
            names = ("open", "high", "low", "close", "volume", "turnover")
            assert [bar[name] for name in names] == by_start[bar["start"]]


def test_klines_lie_on_the_grid_and_are_silent_when_nothing_trades(
    exchange: Exchange, open_socket: Connect
) -> None:
    """A push a price change, at most one a second, never two with the same content in a row."""
    socket = open_socket()
    socket.subscribe("kline.15.BTCUSDT")
    exchange.advance(2 * BAR_MS)
    stamps = [one["ts"] for one in socket.drain() if one.get("topic")]
    assert all(stamp % 1000 == 441 for stamp in stamps)
    assert len(stamps) == len(set(stamps)) < 20


def test_ticker_deltas_rebuild_the_snapshot(exchange: Exchange, open_socket: Connect) -> None:
    """Snapshot plus deltas equals a fresh snapshot; deltas hold changes only; prices come with sizes."""
    socket = open_socket()
    state = dict(socket.subscribe("tickers.BTCUSDT")[0]["data"])
    exchange.advance(4 * BAR_MS)
    deltas = [one for one in socket.drain() if one.get("topic") == "tickers.BTCUSDT"]
    assert len(deltas) > 5
    for one in deltas:
        assert one["type"] == "delta"
        assert ("bid1Price" in one["data"]) == ("bid1Size" in one["data"])
        changed = {key for key, value in one["data"].items() if state[key] != value}
        assert changed
        assert set(one["data"]) - changed <= {"symbol", "bid1Price", "bid1Size", "ask1Price", "ask1Size"}
        state |= one["data"]
    assert open_socket().subscribe("tickers.BTCUSDT")[0]["data"] == state


def test_trades_follow_the_path(exchange: Exchange, open_socket: Connect, bars: np.ndarray) -> None:
    """Volumes of a bar's trades add up to its volume; the last price is its close."""
    socket = open_socket()
    socket.subscribe("publicTrade.BTCUSDT")
    first = int(bars["time_ms"][SECOND_BAR])
    exchange.advance_to(first + BAR_MS - 1)
    trades = [one["data"][0] for one in socket.drain() if one.get("topic")]
    assert sum(float(one["v"]) for one in trades) == pytest.approx(bars["volume"][SECOND_BAR])
    assert float(trades[-1]["p"]) == bars["close"][SECOND_BAR]


@pytest.mark.parametrize(
    ("topics", "text"),
    [
        (["kline.7.BTCUSDT"], "error:handler not found,topic:kline.7.BTCUSDT"),
        (["kline.5.BTCUSDT"], "error:handler not found,topic:kline.5.BTCUSDT"),
        (["kline.15.NOPEUSDT"], "error:handler not found,topic:kline.15.NOPEUSDT"),
        (["horoscope.BTCUSDT"], "error:handler not found,topic:horoscope.BTCUSDT"),
        ([], "Params Error"),
    ],
)
def test_refused_subscriptions(open_socket: Connect, topics: list[str], text: str) -> None:
    """success false and the text; the connection lives on."""
    socket = open_socket()
    reply = socket.subscribe(*topics)[-1]
    assert (reply["success"], reply["ret_msg"]) == (False, text)
    assert socket.subscribe("tickers.BTCUSDT")[-1]["success"]


def test_subscribing_twice_is_refused(open_socket: Connect) -> None:
    """The text names the topic."""
    socket = open_socket()
    socket.subscribe("tickers.BTCUSDT")
    reply = socket.subscribe("tickers.BTCUSDT")[-1]
    assert reply["ret_msg"] == "error:already subscribed,topic:tickers.BTCUSDT"


def test_unsubscribe_and_again(exchange: Exchange, open_socket: Connect) -> None:
    """Silence after unsubscribing; a new subscription rolls once a bar, not twice."""
    socket = open_socket()
    socket.subscribe("kline.15.BTCUSDT")
    socket.send(op="unsubscribe", args=["kline.15.BTCUSDT"], req_id="u")
    assert socket.until("unsubscribe")[-1]["req_id"] == "u"
    exchange.advance(BAR_MS // 3)
    assert socket.drain() == []
    socket.subscribe("kline.15.BTCUSDT")
    exchange.advance(2 * BAR_MS)
    assert len(rolls(socket.drain())) == 2


def test_ping_public(open_socket: Connect) -> None:
    """The public pong shape."""
    socket = open_socket()
    socket.send(op="ping")
    pong = socket.receive()
    assert {key: pong[key] for key in ("success", "ret_msg", "op", "req_id")} == {
        "success": True,
        "ret_msg": "pong",
        "op": "ping",
        "req_id": "",
    }


def test_unknown_category_is_404(exchange: Exchange) -> None:
    """The handshake is refused."""
    import websocket

    with pytest.raises(websocket.WebSocketBadStatusException):
        RawSocket(exchange, "/v5/public/stocks")
