"""A live deployment on the simulator as a process that can be killed at a chosen point, and started again at once.

Processes are forked from one that has the engines compiled already, so a restart costs a fraction of a second.
"""

from __future__ import annotations

import mmap
import multiprocessing
import os
import signal
import struct
import sys
import threading
import time
from pathlib import Path

from engines import failpoints
from engines.live.bybit.keys import Keys
from engines.live.deployment import Deployment
from engines.live.ending import exit_code_of, stops_on_signals
from engines.live.settings import load_settings
from kwin_core.errors import KwinError
from tests.exchange import Exchange
from tests.exchange.exchange import API_KEY, API_SECRET
from tests.live.paper_worker import SharedClock
from tests.live_feed.rig import until

STATUS = struct.Struct("<6q")
_TOLD, _ASKED = struct.Struct("<5q"), struct.Struct("<q")  # written by the process, and by the test
FRAMES, SETTLED, NEXT_MS, LINKS, ARMED, WANTED = range(6)
_PAUSE_S = 0.0003
_TRACE_ONLY = -1
POINTS = (
    "journal.before_commit",
    "journal.inside_commit",
    "journal.after_commit",
    "gateway.before_send",
    "gateway.after_wire",
    "gateway.after_reply",
)


def _publish(deployment: Deployment, clock: SharedClock, view: mmap.mmap, trace: Path) -> None:
    private = deployment.private
    assert private is not None
    while True:
        clock.run_due()
        wanted = int(STATUS.unpack_from(view)[WANTED])
        armed = int(STATUS.unpack_from(view)[ARMED])
        if wanted and not armed:
            number, point = divmod(wanted, 10) if wanted != _TRACE_ONLY else (0, 0)
            failpoints.arm(f"{POINTS[point]}:{number}" if number else "", str(trace) if not number else "")
            armed = 1
        settled = deployment.feed.idle and private.idle and deployment.runner.idle and deployment.feed.idle
        links = sum(deployment.feed.status().links.values()) + private.is_up
        frames = deployment.feed.frames + private.frames
        _TOLD.pack_into(view, 0, frames, int(settled), clock.next_ms(), links, armed)
        time.sleep(_PAUSE_S)


def child(config: str, clock_path: str, status_path: str, trace: str) -> None:
    """One process of the deployment."""
    os.environ["NO_PROXY"] = "127.0.0.1,localhost"
    clock = SharedClock(Path(clock_path))
    with Path(status_path).open("r+b") as file:
        view = mmap.mmap(file.fileno(), STATUS.size)
    try:
        with Deployment(
            load_settings(Path(config)), clock=clock, keys=Keys(API_KEY, API_SECRET)
        ) as deployment:
            threading.Thread(
                target=_publish, args=(deployment, clock, view, Path(trace)), daemon=True
            ).start()
            with stops_on_signals(deployment.runner.stop):
                code = int(deployment.run())
    except KwinError as error:
        sys.stderr.write(f"error: {error}\n")
        code = int(exit_code_of(error))
    os._exit(code)  # a forked child must not run its parent's exit handlers


class DeskProcess:
    """The deployment; its processes come and go, its journal stays.

    Parameters
    ----------
    exchange, clock
        The simulator, and the file that mirrors its clock.
    folder
        For everything it writes.
    trade_from, inputs, policy
        Lines of its configuration.
    """

    def __init__(
        self,
        exchange: Exchange,
        clock: Path,
        folder: Path,
        *,
        trade_from: str,
        inputs: str,
        policy: str = "",
        profile: str = "intent",
        authority: str = "exchange",
        warmup_bars: int = 290,
    ) -> None:
        self.exchange = exchange
        self.journal = folder / "live.sqlite"
        self.trace = folder / "trace"
        self._config = folder / "live.toml"
        self._clock = clock
        self._status_path = folder / "status"
        self._status_path.write_bytes(bytes(STATUS.size))
        with self._status_path.open("r+b") as file:
            self._status = mmap.mmap(file.fileno(), STATUS.size)
        self._lost = 0
        self._process: multiprocessing.process.BaseProcess | None = None
        self._config.write_text(
            f"""
[deployment]
journal = "live.sqlite"
venue = "{exchange.url}"
profile = "{profile}"
authority = "{authority}"
trade_from = "{trade_from}"
capital = 3000.0
warmup_bars = {warmup_bars}

[inputs]
useWindow = false
{inputs}

[[symbols]]
symbol = "ETHUSDT"

[policy]
too_large = "scale_down"
orphans = "adopt"
look_s = 900
{policy}

[network]
stream_url = "{exchange.ws_url}"
rest_timeout_s = 20.0
""",
            encoding="utf-8",
        )

    def value(self, field: int) -> int:
        """One number of its status."""
        return int(STATUS.unpack_from(self._status)[field])

    @property
    def alive(self) -> bool:
        """Whether a process runs."""
        return self._process is not None and self._process.is_alive()

    def start(self) -> None:
        """Start a process, and wait until it is connected and quiet."""
        self._status[:] = bytes(STATUS.size)
        context = multiprocessing.get_context("fork")
        self._process = context.Process(
            target=child,
            args=(str(self._config), str(self._clock), str(self._status_path), str(self.trace)),
            daemon=True,
        )
        self._process.start()
        until(lambda: self._ready() or not self.alive, "the deployment connects")
        assert self.alive, "the deployment has ended at its start"
        self.rebase()

    def _ready(self) -> bool:
        served = sum(len(one.topics) for one in self.exchange.hub.connections)
        return self.value(LINKS) == 2 and self.value(SETTLED) == 1 and served >= 5

    def rebase(self) -> None:
        """Frames sent so far that were not seen are lost."""
        self._lost = self.exchange.data_frames - self.value(FRAMES)

    def arm(self, point: int = 0, number: int = 0) -> None:
        """Die at the ``number``-th time the point is reached from now on; 0 writes a trace instead."""
        wanted = number * 10 + point if number else _TRACE_ONLY
        _ASKED.pack_into(self._status, _TOLD.size, wanted)
        until(lambda: self.value(ARMED) == 1 or not self.alive, "the failpoint is armed")

    def settled(self, frames: int) -> bool:
        """Whether it has dealt with everything; a dead one has."""
        if not self.alive:
            raise DiedError
        return self.value(FRAMES) + self._lost >= frames and self.value(SETTLED) == 1

    def _next_timer(self) -> int | None:
        due_ms = self.value(NEXT_MS)
        return due_ms if due_ms > 0 else None

    def run_to(self, time_ms: int) -> int:
        """Market and deployment together; started anew whenever it has died. Returns how often that was."""
        deaths = 0
        while self.exchange.clock.now_ms() < time_ms:
            try:
                self.exchange.lockstep(
                    time_ms, settled=self.settled, next_timer_ms=self._next_timer, patience_seconds=60.0
                )
            except DiedError:
                deaths += 1
                self.restart()
        return deaths

    def restart(self) -> None:
        """After a death: both sides know, then the next process."""
        assert self._process is not None
        self._process.join(10.0)
        until(lambda: not self.exchange.hub.connections, "the exchange notices")
        self.start()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        assert self._process is not None
        assert self._process.pid is not None
        os.kill(self._process.pid, signal.SIGTERM)
        self._process.join(20.0)
        return int(self._process.exitcode if self._process.exitcode is not None else -1)

    def end(self) -> None:
        """Whatever state it is in."""
        if self._process is not None and self._process.is_alive():
            self._process.kill()
            self._process.join(10.0)


class DiedError(Exception):
    """The process is gone."""
