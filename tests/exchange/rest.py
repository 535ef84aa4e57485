"""The REST server: reads requests, lets faults strike, runs handlers, wraps replies."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from tests.exchange.parameters import Parameters
from tests.exchange.replies import RefusedError, envelope
from tests.exchange.rest_faults import Rule
from tests.exchange.venue import Venue

Handler = Callable[[Parameters], Any]
_LOG_LENGTH = 200_000


@dataclass(frozen=True)
class Route:
    """One endpoint: its handler and whether it needs a signature."""

    handler: Handler
    private: bool = False


@dataclass(frozen=True)
class Logged:
    """One request as the exchange saw it; ``code`` is the retCode, or the HTTP status when not 200."""

    time_ms: int
    method: str
    endpoint: str
    parameters: Mapping[str, Any]
    code: int


class RestServer:
    """Dispatch of ``/v5/*``.

    Handlers are plain functions and run to the end without yielding, so a request sees and changes one
    consistent state.
    """

    def __init__(self, venue: Venue, routes: Mapping[tuple[str, str], Route]) -> None:
        self._venue = venue
        self._routes = dict(routes)
        self.log: deque[Logged] = deque(maxlen=_LOG_LENGTH)
        self.in_flight = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """aiohttp handler for every REST path."""
        self.in_flight += 1
        try:
            return await self._handle(request)
        finally:
            self.in_flight -= 1

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        path, _, query = request.raw_path.partition("?")
        body = (await request.read()).decode()
        endpoint = path.removeprefix("/v5/")
        route = self._routes.get((request.method, endpoint))
        if route is None:
            return web.Response(status=404, text="404 page not found")
        parameters = _read(request.method, query, body)
        if parameters is None:
            return self._reply({}, 10001, "Request parameter error.", request, endpoint, {})
        rule = self._venue.faults.rest.strike(endpoint, parameters.values)
        if rule is not None and rule.kind in ("ret", "rate", "http", "timeout", "drop"):
            return await self._refuse_by_fault(rule, request, endpoint, parameters)
        try:
            result = route.handler(parameters)
            code, message = 0, "OK"
        except RefusedError as refusal:
            result, code, message = {}, refusal.code, refusal.message
        if rule is not None and code == 0:
            result = _distort(rule, result)
        reply = self._reply(result, code, message, request, endpoint, parameters.values)
        if rule is not None and rule.seconds:
            await asyncio.sleep(rule.seconds)
        if rule is not None and rule.kind == "lost_reply":
            return _cut(request)
        return reply

    async def _refuse_by_fault(
        self, rule: Rule, request: web.Request, endpoint: str, parameters: Parameters
    ) -> web.StreamResponse:
        if rule.kind == "http":
            self._note(request.method, endpoint, parameters.values, rule.code)
            return web.Response(status=rule.code, text=rule.body, headers=rule.headers)
        if rule.kind in ("timeout", "drop"):
            self._note(request.method, endpoint, parameters.values, -1)
            await asyncio.sleep(rule.seconds)
            return _cut(request)
        refusal = RefusedError(rule.code, rule.message)
        headers = {}
        if rule.kind == "rate" and rule.value is not None:
            reset_ms = self._venue.clock.server_ms() + int(rule.value)
            headers = {
                "X-Bapi-Limit": "10",
                "X-Bapi-Limit-Status": "0",
                "X-Bapi-Limit-Reset-Timestamp": str(reset_ms),
            }
        return self._reply(
            {}, refusal.code, refusal.message, request, endpoint, parameters.values, headers=headers
        )

    def _reply(
        self,
        result: Any,
        code: int,
        message: str,
        request: web.Request,
        endpoint: str,
        parameters: Mapping[str, Any],
        *,
        headers: Mapping[str, str] | None = None,
    ) -> web.Response:
        self._note(request.method, endpoint, parameters, code)
        now_ms = self._venue.clock.server_ms()
        text = json.dumps(envelope(result, time_ms=now_ms, code=code, message=message), separators=(",", ":"))
        return web.Response(
            text=text,
            content_type="application/json",
            headers={"Timenow": str(now_ms), "Traceid": uuid.uuid4().hex, **(headers or {})},
        )

    def _note(self, method: str, endpoint: str, parameters: Mapping[str, Any], code: int) -> None:
        now_ms = self._venue.clock.now_ms()
        self.log.append(Logged(now_ms, method, endpoint, dict(parameters), code))


def _read(method: str, query: str, body: str) -> Parameters | None:
    if method == "GET":
        return Parameters(dict(parse_qsl(query)))
    try:
        values = json.loads(body) if body else {}
    except json.JSONDecodeError:
        return None
    return Parameters(values) if isinstance(values, dict) else None


def _distort(rule: Rule, result: Any) -> Any:
    if rule.kind == "empty":
        return {**result, "list": []}
    if rule.kind == "stale":
        return rule.value
    if rule.kind == "alter":
        return rule.value(result)
    return result


def _cut(request: web.Request) -> web.StreamResponse:
    """Close the connection without an answer, as a dying proxy does."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
