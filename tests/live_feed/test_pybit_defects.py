"""What pybit 5.17 dies of, one by one, against the real library: the feed lives on.

Where the death can be shown without waiting, :func:`test_plain_pybit_dies_of_it` shows it on the unchanged class,
so that the tests of the feed are known to inject something deadly.
"""

from __future__ import annotations

import json
import queue
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psutil
import pytest

from feeds.live import LiveSettings, NoticeKind, Origin, Phase, Stream, streams
from feeds.live.bybit_socket import BybitSocket
from kwin_core.errors import VenueError
from tests.exchange import Exchange, Market, known
from tests.exchange.clients import pybit_public
from tests.exchange.sample import walk
from tests.live_feed.rig import PATIENCE_S, WallRig, forgive_hang_ups, running, until

MINUTE_MS = 60_000
BARS = walk(1_200, timeframe="1m")
START_MS = int(BARS["time_ms"][300]) + 10_000
BTC = Stream("linear", "BTCUSDT", MINUTE_MS)

DEADLY_FRAMES = {
    "not JSON": "<html>502 Bad Gateway</html>",
    "no topic": '{"hello": "world"}',
    "unknown topic": '{"topic": "kline.3.NOSUCH", "data": [], "ts": 1, "type": "snapshot"}',
    "an ack nobody asked for": '{"success": true, "ret_msg": "", "req_id": "nobody", "op": "subscribe"}',
    "a refused subscription": '{"success": false, "ret_msg": "error:handler not found,topic:x", "req_id": "", '
    '"op": "subscribe"}',
    "a refused login": '{"success": false, "ret_msg": "Params Error", "op": "auth"}',
    "a delta before its snapshot": '{"topic": "tickers.BTCUSDT", "type": "delta", "data": {"symbol": "BTCUSDT", '
    '"lastPrice": "1"}, "ts": 1}',
}
STRANGE_FRAMES = {
    "an array": "[1, 2]",
    "a number": "17",
    "nothing": "",
    "a topic that is no text": '{"topic": {"a": 1}, "data": []}',
    "a push without data": '{"topic": "kline.1.BTCUSDT", "ts": 1}',
    "data that are no bars": '{"topic": "kline.1.BTCUSDT", "data": [null, 1, {"confirm": "yes"}], "ts": 1}',
    "a bar without prices": '{"topic": "kline.1.BTCUSDT", "ts": 1999999999999, "data": [{"start": 60000, '
    '"interval": "1", "confirm": true}]}',
    "a bar of another interval": '{"topic": "kline.1.BTCUSDT", "ts": 1999999999999, "data": [{"start": 60000, '
    '"interval": "5", "open": "1", "high": "1", "low": "1", "close": "1", "volume": "1", "confirm": true}]}',
    "a bar with empty texts": '{"topic": "kline.1.BTCUSDT", "ts": 1999999999999, "data": [{"start": 60000, '
    '"interval": "1", "open": "", "high": "", "low": "", "close": "", "volume": "", "confirm": true}]}',
    "a bar off the grid": '{"topic": "kline.1.BTCUSDT", "ts": 1999999999999, "data": [{"start": 60001, '
    '"interval": "1", "open": "1", "high": "1", "low": "1", "close": "1", "volume": "1", "confirm": true}]}',
    "a bar confirmed before its end": '{"topic": "kline.1.BTCUSDT", "ts": 1, "data": [{"start": 60000, '
    '"interval": "1", "open": "1", "high": "1", "low": "1", "close": "1", "volume": "1", "confirm": true}]}',
}


def ignore(*_: object) -> None:
    """Callback of a test that looks elsewhere."""


def btc() -> Market:
    """BTCUSDT, one-minute bars."""
    return Market(known("BTCUSDT"), BARS, "1m")


@pytest.mark.parametrize("name", DEADLY_FRAMES)
def test_plain_pybit_dies_of_it(name: str) -> None:
    """The unchanged class: one such frame and its reader thread ends, without a reconnect."""
    with Exchange([btc()], start_ms=START_MS) as exchange:
        plain = pybit_public(exchange)
        plain.kline_stream(interval=1, symbol="BTCUSDT", callback=lambda _: None)
        plain.callback_directory["tickers.BTCUSDT"] = print
        plain.data["tickers.BTCUSDT"] = []
        exchange.faults.ws.raw(DEADLY_FRAMES[name])
        until(lambda: not plain.wst.is_alive(), "the reader thread ends")
        assert not plain.is_connected()
        forgive_hang_ups(exchange)


@pytest.mark.parametrize("name", [*DEADLY_FRAMES, *STRANGE_FRAMES])
def test_a_strange_frame_is_reported_and_survived(name: str) -> None:
    """Any frame that is not what was asked for: a notice, the same connection, every bar."""
    frame = {**DEADLY_FRAMES, **STRANGE_FRAMES}[name]
    with running([btc()], START_MS, [BTC]) as rig:
        rig.wait_subscribed()
        rig.exchange.faults.ws.raw(frame)
        told = (NoticeKind.STRANGE, NoticeKind.REFUSED)
        wanted = 0 if name == "an ack nobody asked for" else 1
        until(lambda: sum(one.kind in told for one in rig.notices) >= wanted, "the frame is reported")
        rig.run(3 * MINUTE_MS)
        rig.check(BTC)
        assert rig.feed.status().attempts == 1
        assert rig.bars[-1].origin is Origin.STREAM


def test_exception_in_a_callback_kills_plain_pybit_and_not_the_feed() -> None:
    """The consumer raises on every bar; the unchanged class would be dead after the first message."""
    with running([btc()], START_MS, [BTC]) as rig:
        plain = pybit_public(rig.exchange)
        plain.kline_stream(interval=1, symbol="BTCUSDT", callback=lambda _: 1 // 0)
        until(lambda: not plain.wst.is_alive(), "plain pybit dies of its callback")
        until(lambda: len(rig.exchange.hub.connections) == 1, "the exchange notices")
        until(lambda: rig.quiet_alone(), "the feed settles")
        rig.rebase()
        rig.wait_subscribed()
        rig.on_bar = lambda bar: (rig.bars.append(bar), 1 // 0)[0]
        rig.run(3 * MINUTE_MS)
        rig.check(BTC)
        assert rig.count(NoticeKind.CONSUMER_FAILED) >= 3
        assert rig.feed.status().attempts == 1


def test_a_refused_subscription_spares_the_other_topics() -> None:
    """The exchange refuses whole requests: the topics are then asked for one by one."""
    wanted = streams(linear=["BTCUSDT"], timeframes=["1m", "5m", "15m"])
    with running([btc()], START_MS, wanted, prepare=lambda exchange: exchange.faults.ws.ack_fail(n=1)) as rig:
        rig.wait_subscribed()
        rig.run(30 * MINUTE_MS)
        for stream in wanted:
            rig.check(stream)
        assert rig.feed.status().attempts == 1


def test_a_topic_refused_again_and_again_is_served_by_rest() -> None:
    """Every subscription refused: told, bars by REST in time, and the stream once it is accepted."""
    with running(
        [btc()], START_MS, [BTC], prepare=lambda exchange: exchange.faults.ws.ack_fail(n=None)
    ) as rig:
        until(lambda: rig.count(NoticeKind.REFUSED) >= 1, "the refusal is told")
        rig.run(6 * MINUTE_MS)
        rig.check(BTC)
        assert max(one.delay_ms for one in rig.bars if one.phase is Phase.LIVE) < 6_000
        rig.exchange.faults.ws.heal()
        rig.run(20 * MINUTE_MS)
        rig.check(BTC)
        assert rig.bars[-1].origin is Origin.STREAM


def test_already_subscribed_is_not_an_error() -> None:
    """A second request for a served topic is refused by the exchange and means no harm."""
    with running([btc()], START_MS, [BTC]) as rig:
        rig.wait_subscribed()
        link = next(iter(rig.feed._links.values()))
        assert link.socket is not None
        link.socket.request(["kline.1.BTCUSDT"])
        rig.run(3 * MINUTE_MS)
        rig.check(BTC)
        assert rig.count(NoticeKind.REFUSED) == 0


def _instant_acks(connections: int) -> None:
    """So many connections to an exchange that answers a subscription at once; data and a live reader on each."""
    with Exchange([btc()], start_ms=START_MS, reply_delay_ms=0.0) as exchange:
        chosen = LiveSettings((BTC,), environment=exchange.url, stream_url=exchange.ws_url)
        for number in range(connections):
            inbox: queue.SimpleQueue[Any] = queue.SimpleQueue()
            trouble: list[str] = []
            one = BybitSocket(
                "linear",
                chosen,
                on_refused=lambda *told, trouble=trouble: trouble.append(str(told)),
                on_strange=trouble.append,
                on_down=trouble.append,
            )
            one.open()
            one.kline_stream(interval=1, symbol="BTCUSDT", callback=inbox.put)
            assert inbox.get(timeout=PATIENCE_S)["topic"] == "kline.1.BTCUSDT"
            assert one.alive(), f"connection {number}: {one.failure}"
            assert trouble == []
            assert one.end(PATIENCE_S)
        forgive_hang_ups(exchange)


def test_instant_ack_over_20_connections() -> None:
    """Registered before it is sent: an ack cannot come too early."""
    _instant_acks(20)


def test_an_answer_within_the_send_itself_is_understood() -> None:
    """Data and ack before `send` returns, the worst of the race: both find their topic registered."""
    with Exchange([btc()], start_ms=START_MS) as exchange:
        chosen = LiveSettings((BTC,), environment=exchange.url, stream_url=exchange.ws_url)
        refused: list[Any] = []
        strange: list[str] = []
        pushed: list[Any] = []
        one = BybitSocket(
            "linear",
            chosen,
            on_refused=lambda *told: refused.append(told),
            on_strange=strange.append,
            on_down=ignore,
        )
        one.open()

        def answer(request: dict[str, Any]) -> None:
            one._on_message(json.dumps({"topic": "kline.1.BTCUSDT", "data": [], "ts": 1}))
            reply = {"success": False, "ret_msg": "no", "req_id": request["req_id"], "op": "subscribe"}
            one._on_message(json.dumps(reply))

        one._send = answer  # type: ignore[method-assign]
        one.kline_stream(interval=1, symbol="BTCUSDT", callback=pushed.append)
        assert refused == [(["kline.1.BTCUSDT"], "no")]
        assert len(pushed) == 1
        assert strange == []
        assert one.end(PATIENCE_S)
        forgive_hang_ups(exchange)


@pytest.mark.slow
def test_instant_ack_over_300_connections() -> None:
    """As many as the defect was first seen on: plain pybit lost 14 of 300."""
    _instant_acks(300)


@pytest.mark.parametrize(("away_ms", "most_attempts"), [(500, 3), (30_000, 8), (600_000, 20)])
def test_outage(away_ms: int, most_attempts: int) -> None:
    """Connections refused for 0.5 s, 30 s, 10 minutes: few attempts, back by itself, no bar lost, in order."""
    wanted = streams(linear=["BTCUSDT"], timeframes=["1m", "5m"])
    with running([btc()], START_MS, wanted) as rig:
        rig.wait_subscribed()
        rig.run(2 * MINUTE_MS)
        rig.break_links(rig.exchange.stop)
        rig.run_alone(away_ms)
        rig.exchange.start()
        rig.reconnect()
        rig.run(6 * MINUTE_MS)
        for stream in wanted:
            rig.check(stream)
        assert rig.bars[-1].origin is Origin.STREAM
        assert rig.feed.status().attempts <= most_attempts, "back-off keeps attempts few"


@pytest.mark.parametrize("status", [403, 502, 503])
def test_handshake_refused_with_an_http_status(status: int) -> None:
    """Fatal for plain pybit inside its attempt loop; here the next attempt comes after a pause."""
    with running(
        [btc()], START_MS, [BTC], prepare=lambda exchange: exchange.faults.ws.handshake(status, n=5)
    ) as rig:
        until(lambda: rig.count(NoticeKind.DISCONNECTED) >= 1, "the refusal is noticed")
        rig.reconnect()
        rig.run(3 * MINUTE_MS)
        rig.check(BTC)
        assert rig.feed.status().attempts == 6
        assert rig.bars[-1].origin is Origin.STREAM


@pytest.mark.parametrize("code", [1000, 1001, 1006, 1011])
def test_close_codes_and_reset(code: int) -> None:
    """A clean close, going away, a cut, a server error: one new connection each."""
    with running([btc()], START_MS, [BTC]) as rig:
        rig.wait_subscribed()
        rig.break_links(lambda: rig.exchange.faults.ws.close(code))
        rig.reconnect()
        rig.run(3 * MINUTE_MS)
        rig.check(BTC)
        assert rig.feed.status().attempts == 2
        assert rig.bars[-1].origin is Origin.STREAM


def test_a_handshake_that_is_never_answered_is_bounded() -> None:
    """A peer that takes the connection and says nothing would block pybit's constructor for ever."""
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        port = silent.getsockname()[1]
        chosen = LiveSettings((BTC,), stream_url=f"ws://127.0.0.1:{port}", connect_timeout_s=0.5)
        one = BybitSocket(
            "linear",
            chosen,
            on_refused=ignore,
            on_strange=ignore,
            on_down=ignore,
        )
        with pytest.raises(VenueError, match=r"127\.0\.0\.1"):
            one.open()
        assert one.end(PATIENCE_S)


def test_a_refused_connection_is_tried_once_per_attempt() -> None:
    """pybit's own loop would try at once again and again: here one connection an attempt, with its reason."""
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
    one = BybitSocket(
        "linear",
        LiveSettings((BTC,), stream_url=f"ws://127.0.0.1:{port}"),
        on_refused=ignore,
        on_strange=ignore,
        on_down=ignore,
    )
    with pytest.raises(VenueError, match="refused"):
        one.open()
    assert one.end(PATIENCE_S)


@contextmanager
def _on_wall_clock(**options: Any) -> Iterator[tuple[Exchange, Any]]:
    """A feed on real time, for what pybit's own timers do."""
    now_ms = time.time_ns() // 1_000_000
    begin_ms = now_ms // MINUTE_MS * MINUTE_MS - 300 * MINUTE_MS
    market = Market(known("BTCUSDT"), walk(900, timeframe="1m", start_ms=begin_ms), "1m")
    with Exchange([market], start_ms=now_ms, speed=1.0, reply_delay_ms=1.0) as exchange:
        rig = WallRig(exchange, (BTC,), **options)
        with rig.feed:
            yield exchange, rig
        forgive_hang_ups(exchange)


@pytest.mark.slow
def test_a_frozen_link_is_dropped_by_missing_pongs() -> None:
    """Nothing comes back, not even pongs: dropped after interval and timeout, and made anew."""
    with _on_wall_clock(ping_interval_s=2.0, ping_timeout_s=1.0) as (exchange, rig):
        until(lambda: all(rig.feed.status().links.values()), "the link is up")
        exchange.faults.ws.freeze()
        until(lambda: rig.count(NoticeKind.DISCONNECTED) >= 1, "the dead link is noticed")
        assert "ping" in next(one.text for one in rig.notices if one.kind is NoticeKind.DISCONNECTED)
        exchange.faults.ws.heal()
        frames = rig.feed.frames
        until(lambda: all(rig.feed.status().links.values()) and rig.feed.frames > frames, "data flows again")


@pytest.mark.slow
def test_pings_keep_a_healthy_link_for_many_intervals() -> None:
    """Ping frames and JSON pings at 2 s for 20 s: the same connection throughout, with a slow consumer."""
    with _on_wall_clock(ping_interval_s=2.0, ping_timeout_s=1.9, warmup_bars=3) as (_, rig):
        rig.on_bar = lambda _: time.sleep(6.0)
        until(lambda: all(rig.feed.status().links.values()), "the link is up")
        time.sleep(20.0)
        assert rig.feed.status().attempts == 1
        assert rig.count(NoticeKind.DISCONNECTED) == 0


@pytest.mark.slow
def test_no_thread_or_handle_leaks_over_200_disconnects() -> None:
    """Closes and resets by turns: threads and open descriptors as at the start."""
    process = psutil.Process()
    slack = 10  # a REST connection more or less, a thread just ending; a leak would show 180
    with running([btc()], START_MS, [BTC], audit_bars=0) as rig:
        rig.wait_subscribed()
        threads = handles = 0
        for number in range(200):
            fault = rig.exchange.faults.ws.reset if number % 2 else rig.exchange.faults.ws.close
            rig.break_links(fault)
            rig.reconnect()
            rig.run(MINUTE_MS)
            if number == 20:
                threads, handles = threading.active_count(), process.num_fds()
        rig.check(BTC)
        assert threading.active_count() <= threads + slack
        assert process.num_fds() <= handles + slack


def test_messages_are_what_the_exchange_sends() -> None:
    """The roll of a perpetual carries two elements in one message; spot sends two: both give one bar."""
    with running(
        [btc(), Market(known("BTCUSDT", "spot"), BARS, "1m")],
        START_MS,
        [BTC, Stream("spot", "BTCUSDT", MINUTE_MS)],
    ) as rig:
        rig.wait_subscribed()
        seen: dict[str, list[int]] = {"linear": [], "spot": []}
        for stream, track in rig.feed._tracks.items():
            on_push = track.on_push

            def watch(message: Any, now_ms: int, stream: Stream = stream, on_push: Any = on_push) -> Any:
                closed = [one["confirm"] for one in json.loads(json.dumps(message))["data"]]
                if any(closed):
                    seen[stream.category].append(len(closed))
                return on_push(message, now_ms)

            track.on_push = watch  # type: ignore[method-assign]
        rig.run(5 * MINUTE_MS)
        assert seen == {"linear": [2] * 5, "spot": [1] * 5}
        for stream in rig.feed._tracks:
            rig.check(stream)
