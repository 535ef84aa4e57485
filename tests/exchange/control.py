"""Remote control of a simulator that runs in a process of its own: plain HTTP under ``/sim/``.

Not part of Bybit's interface. ``POST /sim/advance`` with ``{"ms": 900000}`` moves the market,
``POST /sim/fault`` with ``{"knob": "rest.ret", "args": ["order/create", 10006], "options": {"n": 2}}`` arms a
fault, ``GET /sim/state`` tells time and counters.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from tests.exchange.faults import Faults
from tests.exchange.hub import Hub
from tests.exchange.venue import Venue

Advance = Callable[[int], Awaitable[None]]


class Control:
    """Handlers of ``/sim/*``."""

    def __init__(self, venue: Venue, hub: Hub, advance_to: Advance) -> None:
        self._venue = venue
        self._hub = hub
        self._advance_to = advance_to

    async def advance(self, request: web.Request) -> web.Response:
        """``POST /sim/advance``: ``ms`` from now, or ``to`` a time (ms)."""
        body = await _body(request)
        now_ms = self._venue.clock.now_ms()
        target = body.get("to", now_ms + body.get("ms", 0))
        if not isinstance(target, int) or target < now_ms:
            return _bad("advance needs ms >= 0 or to >= now, whole numbers")
        await self._advance_to(target)
        return self._state()

    async def fault(self, request: web.Request) -> web.Response:
        """``POST /sim/fault``: call one knob by name; ``clear`` disarms all."""
        body = await _body(request)
        name = str(body.get("knob", ""))
        knob = _knob(self._venue.faults, name)
        if knob is None:
            return _bad(f"no knob {name!r}: name it as rest.ret, ws.mute, eng.partial, clock.skew or clear")
        try:
            knob(*body.get("args", []), **body.get("options", {}))
        except (TypeError, ValueError) as error:
            return _bad(f"{name}: {error}")
        return self._state()

    async def state(self, _: web.Request) -> web.Response:
        """``GET /sim/state``."""
        return self._state()

    def _state(self) -> web.Response:
        return web.json_response(
            {
                "now_ms": self._venue.clock.now_ms(),
                "connections": len(self._hub.connections),
                "data_frames": self._hub.data_frames,
            }
        )


def _knob(faults: Faults, name: str) -> Callable[..., Any] | None:
    if name == "clear":
        return faults.clear
    group, _, knob = name.partition(".")
    if group not in ("rest", "ws", "eng", "clock") or knob.startswith("_"):
        return None
    found = getattr(getattr(faults, group), knob, None)
    return found if callable(found) else None


async def _body(request: web.Request) -> dict[str, Any]:
    try:
        body = await request.json()
    except json.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}


def _bad(text: str) -> web.Response:
    return web.json_response({"error": text}, status=400)
