"""Our clock follows the exchange's: it may be set under a running deployment, by NTP or a host that slept."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from engines.live.bybit.session import BybitSession
from engines.live.bybit.startup import measure_offset
from kwin_core.errors import VenueError

_WORTH_TELLING_MS = 100


class LedClock(Protocol):
    """A clock that is led by the measured offset (ms)."""

    offset_ms: int

    def now_ms(self) -> int:
        """Now, ms since the UNIX epoch, UTC."""
        ...


class TimeKeeper:
    """Measures again when the exchange has refused a time stamp.

    Parameters
    ----------
    clock
        Whose offset is kept.
    say
        Takes one line when the clock was off; from any thread.
    """

    def __init__(self, clock: LedClock, say: Callable[[str], None]) -> None:
        self._clock = clock
        self._say = say
        self._lock = threading.Lock()

    def measure(self, session: BybitSession) -> None:
        """Lead the clock by what is found now, however far that is: what is held needs its stops and exits."""
        with self._lock:
            try:
                off_ms = measure_offset(session, self._clock.now_ms)
            except VenueError:
                return
            self._clock.offset_ms += off_ms
        if abs(off_ms) >= _WORTH_TELLING_MS:
            self._say(
                f"this machine's clock had moved by {-off_ms} ms against the exchange's; it is followed again"
            )
