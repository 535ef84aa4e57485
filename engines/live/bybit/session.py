"""pybit's REST session made safe: one host, one thread, no retries of its own, every failure one of three outcomes.

pybit 5.17 re-sends orders, waits inside its retries, fails on a rate limit that has passed, lets network errors
escape and prints its secret in its repr. Here a call is one request; what comes back is a reply, a refusal, or
unknown, and no secret is in any of them.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pybit._helpers
import requests
import urllib3
from pybit.exceptions import FailedRequestError, InvalidRequestError
from pybit.unified_trading import HTTP
from requests.adapters import HTTPAdapter

from engines.failpoints import failpoint
from engines.journal import Outcome
from engines.live.bybit.keys import Keys
from engines.live.bybit.refusals import judge
from engines.live.venue import Refusal
from feeds.bybit_payloads import shorten
from feeds.bybit_rest import ENVIRONMENTS

_LOCAL = ("127.0.0.1", "localhost", "[::1]")
_WRITES = ("place_order", "set_trading_stop", "cancel_order")
_RESET_HEADER = "X-Bapi-Limit-Reset-Timestamp"


@dataclass(frozen=True)
class Reply:
    """What one request came to.

    Attributes
    ----------
    outcome
        Confirmed, rejected (definitely not done), or unknown.
    result
        Of a confirmed one.
    code, text
        The exchange's, or 0 and what went wrong.
    kind
        Of a refusal.
    reset_ms
        When a rate limit ends (ms, the exchange's clock); None when it was not told.
    server_ms
        The exchange's time in the reply; 0 when there was none.
    """

    outcome: Outcome
    result: Mapping[str, Any]
    code: int | None = None
    text: str = ""
    kind: str = ""
    reset_ms: int | None = None
    server_ms: int = 0


def use_clock(now_ms: Callable[[], int]) -> None:
    """Stamp every request of pybit in this process by this clock, which already leads as the exchange's does."""
    pybit._helpers.generate_timestamp = now_ms


class BybitSession:
    """One thread's session.

    Parameters
    ----------
    environment
        ``"mainnet"``, ``"demo"``, ``"testnet"``, or the address of another host.
    keys
        None for public endpoints only.
    timeout_s
        Seconds without an answer before the outcome is unknown.
    recv_window_ms
        So old may a request be when it arrives.
    on_wire
        Called when the bytes of a request have left, before the answer.
    """

    def __init__(
        self,
        environment: str,
        keys: Keys | None,
        *,
        timeout_s: float = 5.0,
        recv_window_ms: int = 5_000,
        on_wire: Callable[[], None] = lambda: None,
    ) -> None:
        logging.getLogger("pybit").addHandler(logging.NullHandler())
        if not logging.root.handlers:
            logging.root.addHandler(logging.NullHandler())  # or pybit adds a handler that prints to stderr
        self._http = HTTP(
            testnet=environment == "testnet",
            demo=environment == "demo",
            api_key=None if keys is None else keys.key,
            api_secret=None if keys is None else keys.secret,
            timeout=timeout_s,
            recv_window=recv_window_ms,
            max_retries=1,
            retry_codes=frozenset({0}),  # none: an empty set would mean pybit's own
            return_response_headers=False,
        )
        if environment not in ENVIRONMENTS:
            self._http.endpoint = environment.rstrip("/")
        if any(host in self._http.endpoint for host in _LOCAL):
            self._http.client.trust_env = False  # a proxy cannot reach this machine's own ports
        self._writing = False

        def told() -> None:
            on_wire()
            if self._writing:
                failpoint("gateway.after_wire")

        for scheme in ("http://", "https://"):
            self._http.client.mount(scheme, _WireAdapter(told))

    def __repr__(self) -> str:
        return f"BybitSession({self._http.endpoint})"  # pybit's own would print the secret

    def call(self, method: str, **fields: Any) -> Reply:
        """Send one request; never raises for what the exchange or the network does.

        Parameters
        ----------
        method
            Of pybit's ``HTTP``.
        fields
            Arguments; None is left out. Amounts are text already.
        """
        given = {name: value for name, value in fields.items() if value is not None}
        self._writing = method in _WRITES
        try:
            reply = getattr(self._http, method)(**given)
        except InvalidRequestError as error:
            return _refused(error)
        except FailedRequestError as error:
            return _failed(error)
        except requests.RequestException as error:
            return Reply(Outcome.UNKNOWN, {}, text=f"no answer ({type(error).__name__})")
        except (ValueError, TypeError, KeyError, AttributeError) as error:  # a body pybit did not expect
            return Reply(Outcome.UNKNOWN, {}, text=f"unreadable answer ({type(error).__name__})")
        if not isinstance(reply, dict) or not isinstance(reply.get("result"), dict):
            return Reply(Outcome.UNKNOWN, {}, text=f"unreadable answer: {shorten(reply)}")
        server_ms = reply.get("time")
        return Reply(
            Outcome.CONFIRMED,
            reply["result"],
            code=0,
            server_ms=server_ms if isinstance(server_ms, int) else 0,
        )

    def close(self) -> None:
        """Drop its connections."""
        self._http.client.close()


def _refused(error: InvalidRequestError) -> Reply:
    """retCode is not zero."""
    try:
        code = int(error.status_code)
    except (TypeError, ValueError):
        return Reply(Outcome.UNKNOWN, {}, text=f"unreadable answer: {shorten(error.message)}")
    text = str(error.message)
    if code == 0:  # pybit takes "0" for a refusal; what it came to must be looked up
        return Reply(Outcome.UNKNOWN, {}, 0, "the exchange told its success as text")
    outcome, kind = judge(code, text)
    return Reply(outcome, {}, code, text, kind, _reset_ms(error.resp_headers))


def _failed(error: FailedRequestError) -> Reply:
    """An HTTP status, or one of the numbers that pybit makes up: 409 for no JSON, 400 for spent tries."""
    status = int(error.status_code)
    text = f"HTTP {status}"
    if status == 401:
        return Reply(Outcome.REJECTED, {}, status, f"{text}: key or signature", Refusal.ACCOUNT)
    if status in (403, 429):
        return Reply(
            Outcome.REJECTED, {}, status, f"{text}: too many requests, or refused by place", Refusal.RATE
        )
    if status == 404:
        return Reply(Outcome.REJECTED, {}, status, f"{text}: no such path or category", Refusal.ROUTING)
    return Reply(Outcome.UNKNOWN, {}, status, text)


def _reset_ms(headers: Any) -> int | None:
    stamp = str((headers or {}).get(_RESET_HEADER, ""))
    return int(stamp) if stamp.isdigit() else None


class _WireAdapter(HTTPAdapter):
    """Tells when a request's bytes have left: the moment from which it may be executed."""

    def __init__(self, on_wire: Callable[[], None]) -> None:
        self._on_wire = on_wire
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        on_wire = self._on_wire

        def told(base: type[Any]) -> type[Any]:
            class Told(base):  # type: ignore[misc]
                def getresponse(self) -> Any:
                    on_wire()
                    return super().getresponse()

            return Told

        pools: dict[str, Any] = {"http": urllib3.HTTPConnectionPool, "https": urllib3.HTTPSConnectionPool}
        self.poolmanager.pool_classes_by_scheme = {
            scheme: type(pool.__name__, (pool,), {"ConnectionCls": told(pool.ConnectionCls)})
            for scheme, pool in pools.items()
        }
