"""The simulator as one object: start it, talk to it over HTTP, move its clock, break it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from aiohttp import web

from tests.exchange.clock import VirtualClock
from tests.exchange.faults import Faults
from tests.exchange.market import Market
from tests.exchange.rest import Logged, RestServer
from tests.exchange.routes import build_routes
from tests.exchange.venue import Venue

T = TypeVar("T")
_START_SECONDS = 10.0


class Exchange:
    """A Bybit v5 look-alike on 127.0.0.1, in a thread of its own.

    Examples
    --------
    >>> with Exchange(markets=[Market(known("BTCUSDT"), bars, "15m")]) as exchange:  # doctest: +SKIP
    ...     session = HTTP()
    ...     session.endpoint = exchange.url

    Parameters
    ----------
    markets
        Listed symbols with their scripts.
    start_ms
        First value of the clock (ms). Default: a third of a bar after the last scripted bar of the first
        market, so that every scripted bar is closed and one more is forming.
    clock_path
        File that mirrors the clock for other processes.
    port
        TCP port; 0 picks a free one.
    """

    def __init__(
        self,
        markets: Sequence[Market],
        *,
        start_ms: int | None = None,
        clock_path: Path | None = None,
        port: int = 0,
    ) -> None:
        first = markets[0]
        begin = first.end_ms + first.timeframe_ms // 3 if start_ms is None else start_ms
        self.clock = VirtualClock(begin, clock_path)
        self.venue = Venue(markets, self.clock)
        routes = build_routes(self.venue)
        self.venue.faults.rest.endpoints = frozenset(endpoint for _, endpoint in routes)
        self._rest = RestServer(self.venue, routes)
        self._port = port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._failure: OSError | None = None

    @property
    def url(self) -> str:
        """Base of REST addresses, e.g. "http://127.0.0.1:40001"."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def faults(self) -> Faults:
        """The fault knobs."""
        return self.venue.faults

    @property
    def requests(self) -> list[Logged]:
        """REST requests so far, oldest first."""
        return list(self._rest.log)

    def start(self) -> Exchange:
        """Listen. Returns itself.

        Raises
        ------
        OSError
            When the port cannot be bound.
        """
        self._thread = threading.Thread(target=self._run, name="exchange", daemon=True)
        self._thread.start()
        self._ready.wait(_START_SECONDS)
        if self._failure is not None:
            raise self._failure
        return self

    def stop(self) -> None:
        """Close every connection and end the thread."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._thread = None

    def __enter__(self) -> Exchange:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def call(self, function: Callable[[], T]) -> T:
        """Run a function in the server's thread and return its result."""
        assert self._loop is not None, "the exchange is not running"

        async def run() -> T:
            return function()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result()

    def advance(self, milliseconds: int) -> None:
        """Move the market by some ms."""
        self.advance_to(self.clock.now_ms() + milliseconds)

    def advance_to(self, time_ms: int) -> None:
        """Move the market to a time (ms)."""
        self.call(lambda: self.clock.move_to(time_ms))

    def _run(self) -> None:
        loop = asyncio.new_event_loop()
        self._loop = loop
        asyncio.set_event_loop(loop)
        application = web.Application()
        application.router.add_route("*", "/v5/{path:.*}", self._rest.handle)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        try:
            loop.run_until_complete(self._listen(runner))
        except OSError as error:
            self._failure = error
            self._ready.set()
            return
        self._ready.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    async def _listen(self, runner: web.AppRunner) -> None:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self._port)
        await site.start()
        self._port = runner.addresses[0][1]
