"""Signatures: who a request comes from, and whether it is fresh."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from typing import Literal

from tests.exchange.clock import VirtualClock
from tests.exchange.replies import RefusedError

FUTURE_MS = 1_000
"""A request may be stamped this far (exclusive) ahead of the server."""
DEFAULT_RECV_WINDOW_MS = 5_000


class UnsignedError(Exception):
    """A private endpoint was called without key or signature: HTTP 401."""


class Authenticator:
    """Checks HMAC-SHA256 signatures of REST requests and of socket logins.

    Parameters
    ----------
    keys
        Secret by API key.
    clock
        Time of the exchange.
    judged_by
        "virtual": stamps are compared with the exchange's clock; "wall": with real time, so that an
        unmodified client can trade on a market that runs at another speed.
    """

    def __init__(
        self,
        keys: Mapping[str, str],
        clock: VirtualClock,
        judged_by: Literal["virtual", "wall"] = "virtual",
    ) -> None:
        self._keys = dict(keys)
        self._clock = clock
        self._judged_by = judged_by

    def check_rest(self, headers: Mapping[str, str], payload: str) -> None:
        """Check a REST request; ``payload`` is the raw query string or the exact body.

        Raises
        ------
        UnsignedError
            When the headers are missing.
        RefusedError
            10003 unknown key, 10002 stale or future stamp, 10004 wrong signature.
        """
        key = headers.get("X-BAPI-API-KEY")
        sign = headers.get("X-BAPI-SIGN")
        stamp = headers.get("X-BAPI-TIMESTAMP")
        if not key or not sign or not stamp:
            raise UnsignedError
        window = headers.get("X-BAPI-RECV-WINDOW") or str(DEFAULT_RECV_WINDOW_MS)
        secret = self._secret(key)
        self.check_time(stamp, window)
        origin = stamp + key + window + payload
        if not hmac.compare_digest(_sign(secret, origin), sign):
            raise RefusedError(
                10004,
                f"error sign! please check your signature generation algorithm. origin_string[{origin}]",
            )

    def check_time(self, stamp: str, window: str) -> None:
        """server - recv_window <= stamp < server + 1000, all in ms."""
        now_ms = self.now_ms()
        if not (stamp.isdigit() and window.isdigit()):
            raise RefusedError(10001, "params error: timestamp or recv_window invalid")
        if not now_ms - int(window) <= int(stamp) < now_ms + FUTURE_MS:
            raise RefusedError(
                10002,
                "invalid request, please check your server timestamp or recv_window param. "
                f"req_timestamp[{stamp}],server_timestamp[{now_ms}],recv_window[{window}]",
            )

    def check_login(self, key: object, expires: object, sign: object) -> None:
        """Check the arguments of a socket's ``auth``.

        Raises
        ------
        RefusedError
            10003, 10004, or 10001 when the expiry has passed or is not a number.
        """
        secret = self._secret(str(key))
        if not str(expires).isdigit():
            raise RefusedError(10001, "Params Error")
        if int(str(expires)) <= self.now_ms():
            raise RefusedError(10001, "Params Error: expires is in the past")
        if not hmac.compare_digest(_sign(secret, f"GET/realtime{expires}"), str(sign)):
            raise RefusedError(10004, "Invalid sign")

    def now_ms(self) -> int:
        """Time stamps are judged by (ms), skew included."""
        if self._judged_by == "wall":
            return int(time.time() * 1000) + self._clock.skew_ms
        return self._clock.server_ms()

    def _secret(self, key: str) -> str:
        if key not in self._keys:
            raise RefusedError(10003)
        return self._keys[key]


def _sign(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()
