"""The WebSocket endpoints: accepting connections, reading requests, answering them."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

from aiohttp import WSMsgType, web

from tests.exchange.auth import Authenticator
from tests.exchange.hub import Connection, Hub
from tests.exchange.kline_feed import KlineFeed
from tests.exchange.private_feed import is_private_topic, mixes_kinds
from tests.exchange.replies import RefusedError
from tests.exchange.ticker_feed import TickerFeed
from tests.exchange.trade_socket import TradeSocket
from tests.exchange.venue import Venue

_MAX_ARGS = 21_000  # characters of all args of a connection
_SILENT = ("publicTrade",)


class SocketServer:
    """Handlers of ``/v5/public/{category}``, ``/v5/private`` and ``/v5/trade``.

    Parameters
    ----------
    reply_delay_ms
        Real ms before a request is dealt with, like the round trip to the real exchange; pybit registers a
        callback only after it has sent the subscription and dies of an answer that is faster.
    """

    def __init__(
        self,
        venue: Venue,
        hub: Hub,
        authenticator: Authenticator,
        klines: KlineFeed,
        tickers: TickerFeed,
        trade: TradeSocket,
        reply_delay_ms: float,
    ) -> None:
        self._venue = venue
        self._reply_delay_ms = reply_delay_ms
        self.pending = 0
        self._hub = hub
        self._authenticator = authenticator
        self._klines = klines
        self._tickers = tickers
        self._trade = trade

    async def public(self, request: web.Request) -> web.StreamResponse:
        """``/v5/public/{category}``."""
        category = request.match_info["category"]
        if category not in ("linear", "spot"):
            return web.Response(status=404)
        return await self._serve(request, "public", category, self._on_public)

    async def private(self, request: web.Request) -> web.StreamResponse:
        """``/v5/private``."""
        return await self._serve(request, "private", "", self._on_private)

    async def trade(self, request: web.Request) -> web.StreamResponse:
        """``/v5/trade``."""
        return await self._serve(request, "trade", "", self._trade.on_request)

    async def _serve(
        self,
        request: web.Request,
        kind: str,
        category: str,
        on_request: Callable[[Connection, dict[str, Any]], None],
    ) -> web.StreamResponse:
        refused = await self._spoiled_handshake(request)
        if refused is not None:
            return refused
        socket = web.WebSocketResponse(autoping=False)
        await socket.prepare(request)
        connection = Connection(
            socket, request.transport, kind=kind, category=category, conn_id=self._venue.new_id()
        )
        self._hub.add(connection)
        writer = asyncio.ensure_future(connection.write_frames())
        try:
            async for frame in socket:
                if frame.type == WSMsgType.PING:
                    if self._hub.answers_pings(connection):
                        await socket.pong(frame.data)
                elif frame.type == WSMsgType.TEXT:
                    self._read(connection, frame.data, on_request)
        finally:
            self._hub.remove(connection)
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writer
        return socket

    async def _spoiled_handshake(self, request: web.Request) -> web.StreamResponse | None:
        refused = self._venue.faults.ws.strikes("handshake", "*")
        if refused is not None:
            return web.Response(status=refused.value)
        hangs = self._venue.faults.ws.strikes("handshake_hang", "*")
        if hangs is not None:
            await asyncio.sleep(hangs.value / 1000)
            if request.transport is not None:
                request.transport.abort()
            return web.Response()
        return None

    def _read(
        self,
        connection: Connection,
        text: str,
        on_request: Callable[[Connection, dict[str, Any]], None],
    ) -> None:
        try:
            request = json.loads(text)
        except json.JSONDecodeError:
            request = None
        if not isinstance(request, dict):
            self._hub.reply(connection, {"success": False, "ret_msg": "Invalid JSON", "op": ""})
            return
        self.pending += 1
        loop = asyncio.get_running_loop()
        loop.call_later(self._reply_delay_ms / 1000, self._deal_with, connection, request, on_request)

    def _deal_with(
        self,
        connection: Connection,
        request: dict[str, Any],
        on_request: Callable[[Connection, dict[str, Any]], None],
    ) -> None:
        self.pending -= 1
        if connection in self._hub.connections:
            on_request(connection, request)
            self._venue.flush()

    def _on_public(self, connection: Connection, request: dict[str, Any]) -> None:
        op = request.get("op")
        if op == "ping":
            self._ack(connection, request, "pong", op="ping")
        elif op == "subscribe":
            self._subscribe_public(connection, request)
        elif op == "unsubscribe":
            self._unsubscribe(connection, request)
        else:
            self._refuse(connection, request, "Unknown Operation")

    def _on_private(self, connection: Connection, request: dict[str, Any]) -> None:
        op = request.get("op")
        if op == "ping":
            pong = {"op": "pong", "args": [str(self._venue.clock.server_ms())], "conn_id": connection.conn_id}
            named = {"req_id": request["req_id"]} if "req_id" in request else {}
            self._hub.reply(connection, {**named, **pong})
        elif op == "auth":
            self._login(connection, request)
        elif not connection.authorised:
            self._refuse(connection, request, "Request not authorized")
        elif op == "subscribe":
            self._subscribe_private(connection, request)
        elif op == "unsubscribe":
            self._unsubscribe(connection, request)
        else:
            self._refuse(connection, request, "Unknown Operation")

    def _login(self, connection: Connection, request: dict[str, Any]) -> None:
        args = request.get("args")
        try:
            if self._venue.faults.ws.strikes("auth_fail", "*"):
                raise RefusedError(10004, "Invalid sign")
            if not isinstance(args, list) or len(args) != 3:
                raise RefusedError(10001, "Params Error")
            self._authenticator.check_login(*args)
        except RefusedError as refusal:
            reply = {"success": False, "ret_msg": refusal.message, "op": "auth"}
        else:
            connection.authorised = True
            reply = {"success": True, "ret_msg": "", "op": "auth"}
        if "req_id" in request:
            reply = {"req_id": request["req_id"], **reply}
        self._hub.reply(connection, {**reply, "conn_id": connection.conn_id})

    def _subscribe_public(self, connection: Connection, request: dict[str, Any]) -> None:
        topics = self._wanted_topics(connection, request)
        if topics is None:
            return
        makers: list[tuple[str, Callable[[], dict[str, Any]] | None]] = []
        for topic in topics:
            try:
                makers.append((topic, self._cached_maker(connection.category, topic)))
            except RefusedError:
                self._refuse(connection, request, f"error:handler not found,topic:{topic}")
                return
        for topic, cached in makers:
            if self._venue.faults.ws.strikes("ack_no_data", topic):
                continue
            connection.topics.add(topic)
            if cached is not None:
                self._hub.send_now(connection, cached())
        self._ack(connection, request, "subscribe" if connection.category == "spot" else "")

    def _cached_maker(self, category: str, topic: str) -> Callable[[], dict[str, Any]] | None:
        """What makes the cached message of a topic; ``None`` for topics that start silent."""
        name, _, rest = topic.partition(".")
        if name == "kline":
            interval, _, symbol = rest.partition(".")
            market = self._venue.market(category, symbol)
            if not self._klines.knows(market, interval):
                raise RefusedError(10001)
            return lambda: self._klines.subscribe(market, interval)
        market = self._venue.market(category, rest)
        if name == "tickers":
            return lambda: self._tickers.subscribe(market)
        if name in _SILENT:
            return None
        raise RefusedError(10001)

    def _subscribe_private(self, connection: Connection, request: dict[str, Any]) -> None:
        topics = self._wanted_topics(connection, request)
        if topics is None:
            return
        for topic in topics:
            if not is_private_topic(topic):
                self._refuse(connection, request, f"error:handler not found,topic:{topic}")
                return
        if mixes_kinds([*topics]):
            self._refuse(connection, request, "error:all-in-one and categorised topics in one request")
            return
        for topic in topics:
            if not self._venue.faults.ws.strikes("ack_no_data", topic):
                connection.topics.add(topic)
        self._ack(connection, request, "")

    def _wanted_topics(self, connection: Connection, request: dict[str, Any]) -> list[str] | None:
        """Topics of a subscribe request, or ``None`` after refusing it."""
        failing = self._venue.faults.ws.strikes("ack_fail", "*")
        if failing is not None:
            self._refuse(connection, request, failing.text)
            return None
        topics = request.get("args")
        if not isinstance(topics, list) or not topics or not all(isinstance(one, str) for one in topics):
            self._refuse(connection, request, "Params Error")
            return None
        if sum(map(len, connection.topics)) + sum(map(len, topics)) > _MAX_ARGS:
            self._refuse(connection, request, "args size >21000")
            return None
        for topic in topics:
            if topic in connection.topics:
                self._refuse(connection, request, f"error:already subscribed,topic:{topic}")
                return None
        return topics

    def _unsubscribe(self, connection: Connection, request: dict[str, Any]) -> None:
        args = request.get("args")
        if isinstance(args, list):
            connection.topics.difference_update(str(topic) for topic in args)
        self._ack(connection, request, "", op="unsubscribe")

    def _ack(self, connection: Connection, request: dict[str, Any], text: str, op: str = "subscribe") -> None:
        reply: dict[str, Any] = {"success": True, "ret_msg": text, "conn_id": connection.conn_id}
        if "req_id" in request or connection.category == "linear":
            reply["req_id"] = request.get("req_id", "")
        self._hub.reply(connection, {**reply, "op": op})

    def _refuse(self, connection: Connection, request: dict[str, Any], text: str) -> None:
        reply = {
            "success": False,
            "ret_msg": text,
            "conn_id": connection.conn_id,
            "req_id": request.get("req_id", ""),
            "op": request.get("op", ""),
        }
        self._hub.reply(connection, reply)
