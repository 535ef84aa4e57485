"""The account's rate: so many requests within any second, protection first, and something always left for it.

The exchange counts a request when it arrives, somewhere between sending and reply. So a request keeps its place from
the moment it is sent until a second after its reply, or what became of it, and no second can hold more than allowed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from engines.live.venue import Urgency

_WINDOW_MS = 1_000


class Bucket:
    """Places in a rolling second.

    Parameters
    ----------
    per_second
        Requests that the exchange allows within any second.
    now_ms
        The clock.
    reserve
        Places that only stops and exits may take.
    """

    def __init__(self, per_second: int, now_ms: Callable[[], int], *, reserve: int = 3) -> None:
        self._per_second = per_second
        self._now_ms = now_ms
        self._reserve = min(reserve, per_second - 1)
        self._under_way = 0
        self._answered_ms: deque[int] = deque()
        self._closed_until_ms = 0

    def wait_ms(self, urgency: Urgency) -> int:
        """Until a request of this urgency may go, ms; 0 is now. An answer may make it shorter."""
        now_ms = self._now_ms()
        if now_ms < self._closed_until_ms:
            return self._closed_until_ms - now_ms
        while self._answered_ms and self._answered_ms[0] + _WINDOW_MS <= now_ms:
            self._answered_ms.popleft()
        places = self._per_second - (self._reserve if urgency > Urgency.EXIT else 0)
        too_many = self._under_way + len(self._answered_ms) + 1 - places
        if too_many <= 0:
            return 0
        if too_many > len(self._answered_ms):
            return _WINDOW_MS
        return self._answered_ms[too_many - 1] + _WINDOW_MS - now_ms

    def take(self) -> None:
        """One request goes."""
        self._under_way += 1

    def answered(self) -> None:
        """A request that went has its answer, or will never have one."""
        self._under_way -= 1
        self._answered_ms.append(self._now_ms())

    def close_until(self, time_ms: int) -> None:
        """The exchange says that the limit is reached until then (ms)."""
        self._closed_until_ms = max(self._closed_until_ms, time_ms)
