"""The simulator as one object: start it, talk to it over HTTP and sockets, move its market, break it."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TypeVar

from aiohttp import web

from tests.exchange.account import Account
from tests.exchange.auth import Authenticator
from tests.exchange.clock import VirtualClock
from tests.exchange.control import Control
from tests.exchange.driver import Driver
from tests.exchange.engine import Engine, FillPrice
from tests.exchange.faults import Faults
from tests.exchange.hub import Hub
from tests.exchange.intruder import Intruder
from tests.exchange.kline_feed import KlineFeed
from tests.exchange.limits import IP_REQUESTS, RateLimiter
from tests.exchange.market import Market, Node
from tests.exchange.private_feed import PrivateFeed
from tests.exchange.rest import Logged, RestServer
from tests.exchange.routes import PER_SECOND, build_routes
from tests.exchange.sockets import SocketServer
from tests.exchange.ticker_feed import TickerFeed
from tests.exchange.trade_socket import TradeSocket
from tests.exchange.venue import Venue

T = TypeVar("T")
API_KEY, API_SECRET = "simulator-key", "simulator-secret"
_START_SECONDS = 10.0
_PACE_SECONDS = 0.005
_LOOK_SECONDS = 50e-6  # a busy loop would take the processor from the client that is waited for


class Exchange:
    """A Bybit v5 look-alike on 127.0.0.1, in a thread of its own.

    Examples
    --------
    >>> with Exchange(markets=[Market(known("BTCUSDT"), bars, "15m")]) as exchange:  # doctest: +SKIP
    ...     session = HTTP(api_key=API_KEY, api_secret=API_SECRET)
    ...     session.endpoint = exchange.url
    ...     exchange.advance(900_000)

    Parameters
    ----------
    markets
        Listed symbols with their scripts.
    start_ms
        First value of the clock (ms). Default: a third of a bar after the last scripted bar of the first
        market, so that every scripted bar is closed and one more is forming.
    speed
        Market ms per real ms. 0 stands still until :meth:`advance`; 1 is real time; thousands are fine.
    balance
        USDT in the wallet at the start.
    keys
        Secret by API key; all belong to the one account.
    stamps
        What request stamps and ``recv_window`` are judged by: "virtual" (the exchange's clock, for clients
        whose clock is redirected) or "wall" (real time, for unmodified clients).
    fill_price
        "book" or "last", see :class:`tests.exchange.engine.Engine`.
    per_second
        Rate limits to change, requests a second by endpoint.
    ip_limit
        Requests in five seconds before HTTP 403.
    reply_delay_ms
        Real ms before a socket request is dealt with, see :class:`tests.exchange.sockets.SocketServer`.
    clock_path
        File that mirrors the clock for other processes, see :mod:`tests.exchange.clock`.
    port
        TCP port; 0 picks a free one.
    seed
        Of the ids the exchange invents.
    """

    def __init__(
        self,
        markets: Sequence[Market],
        *,
        start_ms: int | None = None,
        speed: float = 0.0,
        balance: str = "10000",
        keys: Mapping[str, str] | None = None,
        stamps: Literal["virtual", "wall"] = "virtual",
        fill_price: FillPrice = "book",
        per_second: Mapping[str, int] | None = None,
        ip_limit: int = IP_REQUESTS,
        reply_delay_ms: float = 30.0,
        clock_path: Path | None = None,
        port: int = 0,
        seed: int = 1,
    ) -> None:
        first = markets[0]
        begin = first.end_ms + first.timeframe_ms // 3 if start_ms is None else start_ms
        self.clock = VirtualClock(begin, clock_path)
        self.account = Account()
        self.account.coin("USDT").wallet = Decimal(balance)
        self.venue = Venue(markets, self.clock, self.account, seed)
        self.hub = Hub(self.venue)
        self.engine = Engine(self.venue, fill_price)
        self._driver = Driver(self.venue, self.engine, self.hub)
        self._speed = speed
        self._port = port
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._failure: OSError | None = None
        self._defects: list[str] = []
        authenticator = Authenticator(keys or {API_KEY: API_SECRET}, self.clock, stamps)
        limiter = RateLimiter(self.clock, {**PER_SECOND, **(per_second or {})}, ip_limit)
        self._wire(authenticator, limiter, reply_delay_ms)

    def _wire(self, authenticator: Authenticator, limiter: RateLimiter, reply_delay_ms: float) -> None:
        """Connect state, feeds and servers."""
        venue, hub = self.venue, self.hub
        routes = build_routes(venue, self.engine)
        klines, tickers = KlineFeed(venue, hub), TickerFeed(venue, hub)
        private = PrivateFeed(venue, hub)

        def price_moved(market: Market, node: Node) -> None:
            klines.price_moved(market)
            tickers.price_moved(market, node)

        venue.publish, venue.on_price = private.publish, price_moved
        venue.faults.rest.endpoints = frozenset(endpoint for _, endpoint in routes)
        intruder = Intruder(venue, self.engine)
        venue.faults.ws.act = lambda action: self.call(lambda: action(hub))
        venue.faults.eng.act = lambda action: self.call(lambda: action(intruder))
        handlers = {endpoint: route.handler for (_, endpoint), route in routes.items()}
        trade = TradeSocket(venue, hub, authenticator, limiter, handlers)
        self._control = Control(venue, hub, self._driver.advance_to)
        self._rest = RestServer(venue, routes, authenticator, limiter, hub)
        self._sockets = SocketServer(venue, hub, authenticator, klines, tickers, trade, reply_delay_ms)

    @property
    def url(self) -> str:
        """Base of REST addresses, e.g. "http://127.0.0.1:40001"."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def ws_url(self) -> str:
        """Base of socket addresses, e.g. "ws://127.0.0.1:40001"."""
        return f"ws://127.0.0.1:{self._port}"

    @property
    def faults(self) -> Faults:
        """The fault knobs."""
        return self.venue.faults

    @property
    def requests(self) -> list[Logged]:
        """REST requests so far, oldest first."""
        return list(self._rest.log)

    def forget_requests(self) -> None:
        """Begin the log anew."""
        self._rest.log.clear()

    @property
    def data_frames(self) -> int:
        """Data frames queued for sockets so far."""
        return self.hub.data_frames

    def start(self) -> Exchange:
        """Listen. Returns itself.

        Raises
        ------
        OSError
            When the port cannot be bound.
        """
        self._ready.clear()
        self._failure = None
        self._thread = threading.Thread(target=self._run, name="exchange", daemon=True)
        self._thread.start()
        self._ready.wait(_START_SECONDS)
        if self._failure is not None:
            raise self._failure
        return self

    def stop(self) -> None:
        """Cut every connection and end the thread; the state stays and :meth:`start` continues it."""
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
        if self._defects and error is None:
            raise RuntimeError(f"the simulator itself failed: {self._defects[0]}")

    def forgive(self) -> None:
        """Forget failures of the simulator itself, in a test that provoked them."""
        self._defects.clear()

    def outage(self, seconds: float) -> None:
        """Refuse connections for some real seconds: stop listening, cut everything, start again."""
        self.stop()
        time.sleep(seconds)
        self.start()

    def call(self, function: Callable[[], T]) -> T:
        """Run a function in the server's thread and return its result."""
        if threading.current_thread() is self._thread:
            return function()

        async def run() -> T:
            return function()

        return self._await(run())

    def advance(self, milliseconds: int) -> None:
        """Let the market run for some ms; returns when everything that happened is on the wire."""
        self.advance_to(self.clock.now_ms() + milliseconds)

    def advance_to(self, time_ms: int) -> None:
        """Let the market run to a time (ms)."""
        self._await(self._driver.advance_to(time_ms))

    def next_event_ms(self) -> int | None:
        """Time of the next thing that will happen by itself (ms)."""
        return self.call(self._driver.next_event_ms)

    def quiet(self) -> bool:
        """Whether no request is being answered and no frame waits to be written."""
        busy = self._rest.in_flight + self._sockets.pending
        return busy == 0 and all(one.idle for one in list(self.hub.connections))

    def lockstep(
        self,
        until_ms: int,
        *,
        settled: Callable[[int], bool],
        next_timer_ms: Callable[[], int | None] = lambda: None,
        patience_seconds: float = 10.0,
    ) -> None:
        """Run to a time at full speed with a client that must see everything before time moves on.

        Time goes to the earlier of the exchange's next event and the client's next timer, and only when the
        exchange is quiet and the client has settled.

        Parameters
        ----------
        settled
            Called with the number of data frames sent; true when the client has dealt with them all and has
            no request under way.
        next_timer_ms
            The client's next own wake-up, market ms.
        patience_seconds
            Real time to wait for a client that does not settle.

        Raises
        ------
        TimeoutError
            When the client does not settle.
        """
        while self.clock.now_ms() < until_ms:
            deadline = time.monotonic() + patience_seconds
            while not (self.quiet() and settled(self.data_frames)):
                if time.monotonic() > deadline:
                    raise TimeoutError(f"client did not settle within {patience_seconds} s")
                time.sleep(_LOOK_SECONDS)
            timer_ms = next_timer_ms()
            limit_ms = until_ms if timer_ms is None else min(until_ms, timer_ms)
            self._await(self._driver.advance_to_next(limit_ms))

    def _await(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop is None or self._thread is None:
            work.close()
            raise RuntimeError("the exchange is not running")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _run(self) -> None:
        loop = asyncio.new_event_loop()
        self._loop = loop
        asyncio.set_event_loop(loop)
        loop.set_exception_handler(lambda _, context: self._defects.append(str(context)))
        self._driver.bind()
        self._sockets.pending = 0
        application = web.Application()
        application.router.add_get("/v5/public/{category}", self._sockets.public)
        application.router.add_get("/v5/private", self._sockets.private)
        application.router.add_get("/v5/trade", self._sockets.trade)
        application.router.add_post("/sim/advance", self._control.advance)
        application.router.add_post("/sim/fault", self._control.fault)
        application.router.add_get("/sim/state", self._control.state)
        application.router.add_route("*", "/v5/{path:.*}", self._rest.handle)
        runner = web.AppRunner(
            application, access_log=None, shutdown_timeout=0.1, logger=_defect_logger(self._defects)
        )
        try:
            loop.run_until_complete(self._listen(runner))
        except OSError as error:
            self._failure = error
            self._ready.set()
            return
        pace = loop.create_task(self._pace()) if self._speed else None
        self._ready.set()
        loop.run_forever()
        if pace is not None:
            pace.cancel()
        self.hub.abort_all("*")
        loop.run_until_complete(runner.cleanup())
        loop.close()

    async def _listen(self, runner: web.AppRunner) -> None:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self._port)
        await site.start()
        self._port = runner.addresses[0][1]

    async def _pace(self) -> None:
        """Let the market follow real time."""
        begin_ms, began = self.clock.now_ms(), time.monotonic()
        while True:
            await asyncio.sleep(_PACE_SECONDS)
            elapsed_ms = (time.monotonic() - began) * 1000
            await self._driver.advance_to(begin_ms + int(elapsed_ms * self._speed))


class _DefectHandler(logging.Handler):
    """Collects what the web server logs as errors: an exception inside a handler of ours."""

    def __init__(self, defects: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._defects = defects

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message and, when there is one, the exception."""
        cause = record.exc_info[1] if record.exc_info else None
        if isinstance(cause, ConnectionResetError):
            return  # the client hung up before its answer: no defect of ours
        self._defects.append(f"{record.getMessage()} {cause!r}" if cause else record.getMessage())


def _defect_logger(defects: list[str]) -> logging.Logger:
    logger = logging.Logger("exchange-simulator")
    logger.addHandler(_DefectHandler(defects))
    return logger
