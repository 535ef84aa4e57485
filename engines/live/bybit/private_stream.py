"""The account's own stream: order, execution, position and wallet, logged in, supervised, parsed.

A link is up when the login was accepted and the subscriptions acknowledged, not before. What was missed while it was
down is not sent again: the runner reads it by REST whenever a link comes up.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from engines.live.bybit.keys import Keys
from engines.live.bybit.payloads import (
    PayloadError,
    execution_report,
    order_report,
    position_report,
    wallet_report,
)
from engines.live.venue import LinkState, Report
from feeds.live.backoff import Backoff
from feeds.live.bybit_socket import BybitSocket, Message
from feeds.live.clock import Clock
from kwin_core.errors import VenueError

PRIVATE_HOSTS = {
    "mainnet": "wss://stream.bybit.com",
    "demo": "wss://stream-demo.bybit.com",
    "testnet": "wss://stream-testnet.bybit.com",
}
TOPICS = ("execution", "position", "order", "wallet")
_PARSERS: dict[str, Callable[[Any], Report]] = {
    "execution": execution_report,
    "order": order_report,
    "position": position_report,
    "wallet": wallet_report,
}
_FIRST_PAUSE_MS, _LONGEST_PAUSE_MS = 500, 30_000
_HEALTHY_MS = 60_000


@dataclass(frozen=True)
class PrivateSettings:
    """Of the private socket: host (``wss://stream.bybit.com``), and patience in real seconds."""

    socket_host: str
    connect_timeout_s: float = 10.0
    ping_interval_s: float = 20.0
    ping_timeout_s: float = 10.0
    auth_expires_s: int = 10


class _PrivateSocket(BybitSocket):
    """One login; used once."""

    def __init__(
        self, settings: PrivateSettings, keys: Keys, on_down: Callable[[str], None], **more: Any
    ) -> None:
        self.answered = threading.Event()
        self.refusal: str | None = None
        self.acknowledged = threading.Event()
        self._keys = keys
        self._expires_s = settings.auth_expires_s

        def refused(_topics: Sequence[str], text: str) -> None:
            self.refusal = f"subscription refused: {text}"
            self.acknowledged.set()

        def down(reason: str) -> None:
            self.answered.set()
            self.acknowledged.set()
            on_down(reason)

        super().__init__("private", settings, on_refused=refused, on_down=down, **more)

    def _login(self) -> dict[str, Any]:
        return {
            "api_key": self._keys.key,
            "api_secret": self._keys.secret,
            "private_auth_expire": self._expires_s,
        }

    def _on_other(self, frame: Message) -> bool:
        if frame.get("op") != "auth":
            return False
        if frame.get("success") is not True:
            self.refusal = f"login refused: {frame.get('ret_msg', '')}"
        self.answered.set()
        return True

    def _on_acknowledged(self, reply: Message) -> None:
        super()._on_acknowledged(reply)
        self.acknowledged.set()


class PrivateStream:
    """See the module.

    Parameters
    ----------
    settings, keys
        Where and who.
    on_report
        Takes every parsed row, in the reader thread; must only enqueue.
    on_link
        Takes every change of the link, likewise.
    on_strange
        Takes one line about a frame or row that is not understood, likewise.
    clock, random
        Of the pauses.

    Attributes
    ----------
    frames
        Data messages received so far.
    attempts
        Connections tried so far.
    """

    def __init__(
        self,
        settings: PrivateSettings,
        keys: Keys,
        *,
        on_report: Callable[[Report], None],
        on_link: Callable[[LinkState], None],
        on_strange: Callable[[str], None],
        clock: Clock,
        random: Random | None = None,
    ) -> None:
        self.frames = 0
        self.attempts = 0
        self._settings = settings
        self._keys = keys
        self._on_report = on_report
        self._on_link = on_link
        self._on_strange = on_strange
        self._clock = clock
        self._backoff = Backoff(_FIRST_PAUSE_MS, _LONGEST_PAUSE_MS, random or Random())
        self._lock = threading.Lock()
        self._socket: _PrivateSocket | None = None
        self._opener: threading.Thread | None = None
        self._retired: list[_PrivateSocket] = []
        self._is_up = False
        self._up_ms = 0
        self._open = True

    @property
    def is_up(self) -> bool:
        """Whether the login was accepted and the topics are subscribed."""
        return self._is_up

    @property
    def idle(self) -> bool:
        """Whether no attempt is under way."""
        opener = self._opener
        return opener is None or not opener.is_alive()

    def start(self) -> None:
        """Begin an attempt in a thread of its own."""
        with self._lock:
            if not self._open:
                return
            self.attempts += 1
            self._retired = [one for one in self._retired if not one.end(0.0)]
            socket = _PrivateSocket(
                self._settings,
                self._keys,
                on_down=lambda reason: self._lost(socket, reason),
                on_strange=self._on_strange,
            )
            self._socket = socket
            self._opener = threading.Thread(
                target=self._connect, args=(socket,), name="kwin-private-connect", daemon=True
            )
            self._opener.start()

    def close(self, seconds: float) -> bool:
        """Hang up and do not come back; false when a thread is still busy after ``seconds``."""
        with self._lock:
            self._open = False
            sockets = [*self._retired, *([self._socket] if self._socket is not None else [])]
        for one in sockets:
            one.exit()
        if self._opener is not None:
            self._opener.join(seconds)
        return all(one.end(seconds) for one in sockets) and self.idle

    def _connect(self, socket: _PrivateSocket) -> None:
        try:
            socket.open()
            self._wait(socket, socket.answered, "no answer to the login")
            for topic in TOPICS:
                socket.callback_directory[topic] = self._take
            socket.request(list(TOPICS))
            self._wait(socket, socket.acknowledged, "no answer to the subscription")
        except VenueError as error:
            socket.exit()
            self._lost(socket, str(error))
            return
        with self._lock:
            if socket is not self._socket or not self._open:
                return
            self._is_up = True
            self._up_ms = self._clock.now_ms()
            self._on_link(LinkState(True, "logged in and subscribed"))  # inside: "down" must not overtake it

    def _wait(self, socket: _PrivateSocket, event: threading.Event, otherwise: str) -> None:
        told = event.wait(self._settings.connect_timeout_s)
        problem = socket.refusal or socket.failure or (None if told else otherwise)
        if problem is not None:
            raise VenueError(f"private stream: {problem}")

    def _lost(self, socket: _PrivateSocket, reason: str) -> None:
        """The link is gone, or never came up; from any thread."""
        with self._lock:
            if socket is not self._socket:
                return
            self._socket = None
            self._retired.append(socket)
            was_up, self._is_up = self._is_up, False
            now_ms = self._clock.now_ms()
            if was_up and now_ms - self._up_ms >= _HEALTHY_MS:
                self._backoff.reset()
            again = self._open
            due_ms = now_ms + self._backoff.next_ms()
            self._on_link(LinkState(False, reason))
        if again:
            self._clock.call_at(due_ms, self.start)

    def _take(self, message: Message) -> None:
        """A data frame: every row of it, whatever the others are like."""
        topic = str(message.get("topic", "")).partition(".")[0]
        rows = message.get("data")
        for row in rows if isinstance(rows, list) else ():
            try:
                report = _PARSERS[topic](row)
            except (PayloadError, AttributeError) as error:
                self._on_strange(f"private {topic}: {error}")
                continue
            self._on_report(report)
        self.frames += 1
