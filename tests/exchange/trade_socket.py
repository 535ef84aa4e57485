"""Orders over the trade socket: the REST handlers behind another envelope."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from tests.exchange.auth import DEFAULT_RECV_WINDOW_MS, Authenticator
from tests.exchange.hub import Connection, Hub
from tests.exchange.limits import RateLimiter
from tests.exchange.parameters import Parameters
from tests.exchange.replies import RefusedError
from tests.exchange.venue import Venue

Handler = Callable[[Parameters], Any]
_OPS = {"order.create": "order/create", "order.amend": "order/amend", "order.cancel": "order/cancel"}


class TradeSocket:
    """Requests of ``/v5/trade``.

    Parameters
    ----------
    handlers
        REST handlers by endpoint ("order/create", ...).
    """

    def __init__(
        self,
        venue: Venue,
        hub: Hub,
        authenticator: Authenticator,
        limiter: RateLimiter,
        handlers: Mapping[str, Handler],
    ) -> None:
        self._venue = venue
        self._hub = hub
        self._authenticator = authenticator
        self._limiter = limiter
        self._handlers = handlers

    def on_request(self, connection: Connection, request: dict[str, Any]) -> None:
        """Answer one frame."""
        op = str(request.get("op", ""))
        if op == "ping":
            pong = {"retCode": 0, "retMsg": "OK", "op": "pong", "data": [str(self._venue.clock.server_ms())]}
            self._hub.reply(connection, {**pong, "connId": connection.conn_id})
        elif op == "auth":
            self._login(connection, request)
        elif op not in _OPS:
            self._answer(connection, request, 10404, f"op type is not found: {op}")
        elif not connection.authorised:
            self._answer(connection, request, 10003, "Request not authorized")
        else:
            self._order(connection, request, _OPS[op])

    def _login(self, connection: Connection, request: dict[str, Any]) -> None:
        args = request.get("args")
        code, message = 0, "OK"
        if connection.authorised:
            code, message = 20001, "Repeat auth"
        elif not isinstance(args, list) or len(args) != 3:
            code, message = 10001, "Params Error"
        else:
            try:
                self._authenticator.check_login(*args)
                connection.authorised = True
            except RefusedError as refusal:
                code, message = refusal.code, refusal.message
        reply = {"retCode": code, "retMsg": message, "op": "auth", "connId": connection.conn_id}
        self._hub.reply(connection, reply)

    def _order(self, connection: Connection, request: dict[str, Any], endpoint: str) -> None:
        args = request.get("args")
        header = request.get("header")
        stamps = header if isinstance(header, dict) else {}
        data: Any = {}
        code, message = 0, "OK"
        allowance = self._limiter.ask(endpoint)
        try:
            if allowance is not None and not allowance.granted:
                raise RefusedError(10006)
            window = str(stamps.get("X-BAPI-RECV-WINDOW", DEFAULT_RECV_WINDOW_MS))
            self._authenticator.check_time(str(stamps.get("X-BAPI-TIMESTAMP", "")), window)
            if not isinstance(args, list) or len(args) != 1 or not isinstance(args[0], dict):
                raise RefusedError(10001, "Params Error")
            data = self._handlers[endpoint](Parameters(args[0]))
        except RefusedError as refusal:
            code, message = refusal.code, refusal.message
        limits = allowance.headers() if allowance is not None else {}
        self._answer(connection, request, code, message, data, limits)

    def _answer(
        self,
        connection: Connection,
        request: dict[str, Any],
        code: int,
        message: str,
        data: Any = None,
        limits: Mapping[str, str] | None = None,
    ) -> None:
        reply = {
            "reqId": request.get("reqId", ""),
            "retCode": code,
            "retMsg": message,
            "op": request.get("op", ""),
            "data": data or {},
            "retExtInfo": {},
            "header": {
                **(limits or {}),
                "Traceid": uuid.uuid4().hex,
                "Timenow": str(self._venue.clock.server_ms()),
            },
            "connId": connection.conn_id,
        }
        self._hub.reply(connection, reply)
