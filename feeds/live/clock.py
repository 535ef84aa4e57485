"""Time as the live side sees it: one object that tells it and wakes others, owned by whoever starts the feed."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from typing import Protocol

_LONGEST_WAIT_S = 1.0  # the wall clock may be stepped while a timer waits


class Clock(Protocol):
    """What a live part needs of time. Every wait of the feed goes through it, so a test can own time."""

    def now_ms(self) -> int:
        """Now, ms since the UNIX epoch, UTC."""
        ...

    def call_at(self, time_ms: int, action: Callable[[], None]) -> None:
        """Run ``action`` once, soon after ``time_ms``; it must return at once and not raise."""
        ...


class WallClock:
    """Real time, with one daemon thread for all timers.

    Parameters
    ----------
    offset_ms
        Added to the machine's clock: the measured lead of the exchange's clock.
    """

    def __init__(self, offset_ms: int = 0) -> None:
        self.offset_ms = offset_ms
        self._timers: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._open = True
        self._thread: threading.Thread | None = None  # made by the first timer

    def now_ms(self) -> int:
        """Now, ms since the UNIX epoch, UTC."""
        return time.time_ns() // 1_000_000 + self.offset_ms

    def call_at(self, time_ms: int, action: Callable[[], None]) -> None:
        """Run ``action`` once in the clock's thread, soon after ``time_ms``; ignored after :meth:`close`."""
        with self._changed:
            if not self._open:
                return
            heapq.heappush(self._timers, (time_ms, next(self._order), action))
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="kwin-clock", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """End the thread; timers that have not run are forgotten."""
        with self._changed:
            self._open = False
            self._timers.clear()
            self._changed.notify()
        if self._thread is not None and threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._open:
                    return
                wait_ms = self._timers[0][0] - self.now_ms() if self._timers else None
                if wait_ms is None or wait_ms > 0:
                    self._changed.wait(None if wait_ms is None else min(wait_ms / 1000.0, _LONGEST_WAIT_S))
                    continue
                action = heapq.heappop(self._timers)[2]
            action()
