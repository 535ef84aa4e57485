"""One paper deployment as a process of its own, on the simulator's clock; it can be killed and started again.

``python -m tests.live.paper_worker LIVE.TOML CLOCK STATUS`` runs ``kwin-live run``'s deployment with the time of the
8-byte file CLOCK, and tells in STATUS (eight 64-bit numbers) how far it is.
"""

from __future__ import annotations

import heapq
import itertools
import mmap
import os
import struct
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from engines.live.deployment import Deployment, exit_code_of, stops_on_signals
from engines.live.settings import load_settings
from kwin_core.errors import KwinError
from tests.exchange.clock import SharedTime

STATUS = struct.Struct("<8q")
FRAMES, SETTLED, NEXT_MS, BARS, LINKS, MEMORY, THREADS, HANDLES = range(8)
_PAUSE_S = 0.0002
_LOOKS_A_SAMPLE = 2_000


class SharedClock:
    """The simulator's time in this process; timers run when its status thread looks."""

    def __init__(self, path: Path) -> None:
        self._time = SharedTime(path)
        self._timers: list[tuple[int, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._lock = threading.Lock()

    def now_ms(self) -> int:
        """Market time (ms)."""
        return self._time.now_ms()

    def call_at(self, time_ms: int, action: Callable[[], None]) -> None:
        """Plan an action."""
        with self._lock:
            heapq.heappush(self._timers, (time_ms, next(self._order), action))

    def next_ms(self) -> int:
        """Time of the earliest timer (ms); -1 without any."""
        with self._lock:
            return self._timers[0][0] if self._timers else -1

    def run_due(self) -> None:
        """Run what is due."""
        while True:
            with self._lock:
                if not self._timers or self._timers[0][0] > self.now_ms():
                    return
                action = heapq.heappop(self._timers)[2]
            action()


def publish(deployment: Deployment, clock: SharedClock, path: Path) -> None:
    """Tell how far the deployment is, for ever."""
    process = psutil.Process()
    memory = threads = handles = links = 0
    with path.open("r+b") as file:
        view = mmap.mmap(file.fileno(), STATUS.size)
    for look in itertools.count():
        clock.run_due()
        if look % _LOOKS_A_SAMPLE == 0:
            memory, threads, handles = (
                process.memory_info().rss,
                threading.active_count(),
                process.num_fds(),
            )
        frames = deployment.feed.frames
        settled = deployment.feed.idle and deployment.runner.idle and deployment.feed.idle
        links = sum(deployment.feed.status().links.values()) if look % 16 == 0 or not settled else links
        STATUS.pack_into(
            view,
            0,
            frames,
            int(settled),
            clock.next_ms(),
            deployment.runner.counts.bars,
            links,
            memory,
            threads,
            handles,
        )
        time.sleep(_PAUSE_S)


def main() -> int:
    """Run until stopped or killed."""
    config, clock_path, status_path = (Path(one) for one in sys.argv[1:4])
    clock = SharedClock(clock_path)
    try:
        with Deployment(load_settings(config), clock=clock) as deployment:
            watcher = threading.Thread(target=publish, args=(deployment, clock, status_path), daemon=True)
            watcher.start()
            with stops_on_signals(deployment.runner.stop):
                return deployment.run()
    except KwinError as error:
        sys.stderr.write(f"error: {error}\n")
        return exit_code_of(error)


if __name__ == "__main__":
    os.environ.setdefault("NO_PROXY", "127.0.0.1,localhost")
    sys.exit(main())
