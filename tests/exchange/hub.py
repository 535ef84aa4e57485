"""Live socket connections and what is sent to them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from typing import Any

from aiohttp import WSCloseCode, web

from tests.exchange.venue import Venue


class Connection:
    """One accepted socket. Frames are queued at once and written in order by a task of its own.

    Parameters
    ----------
    socket
        The accepted WebSocket.
    transport
        Its TCP transport, for cutting it.
    kind
        "public", "private" or "trade".
    category
        Of a public socket: "linear" or "spot".
    conn_id
        Name the exchange gives it.
    """

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.BaseTransport | None,
        *,
        kind: str,
        category: str,
        conn_id: str,
    ) -> None:
        self.kind = kind
        self.category = category
        self.conn_id = conn_id
        self.topics: set[str] = set()
        self.authorised = False
        self._socket = socket
        self._transport = transport
        self._queue: asyncio.Queue[str] = asyncio.Queue()
        self._over = False

    def send(self, message: dict[str, Any] | str) -> None:
        """Queue a frame; nothing once the peer is gone."""
        if not self._over:
            text = message if isinstance(message, str) else json.dumps(message, separators=(",", ":"))
            self._queue.put_nowait(text)

    async def write_frames(self) -> None:
        """Write queued frames until cancelled or the peer is gone; what is left then will never be written."""
        try:
            while True:
                text = await self._queue.get()
                try:
                    await self._socket.send_str(text)
                finally:
                    self._queue.task_done()
        except (ConnectionError, RuntimeError):
            return
        finally:
            self._over = True
            while not self._queue.empty():
                self._queue.get_nowait()
                self._queue.task_done()

    async def drained(self) -> None:
        """Wait until every queued frame is handed to the operating system."""
        await self._queue.join()

    @property
    def idle(self) -> bool:
        """Whether nothing waits to be written."""
        return self._queue.empty()

    def close(self, code: int) -> None:
        """Start the closing handshake."""
        task = asyncio.ensure_future(self._socket.close(code=code))
        task.add_done_callback(lambda _: None)

    def abort(self) -> None:
        """Cut the TCP connection."""
        if isinstance(self._transport, asyncio.Transport):
            self._transport.abort()


class Hub:
    """All live connections.

    Attributes
    ----------
    data_frames
        Data frames queued so far, over all connections: a client that counts the messages its callbacks saw
        can tell when it has seen everything.
    """

    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self.connections: list[Connection] = []
        self.data_frames = 0
        self.accepted = 0

    def add(self, connection: Connection) -> None:
        """A connection was accepted."""
        self.connections.append(connection)
        self.accepted += 1

    def remove(self, connection: Connection) -> None:
        """A connection has ended."""
        self.connections.remove(connection)

    def subscribers(self, kind: str, topic: str, category: str = "") -> list[Connection]:
        """Connections that want a topic."""
        return [
            one
            for one in self.connections
            if one.kind == kind and one.category == category and topic in one.topics
        ]

    def broadcast(self, topic: str, message: dict[str, Any], category: str) -> None:
        """Send a public message to its subscribers, unless a fault interferes."""
        targets = self.subscribers("public", topic, category)
        if targets:
            self.deliver(targets, topic, message)

    def deliver(
        self, targets: Iterable[Connection], topic: str, message: dict[str, Any], symbol: str = ""
    ) -> None:
        """Send a data message through the fault knobs."""
        faults = self._venue.faults.ws
        targets = list(targets)
        if faults.strikes("mute", topic, symbol):
            return
        copies = 2 if faults.strikes("dup", topic, symbol) else 1
        text = json.dumps(message, separators=(",", ":"))
        late = faults.strikes("delay", topic, symbol)
        if late is None:
            self._send(targets, text, copies)
            return
        due_ms = self._venue.clock.now_ms() + late.value
        self._venue.scheduler.at(due_ms, lambda: self._send(targets, text, copies))

    def send_now(self, connection: Connection, message: dict[str, Any]) -> None:
        """Send a data message past the topic knobs (a cached message before an acknowledgement)."""
        self._send([connection], json.dumps(message, separators=(",", ":")), 1)

    def reply(self, connection: Connection, message: dict[str, Any]) -> None:
        """Send an acknowledgement or pong, unless the link is frozen."""
        if not self._dead(connection, "freeze"):
            connection.send(message)

    def answers_pings(self, connection: Connection) -> bool:
        """Whether ping frames get a pong."""
        return not self._dead(connection, "freeze")

    def close_all(self, kind: str, code: int) -> None:
        """Close connections with a code; 1006 cuts them."""
        for connection in self._of(kind):
            if code == WSCloseCode.ABNORMAL_CLOSURE:
                connection.abort()
            else:
                connection.close(code)

    def abort_all(self, kind: str) -> None:
        """Cut connections."""
        for connection in self._of(kind):
            connection.abort()

    def forget_all(self, kind: str) -> None:
        """Drop subscriptions silently."""
        for connection in self._of(kind):
            connection.topics.clear()

    def send_raw(self, kind: str, text: str) -> None:
        """Send any text."""
        for connection in self._of(kind):
            connection.send(text)

    async def drained(self) -> None:
        """Wait until every connection has written its frames."""
        for connection in list(self.connections):
            await connection.drained()

    def _send(self, targets: Iterable[Connection], text: str, copies: int) -> None:
        for connection in targets:
            if connection not in self.connections:
                continue
            if self._dead(connection, "half_open") or self._dead(connection, "freeze"):
                continue
            for _ in range(copies):
                connection.send(text)
                self.data_frames += 1

    def _dead(self, connection: Connection, fault: str) -> bool:
        return self._venue.faults.ws.strikes(fault, connection.kind) is not None

    def _of(self, kind: str) -> list[Connection]:
        return [one for one in self.connections if kind in ("*", one.kind)]
