"""One paper deployment as a process of its own, on the simulator's clock; it can be killed and started again.

``python -m tests.live.paper_worker LIVE.TOML CLOCK HANDLE`` runs ``kwin-live run``'s deployment with the time of the
8-byte file CLOCK. HANDLE is a socket it has inherited: to each question (`ASK`) it answers how far it is (`STATUS`).
"""

from __future__ import annotations

import heapq
import itertools
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from engines.live.deployment import Deployment
from engines.live.ending import exit_code_of, stops_on_signals
from engines.live.settings import load_settings
from kwin_core.errors import KwinError
from tests.exchange.clock import SharedTime

ASK = struct.Struct("<q")
"""Data frames that have been sent to it: it answers once it has dealt with them, or soon when that takes long."""
ALL_THERE_IS = 2**62
"""Asked instead, it gives frames that are on their way the time to arrive."""
SAMPLE = -1
"""Asked instead, memory, threads and handles are told as well."""
STATUS = struct.Struct("<8q")
FRAMES, SETTLED, NEXT_MS, BARS, LINKS, MEMORY, THREADS, HANDLES = range(8)
_PATIENCE_S, _LOOK_S = 0.02, 0.0001


class SharedClock:
    """The simulator's time in this process; timers run when somebody asks how far it is."""

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


def answer(deployment: Deployment, clock: SharedClock, line: socket.socket) -> None:
    """Tell how far the deployment is whenever asked, until nobody is there to ask."""
    process = psutil.Process()
    while question := line.recv(ASK.size):
        (wanted,) = ASK.unpack(question)
        patient_until = time.monotonic() + _PATIENCE_S
        while True:
            clock.run_due()
            settled = _settled(deployment)
            frames = deployment.feed.frames
            if (settled and frames >= wanted) or time.monotonic() >= patient_until:
                break
            time.sleep(_LOOK_S)
        links = sum(deployment.feed.status().links.values())
        sample = (0, 0, 0)
        if wanted == SAMPLE:
            sample = process.memory_info().rss, threading.active_count(), process.num_fds()
        bars = deployment.runner.counts.bars
        line.send(STATUS.pack(frames, int(settled), clock.next_ms(), bars, links, *sample))


def _settled(deployment: Deployment) -> bool:
    """Whether nothing is under way; the feed twice, for it may hand over while the runner is looked at."""
    return deployment.feed.idle and deployment.runner.idle and deployment.feed.idle


def main() -> int:
    """Run until stopped or killed."""
    config, clock = Path(sys.argv[1]), SharedClock(Path(sys.argv[2]))
    line = socket.socket(fileno=int(sys.argv[3]))
    try:
        with Deployment(load_settings(config), clock=clock) as deployment:
            threading.Thread(target=answer, args=(deployment, clock, line), daemon=True).start()
            with stops_on_signals(deployment.runner.stop):
                return deployment.run()
    except KwinError as error:
        sys.stderr.write(f"error: {error}\n")
        return exit_code_of(error)


if __name__ == "__main__":
    os.environ.setdefault("NO_PROXY", "127.0.0.1,localhost")
    sys.exit(main())
