"""Everything that can happen to the runner, and the one queue it comes through."""

from __future__ import annotations

import queue
import threading
from dataclasses import dataclass, field
from typing import Any

from engines.live.venue import Answer, ExecutionReport, LinkState, OrderReport, PositionReport, WalletReport
from feeds.live.events import ClosedBar, Notice
from feeds.stream import Stream


@dataclass(frozen=True)
class BarClosed:
    """A closed bar of the feed."""

    bar: ClosedBar


@dataclass(frozen=True)
class Told:
    """Something the exchange told by itself: one row of the private stream, or one found by a read."""

    report: ExecutionReport | OrderReport | PositionReport | WalletReport


@dataclass(frozen=True)
class Answered:
    """A request has been answered."""

    answer: Answer


@dataclass(frozen=True)
class LinkChanged:
    """The private stream came up or went down."""

    state: LinkState


@dataclass(frozen=True)
class Noticed:
    """The feed noticed something."""

    notice: Notice


@dataclass(frozen=True)
class TimerRang:
    """A timer of the runner's own; ``key`` says which of its kind, so that an old one can be ignored."""

    name: str
    stream: Stream | None = None
    key: str = ""


@dataclass(frozen=True)
class Control:
    """An operator's word: ``stop``, ``halt``, ``resume``, ``flatten``; ``detail`` is recorded with it.

    ``recorded`` is set once its message has been committed and dealt with, for a thread that waits for that.
    """

    command: str
    detail: dict[str, Any] = field(default_factory=dict)
    recorded: threading.Event | None = field(default=None, compare=False, repr=False)


Message = BarClosed | Told | Answered | LinkChanged | Noticed | TimerRang | Control


class Inbox:
    """The queue. Any thread posts; the runner alone takes.

    Attributes
    ----------
    posted, taken
        Messages so far; equal when nothing waits and the runner has finished the last one.
    """

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Message] = queue.SimpleQueue()
        self._lock = threading.RLock()  # a signal handler posts in the thread that may be counting here
        self.posted = 0
        self.taken = 0
        self._held: Message | None = None

    def post(self, message: Message) -> None:
        """Put a message in; never blocks."""
        with self._lock:
            self.posted += 1
        self._queue.put(message)

    def take(self, timeout_s: float | None = None) -> Message | None:
        """The next message; None after ``timeout_s`` seconds (0 does not wait, None waits for ever)."""
        held = self._held
        if held is not None:
            self._held = None
            return held
        try:
            if timeout_s == 0:
                return self._queue.get_nowait()
            return self._queue.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def put_back(self, message: Message) -> None:
        """Return the message taken last: it is the next one again."""
        self._held = message

    def done(self, messages: int = 1) -> None:
        """So many taken messages have been dealt with, and what follows from them has begun."""
        with self._lock:
            self.taken += messages

    @property
    def idle(self) -> bool:
        """Whether every message posted so far has been dealt with."""
        return self.taken == self.posted

    @property
    def backlog(self) -> int:
        """Messages that wait."""
        return self._queue.qsize()
