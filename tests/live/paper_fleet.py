"""Paper deployments as processes on one simulator, in lockstep with it, and ways to spoil their day."""

from __future__ import annotations

import mmap
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from tests.exchange import Exchange
from tests.golden_data import PROJECT_ROOT
from tests.live.paper_worker import BARS, FRAMES, HANDLES, LINKS, MEMORY, NEXT_MS, SETTLED, STATUS, THREADS
from tests.live_feed.rig import until

PATIENCE_S = 180.0


class PaperProcess:
    """One deployment; killed and restarted it is still the same one."""

    def __init__(self, exchange: Exchange, folder: Path, profile: str, trade_from: str, clock: Path) -> None:
        self.exchange = exchange
        self.journal = folder / f"{profile}.sqlite"
        self.config = folder / f"{profile}.toml"
        self.kills = 0
        self._clock = clock
        self._status_path = folder / f"{profile}.status"
        self._status_path.write_bytes(bytes(STATUS.size))
        with self._status_path.open("r+b") as file:
            self._status = mmap.mmap(file.fileno(), STATUS.size)
        self._process: subprocess.Popen[bytes] | None = None
        self._log = (folder / f"{profile}.log").open("ab")
        self.config.write_text(
            f"""
[deployment]
journal = "{self.journal}"
venue = "paper"
profile = "{profile}"
trade_from = "{trade_from}"
capital = 3000.0
warmup_bars = 290

[inputs]
useWindow = false

[[symbols]]
symbol = "ETHUSDT"

[network]
rest_url = "{exchange.url}"
stream_url = "{exchange.ws_url}"
rest_timeout_s = 30.0

[housekeeping]
log_level = "error"
""",
            encoding="utf-8",
        )

    def value(self, field: int) -> int:
        """One number of its status."""
        return int(STATUS.unpack_from(self._status)[field])

    def start(self) -> None:
        """Start, and wait until it follows the exchange."""
        self._status[:] = bytes(STATUS.size)
        command = [sys.executable, "-m", "tests.live.paper_worker"]
        self._process = subprocess.Popen(
            [*command, str(self.config), str(self._clock), str(self._status_path)],
            cwd=PROJECT_ROOT,
            stdout=self._log,
            stderr=self._log,
        )

    @property
    def follows(self) -> bool:
        """Whether its link is up and nothing is under way."""
        self.check_alive()
        return self.value(LINKS) == 1 and self.value(SETTLED) == 1

    def check_alive(self) -> None:
        """It must not have ended by itself."""
        assert self._process is not None
        assert self._process.poll() is None, f"{self.config.stem} ended with {self._process.returncode}"

    def kill(self) -> None:
        """SIGKILL, at whatever it does."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(10.0)
        self.kills += 1

    def stop(self) -> tuple[int, float]:
        """SIGTERM; its exit code, and the seconds it took."""
        assert self._process is not None
        begun = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(30.0)
        return code, time.monotonic() - begun

    def end(self) -> None:
        """Whatever state it is in."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(10.0)
        self._log.close()

    def sample(self) -> tuple[int, int, int]:
        """Memory in bytes, threads, file handles."""
        return self.value(MEMORY), self.value(THREADS), self.value(HANDLES)

    @property
    def bars(self) -> int:
        """Bars this process has taken."""
        return self.value(BARS)


class Fleet:
    """Some deployments that see everything before time moves on."""

    def __init__(self, exchange: Exchange, members: list[PaperProcess]) -> None:
        self.exchange = exchange
        self.members = members
        self._lost = 0

    def start(self) -> None:
        """All of them."""
        for one in self.members:
            one.start()
        self.wait()

    def wait(self) -> None:
        """Until all follow; frames that nobody took are given up."""
        deadline = time.monotonic() + PATIENCE_S
        while not (all(one.follows for one in self.members) and self._subscribed()):
            assert time.monotonic() < deadline, "the deployments do not come back"
            due_ms = self._next_timer()
            if due_ms is not None and not all(one.value(LINKS) for one in self.members):
                if all(one.value(SETTLED) for one in self.members):
                    self.exchange.advance_to(max(due_ms, self.exchange.clock.now_ms() + 1))
            time.sleep(0.005)
        self.rebase()

    def _subscribed(self) -> bool:
        return sum(len(one.topics) for one in self.exchange.hub.connections) >= len(self.members)

    def rebase(self) -> None:
        """Frames sent so far that were not seen are lost."""
        self._lost = self.exchange.data_frames - sum(one.value(FRAMES) for one in self.members)

    def settled(self, frames: int) -> bool:
        """Whether every deployment has dealt with every frame and has nothing under way."""
        seen = sum(one.value(FRAMES) for one in self.members) + self._lost
        return seen >= frames and all(one.value(SETTLED) for one in self.members)

    def _next_timer(self) -> int | None:
        times = [due for one in self.members if (due := one.value(NEXT_MS)) >= 0]
        return min(times) if times else None

    def run_to(self, time_ms: int) -> None:
        """Market and deployments together."""
        try:
            self.exchange.lockstep(
                time_ms, settled=self.settled, next_timer_ms=self._next_timer, patience_seconds=PATIENCE_S
            )
        except TimeoutError:
            for one in self.members:
                one.check_alive()
            raise

    def break_links(self, fault: Callable[[], None]) -> None:
        """End every connection; go on when both sides have noticed and the links are back."""
        fault()
        until(lambda: not self.exchange.hub.connections, "the exchange notices")
        until(lambda: all(one.value(LINKS) == 0 for one in self.members), "the deployments notice")
        self.wait()

    def kill(self, which: int, away_ms: int) -> None:
        """Kill one, let the market go on without it for a while, start it again."""
        victim = self.members[which]
        before = len(self.exchange.hub.connections)
        victim.kill()
        until(lambda: len(self.exchange.hub.connections) < before or before == 0, "the exchange notices")
        others = [one for number, one in enumerate(self.members) if number != which]
        if away_ms:
            self.exchange.advance(away_ms)
            until(lambda: all(one.value(SETTLED) for one in others), "the others go on")
        victim.start()
        self.wait()

    def end(self) -> None:
        """All of them."""
        for one in self.members:
            one.end()


def spoilers(exchange: Exchange, chance: Random) -> list[Callable[[], None]]:
    """Faults of the public stream and of REST; each call arms one."""
    ws, rest = exchange.faults.ws, exchange.faults.rest
    return [
        ws.late_confirm,
        ws.drop_confirm,
        ws.dup_confirm,
        ws.skip_bar,
        lambda: ws.delay("kline", chance.randrange(500, 90_000), n=chance.randrange(1, 5)),
        lambda: ws.dup("kline", n=3),
        lambda: ws.mute("kline", n=chance.randrange(1, 8)),
        lambda: rest.http("kline", 502),
        lambda: rest.empty("kline"),
    ]
