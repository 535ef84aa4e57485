"""The pure parts beside the assembler: messages, freshness, back-off, settings, the wall clock."""

from __future__ import annotations

import queue
import threading
import time
from random import Random
from typing import Any

import pytest

from feeds.live import LiveSettings, Stream, WallClock, streams
from feeds.live.backoff import Backoff
from feeds.live.freshness import Freshness, Remedy
from feeds.live.messages import closed_bars, topic_of
from kwin_core.errors import ConfigError
from tests.live_feed.rig import PATIENCE_S

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
ROLL = {
    "topic": "kline.1.BTCUSDT",
    "data": [
        {
            "start": 1_786_310_760_000,
            "end": 1_786_310_819_999,
            "interval": "1",
            "open": "65119.9",
            "close": "65114.2",
            "high": "65119.9",
            "low": "65114.2",
            "volume": "3.712",
            "turnover": "241712.1394",
            "confirm": True,
            "timestamp": 1_786_310_820_441,
        },
        {
            "start": 1_786_310_820_000,
            "end": 1_786_310_879_999,
            "interval": "1",
            "open": "65114.2",
            "close": "65114.2",
            "high": "65114.2",
            "low": "65114.2",
            "volume": "0",
            "turnover": "0",
            "confirm": False,
            "timestamp": 1_786_310_820_441,
        },
    ],
    "ts": 1_786_310_820_441,
    "type": "snapshot",
}


def test_a_roll_of_two_elements_gives_the_closed_bar_only() -> None:
    """Every element is looked at; the forming bar is not a bar; `start` says which one it is."""
    bars, faults = closed_bars(ROLL, MINUTE_MS)
    assert faults == []
    assert [one[0].tolist() for one in bars] == [
        (1_786_310_760_000, 65119.9, 65119.9, 65114.2, 65114.2, 3.712),
    ]


def test_the_order_of_the_elements_does_not_matter() -> None:
    """The same roll, the new bar first."""
    turned: dict[str, Any] = {**ROLL, "data": ROLL["data"][::-1]}  # type: ignore[index]
    assert len(closed_bars(turned, MINUTE_MS)[0]) == 1


def test_one_bad_element_does_not_cost_the_other() -> None:
    """A closed bar beside something unreadable is kept, the rest is named."""
    spoiled: dict[str, Any] = {**ROLL, "data": [None, *ROLL["data"]]}  # type: ignore[misc]
    bars, faults = closed_bars(spoiled, MINUTE_MS)
    assert len(bars) == 1
    assert len(faults) == 1


def test_topics_are_spelled_as_bybit_does() -> None:
    """Minutes as a number, a day and a week as letters."""
    assert topic_of("BTCUSDT", MINUTE_MS) == "kline.1.BTCUSDT"
    assert topic_of("BTCUSDT", 4 * HOUR_MS) == "kline.240.BTCUSDT"
    assert topic_of("BTCUSDT", 24 * HOUR_MS) == "kline.D.BTCUSDT"


def test_an_hour_of_quiet_is_fresh_and_a_missed_roll_is_not() -> None:
    """Hourly: quiet to the boundary and ten seconds more; then anew, then a rebuild at doubling pauses."""
    begin_ms = 1_000 * HOUR_MS
    watch = Freshness(HOUR_MS, silence_ms=10_000, rebuild_ms=90_000, now_ms=begin_ms)
    watch.on_data(begin_ms + 1_000)
    assert watch.check(begin_ms + 59 * MINUTE_MS) is Remedy.NONE
    assert watch.check(begin_ms + HOUR_MS + 9_999) is Remedy.NONE
    now_ms = begin_ms + HOUR_MS + 10_000
    assert watch.check(now_ms) is Remedy.RESUBSCRIBE
    assert watch.check(now_ms) is Remedy.NONE
    pauses = []
    for _ in range(6):
        pauses.append(watch.due_ms - now_ms)
        now_ms = watch.due_ms
        assert watch.check(now_ms) is Remedy.REBUILD
    assert pauses == [90_000, 90_000, 180_000, 360_000, 720_000, 900_000]
    assert watch.stale
    watch.on_data(now_ms)
    assert not watch.stale
    assert watch.due_ms == now_ms // HOUR_MS * HOUR_MS + HOUR_MS + 10_000


def test_backoff_doubles_to_its_longest_with_jitter_and_begins_anew() -> None:
    """500 ms to 60 s, each up to half longer; never shorter; reset by success."""
    pauses = Backoff(500, 60_000, Random(7))
    got = [pauses.next_ms() for _ in range(12)]
    for at, pause_ms in enumerate(got):
        plain = min(500 << at, 60_000)
        assert plain <= pause_ms <= plain * 1.5
    assert len(set(got[-4:])) > 1
    pauses.reset()
    assert pauses.next_ms() <= 750


def test_streams_are_every_symbol_in_every_timeframe() -> None:
    """Linear and spot of one name are different series."""
    got = streams(linear=["A", "B"], spot=["A"], timeframes=["1m", 60])
    assert len(got) == 6
    assert Stream("spot", "A", HOUR_MS) in got
    assert str(got[0]) == "linear A 1m"


GOOD = streams(linear=["BTCUSDT"])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"streams": ()}, "no series"),
        ({"streams": GOOD + GOOD}, "named twice"),
        ({"streams": (Stream("inverse", "BTCUSD", HOUR_MS),)}, "category 'inverse'"),
        ({"streams": (Stream("linear", "BTCUSDT", 7 * MINUTE_MS),)}, "no 7m klines"),
        ({"environment": "http://127.0.0.1:1"}, "give stream_url"),
        ({"stream_url": "http://x"}, "not like wss://"),
        ({"warmup_bars": -1}, "warmup_bars is -1"),
        ({"warmup_bars": "5"}, "warmup_bars is '5'"),
        ({"audit_bars": 257}, "the last 256 bars"),
        ({"rest_threads": 0}, "rest_threads is 0"),
        ({"confirm_grace_ms": float("nan")}, "confirm_grace_ms is nan"),
        ({"ping_interval_s": 10.0, "ping_timeout_s": 10.0}, "must exceed"),
        ({"resume_after": {GOOD[0]: 17}}, "is not a bar"),
        ({"resume_after": {Stream("linear", "X", MINUTE_MS): 0}}, "is not a bar of a series"),
    ],
)
def test_a_bad_setting_is_one_clear_line(changes: dict[str, Any], words: str) -> None:
    """Each names the setting and what is expected."""
    with pytest.raises(ConfigError, match=words) as caught:
        LiveSettings(**{"streams": GOOD, **changes})
    assert "\n" not in str(caught.value)


def test_the_hosts_of_the_environments() -> None:
    """Demo has no public stream of its own: it reads mainnet's."""
    hosts = {name: LiveSettings(GOOD, name).socket_host for name in ("mainnet", "demo", "testnet")}
    assert hosts == {
        "mainnet": "wss://stream.bybit.com",
        "demo": "wss://stream.bybit.com",
        "testnet": "wss://stream-testnet.bybit.com",
    }


def test_the_wall_clock_runs_timers_in_order_and_not_early() -> None:
    """Planned out of order, run in order, none before its time; closing forgets the rest and ends the thread."""
    threads = threading.active_count()
    clock = WallClock()
    ran: queue.SimpleQueue[tuple[int, int]] = queue.SimpleQueue()
    now_ms = clock.now_ms()
    for after_ms in (120, 40, 80, -5):
        clock.call_at(now_ms + after_ms, lambda at=after_ms: ran.put((at, clock.now_ms())))  # type: ignore[misc]
    clock.call_at(now_ms + 3_600_000, lambda: ran.put((0, 0)))
    got = [ran.get(timeout=PATIENCE_S) for _ in range(4)]
    assert [after_ms for after_ms, _ in got] == [-5, 40, 80, 120]
    assert all(at_ms >= now_ms + after_ms for after_ms, at_ms in got)
    clock.close()
    clock.call_at(now_ms, lambda: ran.put((0, 0)))
    assert threading.active_count() == threads
    assert ran.empty()


def test_the_wall_clock_carries_the_offset_of_the_exchange() -> None:
    """Ten seconds ahead of the machine when told so."""
    assert 9_000 < WallClock(10_000).now_ms() - time.time_ns() // 1_000_000 < 10_000 + PATIENCE_S * 1_000
