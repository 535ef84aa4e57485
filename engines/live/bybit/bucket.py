"""The account's rate, as tokens: protection first, and something always left for it."""

from __future__ import annotations

from collections.abc import Callable

from engines.live.venue import Urgency


class Bucket:
    """Tokens that come back at a steady rate.

    Parameters
    ----------
    per_second
        Requests a second that the exchange allows.
    now_ms
        The clock.
    reserve
        Tokens that only stops and exits may take.
    """

    def __init__(self, per_second: int, now_ms: Callable[[], int], *, reserve: int = 3) -> None:
        self._per_second = per_second
        self._now_ms = now_ms
        self._reserve = min(reserve, per_second - 1)
        self._tokens = float(per_second)
        self._at_ms = now_ms()
        self._closed_until_ms = 0

    def wait_ms(self, urgency: Urgency) -> int:
        """Until a request of this urgency may go, ms; 0 is now."""
        now_ms = self._refill()
        if now_ms < self._closed_until_ms:
            return self._closed_until_ms - now_ms
        missing = 1.0 + (self._reserve if urgency > Urgency.EXIT else 0) - self._tokens
        return 0 if missing <= 1e-9 else max(1, int(missing * 1000.0 / self._per_second) + 1)

    def take(self) -> None:
        """One request goes."""
        self._refill()
        self._tokens -= 1.0

    def close_until(self, time_ms: int) -> None:
        """The exchange says that the limit is reached until then (ms)."""
        self._closed_until_ms = max(self._closed_until_ms, time_ms)

    def _refill(self) -> int:
        now_ms = self._now_ms()
        passed_ms = max(0, now_ms - self._at_ms)
        self._tokens = min(float(self._per_second), self._tokens + passed_ms * self._per_second / 1000.0)
        self._at_ms = now_ms
        return now_ms
