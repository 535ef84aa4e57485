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

from tests.exchange.auth import Authenticator, UnsignedError
from tests.exchange.hub import Hub
from tests.exchange.limits import Allowance, RateLimiter
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


@dataclass(frozen=True)
class _Call:
    """A request on its way through the server."""

    request: web.Request
    endpoint: str
    parameters: Mapping[str, Any]


class RestServer:
    """Dispatch of ``/v5/*``.

    Handlers are plain functions and run to the end without yielding, so a request sees and changes one
    consistent state.
    """

    def __init__(
        self,
        venue: Venue,
        routes: Mapping[tuple[str, str], Route],
        authenticator: Authenticator,
        limiter: RateLimiter,
        hub: Hub,
    ) -> None:
        self._venue = venue
        self._routes = dict(routes)
        self._authenticator = authenticator
        self._limiter = limiter
        self._hub = hub
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
        call = _Call(request, endpoint, parameters.values if parameters is not None else {})
        if not self._limiter.address_allowed():
            self._note(call, 403)
            return web.Response(status=403, text="access too frequent")
        if parameters is None:
            return self._reply(call, {}, 10001, "Request parameter error.")
        rule = self._venue.faults.rest.strike(endpoint, parameters.values)
        if rule is not None and rule.kind in ("ret", "rate", "http", "timeout", "drop"):
            return await self._refuse_by_fault(rule, call)
        allowance: Allowance | None = None
        result: Any = {}
        code, message = 0, "OK"
        try:
            if route.private:
                self._authenticator.check_rest(request.headers, query if request.method == "GET" else body)
                allowance = self._limiter.ask(endpoint)
                if allowance is not None and not allowance.granted:
                    raise RefusedError(10006)
            with self._venue.lagging(rule.lag_ms if rule is not None else 0):
                result = route.handler(parameters)
        except UnsignedError:
            self._note(call, 401)
            return web.Response(status=401)
        except RefusedError as refusal:
            code, message = refusal.code, refusal.message
        if rule is not None and code == 0:
            result = _distort(rule, result)
        reply = self._reply(call, result, code, message, allowance.headers() if allowance else {})
        return await self._send(call, reply, rule)

    async def _send(self, call: _Call, reply: web.Response, rule: Rule | None) -> web.StreamResponse:
        """Write the reply, then let the private messages go; or the other way round, or no reply at all."""
        if self._venue.faults.ws.before_ack or (rule is not None and rule.seconds):
            self._venue.flush()
            await self._hub.drained()
        if rule is not None and rule.seconds:
            await asyncio.sleep(rule.seconds)
        if rule is not None and rule.kind == "lost_reply":
            self._venue.flush()
            return _cut(call.request)
        try:
            await reply.prepare(call.request)
            await reply.write_eof()
        except ConnectionError:
            pass  # the client went away; what it caused happened all the same
        self._venue.flush()
        return reply

    async def _refuse_by_fault(self, rule: Rule, call: _Call) -> web.StreamResponse:
        if rule.kind == "http":
            self._note(call, rule.code)
            return web.Response(status=rule.code, text=rule.body)
        if rule.kind in ("timeout", "drop"):
            self._note(call, -1)
            await asyncio.sleep(rule.seconds)
            return _cut(call.request)
        refusal = RefusedError(rule.code, rule.message)
        headers = {}
        if rule.kind == "rate" and rule.value is not None:
            reset_ms = self._venue.clock.server_ms() + int(rule.value)
            headers = Allowance(False, 10, 0, reset_ms).headers()
        return self._reply(call, {}, refusal.code, refusal.message, headers)

    def _reply(
        self,
        call: _Call,
        result: Any,
        code: int,
        message: str,
        headers: Mapping[str, str] | None = None,
    ) -> web.Response:
        self._note(call, code)
        now_ms = self._venue.clock.server_ms()
        text = json.dumps(envelope(result, time_ms=now_ms, code=code, message=message), separators=(",", ":"))
        return web.Response(
            text=text,
            content_type="application/json",
            headers={"Timenow": str(now_ms), "Traceid": uuid.uuid4().hex, **(headers or {})},
        )

    def _note(self, call: _Call, code: int) -> None:
        now_ms = self._venue.clock.now_ms()
        self.log.append(Logged(now_ms, call.request.method, call.endpoint, dict(call.parameters), code))


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
