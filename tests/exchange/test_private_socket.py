"""Private messages: login, topics, what one order causes, and in which order it may be told."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from aiohttp import web

from tests.exchange.clients import RawSocket
from tests.exchange.conftest import Rig
from tests.exchange.hub import Connection
from tests.exchange.socket_faults import TOPICS

Build = Callable[..., Rig]


@pytest.fixture
def private() -> Iterator[Callable[[Rig], RawSocket]]:
    """Opens logged-in sockets subscribed to the four topics."""
    sockets: list[RawSocket] = []

    def connect(one: Rig, *topics: str) -> RawSocket:
        socket = RawSocket(one.exchange, "/v5/private")
        sockets.append(socket)
        one.exchange.clock.skew_ms = 0
        assert _wall_login(socket)["success"]
        socket.subscribe(*(topics or TOPICS))
        return socket

    yield connect
    for socket in sockets:
        socket.close()


Private = Callable[..., RawSocket]


def _wall_login(socket: RawSocket, **options: Any) -> Any:
    """Log in by real time, which the rig judges stamps by."""
    import time

    ahead = int(time.time() * 1000) - socket.exchange.clock.server_ms() + options.pop("ahead_ms", 5_000)
    return socket.login(ahead_ms=ahead, **options)


def rows(messages: list[Any], topic: str) -> list[Any]:
    """Rows of one topic, in order."""
    return [row for one in messages if one.get("topic") == topic for row in one["data"]]


def test_entry_tells_all_four_topics(rig: Build, private: Private) -> None:
    """Order filled, execution, position with its stop, wallet; execution and position share seq."""
    one = rig([100, 100])
    socket = private(one)
    one.order("Buy", "1", stopLoss="95", orderLinkId="L1")
    messages = socket.drain()
    orders = rows(messages, "order")
    assert [(row["orderStatus"], row["stopOrderType"]) for row in orders] == [
        ("Filled", ""),
        ("Untriggered", "StopLoss"),
    ]
    assert (orders[0]["orderLinkId"], orders[0]["avgPrice"], orders[0]["leavesQty"]) == ("L1", "100", "0")
    stop = orders[1]
    assert (stop["createType"], stop["reduceOnly"], stop["closeOnTrigger"]) == (
        "CreateByStopLoss",
        True,
        True,
    )
    execution, position = rows(messages, "execution")[0], rows(messages, "position")[0]
    assert execution["seq"] == position["seq"]
    assert (position["side"], position["size"], position["entryPrice"], position["stopLoss"]) == (
        "Buy",
        "1",
        "100",
        "95",
    )
    assert "avgPrice" not in position
    assert rows(messages, "wallet")[0]["coin"][0]["walletBalance"] == "9999.945"


def test_stop_lifecycle(rig: Build, private: Private) -> None:
    """Triggered, then Filled; the sibling is Deactivated by CancelByTpSlTsClear; the position is flat."""
    one = rig([100, 90])
    socket = private(one)
    one.order("Buy", "1", stopLoss="95", takeProfit="120")
    socket.drain()
    one.minutes(2)
    messages = socket.drain()
    orders = rows(messages, "order")
    assert [(row["stopOrderType"], row["orderStatus"], row["cancelType"]) for row in orders] == [
        ("StopLoss", "Triggered", "UNKNOWN"),
        ("StopLoss", "Filled", "UNKNOWN"),
        ("TakeProfit", "Deactivated", "CancelByTpSlTsClear"),
    ]
    execution = rows(messages, "execution")[0]
    assert (execution["closedSize"], execution["createType"], execution["stopOrderType"]) == (
        "1",
        "CreateByStopLoss",
        "StopLoss",
    )
    position = rows(messages, "position")[0]
    assert (position["side"], position["size"], position["stopLoss"]) == ("", "0", "")


def test_a_resting_order_tells_new_partly_and_filled(rig: Build, private: Private) -> None:
    """Half on arrival, the rest when the price comes back."""
    one = rig([100, 101, 99])
    socket = private(one, "order")
    one.exchange.faults.eng.partial([0.5])
    one.order("Buy", "1", price="100")
    one.minutes(2)
    told = rows(socket.drain(), "order")
    assert [(row["orderStatus"], row["cumExecQty"], row["leavesQty"]) for row in told] == [
        ("New", "0", "1"),
        ("PartiallyFilled", "0.5", "0.5"),
        ("Filled", "1", "0"),
    ]


def test_leverage_echo_has_size_zero(rig: Build, private: Private) -> None:
    """K02: set-leverage pushes a flat position that is not a close."""
    one = rig([100, 100])
    socket = private(one)
    one.session.set_leverage(category="linear", symbol="TESTUSDT", buyLeverage="5", sellLeverage="5")
    position = rows(socket.drain(), "position")[0]
    assert (position["side"], position["size"], position["leverage"], position["seq"]) == ("", "0", "5", -1)


def test_position_speaks_on_every_order_event(rig: Build, private: Private) -> None:
    """Create, amend and cancel of a resting order each push the unchanged position."""
    one = rig([100, 100])
    socket = private(one, "position")
    order_id = one.order("Buy", "1", price="90")
    assert len(rows(socket.drain(), "position")) == 1
    one.session.amend_order(category="linear", symbol="TESTUSDT", orderId=order_id, price="91")
    assert len(rows(socket.drain(), "position")) == 1
    one.session.cancel_order(category="linear", symbol="TESTUSDT", orderId=order_id)
    assert [row["size"] for row in rows(socket.drain(), "position")] == ["0"]


@pytest.mark.parametrize("order", list(itertools.permutations(TOPICS)), ids="-".join)
def test_any_order_of_topics(rig: Build, private: Private, order: tuple[str, ...]) -> None:
    """All 24 orders of the four topics can be had (K07)."""
    one = rig([100, 100])
    socket = private(one)
    one.exchange.faults.ws.reorder(order)
    one.order("Buy", "1")
    assert [message["topic"] for message in socket.drain()] == list(order)


@pytest.mark.parametrize(("before_ack", "expected"), [(False, ["reply", "push"]), (True, ["push", "reply"])])
def test_reply_and_messages_race_as_told(
    rig: Build,
    private: Private,
    monkeypatch: pytest.MonkeyPatch,
    before_ack: bool,
    expected: list[str],
) -> None:
    """The reply is written before the messages are queued; with before_ack the other way round (K07)."""
    one = rig([100, 100])
    private(one)
    happened: list[str] = []
    write_eof, send = web.Response.write_eof, Connection.send

    async def noted_eof(reply: web.Response, data: bytes = b"") -> None:
        await write_eof(reply, data)
        happened.append("reply")

    def noted_send(connection: Connection, message: Any) -> None:
        send(connection, message)
        happened.append("push")

    monkeypatch.setattr(web.Response, "write_eof", noted_eof)
    monkeypatch.setattr(Connection, "send", noted_send)
    one.exchange.faults.ws.before_ack = before_ack
    one.order("Buy", "1")
    one.exchange.call(lambda: None)  # whatever the server still had to do for that reply is done now
    assert list(dict.fromkeys(happened)) == expected


def test_no_snapshot_on_subscribe(rig: Build, private: Private) -> None:
    """Nothing is told before something happens."""
    one = rig([100, 100])
    one.order("Buy", "1")
    assert private(one).drain() == []


def test_categorised_and_fast_topics(rig: Build, private: Private) -> None:
    """order.linear and execution.fast are served; mixing order and order.linear in one request is refused."""
    one = rig([100, 100])
    socket = private(one, "order.linear", "execution.fast")
    one.order("Buy", "1", orderLinkId="L1")
    messages = socket.drain()
    assert rows(messages, "order.linear")[0]["orderLinkId"] == "L1"
    fast = next(message for message in messages if message["topic"] == "execution.fast")
    assert "id" not in fast
    assert fast["data"][0]["orderLinkId"] == "L1"
    assert not socket.subscribe("wallet", "position", "position.linear")[-1]["success"]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"secret": "wrong"}, "Invalid sign"),
        ({"key": "nobody"}, "API key is invalid."),
        ({"ahead_ms": -1}, "Params Error: expires is in the past"),
    ],
)
def test_refused_logins(rig: Build, options: dict[str, Any], text: str) -> None:
    """success false; subscribing without a login is refused."""
    one = rig([100, 100])
    socket = RawSocket(one.exchange, "/v5/private")
    reply = _wall_login(socket, **options)
    assert (reply["success"], reply["ret_msg"], reply["op"]) == (False, text, "auth")
    assert socket.subscribe("order")[-1]["success"] is False
    socket.close()


def test_private_ping(rig: Build) -> None:
    """The private pong shape, time as text."""
    one = rig([100, 100])
    socket = RawSocket(one.exchange, "/v5/private")
    socket.send(op="ping", req_id="p")
    pong = socket.receive()
    assert (pong["op"], pong["req_id"], pong["args"]) == ("pong", "p", [str(one.exchange.clock.now_ms())])
    socket.close()
