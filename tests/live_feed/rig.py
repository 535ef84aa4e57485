"""A live feed on the exchange simulator, over real sockets, with time owned by the test."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any

import numpy as np

from feeds.bybit_payloads import interval_of
from feeds.live import ClosedBar, LiveFeed, LiveSettings, Notice, NoticeKind, Stream
from kwin_core.bars import BAR
from tests.exchange import Exchange, Market
from tests.exchange.klines import KlineBook

PATIENCE_S = 120.0
"""Real seconds a test waits for what must happen; only a broken feed uses them up."""


class VirtualClock:
    """The simulator's clock as the feed's: timers run when the test lets them."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._timers: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._lock = threading.Lock()

    def now_ms(self) -> int:
        """Market time (ms)."""
        return self._exchange.clock.now_ms()

    def call_at(self, time_ms: int, action: Callable[[], None]) -> None:
        """Plan an action."""
        with self._lock:
            heapq.heappush(self._timers, (time_ms, next(self._order), action))

    def next_ms(self) -> int | None:
        """Time of the earliest timer (ms)."""
        with self._lock:
            return self._timers[0][0] if self._timers else None

    def run_due(self) -> None:
        """Run what is due."""
        while (due_ms := self.next_ms()) is not None and due_ms <= self.now_ms():
            with self._lock:
                action = heapq.heappop(self._timers)[2]
            action()


def until(true: Callable[[], bool], what: str) -> None:
    """Wait for something, with patience."""
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, f"not within {PATIENCE_S:g} s: {what}"
        time.sleep(0.002)


class Rig:
    """A running feed and what it delivered."""

    def __init__(self, exchange: Exchange, settings: LiveSettings, *, seed: int = 1) -> None:
        self.exchange = exchange
        self.clock = VirtualClock(exchange)
        self.bars: list[ClosedBar] = []
        self.notices: list[Notice] = []
        self.on_bar: Callable[[ClosedBar], None] = self.bars.append
        self.feed = LiveFeed(
            settings,
            lambda bar: self.on_bar(bar),
            on_notice=self.notices.append,
            clock=self.clock,
            random=Random(seed),
        )
        self._lost = 0

    def settled(self, frames: int = 0) -> bool:
        """Whether the feed has dealt with every frame and has nothing under way."""
        self.clock.run_due()
        return self.feed.idle and self.feed.frames + self._lost >= max(frames, self.exchange.data_frames)

    def settle(self) -> None:
        """Wait for that."""
        until(self.settled, "the feed settles")

    def run(self, milliseconds: int) -> None:
        """Let market and feed go on together, the feed seeing everything before time moves."""
        self.exchange.lockstep(
            self.exchange.clock.now_ms() + milliseconds,
            settled=self.settled,
            next_timer_ms=self.clock.next_ms,
            patience_seconds=PATIENCE_S,
        )
        self.settle()

    def run_alone(self, milliseconds: int) -> None:
        """Let time pass for the feed while the exchange is away."""
        end_ms = self.exchange.clock.now_ms() + milliseconds
        while self.exchange.clock.now_ms() < end_ms:
            until(self.quiet_alone, "the feed settles alone")
            due_ms = self.clock.next_ms()
            self.exchange.clock.move_to(end_ms if due_ms is None else min(end_ms, due_ms))
        until(self.quiet_alone, "the feed settles alone")

    def quiet_alone(self) -> bool:
        """Whether the feed has nothing under way, whatever the exchange sent."""
        self.clock.run_due()
        return self.feed.idle

    def break_links(self, fault: Callable[[], None]) -> None:
        """Do something that ends every connection, and wait until both sides know."""
        until(lambda: all(self.feed.status().links.values()), "links are up before the fault")
        self.settle()
        before = self.count(NoticeKind.DISCONNECTED)
        links = len(self.feed.status().links)
        fault()
        until(lambda: self.count(NoticeKind.DISCONNECTED) >= before + links, "the feed notices")
        until(lambda: not self.exchange.hub.connections, "the exchange notices")
        until(self.quiet_alone, "the feed settles")
        self.rebase()

    def rebase(self) -> None:
        """Frames sent so far that the feed has not seen were for others, or are lost."""
        self._lost = self.exchange.data_frames - self.feed.frames

    def subscribed(self) -> bool:
        """Whether the exchange serves every topic of the feed."""
        served = sum(len(one.topics) for one in self.exchange.hub.connections)
        return served == len(self.feed.settings.streams) and self.settled()

    def wait_subscribed(self) -> None:
        """Wait for that; market time stands still."""
        until(self.subscribed, "every topic is subscribed")

    def reconnect(self) -> None:
        """Let time pass until the links are up and subscribed again."""
        deadline = time.monotonic() + PATIENCE_S
        while not self.subscribed():
            assert time.monotonic() < deadline, "the links do not come back"
            if self.quiet_alone() and not all(self.feed.status().links.values()):
                self.run(250)
            else:
                time.sleep(0.002)

    def count(self, kind: NoticeKind) -> int:
        """Notices of a kind so far."""
        return sum(one.kind is kind for one in self.notices)

    def of(self, stream: Stream) -> list[ClosedBar]:
        """Bars of one series so far."""
        return [bar for bar in self.bars if bar.stream == stream]

    def check(self, stream: Stream, *, first_ms: int | None = None) -> None:
        """The series is exactly the true bars up to now, each once, in order."""
        got = np.concatenate([bar.record for bar in self.of(stream)])
        begin_ms = int(got["time_ms"][0]) if first_ms is None else first_ms
        now_ms = self.exchange.clock.now_ms()
        wanted = true_bars(self.exchange, stream, begin_ms, now_ms)
        assert got["time_ms"].tolist() == wanted["time_ms"].tolist()
        assert got.tobytes() == wanted.tobytes()


class WallRig:
    """A feed on the wall clock; the exchange must run at speed 1."""

    def __init__(self, exchange: Exchange, streams: tuple[Stream, ...], **options: Any) -> None:
        self.notices: list[Notice] = []
        self.on_bar: Callable[[ClosedBar], None] = lambda _: None
        settings = LiveSettings(streams, exchange.url, exchange.ws_url, **{"rest_timeout_s": 30.0, **options})
        self.feed = LiveFeed(settings, lambda bar: self.on_bar(bar), on_notice=self.notices.append)

    def count(self, kind: NoticeKind) -> int:
        """Notices of a kind so far."""
        return sum(one.kind is kind for one in self.notices)


def true_bars(exchange: Exchange, stream: Stream, begin_ms: int, now_ms: int) -> np.ndarray:
    """Closed bars of the script from an open time on, as the exchange itself knows them."""
    book: KlineBook = exchange.venue.klines[(stream.category, stream.symbol)]
    times = np.arange(begin_ms, now_ms - stream.timeframe_ms + 1, stream.timeframe_ms)
    bars = np.zeros(times.size, dtype=BAR)
    for at, start_ms in enumerate(times):
        kline = book.at(interval_of(stream.timeframe_ms), int(start_ms), now_ms)
        assert kline is not None
        bars[at] = (kline.start_ms, kline.open, kline.high, kline.low, kline.close, kline.volume)
    return bars


def forgive_hang_ups(exchange: Exchange) -> None:
    """The simulator counts a client that hangs up in mid-answer as a defect of its own; here it is the rule."""
    exchange.call(lambda: None)  # what was under way has been noted
    exchange._defects[:] = [one for one in exchange._defects if "ConnectionReset" not in one]


@contextmanager
def running(
    markets: Sequence[Market], start_ms: int, streams: Sequence[Stream], **options: Any
) -> Iterator[Rig]:
    """A feed on a new exchange; closed at the end within its time, with no thread left."""
    exchange_options = {name: options.pop(name) for name in ("reply_delay_ms", "ip_limit") if name in options}
    prepare = options.pop("prepare", lambda _: None)
    before = set(threading.enumerate())
    with Exchange(markets, start_ms=start_ms, **{"reply_delay_ms": 1.0, **exchange_options}) as exchange:
        prepare(exchange)
        settings = LiveSettings(
            tuple(streams),
            environment=exchange.url,
            stream_url=exchange.ws_url,
            **{"warmup_bars": 5, "rest_timeout_s": 30.0, **options},
        )
        rig = Rig(exchange, settings)
        try:
            rig.feed.start()
            yield rig
        finally:
            closed = rig.feed.close()
            forgive_hang_ups(exchange)
    assert closed, "the feed did not close in time"
    deadline = time.monotonic() + 5.0  # the last instructions of a thread on a busy machine
    while left := [one.name for one in set(threading.enumerate()) - before if one.is_alive()]:
        assert time.monotonic() < deadline, f"threads left behind: {left}"
        time.sleep(0.01)
