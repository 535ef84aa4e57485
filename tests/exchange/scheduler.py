"""Things that happen at a time: a heap of callbacks in market milliseconds."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable

Action = Callable[[], None]


class Scheduler:
    """Callbacks by time; equal times run in the order they were added."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Action]] = []
        self._count = itertools.count()

    def at(self, time_ms: int, action: Action) -> None:
        """Run ``action`` when the market reaches ``time_ms``."""
        heapq.heappush(self._heap, (time_ms, next(self._count), action))

    def next_ms(self) -> int | None:
        """Time of the earliest callback; ``None`` when there is none."""
        return self._heap[0][0] if self._heap else None

    def pop(self) -> Action:
        """Remove and return the earliest callback."""
        return heapq.heappop(self._heap)[2]
