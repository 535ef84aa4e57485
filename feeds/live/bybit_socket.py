"""pybit's public socket, hardened: what pybit 5.17 dies of ends here as a count, a refusal or a closed link.

pybit registers a subscription after it has sent it, dies of any exception in its reader thread, reconnects at
once or never, and connects inside its constructor. Here a subscription is registered first, every frame is
sorted by us, nothing reconnects (the link's supervisor builds a new object), and connecting is a step of its
own that another thread can give up.
"""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Protocol
from uuid import uuid4

import websocket
from pybit.unified_trading import WebSocket

from feeds.bybit_payloads import shorten
from kwin_core.errors import VenueError

Message = dict[str, Any]
_AGAIN_S = 0.05


class SocketSettings(Protocol):
    """What a socket must be told."""

    @property
    def socket_host(self) -> str:
        """Scheme and host."""
        ...

    @property
    def connect_timeout_s(self) -> float:
        """Limit of one attempt."""
        ...

    @property
    def ping_interval_s(self) -> float:
        """Between two ping frames; exceeds the timeout."""
        ...

    @property
    def ping_timeout_s(self) -> float:
        """Without a pong the link is dead."""
        ...


class BybitSocket(WebSocket):  # type: ignore[misc]  # pybit ships no types
    """One connection; used once.

    Parameters
    ----------
    category
        ``"linear"`` or ``"spot"``.
    settings
        Host and time limits.
    on_refused
        Called with the topics and the words of a refused subscription.
    on_strange
        Called with one line about a frame that is not understood.
    on_down
        Called once with the reason when the link has ended, whatever ended it.

    All three are called in the reader thread and must only enqueue.

    Attributes
    ----------
    failure
        Why the link is down; ``None`` while it is not.
    strange
        Frames that were not understood, by kind.
    """

    def __init__(
        self,
        category: str,
        settings: SocketSettings,
        *,
        on_refused: Callable[[Sequence[str], str], None],
        on_strange: Callable[[str], None],
        on_down: Callable[[str], None],
    ) -> None:
        self.failure: str | None = None
        self.strange: Counter[str] = Counter()
        self._category = category
        self._settings = settings
        self._on_refused = on_refused
        self._on_strange = on_strange
        self._on_down = on_down
        self._opening = False
        self._requested: dict[str, list[str]] = {}

    def open(self) -> None:
        """Connect; returns when the handshake is done.

        Raises
        ------
        VenueError
            When it fails, takes too long, or :meth:`exit` is called meanwhile.
        """
        websocket.setdefaulttimeout(self._settings.connect_timeout_s)  # else a silent peer blocks for ever
        self._opening = True
        try:
            super().__init__(
                self._category,
                testnet=False,
                restart_on_error=False,
                retries=2,  # with 1 pybit gives up on a healthy server; the second try is cut off below
                ping_interval=self._settings.ping_interval_s,
                ping_timeout=self._settings.ping_timeout_s,
                **self._login(),
            )
        except (websocket.WebSocketException, OSError) as error:
            self.end(self._settings.connect_timeout_s)
            raise VenueError(f"{self._settings.socket_host}: {error}") from None
        except VenueError:
            self.end(self._settings.connect_timeout_s)
            raise
        finally:
            self._opening = False

    def _login(self) -> dict[str, Any]:
        """Arguments that log a connection in; a public one has none."""
        return {}

    def _on_other(self, frame: Message) -> bool:  # noqa: ARG002  # for sockets that log in
        """Take a control frame that only some sockets have; whether it was one."""
        return False

    def alive(self) -> bool:
        """Whether the reader thread runs on an open link."""
        return self.failure is None and self.wst.is_alive() and bool(self.is_connected())

    def exit(self) -> None:
        """Hang up at once, from any thread, in any state; the reader thread then ends by itself."""
        self.failure = self.failure or "closed by us"
        self.exited = True
        if getattr(self, "custom_ping_timer", None) is not None:
            self._stop_custom_ping_timer()
        app = getattr(self, "ws", None)
        if app is None:
            return  # not connecting yet
        app.keep_running = False
        link = app.sock
        raw = link.sock if link is not None else None
        if raw is not None:
            try:
                raw.shutdown(socket.SHUT_RDWR)  # wakes the reader, which a close of the descriptor would not
            except OSError:
                return  # it has ended already

    def end(self, seconds: float) -> bool:
        """Hang up and wait for the reader thread to end; false when it has not after ``seconds``.

        It hangs up again and again: a connection that is just being made has no socket to shut yet.
        """
        deadline = time.monotonic() + seconds
        while True:
            self.exit()
            reader: threading.Thread | None = getattr(self, "wst", None)
            if reader is None or reader is threading.current_thread():
                return True
            left_s = deadline - time.monotonic()
            reader.join(max(0.0, min(_AGAIN_S, left_s)))
            if not reader.is_alive() or left_s <= 0.0:
                return not reader.is_alive()

    def subscribe(self, topic: str, callback: Callable[[Message], None], symbol: str | list[str]) -> None:
        """Subscribe; pybit's stream methods come through here. Registers, then sends.

        Raises
        ------
        VenueError
            When the link is down.
        """
        names = [symbol] if isinstance(symbol, str) else symbol
        topics = [topic.format(symbol=name) for name in names]
        for name in topics:
            self.callback_directory[name] = callback
        self.request(topics)

    def request(self, topics: list[str]) -> None:
        """Ask for topics that are registered.

        Raises
        ------
        VenueError
            When the link is down.
        """
        request_id = uuid4().hex
        self._requested[request_id] = topics
        self._send({"op": "subscribe", "req_id": request_id, "args": topics})

    def resubscribe(self, topic: str) -> None:
        """Give up a topic and take it again: the exchange then sends its last message at once.

        Raises
        ------
        VenueError
            When the link is down.
        """
        self._send({"op": "unsubscribe", "req_id": uuid4().hex, "args": [topic]})
        self.request([topic])

    def is_connected(self) -> bool:
        """As pybit's; while connecting a failed attempt is an error instead of a reason for the next one."""
        if self._opening and self.failure is not None:
            raise VenueError(f"{self._settings.socket_host}: {self.failure}")
        return bool(super().is_connected())

    def _connect(self, url: str) -> None:
        super()._connect(re.sub(r"^wss?://[^/]+", self._settings.socket_host, url))

    def _send(self, request: Message) -> None:
        try:
            self.ws.send(json.dumps(request))
        except (websocket.WebSocketException, OSError, AttributeError) as error:
            raise VenueError(f"{self._settings.socket_host}: cannot send ({error})") from None

    def _on_message(self, message: str | bytes) -> None:
        """Sort a frame. Nothing raises here: pybit's reader thread would end without a word."""
        try:
            decoded = json.loads(message)
        except (ValueError, RecursionError):
            self._note_strange("not JSON", message)
            return
        if not isinstance(decoded, dict):
            self._note_strange("not an object", decoded)
            return
        topic = decoded.get("topic")
        callback = self.callback_directory.get(topic) if isinstance(topic, str) else None
        if callback is not None:
            callback(decoded)
        elif topic is not None:
            self._note_strange("unknown topic", decoded)
        elif decoded.get("op") == "subscribe":
            self._on_acknowledged(decoded)
        elif not (
            self._is_custom_pong(decoded) or decoded.get("op") == "unsubscribe" or self._on_other(decoded)
        ):
            self._note_strange("neither topic nor known op", decoded)

    def _on_acknowledged(self, reply: Message) -> None:
        request_id = reply.get("req_id")
        topics = self._requested.pop(request_id, []) if isinstance(request_id, str) else []
        text = str(reply.get("ret_msg", ""))
        if reply.get("success") is not True and "already subscribed" not in text:
            self._on_refused(topics, text)

    def _note_strange(self, kind: str, frame: Any) -> None:
        self.strange[kind] += 1
        self._on_strange(f"{kind}: {shorten(frame)}")

    def _on_open(self) -> None:
        """The handshake is done; perhaps too late for who wanted it."""
        if self.failure is not None:
            self.ws.keep_running = False

    def _on_error(self, error: BaseException) -> None:
        """The link is lost; unlike pybit neither raise nor reconnect."""
        self.failure = self.failure or f"{type(error).__name__}: {error}"

    def _on_close(self) -> None:
        """The reader thread is about to end."""
        self.failure = self.failure or "closed"
        self._on_down(self.failure)
