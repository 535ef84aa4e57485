"""The runner: one thread owns both ledgers of every lane and the journal, and takes everything from one queue.

One message is one transaction: number the event, apply it, record what follows; commit; only then send. A message
that cannot be recorded is undone in memory as well, and kept until it can be (`engines.live.unrecorded`).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, cast

from engines.journal import (
    Execution,
    Journal,
    Kind,
    Message,
)
from engines.live.desk import Desk
from engines.live.exit_codes import ExitCode
from engines.live.inbox import Answered, BarClosed, Control, Inbox, LinkChanged, Noticed, TimerRang, Told
from engines.live.inbox import Message as Post
from engines.live.lane import Lane
from engines.live.records import record_decision, record_digests, record_notice, record_snapshots
from engines.live.unrecorded import Unrecorded, UnrecordedMessage
from engines.live.venue import Request
from feeds.live.clock import Clock
from feeds.live.events import ClosedBar, NoticeKind, Origin, Phase
from feeds.stream import Stream
from kwin_core.errors import JournalError

_WARM_UP_BARS_A_MESSAGE = 500
_TRIM_MS = 86_400_000
_AWAKE_S = 1.0  # a signal that another thread has caught, or that came just before the wait, is seen then
_JOURNAL_AGAIN = "journal again"
_log = logging.getLogger("kwin.live")

_SOURCES = {Phase.WARM_UP: "warmup", Phase.CATCH_UP: "rest"}
_NO_FAILURES = (NoticeKind.CONNECTED, NoticeKind.DISCONNECTED, NoticeKind.LISTED_LATE)
_JOURNAL_EXITS = {"full": ExitCode.DISK_FULL, "in_use": ExitCode.SECOND_INSTANCE}


@dataclass(frozen=True)
class RunnerOptions:
    """How the runner keeps house.

    Attributes
    ----------
    snapshot_bars
        Live bars of a lane between two snapshots.
    snapshots_kept
        Of each lane and ledger.
    keep_events_ms
        Events older than this may be deleted once snapshots cover them (ms); None keeps all. Done once a day of the
        clock, and at the end.
    journal_patience_ms
        So long the journal may refuse before the runner gives up, when nothing is at stake (ms).
    """

    snapshot_bars: int = 96
    snapshots_kept: int = 3
    keep_events_ms: int | None = None
    journal_patience_ms: int = 0


@dataclass
class Counts:
    """What the runner has done, for status and tests."""

    bars: int = 0
    messages: int = 0
    journal_failures: int = 0
    last_bar_ms: dict[Stream, int] = field(default_factory=dict)


class Runner:
    """The owner of everything that trades.

    Parameters
    ----------
    lanes
        By stream; recovered from the journal already.
    journal
        Open for writing.
    clock
        The deployment's time.
    desk
        Who serves the exchange's side.
    options
        See `RunnerOptions`.
    inbox
        By default a new one.
    on_bar
        Called with a lane and a bar after its message was committed; for screens.
    on_dealt
        Called with the lanes that a message may have changed, after it was dealt with and what follows from it was
        sent; for those who watch. It must not block and not raise.

    Attributes
    ----------
    counts
        See `Counts`.
    running
        Whether :meth:`run` is under way.
    """

    def __init__(
        self,
        lanes: Mapping[Stream, Lane],
        journal: Journal,
        clock: Clock,
        desk: Desk,
        options: RunnerOptions = RunnerOptions(),  # frozen
        *,
        inbox: Inbox | None = None,
        on_bar: Callable[[Lane, ClosedBar], None] | None = None,
        on_dealt: Callable[[Iterable[Lane]], None] | None = None,
    ) -> None:
        self.lanes = dict(lanes)
        self.inbox = inbox or Inbox()
        self.counts = Counts()
        self.running = False
        self._journal = journal
        self._clock = clock
        self._desk = desk
        self._options = options
        self._on_bar = on_bar
        self._on_dealt = on_dealt
        self._since_snapshot: dict[Stream, int] = {}
        self._trim_ms = clock.now_ms() + _TRIM_MS
        self._unrecorded: Unrecorded | None = None
        self._exit: ExitCode | None = None

    def run(self) -> ExitCode:
        """Take messages until told to stop; returns how it ended.

        Raises
        ------
        KwinError
            A defect: a bar out of order, a limit of the core, a strategy that cannot be traded.
        """
        self.running = True
        try:
            while self._exit is None:
                post = self.inbox.take(_AWAKE_S)
                if post is not None:
                    self._deal_with(self._with_more_warm_up(post))
        finally:
            self.running = False
        return self._exit

    def stop(self, reason: str) -> None:
        """End soon, from any thread or a signal handler; stops on the exchange stay where they are."""
        self.inbox.post(Control("stop", {"reason": reason}))

    def start(self, body: Mapping[str, Any], configuration: Any) -> None:
        """Number the start of this process, with the settings in effect."""
        with self._journal.message() as message:
            message.event(Kind.START, self._clock.now_ms(), body)
            message.record(configuration)

    @property
    def idle(self) -> bool:
        """Whether every message has been dealt with and the desk has nothing under way."""
        posted = self.inbox.posted
        return self.inbox.idle and self._desk.idle and self.inbox.posted == posted

    @property
    def unwritten_since_ms(self) -> int | None:
        """Since when the journal refuses what must be recorded (ms); None while it takes everything."""
        unrecorded = self._unrecorded
        return None if unrecorded is None else unrecorded.since_ms

    def _deal_with(self, posts: Sequence[Post]) -> None:
        again = _is_journal_timer(posts[0])
        if self._unrecorded is None and not again:
            error = self._record(posts, frozenset())
            if error is not None:
                self._begin_unrecorded(error)
        if self._unrecorded is not None:
            if again:
                self._try_journal(self._unrecorded)
            else:
                self._apply_unrecorded(self._unrecorded, posts)
        if self._on_dealt is not None:
            touched = () if again else self._touched(posts)
            self._on_dealt(touched or self.lanes.values())
        self.inbox.done(len(posts))

    def _record(self, posts: Sequence[Post], sent: Set[Request]) -> JournalError | None:
        """One transaction, then its requests but those ``sent`` before; what refused it, and nothing has happened."""
        marks = {lane.stream: lane.mark() for lane in self._touched(posts)}
        desk_mark = self._desk.mark()
        try:
            with self._journal.message() as message:
                requests = self._take(message, posts)
        except JournalError as error:
            self._go_back(marks, desk_mark)
            return error
        self._desk.submit([one for one in requests if one not in sent] if sent else requests)
        self._after(posts)
        self.counts.messages += len(posts)
        return None

    def _with_more_warm_up(self, first: Post) -> list[Post]:
        """Warm-up bars that wait already share a transaction: no order can come from them."""
        posts = [first]
        while _is_warm_up(posts[-1]) and len(posts) < _WARM_UP_BARS_A_MESSAGE:
            following = self.inbox.take(0)
            if following is None:
                break
            if not _is_warm_up(following):
                self.inbox.put_back(following)
                break
            posts.append(following)
        return posts

    def _touched(self, posts: Sequence[Post]) -> list[Lane]:
        """Lanes that a message may change."""
        match posts[0]:
            case BarClosed():
                streams = {post.bar.stream for post in posts if isinstance(post, BarClosed)}
                return [self.lanes[stream] for stream in streams]
            case Told(report):
                symbol = getattr(report, "symbol", None)
                return [lane for lane in self.lanes.values() if symbol in (None, lane.stream.symbol)]
            case Answered(answer):
                return [self.lanes[answer.request.stream]]
            case TimerRang(_, stream) if stream is not None:
                return [self.lanes[stream]]
            case Control() | LinkChanged():
                return list(self.lanes.values())
        return []

    def _go_back(self, marks: Mapping[Stream, Any], desk_mark: Any) -> None:
        for stream, mark in marks.items():
            self.lanes[stream].go_back(mark)
        self._desk.go_back(desk_mark)

    def _take(self, message: Message, posts: Sequence[Post]) -> Sequence[Request]:
        """Number a message and everything that follows from it; returns what is to be sent."""
        post, now_ms = posts[0], self._clock.now_ms()
        match post:
            case BarClosed(bar):
                lane = self.lanes[bar.stream]
                if len(posts) == 1 and (_is_old(lane, bar) or not self._desk.ready(lane, bar)):
                    return ()
                requests: list[Request] = []
                for one in posts:
                    assert isinstance(one, BarClosed)
                    requests += self._one_bar(message, one.bar, now_ms)
                return requests
            case Noticed(notice):
                record_notice(message, notice, now_ms)
            case Control("stop", detail):
                message.event(Kind.STOP, now_ms, detail)
                for lane in self.lanes.values():
                    if lane.emulator.bar_index >= 0:
                        record_snapshots(message, lane)
            case _:
                return self._desk.take(post, message, now_ms)
        return ()

    def _after(self, posts: Sequence[Post]) -> None:
        """What a committed message leads to outside the ledgers."""
        for post in posts:
            match post:
                case BarClosed(bar) if self._on_bar is not None:
                    self._on_bar(self.lanes[bar.stream], bar)
                case Noticed(notice):
                    level = logging.INFO if notice.kind is NoticeKind.CONNECTED else logging.WARNING
                    _log.log(level, "%s", notice.text, extra={"notice": notice.kind.value})
                    if notice.kind is NoticeKind.FEED_FAILED:
                        self._exit = ExitCode.DEFECT
                case Control("stop"):
                    self._exit = ExitCode.GOOD
                case Control(recorded=threading.Event() as recorded):
                    recorded.set()
        if self._exit is ExitCode.GOOD or self._clock.now_ms() >= self._trim_ms:
            self._trim()

    def _trim(self) -> None:
        """Keep the journal short; when it cannot be done now, it can be tomorrow."""
        now_ms, keep_ms = self._clock.now_ms(), self._options.keep_events_ms
        self._trim_ms = now_ms + _TRIM_MS
        try:
            self._journal.trim(
                before_ms=None if keep_ms is None else now_ms - keep_ms,
                snapshots_kept=self._options.snapshots_kept,
            )
        except JournalError as error:
            _log.warning("the journal could not be shortened: %s", error)

    def _one_bar(self, message: Message, bar: ClosedBar, now_ms: int) -> Sequence[Request]:
        """E, then what happened on the way, then the bar's number, then X and what it wants."""
        lane = self.lanes[bar.stream]
        if _is_old(lane, bar):
            return ()
        emulated = lane.emulate(bar.record)
        self._desk.before_decision(lane, emulated, message, now_ms)
        source = _SOURCES.get(bar.phase, "stream" if bar.origin is Origin.STREAM else "rest")
        unsettled = self._desk.is_unsettled(lane)
        message.bar(bar.stream, bar.record[0], now_ms, source=source, unsettled=unsettled)
        events = lane.decide(bar.record)
        record_digests(message, lane, full=bar.phase is not Phase.WARM_UP)
        record_decision(message, lane, emulated.events, events)
        requests = self._desk.after_decision(lane, emulated, message, now_ms)
        self.counts.bars += 1
        self.counts.last_bar_ms[bar.stream] = bar.time_ms
        self._maybe_snapshot(message, lane, live=bar.phase is not Phase.WARM_UP)
        return requests

    def _maybe_snapshot(self, message: Message, lane: Lane, *, live: bool) -> None:
        taken = self._since_snapshot.get(lane.stream, 0) + 1
        if live and taken >= self._options.snapshot_bars:
            record_snapshots(message, lane)
            taken = 0
        self._since_snapshot[lane.stream] = taken

    # -- while the journal cannot be written (V16) -------------------------------------------------------

    def _begin_unrecorded(self, error: JournalError) -> None:
        _log.critical("%s", error)
        self.counts.journal_failures += 1
        self._unrecorded = Unrecorded(
            error=error,
            since_ms=self._clock.now_ms(),
            marks={stream: lane.mark() for stream, lane in self.lanes.items()},
            desk_mark=self._desk.mark(),
            last_seq=self._journal.last_seq,
        )
        self._ring_journal(self._unrecorded)

    def _apply_unrecorded(self, unrecorded: Unrecorded, posts: Sequence[Post]) -> None:
        """In memory only; stops and exits go out, entries do not. Without anything at stake, or told to, it ends."""
        unrecorded.messages.append(posts)
        message = UnrecordedMessage(unrecorded.last_seq, partial(self._is_booked, unrecorded))
        requests = self._take(cast(Message, message), posts)
        unrecorded.last_seq = message.last_seq
        self._desk.submit(unrecorded.urgent(requests))
        waited_ms = self._clock.now_ms() - unrecorded.since_ms
        patient = waited_ms < self._options.journal_patience_ms
        exposed = any(self._desk.exposed(lane) for lane in self.lanes.values())
        if _is_stop(posts[0]) or not (patient or exposed):
            self._exit = _JOURNAL_EXITS.get(unrecorded.error.kind, ExitCode.JOURNAL)

    def _is_booked(self, unrecorded: Unrecorded, execution: Execution) -> bool:
        """Whether a fill has been applied already, before the journal refused or since."""
        try:
            known = self._journal.knows(execution)
        except JournalError:
            known = False  # it cannot even be read: what has come since is known at least
        return known or not unrecorded.is_new(execution)

    def _try_journal(self, unrecorded: Unrecorded) -> None:
        """Go back to where the journal is and take everything again; what it still refuses is applied as before."""
        self._go_back(unrecorded.marks, unrecorded.desk_mark)
        self._unrecorded = None
        for number, posts in enumerate(unrecorded.messages):
            error = self._record(posts, unrecorded.sent)
            if error is not None:
                self._still_unrecorded(unrecorded, number, error)
                return
        _log.warning("the journal is written again: %d messages were kept for it", len(unrecorded.messages))

    def _still_unrecorded(self, unrecorded: Unrecorded, number: int, error: JournalError) -> None:
        marks = {stream: lane.mark() for stream, lane in self.lanes.items()}
        following = unrecorded.messages[number:]
        self._unrecorded = replace(
            unrecorded,
            error=error,
            marks=marks,
            desk_mark=self._desk.mark(),
            last_seq=self._journal.last_seq,
            messages=[],
            executions=set(),
        )
        for posts in following:
            self._apply_unrecorded(self._unrecorded, posts)
        self._ring_journal(self._unrecorded)

    def _ring_journal(self, unrecorded: Unrecorded) -> None:
        due_ms = self._clock.now_ms() + unrecorded.pause_ms()
        self._clock.call_at(due_ms, partial(self.inbox.post, TimerRang(_JOURNAL_AGAIN)))


def _is_warm_up(post: Post) -> bool:
    return isinstance(post, BarClosed) and post.bar.phase is Phase.WARM_UP


def _is_old(lane: Lane, bar: ClosedBar) -> bool:
    """Whether the core has had it: a restart that overlaps, or a duplicate."""
    return lane.next_ms is not None and bar.time_ms < lane.next_ms


def _is_stop(post: Post) -> bool:
    return isinstance(post, Control) and post.command == "stop"


def _is_journal_timer(post: Post) -> bool:
    return isinstance(post, TimerRang) and post.name == _JOURNAL_AGAIN
