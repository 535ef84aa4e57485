"""Bybit's public market data over REST: pybit's client, with the retry and rate rules of the exchange.

Only reads are made here, so every one may be repeated. pybit's own retries are switched off: they fail on a
rate limit that has already passed (the sleep then gets a negative length) and let network errors through.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import numpy as np
import requests
from pybit.exceptions import FailedRequestError, InvalidRequestError
from pybit.unified_trading import HTTP
from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_exponential,
    wait_random,
)

from feeds.bybit_payloads import Listing, parse_envelope, parse_klines, parse_listing, shorten
from kwin_core.errors import ConfigError, VenueError

T = TypeVar("T")

MAX_ROWS = 1_000
CATEGORIES = ("linear", "spot")  # inverse contracts count their volume in quote currency
ENVIRONMENTS = ("mainnet", "testnet", "demo")
_SPACING_S = 0.02  # 50 requests a second, where the exchange allows 120 an address: others may share it
_RETRY_CODES = frozenset({429, 10000, 10002, 10006, 10016, 10019, 10429})
_HTTP_RETRY = frozenset({408, 409, 425, 429})  # 409 is pybit's own code for a body that is not JSON
_RATE_CODE = 10006
_LONGEST_RATE_WAIT_S = 10.0


@dataclass(frozen=True)
class Patience:
    """How long the client goes on.

    Attributes
    ----------
    timeout_s
        Seconds without an answer before a request counts as lost.
    attempts
        Tries of one request, the first included.
    first_wait_s, longest_wait_s
        Pause after the first failure, doubled up to the longest.
    forbidden_wait_s
        Pause after HTTP 403, which means that this address sent too many requests: the exchange asks for at
        least ten minutes.
    forbidden_attempts
        Refusals with HTTP 403 in a row that are accepted before giving up.
    """

    timeout_s: float = 10.0
    attempts: int = 8
    first_wait_s: float = 0.5
    longest_wait_s: float = 30.0
    forbidden_wait_s: float = 600.0
    forbidden_attempts: int = 3


class _TryAgainError(VenueError):
    """A failure that may pass by itself; ``wait_s`` is what the exchange asked for, if it did."""

    def __init__(self, message: str, *, cause: str, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.cause = cause
        self.wait_s = wait_s


class _ForbiddenError(VenueError):
    """HTTP 403: stop, then go on much later."""


class BybitMarket:
    """Public klines and instruments of one Bybit environment. Needs no key. Not for use from several threads.

    Parameters
    ----------
    environment
        ``"mainnet"``, ``"testnet"``, ``"demo"``, or the address of another host (``"https://api.bybit.nl"``).
    patience
        Time limits and retries.
    on_wait
        Called as ``on_wait(reason, seconds)`` before a pause of more than a second.

    Attributes
    ----------
    host
        Name of the host, for the record of where bars came from.
    requests
        Number of requests sent.
    retries
        Failed tries by cause (``"10006"``, ``"HTTP 500"``, ``"timeout"``, ...).
    """

    def __init__(
        self,
        environment: str = "mainnet",
        *,
        patience: Patience | None = None,
        on_wait: Callable[[str, float], None] | None = None,
    ) -> None:
        self.patience = patience or Patience()
        self._on_wait = on_wait
        logging.getLogger("pybit").addHandler(logging.NullHandler())
        if not logging.root.handlers:
            logging.root.addHandler(logging.NullHandler())  # or pybit adds a handler that prints to stderr
        self._http = HTTP(
            testnet=environment == "testnet",
            demo=environment == "demo",
            timeout=self.patience.timeout_s,
            max_retries=1,
            retry_codes=frozenset({0}),  # none: an empty set would mean pybit's own
        )
        if environment not in ENVIRONMENTS:
            self._http.endpoint = _checked_address(environment)
        self.host = urlsplit(self._http.endpoint).hostname or ""
        if self.host in ("127.0.0.1", "localhost", "::1"):
            self._http.client.trust_env = False  # a proxy cannot reach this machine's own ports
        self.requests = 0
        self.retries: Counter[str] = Counter()
        self._last_sent = -_SPACING_S

    def listing(self, category: str, symbol: str) -> Listing | None:
        """Filters and listing time of a symbol; ``None`` when the exchange lists no such symbol.

        Raises
        ------
        VenueError
            When the exchange refuses, or does not answer in time and number of tries.
        """
        query = {"category": category, "symbol": symbol}
        found, _ = self._read(
            self._http.get_instruments_info, query, lambda result: parse_listing(result, category, symbol)
        )
        return found

    def klines(
        self,
        category: str,
        symbol: str,
        interval: str,
        *,
        start_ms: int | None,
        end_ms: int | None,
        limit: int = MAX_ROWS,
    ) -> tuple[np.ndarray, int]:
        """Klines whose open time lies between two instants, both inclusive, and the server's time (ms).

        ``None`` leaves a side open. Bars (``BAR``) are oldest first and include the forming one; when more
        than ``limit`` fit, they are the newest (with only ``start_ms``: the oldest).

        Raises
        ------
        VenueError
            When the exchange refuses, or does not answer in time and number of tries.
        """
        query = {
            "category": category,
            "symbol": symbol,
            "interval": interval,
            "start": start_ms,
            "end": end_ms,
        }
        return self._read(self._http.get_kline, {**query, "limit": limit}, parse_klines)

    def _read(
        self, method: Callable[..., Any], query: dict[str, Any], parse: Callable[[Any], T]
    ) -> tuple[T, int]:
        """One read, repeated as the rules allow: the parsed ``result`` and the server's time (ms)."""
        for refusal in range(1, self.patience.forbidden_attempts):
            try:
                return self._read_unless_forbidden(method, query, parse)
            except _ForbiddenError:
                self.retries["HTTP 403"] += 1
                reason = f"HTTP 403 (refusal {refusal}): too many requests from this address"
                self._pause(reason, self.patience.forbidden_wait_s)
        return self._read_unless_forbidden(method, query, parse)

    def _read_unless_forbidden(
        self, method: Callable[..., Any], query: dict[str, Any], parse: Callable[[Any], T]
    ) -> tuple[T, int]:
        first_s = self.patience.first_wait_s
        backoff = wait_exponential(first_s, self.patience.longest_wait_s) + wait_random(0.0, first_s / 2)

        def wait(state: RetryCallState) -> float:
            error = state.outcome.exception() if state.outcome else None
            asked_s = error.wait_s if isinstance(error, _TryAgainError) else None
            return backoff(state) if asked_s is None else asked_s

        attempts = Retrying(
            retry=retry_if_exception_type(_TryAgainError),
            stop=stop_after_attempt(self.patience.attempts),
            wait=wait,
            sleep=lambda seconds: self._pause("no usable answer", seconds),
            reraise=True,
        )
        return attempts(self._send, method, query, parse)

    def _send(
        self, method: Callable[..., Any], query: dict[str, Any], parse: Callable[[Any], T]
    ) -> tuple[T, int]:
        """One try: send, unwrap, parse. A reply that makes no sense is worth another try."""
        try:
            reply = self._send_once(method, query)
            try:
                result, now_ms = parse_envelope(reply)
                return parse(result), now_ms
            except VenueError as error:
                raise _TryAgainError(f"{self.host}: {error}", cause="malformed") from None
        except _TryAgainError as error:
            self.retries[error.cause] += 1
            raise

    def _send_once(self, method: Callable[..., Any], query: dict[str, Any]) -> Any:
        """One request; failures become try again, forbidden, or (for good) refused."""
        time.sleep(max(0.0, self._last_sent + _SPACING_S - time.monotonic()))
        self._last_sent = time.monotonic()
        self.requests += 1
        try:
            return method(**query)
        except FailedRequestError as error:
            status = int(error.status_code)
            if status == 403:
                raise _ForbiddenError(
                    f"{self.host}: HTTP 403: too many requests from this address, or Bybit does not serve "
                    "its country; try again in ten minutes, or name a regional host with --environment"
                ) from None
            if status >= 500 or status in _HTTP_RETRY:
                raise _TryAgainError(f"{self.host}: HTTP {status}", cause=f"HTTP {status}") from None
            raise VenueError(f"{self.host}: HTTP {status}; is the address right?") from None
        except InvalidRequestError as error:
            code = error.status_code
            text = f"{self.host}: {error.message} (retCode {code})"
            if code in _RETRY_CODES or not isinstance(code, int):
                wait_s = _rate_wait_s(error.resp_headers) if code == _RATE_CODE else None
                raise _TryAgainError(text, cause=shorten(code), wait_s=wait_s) from None
            raise VenueError(text) from None
        except requests.Timeout:
            text = f"{self.host}: no answer within {self.patience.timeout_s:g} s"
            raise _TryAgainError(text, cause="timeout") from None
        except requests.RequestException as error:
            reason = f"{self.host} cannot be reached ({type(error).__name__})"
            raise _TryAgainError(reason, cause="connection") from None
        except (ValueError, TypeError, KeyError, AttributeError) as error:  # a body pybit did not expect
            raise _TryAgainError(f"{self.host}: unreadable reply ({error!r})", cause="malformed") from None

    def _pause(self, reason: str, seconds: float) -> None:
        if seconds > 1.0 and self._on_wait is not None:
            self._on_wait(reason, seconds)
        time.sleep(seconds)


def _rate_wait_s(headers: Any) -> float:
    """Seconds until the rate limit ends, as the reply's header says; 2 when it says nothing."""
    stamp = (headers or {}).get("X-Bapi-Limit-Reset-Timestamp", "")
    if not str(stamp).isdigit():
        return 2.0
    wait_s = int(stamp) / 1000.0 - time.time()
    return min(max(wait_s, 0.1), _LONGEST_RATE_WAIT_S)


def _checked_address(environment: str) -> str:
    parts = urlsplit(environment)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError(
            f"environment {environment!r} is none of {', '.join(ENVIRONMENTS)}, nor an address like https://api.bybit.nl"
        )
    return environment.rstrip("/")
