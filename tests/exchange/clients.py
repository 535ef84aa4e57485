"""Real clients pointed at the simulator: pybit and ccxt, unchanged but for the address."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
from typing import Any

import ccxt.pro  # type: ignore[import-untyped]
import websocket
from pybit.unified_trading import HTTP, WebSocket, WebSocketTrading

from tests.exchange.exchange import API_KEY, API_SECRET, Exchange


def pybit_http(exchange: Exchange, **options: Any) -> HTTP:
    """pybit's REST session with the simulator's key."""
    session = HTTP(api_key=API_KEY, api_secret=API_SECRET, **options)
    session.endpoint = exchange.url
    session.client.trust_env = False  # a proxy in the environment would swallow 127.0.0.1
    return session


class _Redirected:
    """Sends pybit's connections to another host; the path stays."""

    def __init__(self, *args: Any, ws_url: str, **options: Any) -> None:
        self._ws_url = ws_url
        super().__init__(*args, **{"testnet": False, **options})

    def _connect(self, url: str) -> Any:
        return super()._connect(re.sub(r"^wss?://[^/]+", self._ws_url, url))  # type: ignore[misc]


class LocalWebSocket(_Redirected, WebSocket):  # type: ignore[misc]
    """pybit's public and private socket."""


class LocalTrading(_Redirected, WebSocketTrading):  # type: ignore[misc]
    """pybit's trade socket."""


def pybit_public(exchange: Exchange, category: str = "linear", **options: Any) -> LocalWebSocket:
    """pybit's public socket."""
    return LocalWebSocket(category, ws_url=exchange.ws_url, **options)


def pybit_private(exchange: Exchange, **options: Any) -> LocalWebSocket:
    """pybit's private socket, logged in with the simulator's key."""
    keys = {"api_key": API_KEY, "api_secret": API_SECRET, "private_auth_expire": 10}
    return LocalWebSocket("private", ws_url=exchange.ws_url, **{**keys, **options})


def ccxt_pro(exchange: Exchange, **options: Any) -> ccxt.pro.bybit:
    """ccxt.pro's Bybit with the simulator's key and addresses."""
    client = ccxt.pro.bybit(
        {"apiKey": API_KEY, "secret": API_SECRET, "options": {"defaultType": "swap", **options}}
    )
    client.urls["api"] = _moved(client.urls["api"], exchange)
    return client


def _moved(urls: Any, exchange: Exchange) -> Any:
    """Replace scheme and host in a tree of addresses."""
    if isinstance(urls, dict):
        return {name: _moved(value, exchange) for name, value in urls.items()}
    moved = re.sub(r"^https?://[^/]+", exchange.url, urls)
    return re.sub(r"^wss?://[^/]+", exchange.ws_url, moved)


class RawSocket:
    """A bare socket, for what no client shows: order on the wire, raw text, control frames.

    Parameters
    ----------
    exchange
        The running simulator.
    path
        "/v5/public/linear", "/v5/private", ...
    timeout
        Seconds :meth:`receive` waits.
    """

    def __init__(self, exchange: Exchange, path: str, timeout: float = 2.0) -> None:
        self.exchange = exchange
        self.socket = websocket.create_connection(
            exchange.ws_url + path, timeout=timeout, http_no_proxy=["127.0.0.1"]
        )

    def send(self, **request: Any) -> None:
        """Send a JSON request."""
        self.socket.send(json.dumps(request))

    def receive(self) -> Any:
        """Next message; raises ``websocket.WebSocketTimeoutException`` when none comes."""
        return json.loads(self.socket.recv())

    def until(self, op: str) -> list[Any]:
        """Messages up to and including the first reply to an operation."""
        messages = [self.receive()]
        while messages[-1].get("op") != op:
            messages.append(self.receive())
        return messages

    def login(self, *, key: str = API_KEY, secret: str = API_SECRET, ahead_ms: int = 5_000) -> Any:
        """Log in with an expiry some ms ahead of the exchange's clock; returns the reply."""
        expires = self.exchange.clock.server_ms() + ahead_ms
        sign = hmac.new(secret.encode(), f"GET/realtime{expires}".encode(), hashlib.sha256).hexdigest()
        self.send(op="auth", args=[key, expires, sign])
        return self.receive()

    def subscribe(self, *topics: str, **more: Any) -> list[Any]:
        """Subscribe; returns everything up to the acknowledgement."""
        self.send(op="subscribe", args=list(topics), **more)
        return self.until("subscribe")

    def drain(self, wait_seconds: float = 0.15) -> list[Any]:
        """Everything that arrives until nothing has come for a while."""
        self.socket.settimeout(wait_seconds)
        messages = []
        while True:
            try:
                messages.append(self.receive())
            except websocket.WebSocketTimeoutException:
                return messages

    def close(self) -> None:
        """Hang up."""
        self.socket.close()
