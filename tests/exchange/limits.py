"""Rate limits: per endpoint and second for the account, per five seconds for the address."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from tests.exchange.clock import VirtualClock

IP_REQUESTS, IP_WINDOW_MS = 600, 5_000
_SECOND_MS = 1_000


@dataclass(frozen=True)
class Allowance:
    """Result of asking for one request: the bucket's size, what is left, when it has room again (ms)."""

    granted: bool
    limit: int
    left: int
    reset_ms: int

    def headers(self) -> dict[str, str]:
        """The three rate-limit headers of a reply."""
        return {
            "X-Bapi-Limit": str(self.limit),
            "X-Bapi-Limit-Status": str(self.left),
            "X-Bapi-Limit-Reset-Timestamp": str(self.reset_ms),
        }


class RateLimiter:
    """Rolling windows over the limiter's clock (market time plus real time, see the clock).

    Parameters
    ----------
    clock
        Time of the exchange.
    per_second
        Requests a second by endpoint ("order/create"); other endpoints are not limited.
    ip_limit
        Requests in five seconds from one address, over all endpoints.
    """

    def __init__(
        self, clock: VirtualClock, per_second: Mapping[str, int], ip_limit: int = IP_REQUESTS
    ) -> None:
        self._clock = clock
        self._per_second = dict(per_second)
        self._ip_limit = ip_limit
        self._used: dict[str, deque[int]] = {}
        self._from_ip: deque[int] = deque()

    def address_allowed(self) -> bool:
        """Count a request of the address; false when it has sent too many."""
        now_ms = self._clock.limiter_ms()
        _forget(self._from_ip, now_ms - IP_WINDOW_MS)
        if len(self._from_ip) >= self._ip_limit:
            return False
        self._from_ip.append(now_ms)
        return True

    def ask(self, endpoint: str) -> Allowance | None:
        """Count a request of the account; ``None`` when the endpoint has no limit."""
        limit = self._per_second.get(endpoint)
        if limit is None:
            return None
        now_ms, server_ms = self._clock.limiter_ms(), self._clock.server_ms()
        used = self._used.setdefault(endpoint, deque())
        _forget(used, now_ms - _SECOND_MS)
        if len(used) >= limit:
            return Allowance(False, limit, 0, server_ms + used[0] + _SECOND_MS - now_ms)
        used.append(now_ms)
        return Allowance(True, limit, limit - len(used), server_ms)


def _forget(times: deque[int], until_ms: int) -> None:
    while times and times[0] <= until_ms:
        times.popleft()
