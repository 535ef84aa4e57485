"""Every knob of the fault vocabulary does what it says, and only that."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests
import websocket
from pybit.exceptions import FailedRequestError, InvalidRequestError

from tests.exchange.clients import RawSocket
from tests.exchange.conftest import Rig
from tests.exchange.test_private_socket import Private, private, rows  # noqa: F401  (fixture)

Build = Callable[..., Rig]


@pytest.fixture
def public() -> Iterator[Callable[[Rig], RawSocket]]:
    """Opens public sockets."""
    sockets: list[RawSocket] = []

    def connect(one: Rig) -> RawSocket:
        sockets.append(RawSocket(one.exchange, "/v5/public/linear", timeout=0.5))
        return sockets[-1]

    yield connect
    for socket in sockets:
        socket.close()


Public = Callable[[Rig], RawSocket]


def closings(messages: list[Any]) -> list[int]:
    """Starts of the bars confirmed, in order."""
    return [bar["start"] for one in messages for bar in one.get("data", []) if bar.get("confirm")]


def test_lost_reply_executes(rig: Build) -> None:
    """K15: the connection dies, the order exists; a resend with the same link id is 110072."""
    one = rig([100, 100])
    one.exchange.faults.rest.lost_reply("order/create")
    with pytest.raises(requests.ConnectionError):
        one.order("Buy", "1", orderLinkId="L1")
    assert len(one.fills()) == 1
    assert one.refused(lambda: one.order("Buy", "1", orderLinkId="L1"))[0] == 110072


def test_drop_and_timeout_do_not_execute(rig: Build) -> None:
    """The other half of the ambiguity."""
    one = rig([100, 100])
    one.exchange.faults.rest.drop("order/create")
    with pytest.raises(requests.ConnectionError):
        one.order("Buy", "1")
    one.session.timeout = 0.1
    one.exchange.faults.rest.timeout("order/create", seconds=0.4)
    with pytest.raises(requests.ReadTimeout):
        one.order("Buy", "1")
    one.session.timeout = 5
    assert one.fills() == []


def test_slow_reply_executes_in_time(rig: Build) -> None:
    """The client gives up; the order filled long before."""
    one = rig([100, 100])
    one.exchange.faults.rest.slow("order/create", seconds=0.5)
    one.session.timeout = 0.1
    with pytest.raises(requests.ReadTimeout):
        one.order("Buy", "1")
    one.session.timeout = 5
    assert len(one.fills()) == 1


def test_lag_shows_the_past(rig: Build) -> None:
    """K03: the position list shows the flat position for 4 s of market time after the fill."""
    one = rig([100, 100, 100])
    one.exchange.faults.rest.lag("position", 4_000)
    one.order("Buy", "1")
    assert one.position()["size"] == "0"
    one.exchange.advance(3_999)
    assert one.position()["size"] == "0"
    one.exchange.advance(1)
    assert one.position()["size"] == "1"


def test_empty_stale_and_http(rig: Build) -> None:
    """K09: empty twice, a stale snapshot, then 502, then the truth."""
    one = rig([100, 100])
    one.order("Buy", "1")
    old = {"list": [{"symbol": "TESTUSDT", "size": "7"}], "category": "linear", "nextPageCursor": ""}
    rest = one.exchange.faults.rest
    rest.empty("position", 2)
    rest.stale("position", old)
    rest.http("position", 502)
    words = {"category": "linear", "symbol": "TESTUSDT"}
    for _ in range(2):
        reply: Any = one.session.get_positions(**words)
        assert reply["result"]["list"] == []
    assert one.position()["size"] == "7"
    with pytest.raises(FailedRequestError):
        one.position()
    assert one.position()["size"] == "1"


def test_alter_makes_awkward_payloads(rig: Build) -> None:
    """K17: empty strings where numbers are expected."""
    one = rig([100, 100])
    one.exchange.faults.rest.alter("position", lambda result: {**result, "list": [{"size": ""}]})
    assert one.position() == {"size": ""}


def test_clock_skew_refuses_stamps(rig: Build) -> None:
    """A server clock ten seconds ahead: 10002 until healed."""
    one = rig([100, 100])
    one.exchange.faults.clock.skew(10_000)
    with pytest.raises(InvalidRequestError, match="server timestamp or recv_window"):
        one.position()
    one.exchange.faults.clock.skew(0)
    assert one.position()["size"] == "0"


def test_partial_fills(rig: Build) -> None:
    """K01: two executions; a remainder is cancelled; an IOC can find nothing."""
    one = rig([100, 100])
    eng = one.exchange.faults.eng
    eng.partial([0.6, 0.4])
    assert one.shown(one.order("Buy", "1"))["orderStatus"] == "Filled"
    assert [fill[2] for fill in one.fills()] == ["0.6", "0.4"]
    eng.partial([0.4])
    part = one.shown(one.order("Buy", "1"))
    assert (part["orderStatus"], part["cumExecQty"], part["leavesQty"]) == ("Cancelled", "0.4", "0")
    eng.ioc_zero()
    none = one.shown(one.order("Buy", "1"))
    assert (none["orderStatus"], none["rejectReason"], none["avgPrice"]) == (
        "Cancelled",
        "EC_NoImmediateQtyToFill",
        "",
    )
    eng.partial([0.5])
    resting = one.shown(one.order("Buy", "1", price="100"))
    assert (resting["orderStatus"], resting["leavesQty"]) == ("PartiallyFilled", "0.5")


def test_reject_after_acceptance(rig: Build) -> None:
    """A09: acknowledged, then Rejected; no position."""
    one = rig([100, 100])
    one.exchange.faults.eng.reject("EC_ReachRiskPriceLimit")
    order = one.shown(one.order("Buy", "1"))
    assert (order["orderStatus"], order["rejectReason"]) == ("Rejected", "EC_ReachRiskPriceLimit")
    assert one.position()["size"] == "0"


def test_slippage_delay_and_stop_slip(rig: Build) -> None:
    """Taker fills and stop fills to the worse; matching that waits in market time."""
    one = rig([100, 100, 90, 90])
    eng = one.exchange.faults.eng
    eng.slippage(3)
    eng.stop_fill(50)
    eng.delay(2_000)
    one.order("Buy", "1", stopLoss="95")
    assert one.fills() == []
    one.exchange.advance(2_000)
    assert one.fills() == [("Buy", "100.03", "1", False)]
    one.minutes(3)
    assert one.fills()[-1][1] == "94.47"


def test_reduce_only_is_judged_again_when_it_matches(rig: Build) -> None:
    """K05: accepted while long, matched when the stop has closed the position: cancelled, no short opened."""
    one = rig([100, 90, 90])
    one.order("Buy", "1", stopLoss="95")
    late = one.order("Sell", "1", reduceOnly=True, triggerPrice="92", triggerDirection=2)
    one.exchange.faults.eng.delay(30_000)
    slow = one.order("Sell", "1", reduceOnly=True)
    one.minutes(2)
    assert one.fills()[1:] == [("Sell", "95", "1", False)]
    assert one.position()["size"] == "0"
    for order_id in (late, slow):
        order = one.shown(order_id)
        assert (order["orderStatus"], order["cancelType"]) == ("Cancelled", "CancelByReduceOnly")


def test_a_stop_already_behind_the_price_fires_with_the_fill(rig: Build) -> None:
    """Accepted at 100 with a stop at 95, matched at 90: in and out at 90."""
    one = rig([100, 90, 90])
    one.exchange.faults.eng.delay(60_000)
    one.order("Buy", "1", stopLoss="95")
    one.exchange.advance(60_000)
    assert one.fills() == [("Buy", "90", "1", False), ("Sell", "90", "1", False)]


def test_external_hands(rig: Build) -> None:
    """Open, flip, close, liquidate and deleverage behind the client's back."""
    one = rig([100, 100])
    eng = one.exchange.faults.eng
    eng.external_open("TESTUSDT", "Buy", "2")
    assert (one.position()["side"], one.position()["size"]) == ("Buy", "2")
    eng.external_flip("TESTUSDT")
    assert (one.position()["side"], one.position()["size"]) == ("Sell", "2")
    eng.external_close("TESTUSDT")
    assert one.position()["size"] == "0"
    for act, kind in ((eng.liquidate, "BustTrade"), (eng.deleverage, "AdlTrade")):
        one.order("Buy", "1", stopLoss="90")
        act("TESTUSDT")
        reply: Any = one.session.get_executions(category="linear", symbol="TESTUSDT", limit=1)
        assert reply["result"]["list"][0]["execType"] == kind
        assert one.open_orders() == []
    with pytest.raises(LookupError, match="no open position"):
        eng.external_close("TESTUSDT")


def test_mute_delay_dup(rig: Build, private: Private) -> None:  # noqa: F811
    """By topic and symbol; a delayed message comes in market time, after later ones."""
    one = rig([100, 100])
    socket = private(one)
    ws = one.exchange.faults.ws
    ws.mute("position")
    ws.dup("execution", n=1)
    ws.delay("order", 5_000)
    one.order("Buy", "1")
    assert [message["topic"] for message in socket.drain()] == ["execution", "execution", "wallet"]
    one.exchange.advance(5_000)
    assert [message["topic"] for message in socket.drain()] == ["order"]
    ws.heal()
    ws.mute("order", symbol="OTHERUSDT")
    one.order("Buy", "1")
    assert "order" in [message["topic"] for message in socket.drain()]


def test_acknowledged_but_mute(rig: Build, public: Public) -> None:
    """K11: success true and then nothing for the topic, while others flow; refused on demand."""
    one = rig([100, 101, 102, 103])
    socket = public(one)
    one.exchange.faults.ws.ack_no_data("tickers.TESTUSDT")
    assert [message.get("op") for message in socket.subscribe("tickers.TESTUSDT")] == ["subscribe"]
    socket.subscribe("kline.1.TESTUSDT")
    one.minutes(2)
    assert {message["topic"] for message in socket.drain()} == {"kline.1.TESTUSDT"}
    one.exchange.faults.ws.ack_fail()
    assert socket.subscribe("tickers.TESTUSDT")[-1]["success"] is False


@pytest.mark.parametrize(
    ("knob", "expected"),
    [
        ("drop_confirm", [1, 2]),
        ("skip_bar", [1, 2]),
        ("dup_confirm", [0, 0, 1, 2]),
        ("late_confirm", [0, 1, 2]),
    ],
)
def test_closing_faults(rig: Build, public: Public, knob: str, expected: list[int]) -> None:
    """Which bars are confirmed in three minutes when the first closing is spoiled."""
    one = rig([100, 101, 102, 103, 104])
    socket = public(one)
    start = socket.subscribe("kline.1.TESTUSDT")[0]["data"][0]["start"]
    getattr(one.exchange.faults.ws, knob)("TESTUSDT")
    one.exchange.advance(3 * 60_000 + 2_000)
    messages = socket.drain()
    assert [(at - start) // 60_000 for at in closings(messages)] == expected
    if knob == "late_confirm":
        closing = next(one for one in messages if one["data"][0]["confirm"])
        assert 1_000 < closing["ts"] - closing["data"][1]["start"] <= 2_000


def test_half_open_and_freeze(rig: Build, public: Public) -> None:
    """K12: pongs without data; neither; then healed."""
    one = rig([100, 101, 102, 103, 104, 105, 106])
    socket = public(one)
    socket.subscribe("kline.1.TESTUSDT")
    one.exchange.faults.ws.half_open("public")
    one.minutes(1)
    socket.send(op="ping")
    assert [message["op"] for message in socket.drain()] == ["ping"]
    one.exchange.faults.ws.heal()
    one.exchange.faults.ws.freeze("public")
    one.minutes(1)
    socket.send(op="ping")
    socket.socket.ping()
    with pytest.raises(websocket.WebSocketTimeoutException):
        socket.receive()
    one.exchange.faults.ws.heal()
    one.minutes(1)
    assert socket.drain()


def test_close_reset_forget_raw(rig: Build, public: Public) -> None:
    """A close frame with its code, a cut without one, silent forgetting, and any text."""
    one = rig([100, 101, 102, 103, 104])
    ws = one.exchange.faults.ws
    socket = public(one)
    socket.subscribe("kline.1.TESTUSDT")
    ws.raw('{"hello": 1}', "public")
    assert socket.receive() == {"hello": 1}
    ws.forget_subs("public")
    one.minutes(2)
    assert socket.drain() == []
    ws.close(1001, "public")
    opcode, data = socket.socket.recv_data()
    assert opcode == websocket.ABNF.OPCODE_CLOSE
    assert int.from_bytes(data[:2], "big") == 1001
    other = public(one)
    ws.reset("public")
    with pytest.raises((ConnectionError, websocket.WebSocketConnectionClosedException)):
        other.receive()


def test_bad_handshakes_and_logins(rig: Build, public: Public) -> None:
    """503, a handshake that never ends, a refused login."""
    one = rig([100, 100])
    ws = one.exchange.faults.ws
    ws.handshake(503)
    with pytest.raises(websocket.WebSocketBadStatusException):
        public(one)
    ws.handshake_hang(800)
    with pytest.raises(websocket.WebSocketTimeoutException):
        public(one)
    ws.auth_fail()
    socket = RawSocket(one.exchange, "/v5/private")
    assert socket.login()["success"] is False
    socket.close()


def test_outage_refuses_connections_and_keeps_the_state(rig: Build, public: Public) -> None:
    """The port refuses, then everything is as before on the same port."""
    import threading

    one = rig([100, 100])
    one.order("Buy", "1")
    public(one)
    url = one.exchange.url
    away = threading.Thread(target=one.exchange.outage, args=(0.5,))
    away.start()
    time.sleep(0.2)
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{url}/v5/market/time", timeout=1)
    away.join()
    assert one.exchange.url == url
    assert one.position()["size"] == "1"
