"""Recorded bars as a live feed: the same runner, at any speed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

import numpy as np

from engines.live.inbox import BarClosed, Inbox
from feeds.live.events import ClosedBar, Origin, Phase
from feeds.stream import Stream

_MOST_WAITING = 256
_LOOK_S = 0.001
_PUBLISHED_MS = 400  # a bar is told some hundred ms after its close


class ReplayClock:
    """Market time as the bars tell it; moved by the feed, read by everyone."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms
        self._timers: list[tuple[int, Callable[[], None]]] = []
        self._lock = threading.Lock()

    def now_ms(self) -> int:
        """Now, ms since the UNIX epoch, UTC."""
        return self._now_ms

    def call_at(self, time_ms: int, action: Callable[[], None]) -> None:
        """Run ``action`` once when the bars have reached an instant."""
        with self._lock:
            self._timers.append((time_ms, action))

    def move_to(self, time_ms: int) -> None:
        """Let time pass."""
        self._now_ms = max(self._now_ms, time_ms)
        with self._lock:
            due = [timer for timer in self._timers if timer[0] <= self._now_ms]
            self._timers = [timer for timer in self._timers if timer[0] > self._now_ms]
        for _, action in sorted(due, key=lambda timer: timer[0]):
            action()


class ReplayFeed:
    """Posts recorded bars to the runner, in order, never far ahead of it.

    Parameters
    ----------
    blocks
        Bars that have passed the gate, in order: arrays of ``kwin_core.bars.BAR``.
    stream
        Whose.
    inbox
        The runner's.
    clock
        Moved to each bar's close before it is posted.
    live_from_ms
        Bars that open earlier are warm-up.
    resume_after_ms
        Bars up to this open time are skipped: the journal has them.
    speed
        Market time per real time; ``None`` is as fast as the runner takes them.
    on_end
        Called once when the last bar has been posted.
    """

    def __init__(
        self,
        blocks: Iterable[np.ndarray],
        stream: Stream,
        inbox: Inbox,
        clock: ReplayClock,
        *,
        live_from_ms: int,
        resume_after_ms: int | None = None,
        speed: float | None = None,
        on_end: Callable[[], None] = lambda: None,
    ) -> None:
        self._blocks = blocks
        self._stream = stream
        self._inbox = inbox
        self._clock = clock
        self._live_from_ms = live_from_ms
        self._resume_after_ms = resume_after_ms
        self._speed = speed
        self._on_end = on_end
        self._open = True
        self.failure: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="kwin-replay", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """Post nothing more."""
        self._open = False
        self._thread.join()

    def _run(self) -> None:
        try:
            for block in self._blocks:
                for k in range(block.size):
                    if not self._open:
                        return
                    self._post(block[k : k + 1])
        except Exception as error:  # noqa: BLE001  # shown by the owner; a thread must not end without a word
            self.failure = error
        self._on_end()

    def _post(self, record: np.ndarray) -> None:
        time_ms = int(record["time_ms"][0])
        if self._resume_after_ms is not None and time_ms <= self._resume_after_ms:
            return
        live = time_ms >= self._live_from_ms
        if live and self._speed is not None:
            time.sleep(self._stream.timeframe_ms / 1000.0 / self._speed)
        while self._inbox.backlog >= _MOST_WAITING and self._open:
            time.sleep(_LOOK_S)
        released_ms = time_ms + self._stream.timeframe_ms + _PUBLISHED_MS
        self._clock.move_to(released_ms)
        phase = Phase.LIVE if live else Phase.WARM_UP
        bar = ClosedBar(self._stream, record.copy(), phase, Origin.STREAM, released_ms)
        self._inbox.post(BarClosed(bar))
