"""Is a topic alive? Told by its data, never by pongs: a half-open link answers pings and says nothing.

A kline topic is silent while nothing trades, but a roll is always pushed within about a second. So data is
owed after every bar boundary, and only then: an hourly topic may be quiet for 59 minutes.
"""

from __future__ import annotations

from enum import Enum

from kwin_core.bars import floor_time

_LONGEST_REBUILD_MS = 900_000


class Remedy(Enum):
    """What to do about silence."""

    NONE = 0
    RESUBSCRIBE = 1
    REBUILD = 2


class Freshness:
    """Watches the age of one topic's data.

    Parameters
    ----------
    timeframe_ms
        Length of the topic's bars in ms.
    silence_ms
        After a boundary without data: subscribe anew.
    rebuild_ms
        After that without data: rebuild the connection, at doubling intervals.

    Attributes
    ----------
    data_ms
        Clock at the last data (ms); ``None`` before the first.
    due_ms
        When :meth:`check` will have something to say (ms).
    """

    def __init__(self, timeframe_ms: int, *, silence_ms: int, rebuild_ms: int, now_ms: int) -> None:
        self._timeframe_ms = timeframe_ms
        self._silence_ms = silence_ms
        self._rebuild_ms = rebuild_ms
        self._silent_checks = 0
        self.data_ms: int | None = None
        self.due_ms = self._next_owed_ms(now_ms)

    @property
    def stale(self) -> bool:
        """Whether data is overdue."""
        return self._silent_checks > 0

    def on_data(self, now_ms: int) -> None:
        """A data message of the topic arrived."""
        self.data_ms = now_ms
        self._silent_checks = 0
        self.due_ms = self._next_owed_ms(now_ms)

    def check(self, now_ms: int) -> Remedy:
        """The remedy that is due; each is returned once."""
        if now_ms < self.due_ms:
            return Remedy.NONE
        doubled = min(self._rebuild_ms << min(max(0, self._silent_checks - 1), 20), _LONGEST_REBUILD_MS)
        self.due_ms = now_ms + (self._rebuild_ms if self._silent_checks == 0 else doubled)
        self._silent_checks += 1
        return Remedy.RESUBSCRIBE if self._silent_checks == 1 else Remedy.REBUILD

    def _next_owed_ms(self, now_ms: int) -> int:
        """When the push of the next boundary is overdue (ms)."""
        return floor_time(now_ms, self._timeframe_ms) + self._timeframe_ms + self._silence_ms
