"""Paper deployments as processes on one simulator, in lockstep with it, and ways to spoil their day."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from kwin_core.bars import floor_time
from tests.exchange import Exchange
from tests.golden_data import PROJECT_ROOT
from tests.live.paper_worker import (
    ALL_THERE_IS,
    ASK,
    BARS,
    FRAMES,
    HANDLES,
    LINKS,
    MEMORY,
    NEXT_MS,
    SAMPLE,
    SETTLED,
    STATUS,
    THREADS,
)
from tests.live_feed.rig import until

PATIENCE_S = 180.0
_NOTHING = (0,) * 8
_A_BAR_TAKES_S = 0.01  # from the push to the commit, and some
ROLLED_MS = 1_500  # after a close every confirmation has been sent


class PaperProcess:
    """One deployment; killed and restarted it is still the same one."""

    def __init__(
        self, exchange: Exchange, folder: Path, name: str, profile: str, trade_from: str, clock: Path
    ) -> None:
        self.exchange = exchange
        self.name = name
        self.journal = folder / f"{name}.sqlite"
        self.config = folder / f"{name}.toml"
        self.kills = 0
        self.base = 0
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._status = _NOTHING
        self._log = (folder / f"{name}.log").open("ab")
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
        """One number of its last answer."""
        return self._status[field]

    def ask(self, question: int) -> None:
        """Begin to ask how far it is: once it has seen so many frames, or `SAMPLE`."""
        assert self._line is not None
        try:
            self._line.send(ASK.pack(question))
        except BrokenPipeError:
            self.check_alive()
            raise

    def hear(self) -> None:
        """Wait for the answer."""
        assert self._line is not None
        assert self._process is not None
        while True:
            try:
                answer = self._line.recv(STATUS.size)
                break
            except TimeoutError:  # it may still be starting
                self.check_alive()
        if not answer:
            self._process.wait(10.0)
            self.check_alive()
        self._status = STATUS.unpack(answer)

    def start(self) -> None:
        """Start; it answers once its ledgers are back."""
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._line.settimeout(1.0)
        self._status = _NOTHING
        command = [sys.executable, "-m", "tests.live.paper_worker"]
        with theirs:
            self._process = subprocess.Popen(
                [*command, str(self.config), str(self._clock), str(theirs.fileno())],
                cwd=PROJECT_ROOT,
                stdout=self._log,
                stderr=self._log,
                pass_fds=[theirs.fileno()],
            )

    @property
    def follows(self) -> bool:
        """Whether, by its last answer, its link is up and nothing is under way."""
        return self.value(LINKS) == 1 and self.value(SETTLED) == 1

    def check_alive(self) -> None:
        """It must not have ended by itself."""
        assert self._process is not None
        assert self._process.poll() is None, f"{self.name} ended with {self._process.returncode}"

    def kill(self) -> None:
        """SIGKILL, at whatever it does."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(10.0)
        self._hang_up()
        self.kills += 1

    def stop(self) -> tuple[int, float]:
        """SIGTERM; its exit code, and the seconds it took."""
        assert self._process is not None
        begun = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        code = self._process.wait(30.0)
        seconds = time.monotonic() - begun
        self._hang_up()
        return code, seconds

    def end(self) -> None:
        """Whatever state it is in."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait(10.0)
        self._hang_up()
        self._log.close()

    def sample(self) -> tuple[int, int, int]:
        """Memory in bytes, threads, file handles, now."""
        self.ask(SAMPLE)
        self.hear()
        return self.value(MEMORY), self.value(THREADS), self.value(HANDLES)

    @property
    def bars(self) -> int:
        """Bars this process has taken."""
        return self.value(BARS)

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None


class Fleet:
    """Some deployments that see everything before time moves on."""

    def __init__(self, exchange: Exchange, members: list[PaperProcess]) -> None:
        self.exchange = exchange
        self.members = members
        self._base = 0
        self._lost = 0
        self._accepted = 0
        self._quiet_at = -1

    def start(self) -> None:
        """All of them."""
        for one in self.members:
            one.start()
        self.wait()

    def ask(self, frames: int | None = None) -> None:
        """Ask every member how far it is; with ``frames``, once it has seen its share of so many."""
        share = 0 if frames is None else (frames - self._base) // len(self.members)
        for one in self.members:
            one.ask(0 if frames is None else one.base + share)
        for one in self.members:
            one.hear()

    def wait(self) -> None:
        """Until all follow; frames that nobody took are given up."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            self.ask()
            if all(one.follows for one in self.members) and self._subscribed():
                break
            assert time.monotonic() < deadline, "the deployments do not come back"
            due_ms = self._next_timer()
            if due_ms is not None and all(one.value(SETTLED) for one in self.members):
                if not all(one.value(LINKS) for one in self.members):
                    self.exchange.advance_to(max(due_ms, self.exchange.clock.now_ms() + 1))
            time.sleep(0.002)
        self.rebase()

    def _subscribed(self) -> bool:
        return sum(len(one.topics) for one in self.exchange.hub.connections) >= len(self.members)

    def rebase(self) -> None:
        """Frames sent so far that were not seen are lost."""
        until(self.exchange.quiet, "everything is on the wire")
        self._quiet_at = -1
        self._base, self._accepted = self.exchange.data_frames, self.exchange.hub.accepted
        for one in self.members:
            one.ask(ALL_THERE_IS)
        for one in self.members:
            one.hear()
            one.base = one.value(FRAMES)
        self._lost = self._base - sum(one.base for one in self.members)

    def settled(self, frames: int) -> bool:
        """Whether every deployment has dealt with every frame and has nothing under way."""
        due_ms = self._next_timer()
        if frames == self._quiet_at and (due_ms is None or due_ms > self.exchange.clock.now_ms()):
            return True  # nothing has been sent since, and no timer has rung
        self.ask(frames)
        if not all(one.value(SETTLED) for one in self.members):
            return False
        if sum(one.value(FRAMES) for one in self.members) + self._lost < frames:
            if self._accepted == self.exchange.hub.accepted and all(one.value(LINKS) for one in self.members):
                return False
            self.rebase()  # a deployment gave its connection up: what was on it is lost
            return False
        self._quiet_at = frames
        return True

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

    def run_calmly_to(self, time_ms: int, bar_ms: int) -> None:
        """The same several times as fast, for times when nothing is amiss: event by event only around each close.

        Inside a bar the market runs on without waiting for anyone, its forming pushes arrive in a bunch, and timers
        of the deployments that fall there ring late.
        """
        while (now_ms := self.exchange.clock.now_ms()) < time_ms:
            close_ms = floor_time(now_ms, bar_ms) + bar_ms
            if now_ms < close_ms - 1:
                self.exchange.advance_to(min(close_ms - 1, time_ms))
            self.run_to(min(close_ms + ROLLED_MS, time_ms))

    def _all_down(self) -> bool:
        self.ask()
        return all(one.value(LINKS) == 0 for one in self.members)

    def break_links(self, fault: Callable[[], None]) -> None:
        """End every connection; go on when both sides have noticed and the links are back."""
        fault()
        until(lambda: not self.exchange.hub.connections, "the exchange notices")
        until(self._all_down, "the deployments notice")
        self.wait()

    def kill(self, victim: PaperProcess, away_ms: int, chance: Random) -> None:
        """Kill one while a bar closes, let the market go on without it for a while, start it again."""
        before = len(self.exchange.hub.connections)
        self.exchange.advance(ROLLED_MS)
        time.sleep(chance.uniform(0.0, _A_BAR_TAKES_S))
        victim.kill()
        until(lambda: len(self.exchange.hub.connections) < before or before == 0, "the exchange notices")
        if away_ms:
            self.exchange.advance(away_ms)
        others = [one for one in self.members if one is not victim]
        until(lambda: _all_settled(others), "the others go on")
        victim.start()
        self.wait()

    def end(self) -> None:
        """All of them."""
        for one in self.members:
            one.end()


def _all_settled(members: list[PaperProcess]) -> bool:
    for one in members:
        one.ask(0)
        one.hear()
    return all(one.value(SETTLED) for one in members)


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
