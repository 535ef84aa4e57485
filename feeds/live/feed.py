"""Bybit's closed bars as they happen: many series, several timeframes, one callback.

>>> from feeds.live import LiveFeed, LiveSettings, streams                                  # doctest: +SKIP
>>> settings = LiveSettings(streams(linear=["BTCUSDT", "ETHUSDT"], timeframes=["1m", "15m"]))
>>> with LiveFeed(settings, on_bar=print) as feed:
...     feed.wait()

One thread owns all state and takes actions from one queue; the sockets' reader threads, the REST threads and
the clock only put actions there; another thread calls the consumer. So nothing slow can hold up a socket.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable
from functools import partial
from random import Random
from types import TracebackType

import numpy as np

from feeds.bybit_payloads import interval_of
from feeds.bybit_rest import BybitMarket
from feeds.live.assembler import Drift, Outcome, Release
from feeds.live.bybit_socket import Message
from feeds.live.clock import Clock, WallClock
from feeds.live.delivery import Delivery, Item
from feeds.live.events import ClosedBar, Notice, NoticeKind, Phase
from feeds.live.freshness import Remedy
from feeds.live.history import first_bar_ms, read_instruments
from feeds.live.link import Link
from feeds.live.messages import topic_of
from feeds.live.reader import Reader
from feeds.live.settings import LiveSettings
from feeds.live.status import FeedStatus, StreamStatus
from feeds.live.track import Ask, Track
from feeds.protocol import Instrument
from feeds.stream import Stream
from kwin_core.errors import KwinError, VenueError

CLOSE_S = 5.0
_NEVER_MS = 2**62
_AGAIN_MS = 2_000
_FORBIDDEN_WAIT_MS = 600_000
_log = logging.getLogger("kwin.feed")


class LiveFeed:
    """Closed bars of many series, each passed by the gate, in order, once.

    Parameters
    ----------
    settings
        What to follow.
    on_bar
        Called with each closed bar, in a thread of the feed. First the warm-up history of a series, marked
        as such, then its live bars, without a seam.
    on_notice
        Called with everything else worth knowing; by default it is logged as ``kwin.feed``.
    clock
        The caller's clock; by default real time.
    random
        Source of the jitter of pauses.

    Attributes
    ----------
    instruments
        Facts of every series; known once started.
    frames
        Data messages received so far.
    """

    def __init__(
        self,
        settings: LiveSettings,
        on_bar: Callable[[ClosedBar], None],
        *,
        on_notice: Callable[[Notice], None] | None = None,
        clock: Clock | None = None,
        random: Random | None = None,
    ) -> None:
        self.settings = settings
        self._own_clock = WallClock()
        self.clock: Clock = self._own_clock if clock is None else clock
        self.instruments: dict[Stream, Instrument] = {}
        self.frames = 0
        self._random = random or Random()
        self._on_bar, self._on_notice = on_bar, on_notice or _log_notice
        self._actions: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._work = 0
        self._work_lock = threading.Lock()
        self._ended = threading.Event()
        self._failure: Exception | None = None
        self._tracks: dict[Stream, Track] = {}
        self._links: dict[Stream, Link] = {}
        self._wake_ms = _NEVER_MS
        self._started_ms = 0
        self._server_lead_ms: int | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> LiveFeed:
        """Check the symbols, connect, begin the warm-up. Returns itself.

        Raises
        ------
        ConfigError
            When the exchange does not list a symbol, or no longer trades it.
        VenueError
            When the exchange cannot be reached.
        """
        if self._thread is not None:
            raise VenueError("a live feed is started once; make a new one")
        self.instruments = read_instruments(self.settings, self.settings.resume_after)
        self._started_ms = self.clock.now_ms()
        self._delivery = Delivery(
            self._on_bar, self._on_notice, on_failed=self._on_consumer_failed, on_done=self.end_work
        )
        self._reader = Reader(
            self.settings.environment,
            threads=self.settings.rest_threads,
            timeout_s=self.settings.rest_timeout_s,
        )
        for stream in self.settings.streams:
            self._tracks[stream] = Track(stream, self.settings, self._started_ms, self._random)
        self._make_links()
        self._thread = threading.Thread(target=self._run, name="kwin-feed", daemon=True)
        self.post(self._begin)
        self._thread.start()
        return self

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the feed has ended; false when ``seconds`` have passed before.

        Raises
        ------
        VenueError
            When it ended by a failure of its own.
        """
        ended = self._ended.wait(seconds)
        if self._failure is not None:
            raise VenueError(f"the live feed has failed: {self._failure!r}") from self._failure
        return ended

    def close(self) -> bool:
        """Hang up, deliver what was released, end every thread, within 5 seconds; may be called twice.

        Returns false when a thread is still busy (a consumer that does not return, a name look-up).
        """
        deadline = time.monotonic() + CLOSE_S

        def left_s() -> float:
            return deadline - time.monotonic()

        done = True
        if self._thread is not None:
            self._actions.put(None)
            self._thread.join(max(0.0, left_s()))
            done = self._reader.close(min(left_s(), self.settings.rest_timeout_s + 0.5))
            for link in set(self._links.values()):
                done = link.join(left_s) and done
            done = self._delivery.close(left_s()) and done
        self._own_clock.close()
        self._ended.set()
        return done

    def __enter__(self) -> LiveFeed:
        try:
            return self.start()
        except KwinError:
            self.close()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def idle(self) -> bool:
        """Whether nothing is under way: no action, read, connection attempt or delivery."""
        return self._work == 0

    def status(self) -> FeedStatus:
        """The state of every series and link, as seen now."""
        now_ms = self.clock.now_ms()
        rows = {}
        for stream, track in self._tracks.items():
            data_ms, next_ms = track.freshness.data_ms, track.assembler.next_ms
            rows[stream] = StreamStatus(
                age_ms=None if data_ms is None else now_ms - data_ms,
                stale=track.freshness.stale,
                last_bar_ms=None if next_ms is None else next_ms - stream.timeframe_ms,
            )
        links = {link.name: link.socket is not None for link in self._links.values()}
        attempts = sum(link.attempts for link in set(self._links.values()))
        backlog = self._delivery.backlog if self._thread is not None else 0
        return FeedStatus(rows, links, attempts, self.frames, backlog, self._server_lead_ms)

    def post(self, action: Callable[[], None]) -> None:
        """Run an action in the feed's thread; from any thread."""
        self.begin_work()
        self._actions.put(action)

    def begin_work(self) -> None:
        """Count something as under way, see :attr:`idle`."""
        with self._work_lock:
            self._work += 1

    def end_work(self) -> None:
        """It is done."""
        with self._work_lock:
            self._work -= 1

    def notify(
        self, kind: NoticeKind, text: str, stream: Stream | None = None, bar_ms: int | None = None
    ) -> None:
        """Deliver a notice."""
        self._deliver(Notice(kind, self.clock.now_ms(), text, stream, bar_ms))

    def _run(self) -> None:
        try:
            while (action := self._actions.get()) is not None:
                action()
                self.end_work()
        except Exception as error:  # noqa: BLE001  # a defect of ours must be seen, not end a thread quietly
            self._failure = error
            self.notify(NoticeKind.FEED_FAILED, f"the live feed has stopped: {error!r}")
        for link in set(self._links.values()):
            link.close()
        self._ended.set()

    def _make_links(self) -> None:
        size = self.settings.topics_per_link
        for category in sorted({stream.category for stream in self.settings.streams}):
            members = [stream for stream in self.settings.streams if stream.category == category]
            for number, at in enumerate(range(0, len(members), size), start=1):
                chosen = members[at : at + size]
                takers = {
                    topic_of(stream.symbol, stream.timeframe_ms): self._taker(stream) for stream in chosen
                }
                link = Link(self, f"{category} {number}", category, takers, self._random)
                self._links.update(dict.fromkeys(chosen, link))

    def _taker(self, stream: Stream) -> Callable[[Message], None]:
        """What a reader thread does with a message of a topic: enqueue it."""

        def take(message: Message) -> None:
            self.post(partial(self._on_push, stream, message))
            with self._work_lock:
                self.frames += 1

        return take

    def _begin(self) -> None:
        for link in dict.fromkeys(self._links.values()):
            link.connect()
        for track in self._tracks.values():
            resumed_ms = self.settings.resume_after.get(track.stream)
            if resumed_ms is not None:
                self._on_first(track, resumed_ms + track.stream.timeframe_ms)
            else:
                self._find_first(track)
            self._plan(track)

    def _find_first(self, track: Track) -> None:
        """Ask the exchange where the history of a series begins."""
        stream = track.stream

        def job(market: BybitMarket) -> None:
            first_ms, wanted_ms = first_bar_ms(market, stream, self.settings.warmup_bars, self._started_ms)
            if first_ms > wanted_ms:
                text = (
                    f"{stream}: {(first_ms - wanted_ms) // stream.timeframe_ms} bars of warm-up do not exist"
                )
                self.post(partial(self.notify, NoticeKind.LISTED_LATE, text, stream, first_ms))
            self.post(partial(self._on_first, track, first_ms))

        def again() -> None:
            self.post(partial(self._find_first, track))

        def failed(error: KwinError) -> None:
            self.post(partial(self._on_read_failed, track, error))
            self.clock.call_at(self.clock.now_ms() + max(_AGAIN_MS, _wait_ms(error)), again)

        self._read(job, failed)

    def _on_first(self, track: Track, first_ms: int) -> None:
        self._deliver_all(track, track.begin(first_ms))
        self._serve(track)

    def _on_push(self, stream: Stream, message: Message) -> None:
        track = self._tracks[stream]
        outcomes, faults = track.on_push(message, self.clock.now_ms())
        for fault in faults:
            self.notify(NoticeKind.STRANGE, f"{stream}: {fault}", stream)
        self._deliver_all(track, outcomes)
        self._plan(track)

    def _on_tick(self, planned_ms: int) -> None:
        if planned_ms != self._wake_ms:
            return  # something earlier has been planned since, and done
        self._wake_ms = _NEVER_MS
        for track in self._tracks.values():
            self._serve(track)

    def _serve(self, track: Track) -> None:
        """Do what is due for a series, then plan the next look."""
        now_ms = self.clock.now_ms()
        wanted = track.ask(now_ms)
        if wanted is not None:
            self._ask(track, wanted)
        link, stream = self._links[track.stream], track.stream
        remedy = track.freshness.check(now_ms)
        if remedy is not Remedy.NONE:
            link.look()
            if link.socket is not None:
                self._cure(track, link, remedy, topic_of(stream.symbol, stream.timeframe_ms))
        self._plan(track)

    def _cure(self, track: Track, link: Link, remedy: Remedy, topic: str) -> None:
        """A topic is silent although its link seems to be up."""
        if remedy is Remedy.RESUBSCRIBE:
            text = f"{track.stream}: no data since the last roll; subscribed anew"
            self.notify(NoticeKind.STALE, text, track.stream)
            link.resubscribe(topic)
        else:
            text = f"{track.stream}: still no data; the connection is made anew"
            self.notify(NoticeKind.STALE, text, track.stream)
            link.rebuild(f"{topic} is silent")

    def _plan(self, track: Track) -> None:
        if track.due_ms < self._wake_ms:
            self._wake_ms = track.due_ms
            self.clock.call_at(self._wake_ms, partial(self.post, partial(self._on_tick, self._wake_ms)))

    def _ask(self, track: Track, wanted: Ask) -> None:
        stream = track.stream

        def job(market: BybitMarket) -> None:
            rows, server_ms = market.klines(
                stream.category,
                stream.symbol,
                interval_of(stream.timeframe_ms),
                start_ms=wanted.first_ms,
                end_ms=wanted.last_ms,
            )
            self.post(partial(self._on_rows, track, rows, server_ms))

        self._read(job, lambda error: self.post(partial(self._on_read_failed, track, error)))

    def _read(self, job: Callable[[BybitMarket], None], failed: Callable[[KwinError], None]) -> None:
        """A REST read in a thread of the reader; it counts as under way until its result is posted."""
        self.begin_work()

        def run(market: BybitMarket) -> None:
            job(market)
            self.end_work()

        def fail(error: KwinError) -> None:
            failed(error)
            self.end_work()

        self._reader.submit(run, fail)

    def _on_rows(self, track: Track, rows: np.ndarray, server_ms: int) -> None:
        now_ms = self.clock.now_ms()
        self._server_lead_ms = server_ms - now_ms
        self._deliver_all(track, track.on_rows(rows, server_ms, now_ms))
        self._serve(track)

    def _on_read_failed(self, track: Track, error: KwinError) -> None:
        track.on_read_failed(self.clock.now_ms(), _wait_ms(error))
        self.notify(NoticeKind.READ_FAILED, f"{track.stream}: {error}", track.stream)
        self._plan(track)

    def _deliver_all(self, track: Track, outcomes: list[Outcome]) -> None:
        stream = track.stream
        for outcome in outcomes:
            if isinstance(outcome, Release):
                phase = self._phase(stream, int(outcome.bar["time_ms"][0]) + stream.timeframe_ms)
                self._deliver(ClosedBar(stream, outcome.bar, phase, outcome.origin, self.clock.now_ms()))
            elif isinstance(outcome, Drift):
                self.notify(NoticeKind.DRIFT, f"{stream}: {outcome}", stream, outcome.time_ms)
            else:
                self.notify(NoticeKind.BAD_BAR, outcome.reason, stream, outcome.time_ms)

    def _phase(self, stream: Stream, close_ms: int) -> Phase:
        if close_ms > self._started_ms:
            return Phase.LIVE
        return Phase.CATCH_UP if stream in self.settings.resume_after else Phase.WARM_UP

    def _deliver(self, item: Item) -> None:
        self.begin_work()
        self._delivery.put(item)

    def _on_consumer_failed(self, error: Exception, item: Item) -> None:
        """In the delivery thread: a callback raised."""
        if isinstance(item, Notice):
            _log.error("on_notice raised %r on %s", error, item)
        else:
            self.notify(
                NoticeKind.CONSUMER_FAILED, f"on_bar raised {error!r} on {item}", item.stream, item.time_ms
            )


def _wait_ms(error: KwinError) -> int:
    """What a failure asks for: HTTP 403 means too many requests, and ten minutes of silence."""
    return _FORBIDDEN_WAIT_MS if "HTTP 403" in str(error) else 0


def _log_notice(notice: Notice) -> None:
    level = logging.INFO if notice.kind is NoticeKind.CONNECTED else logging.WARNING
    _log.log(level, "%s: %s", notice.kind.value, notice.text)
