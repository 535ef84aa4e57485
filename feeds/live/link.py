"""A supervised connection: built, watched, and built anew after growing pauses, for as long as the feed runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import partial
from random import Random
from typing import Protocol

from feeds.live.backoff import Backoff
from feeds.live.bybit_socket import BybitSocket, Message
from feeds.live.clock import Clock
from feeds.live.events import NoticeKind
from feeds.live.settings import LiveSettings
from kwin_core.errors import VenueError

_FIRST_PAUSE_MS, _LONGEST_PAUSE_MS = 500, 60_000  # far below the 500 connections in 5 minutes Bybit allows
_HEALTHY_MS = 60_000  # a link that lasted so long starts over with the first pause
_TOPICS_A_REQUEST = 10  # what spot accepts; a refusal then concerns few


class Host(Protocol):
    """What a link needs of the feed."""

    clock: Clock
    settings: LiveSettings

    def post(self, action: Callable[[], None]) -> None:
        """Run an action in the feed's thread."""
        ...

    def begin_work(self) -> None:
        """Something is under way in a thread of the link."""
        ...

    def end_work(self) -> None:
        """It is done, and what follows from it is posted."""
        ...

    def notify(self, kind: NoticeKind, text: str) -> None:
        """Tell the operator."""
        ...


class Link:
    """One connection for some topics of a category. All methods run in the feed's thread.

    Parameters
    ----------
    host
        The feed.
    name
        For notices, e.g. ``"linear 1"``.
    category
        ``"linear"`` or ``"spot"``.
    topics
        By topic what takes its messages; called in the reader thread.
    random
        Source of the jitter.

    Attributes
    ----------
    socket
        The connection that is up, or ``None``.
    attempts
        Connections tried so far.
    """

    def __init__(
        self,
        host: Host,
        name: str,
        category: str,
        topics: dict[str, Callable[[Message], None]],
        random: Random,
    ) -> None:
        self.name = name
        self.category = category
        self.topics = topics
        self.socket: BybitSocket | None = None
        self.attempts = 0
        self._host = host
        self._backoff = Backoff(_FIRST_PAUSE_MS, _LONGEST_PAUSE_MS, random)
        self._trying: BybitSocket | None = None
        self._opener: threading.Thread | None = None
        self._retired: list[BybitSocket] = []
        self._up_ms = 0
        self._closed = False

    def connect(self) -> None:
        """Begin an attempt in a thread of its own: it may take as long as the connect timeout."""
        if self._closed or self._trying is not None or self.socket is not None:
            return
        self._retired = [one for one in self._retired if not one.end(0.0)]
        self.attempts += 1
        post = self._host.post
        socket = BybitSocket(
            self.category,
            self._host.settings,
            on_refused=lambda topics, text: post(partial(self._on_refused, topics, text)),
            on_strange=lambda text: post(partial(self._on_strange, text)),
            on_down=lambda reason: post(partial(self._on_down, socket, reason)),
        )
        self._trying = socket
        self._host.begin_work()
        self._opener = threading.Thread(
            target=self._open, args=(socket,), name=f"kwin-feed-connect-{self.name}", daemon=True
        )
        self._opener.start()

    def rebuild(self, reason: str) -> None:
        """Give the connection up and make a new one."""
        if self.socket is not None:
            self._lost(self.socket, reason)

    def resubscribe(self, topic: str) -> None:
        """Take a silent topic anew, or notice that the connection is dead."""
        if self.socket is None:
            return
        try:
            self.socket.resubscribe(topic)
        except VenueError as error:
            self.rebuild(str(error))

    def look(self) -> None:
        """Notice a reader thread that ended without a word."""
        if self.socket is not None and not self.socket.alive():
            self.rebuild(self.socket.failure or "the reader thread has ended")

    def close(self) -> None:
        """Hang up and do not come back; returns at once, see :meth:`join`."""
        self._closed = True
        for socket in (self._trying, self.socket):
            if socket is not None:
                socket.exit()
                self._retired.append(socket)
        self.socket = None

    def join(self, seconds: Callable[[], float]) -> bool:
        """Wait for this link's threads; ``seconds`` tells what is left of the time."""
        opener, sockets = self._opener, list(self._retired)
        while opener is not None and opener.is_alive() and seconds() > 0.0:
            for one in sockets:
                one.exit()  # an attempt that has begun just now had no socket to shut
            opener.join(0.05)
        ended = [one.end(seconds()) for one in sockets]  # each gets its chance
        return all(ended) and not (opener is not None and opener.is_alive())

    def _open(self, socket: BybitSocket) -> None:
        """In the opener's thread: connect and subscribe."""
        try:
            socket.open()
            self._subscribe(socket)
        except VenueError as error:
            socket.exit()
            self._host.post(partial(self._on_failed, socket, str(error)))
        else:
            self._host.post(partial(self._on_up, socket))
        self._host.end_work()

    def _subscribe(self, socket: BybitSocket) -> None:
        names = list(self.topics)
        for name in names:
            socket.callback_directory[name] = self.topics[name]
        for at in range(0, len(names), _TOPICS_A_REQUEST):
            socket.request(names[at : at + _TOPICS_A_REQUEST])

    def _on_up(self, socket: BybitSocket) -> None:
        self._trying = None
        if self._closed:
            socket.exit()
            return
        self.socket = socket
        self._up_ms = self._host.clock.now_ms()
        if not socket.alive():
            self._lost(socket, socket.failure or "the link ended at once")
            return
        self._host.notify(NoticeKind.CONNECTED, f"{self.name}: connected, {len(self.topics)} topics")

    def _on_failed(self, socket: BybitSocket, reason: str) -> None:
        self._trying = None
        self._retired.append(socket)
        self._later(reason)

    def _on_down(self, socket: BybitSocket, reason: str) -> None:
        if socket is self.socket:
            self._lost(socket, reason)

    def _lost(self, socket: BybitSocket, reason: str) -> None:
        self.socket = None
        socket.exit()
        self._retired.append(socket)
        if self._host.clock.now_ms() - self._up_ms >= _HEALTHY_MS:
            self._backoff.reset()
        self._later(reason)

    def _later(self, reason: str) -> None:
        if self._closed:
            return
        pause_ms = self._backoff.next_ms()
        text = f"{self.name}: {reason}; again in {pause_ms / 1000:.1f} s"
        self._host.notify(NoticeKind.DISCONNECTED, text)
        due_ms = self._host.clock.now_ms() + pause_ms
        self._host.clock.call_at(due_ms, partial(self._host.post, self.connect))

    def _on_refused(self, topics: Sequence[str], text: str) -> None:
        """One bad topic refuses its whole request: take the others one by one."""
        if len(topics) > 1 and self.socket is not None:
            try:
                for topic in topics:
                    self.socket.request([topic])
            except VenueError as error:
                self.rebuild(str(error))
            return
        named = ", ".join(topics) or "a subscription"
        self._host.notify(NoticeKind.REFUSED, f"{self.name}: {named} refused: {text}; bars come by REST")

    def _on_strange(self, text: str) -> None:
        self._host.notify(NoticeKind.STRANGE, f"{self.name}: {text}")
