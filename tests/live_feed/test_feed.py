"""The live feed on the simulator in virtual time: real pybit sockets, real REST, every bar once, in order."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from random import Random

import numpy as np
import pytest

from feeds.live import ClosedBar, LiveFeed, LiveSettings, NoticeKind, Origin, Phase, Stream, streams
from kwin_core.errors import ConfigError, VenueError
from tests.exchange import Exchange, Market, known, linear
from tests.exchange.sample import walk
from tests.live_feed.rig import Rig, forgive_hang_ups, running, until

MINUTE_MS = 60_000
BARS = walk(1_200, timeframe="1m")
START_MS = int(BARS["time_ms"][300]) + 10_000
BTC = Stream("linear", "BTCUSDT", MINUTE_MS)


def btc() -> Market:
    """BTCUSDT, one-minute bars."""
    return Market(known("BTCUSDT"), BARS, "1m")


def test_linear_and_spot_in_several_timeframes() -> None:
    """Twelve series over two sockets: warm-up, then two hours live, all from the stream, exactly the script."""
    names = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
    markets = [
        Market(known(name), walk(1_200, timeframe="1m", seed=at), "1m") for at, name in enumerate(names)
    ]
    markets.append(Market(known("BTCUSDT", "spot"), walk(1_200, timeframe="1m", seed=9), "1m"))
    wanted = streams(linear=names, spot=["BTCUSDT"], timeframes=["1m", "15m", "60m"])
    with running(markets, START_MS, wanted, audit_bars=0) as rig:
        rig.wait_subscribed()
        rig.run(120 * MINUTE_MS)
        for stream in wanted:
            rig.check(stream)
            bars = rig.of(stream)
            warm = [one for one in bars if one.phase is Phase.WARM_UP]
            assert len(warm) == 5
            assert bars[:5] == warm
            assert all(one.close_ms <= START_MS for one in warm)
            assert {one.origin for one in bars[5:]} == {Origin.STREAM}
            assert max(one.delay_ms for one in bars[5:]) <= 1_005
        assert rig.feed.status().attempts == 2
        assert set(rig.feed.instruments) == set(wanted)
        assert rig.feed.instruments[BTC].tick == 0.1
        assert {one.kind for one in rig.notices} == {NoticeKind.CONNECTED}


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_disconnects_and_spoiled_confirms_change_nothing(seed: int) -> None:
    """Closes, resets, lost, late, doubled, delayed and skipped messages throughout: the same bars."""
    chance = Random(seed)
    wanted = streams(linear=["BTCUSDT"], timeframes=["1m", "15m"])
    with running([btc()], START_MS, wanted) as rig:
        rig.wait_subscribed()
        faults = rig.exchange.faults
        spoil = [
            faults.ws.late_confirm,
            faults.ws.drop_confirm,
            faults.ws.dup_confirm,
            faults.ws.skip_bar,
            lambda: faults.ws.delay("kline", chance.randrange(500, 90_000), n=chance.randrange(1, 5)),
            lambda: faults.ws.dup("kline", n=3),
            lambda: faults.ws.mute("kline", n=chance.randrange(1, 8)),
            lambda: faults.rest.http("kline", 502),
            lambda: faults.rest.empty("kline"),
            lambda: rig.break_links(faults.ws.reset),
            lambda: rig.break_links(faults.ws.close),
            faults.ws.forget_subs,
        ]
        for _ in range(60):
            chance.choice(spoil)()
            rig.run(chance.randrange(10_000, 400_000))
        faults.clear()
        rig.run(20 * MINUTE_MS)
        for stream in wanted:
            rig.check(stream)
        assert rig.count(NoticeKind.DRIFT) == 0
        assert {one.origin for one in rig.bars} == {Origin.STREAM, Origin.REST}


def test_a_missing_confirm_is_fetched_a_few_seconds_after_the_boundary() -> None:
    """The roll shows only the new bar: REST fills in after the grace, before the next bar."""
    with running([btc()], START_MS, [BTC]) as rig:
        rig.wait_subscribed()
        rig.exchange.faults.ws.drop_confirm()
        rig.run(3 * MINUTE_MS)
        rig.check(BTC)
        first, *rest = [one for one in rig.bars if one.phase is Phase.LIVE]
        assert first.origin is Origin.REST
        assert 3_000 <= first.delay_ms < 6_000
        assert {one.origin for one in rest} == {Origin.STREAM}


def test_a_gap_is_filled_before_the_next_bar_is_released() -> None:
    """Ten minutes without subscriptions: the bars come by REST, in time, and the topic is taken anew."""
    with running([btc()], START_MS, [BTC]) as rig:
        rig.wait_subscribed()
        rig.run(2 * MINUTE_MS)
        rig.exchange.faults.ws.forget_subs()
        rig.run(10 * MINUTE_MS)
        rig.check(BTC)
        assert rig.count(NoticeKind.STALE) == 1
        assert rig.feed.status().attempts == 1, "one silent topic is no reason for a new connection"
        assert max(one.delay_ms for one in rig.bars if one.phase is Phase.LIVE) < 6_000
        assert rig.bars[-1].origin is Origin.STREAM


def test_acknowledged_but_never_served() -> None:
    """An ack is no data: the topic counts as silent, then the connection is rebuilt, and bars came by REST."""

    def prepare(exchange: Exchange) -> None:
        exchange.faults.ws.ack_no_data("kline", n=2)

    with running([btc()], START_MS, [BTC], prepare=prepare) as rig:
        until(lambda: all(rig.feed.status().links.values()), "the link is up")
        rig.run(2 * MINUTE_MS)
        assert rig.feed.status().streams[BTC].stale
        rig.run(8 * MINUTE_MS)
        rig.check(BTC)
        assert not rig.feed.status().streams[BTC].stale
        assert rig.bars[-1].origin is Origin.STREAM


def test_half_open_link_is_told_by_missing_data_not_by_pongs() -> None:
    """Pings answered, no data: bars by REST without loss, a new connection, and data again once it heals."""
    with running([btc()], START_MS, [BTC]) as rig:
        rig.wait_subscribed()
        rig.exchange.faults.ws.half_open()
        rig.run(10 * MINUTE_MS)
        assert rig.feed.status().attempts > 1
        assert rig.feed.status().streams[BTC].stale
        assert {one.origin for one in rig.bars if one.phase is Phase.LIVE} == {Origin.REST}
        rig.exchange.faults.ws.heal()
        rig.run(20 * MINUTE_MS)
        rig.check(BTC)
        assert rig.bars[-1].origin is Origin.STREAM
        assert rig.feed.status().attempts < 10


def test_a_quiet_hour_is_no_silence() -> None:
    """An hourly series that trades every quarter of an hour only: no alarm, no reconnect."""
    bars = walk(60, timeframe="60m", seed=6)
    hourly = Stream("linear", "BTCUSDT", 60 * MINUTE_MS)
    start_ms = int(bars["time_ms"][20]) + 10_000
    with running([Market(known("BTCUSDT"), bars, "60m")], start_ms, [hourly], warmup_bars=2) as rig:
        rig.wait_subscribed()
        rig.run(24 * 60 * MINUTE_MS)
        rig.check(hourly)
        assert {one.kind for one in rig.notices} == {NoticeKind.CONNECTED}


def test_a_bar_revised_by_rest_afterwards_is_drift_and_changes_nothing() -> None:
    """The audit read differs from the released bar: one notice with both values; the bars stand."""
    with running([btc()], START_MS, [BTC], audit_bars=4) as rig:
        rig.wait_subscribed()
        revised_ms = START_MS // MINUTE_MS * MINUTE_MS + MINUTE_MS
        rig.exchange.faults.rest.revise(revised_ms, {"volume": "123456.5"}, n=None)
        rig.run(12 * MINUTE_MS)
        rig.check(BTC)
        drifts = [one for one in rig.notices if one.kind is NoticeKind.DRIFT]
        assert [one.bar_ms for one in drifts] == [revised_ms]
        assert "volume" in drifts[0].text
        assert "123456.5" in drifts[0].text


def test_rest_failing_for_a_while_delays_bars_and_loses_none() -> None:
    """No confirms and no REST for minutes: nothing is released, then everything, in order."""
    with running([btc()], START_MS, [BTC]) as rig:
        rig.wait_subscribed()
        rig.run(MINUTE_MS)
        before = len(rig.bars)
        rig.exchange.faults.ws.mute("kline")
        rule = rig.exchange.faults.rest.http("kline", 503, n=None)
        rig.run(5 * MINUTE_MS)
        assert len(rig.bars) == before
        assert 5 < rule.hits < 60, "retries are spaced"
        rig.exchange.faults.clear()
        rig.run(5 * MINUTE_MS)
        rig.check(BTC)


def test_http_403_stops_reads_for_ten_minutes() -> None:
    """Too many requests: the exchange asks for ten minutes of silence and gets them."""
    with running([btc()], START_MS, [BTC], audit_bars=0) as rig:
        rig.wait_subscribed()
        rig.run(MINUTE_MS)
        rule = rig.exchange.faults.rest.http("kline", 403, n=None)
        rig.exchange.faults.ws.drop_confirm()
        rig.run(9 * MINUTE_MS)
        assert rule.hits == 1
        rig.exchange.faults.clear()
        rig.run(5 * MINUTE_MS)
        rig.check(BTC)


def test_a_slow_consumer_does_not_block_the_socket() -> None:
    """While the callback hangs, messages are read on and pings answered; then it gets every bar in order."""
    gate = threading.Event()
    with running([btc()], START_MS, [BTC]) as rig:
        rig.wait_subscribed()
        taken = rig.bars.append

        def slow(bar: ClosedBar) -> None:
            gate.wait()
            taken(bar)

        rig.on_bar = slow
        before, frames = len(rig.bars), rig.feed.frames
        rig.exchange.advance(30 * MINUTE_MS)
        until(lambda: rig.feed.frames == rig.exchange.data_frames, "the socket is read on")
        assert rig.feed.frames > frames + 60
        assert len(rig.bars) == before
        until(lambda: rig.feed.status().backlog >= 29, "bars wait for the consumer")
        gate.set()
        rig.settle()
        rig.check(BTC)
        assert rig.feed.status().links == {"linear 1": True}
        assert rig.feed.status().attempts == 1


def test_a_raising_consumer_is_reported_and_fed_on() -> None:
    """The exception stays out of pybit's reader thread, where it would end the socket for good."""
    with running([btc()], START_MS, [BTC]) as rig:
        rig.wait_subscribed()
        taken = rig.bars.append

        def raising(bar: ClosedBar) -> None:
            taken(bar)
            raise ZeroDivisionError("consumer")

        rig.on_bar = raising
        rig.run(5 * MINUTE_MS)
        rig.check(BTC)
        assert rig.count(NoticeKind.CONSUMER_FAILED) == 5
        assert rig.feed.status().attempts == 1


def test_resuming_delivers_the_missed_bars_as_catch_up_without_warm_up() -> None:
    """A restarted caller names its last bar: the next one follows, bars of the pause are marked."""
    last_ms = int(BARS["time_ms"][270])
    with running([btc()], START_MS, [BTC], resume_after={BTC: last_ms}) as rig:
        rig.wait_subscribed()
        rig.run(3 * MINUTE_MS)
        rig.check(BTC, first_ms=last_ms + MINUTE_MS)
        phases = [one.phase for one in rig.bars]
        assert phases == [Phase.CATCH_UP] * 29 + [Phase.LIVE] * 3


def test_long_warm_up_comes_in_pages_and_joins_without_a_seam() -> None:
    """2 500 bars need three reads; the live bars follow."""
    bars = walk(3_000, timeframe="1m", seed=3)
    start_ms = int(bars["time_ms"][2_800]) + 59_000
    market = Market(known("BTCUSDT"), bars, "1m")
    with running([market], start_ms, [BTC], warmup_bars=2_500) as rig:
        rig.wait_subscribed()
        rig.run(10 * MINUTE_MS)
        rig.check(BTC, first_ms=start_ms // MINUTE_MS * MINUTE_MS - 2_500 * MINUTE_MS)
        assert sum(one.phase is Phase.WARM_UP for one in rig.bars) == 2_500


def test_a_series_listed_lately_begins_where_it_begins() -> None:
    """Less history than wanted: said so, and delivered from the first bar on."""
    with running([btc()], START_MS, [BTC], warmup_bars=900) as rig:
        rig.wait_subscribed()
        rig.run(2 * MINUTE_MS)
        rig.check(BTC, first_ms=int(BARS["time_ms"][0]))
        assert rig.count(NoticeKind.LISTED_LATE) == 1


def test_unknown_symbol_unreachable_exchange_and_second_start_are_one_clear_line() -> None:
    """Bad input is told before anything runs, and leaves no thread."""
    threads = threading.active_count()
    with Exchange([btc()], start_ms=START_MS) as exchange:
        chosen = LiveSettings(
            streams(linear=["NOSUCH"]), environment=exchange.url, stream_url=exchange.ws_url
        )
        with pytest.raises(ConfigError, match="no linear symbol 'NOSUCH'"):
            LiveFeed(chosen, print).__enter__()
        chosen = LiveSettings((BTC,), environment=exchange.url, stream_url=exchange.ws_url, warmup_bars=0)
        feed = LiveFeed(chosen, lambda _: None, on_notice=lambda _: None)
        with feed, pytest.raises(VenueError, match="started once"):
            feed.start()
        assert feed.close()
        forgive_hang_ups(exchange)
    assert threading.active_count() == threads


def test_thirty_symbols_closing_in_one_instant() -> None:
    """Thirty bars end at the same boundary: all delivered in the same second of the market."""
    names = [f"S{at:02}USDT" for at in range(30)]
    markets = [
        Market(linear(name, tick="0.1", step="0.001"), walk(400, timeframe="1m", seed=at), "1m")
        for at, name in enumerate(names)
    ]
    wanted = streams(linear=names, timeframes=["1m"])
    with running(markets, START_MS, wanted, audit_bars=0, ip_limit=100_000) as rig:
        rig.wait_subscribed()
        rig.run(3 * MINUTE_MS)
        for stream in wanted:
            rig.check(stream)
            live = [one for one in rig.of(stream) if one.phase is Phase.LIVE]
            assert len(live) == 3
            assert max(one.delay_ms for one in live) <= 1_005


def test_closing_is_quick_even_when_the_exchange_hangs() -> None:
    """Attempts that get no answer, reads under way, a consumer with a backlog: closed within five seconds."""

    def prepare(exchange: Exchange) -> None:
        exchange.faults.ws.handshake_hang(60_000, n=None)
        exchange.faults.rest.slow("kline", 2.0, n=None)

    with Exchange([btc()], start_ms=START_MS) as exchange:
        prepare(exchange)
        chosen = LiveSettings((BTC,), environment=exchange.url, stream_url=exchange.ws_url, warmup_bars=50)
        rig = Rig(exchange, chosen)
        rig.feed.start()
        until(lambda: rig.feed.status().attempts == 1, "an attempt is under way")
        began = time.monotonic()
        assert rig.feed.close()
        assert time.monotonic() - began < 5.0 + 1.0
        forgive_hang_ups(exchange)


def test_five_lines_are_enough() -> None:
    """The example of the package, in a process of its own, on real time: bars are printed, it ends cleanly."""
    now_ms = time.time_ns() // 1_000_000
    begin_ms = now_ms // MINUTE_MS * MINUTE_MS - 400 * MINUTE_MS
    bars = walk(1_000, timeframe="1m", start_ms=begin_ms)
    with Exchange([Market(known("BTCUSDT"), bars, "1m")], start_ms=now_ms, speed=1.0) as exchange:
        code = (
            "from feeds.live import LiveFeed, LiveSettings, streams\n"
            f"settings = LiveSettings(streams(linear=['BTCUSDT'], timeframes=['1m']), {exchange.url!r}, "
            f"{exchange.ws_url!r}, warmup_bars=50)\n"
            "with LiveFeed(settings, on_bar=lambda bar: print(bar, flush=True)) as feed:\n"
            "    input()\n"
        )
        with subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stdin is not None
            lines = [process.stdout.readline() for _ in range(50)]
            process.stdin.write("\n")
            process.stdin.close()
            assert process.wait(120) == 0
    assert len(set(lines)) == 50
    assert all(line.startswith("linear BTCUSDT 1m ") and line.endswith(" warm-up\n") for line in lines)


def test_released_records_belong_to_the_receiver() -> None:
    """Writing into a delivered bar cannot reach what the feed compares later."""
    with running([btc()], START_MS, [BTC], audit_bars=2) as rig:
        rig.wait_subscribed()
        taken = rig.bars.append

        def vandal(bar: ClosedBar) -> None:
            taken(bar)
            bar.record["close"] = np.nan

        rig.on_bar = vandal
        rig.run(8 * MINUTE_MS)
        assert rig.count(NoticeKind.DRIFT) == 0


def test_a_defect_of_the_feed_itself_is_loud() -> None:
    """An exception in the thread that owns the state: told, raised by wait(), and everything is let go."""
    with running([btc()], START_MS, [BTC]) as rig:
        rig.wait_subscribed()
        assert not rig.feed.wait(0.0)
        rig.feed.post(lambda: [][0])
        with pytest.raises(VenueError, match="IndexError"):
            until(lambda: rig.feed.wait(0.1), "the feed ends")
        until(lambda: rig.count(NoticeKind.FEED_FAILED) == 1, "it is told")
        until(lambda: not rig.exchange.hub.connections, "the links are hung up")
