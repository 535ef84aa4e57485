"""A paper deployment in this process, in lockstep with a simulator, looked at after every bar."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engines.journal import JournalReader
from engines.live.deployment import Deployment
from engines.live.exit_codes import ExitCode
from engines.live.lane import Lane
from engines.live.settings import load_settings
from engines.parity.live import live_parity
from feeds.live import ClosedBar
from feeds.stream import Stream
from tests.exchange import Exchange
from tests.live_feed.rig import PATIENCE_S, VirtualClock, until

BAR_MS = 900_000
ETH = Stream("linear", "ETHUSDT", BAR_MS)


def write_config(
    exchange: Exchange,
    folder: Path,
    *,
    profile: str = "intent",
    trade_from: str = "now",
    inputs: Mapping[str, Any] | None = None,
    symbols: Sequence[str] = ("ETHUSDT",),
    journal: str = "live.sqlite",
    warmup_bars: int = 290,
    capital: float = 3_000.0,
    housekeeping: str = "",
) -> Path:
    """A ``live.toml`` for a paper deployment on the simulator."""
    given = {"useWindow": False, **(inputs or {})}
    lines = "\n".join(f"{name} = {json.dumps(value)}" for name, value in given.items())
    traded = "\n".join(f'[[symbols]]\nsymbol = "{symbol}"' for symbol in symbols)
    path = folder / "live.toml"
    path.write_text(
        f"""
[deployment]
journal = "{journal}"
venue = "paper"
profile = "{profile}"
trade_from = "{trade_from}"
capital = {capital}
warmup_bars = {warmup_bars}

[inputs]
{lines}

{traded}

[network]
rest_url = "{exchange.url}"
stream_url = "{exchange.ws_url}"
rest_timeout_s = 30.0

[housekeeping]
{housekeeping}
""",
        encoding="utf-8",
    )
    return path


class PaperRig:
    """One process's worth of a deployment, as `kwin-live run` makes it; ``on_bar`` after each committed bar."""

    def __init__(
        self,
        exchange: Exchange,
        config: Path,
        *,
        on_bar: Callable[[Lane, ClosedBar], None] | None = None,
    ) -> None:
        self.exchange = exchange
        self.clock = VirtualClock(exchange)
        self.deployment = Deployment(load_settings(config), clock=self.clock, on_bar=on_bar)
        self.exit: ExitCode | None = None
        self.failure: BaseException | None = None
        self._lost = 0
        self._thread = threading.Thread(target=self._run, name="kwin-runner", daemon=True)

    def _run(self) -> None:
        try:
            self.exit = self.deployment.run()
        except BaseException as error:  # noqa: BLE001  # shown by the test
            self.failure = error

    def start(self) -> PaperRig:
        """Begin; returns when its link is up and it has caught up."""
        self._thread.start()
        until(self._follows, "the deployment follows the exchange")
        self._lost = self.exchange.data_frames - self.deployment.feed.frames
        return self

    def _follows(self) -> bool:
        self.check()
        links = self.deployment.feed.status().links
        return self.settled() and bool(links) and all(links.values()) and self._topics() == len(self.lanes)

    def _topics(self) -> int:
        return sum(len(one.topics) for one in self.exchange.hub.connections)

    @property
    def lanes(self) -> dict[Stream, Lane]:
        """By stream."""
        return self.deployment.lanes

    @property
    def ended(self) -> bool:
        """Whether the runner has ended by itself."""
        return not self._thread.is_alive()

    def check(self) -> None:
        """It must not have failed."""
        if self.failure is not None:
            raise AssertionError("the deployment has failed") from self.failure

    def settled(self, frames: int = 0) -> bool:
        """Whether every frame has been dealt with and nothing is under way, or it has ended."""
        self.check()
        self.clock.run_due()
        feed, runner = self.deployment.feed, self.deployment.runner
        if self._thread.ident is not None and self.ended:
            return True
        return feed.idle and feed.frames + self._lost >= frames and runner.idle and feed.idle

    def run_to(self, time_ms: int) -> None:
        """Let market and deployment go on together to an instant (ms)."""
        self.exchange.lockstep(
            time_ms, settled=self.settled, next_timer_ms=self.clock.next_ms, patience_seconds=PATIENCE_S
        )
        until(lambda: self.settled(self.exchange.data_frames), "the deployment settles")

    def stop(self) -> ExitCode | None:
        """As SIGTERM does; its exit code."""
        if not self.ended:
            self.deployment.runner.stop("test")
        self._thread.join(10.0)
        assert self.ended, "the runner does not end"
        assert self.deployment.close(), "a thread is still busy"
        self.check()
        return self.exit


def assert_backtest(journal: Path, bars: np.ndarray | None = None) -> int:
    """Every digest of a journal is the backtest's, both ledgers' trades are the same; how many bars."""
    (found,) = live_parity(journal, data=bars)
    assert found.emulator.good, found.emulator.first_difference
    assert found.exchange.good, found.exchange.first_difference
    assert found.emulator.compared == found.bars
    assert {pair.kind.value for pair in found.pairs} <= {"same"}
    if bars is not None:
        assert found.data["differ"] == 0
        assert found.data["missing_in_journal"] == 0
    return int(found.bars)


def bars_of(journal: Path, stream: Stream = ETH) -> list[tuple[int, str, int]]:
    """Open time, source and moment of recording of every bar, in the order of their numbers."""
    with JournalReader(journal) as reader:
        return [
            (int(event.bar.bar["time_ms"]), event.bar.source, event.received_ms)
            for event in reader.replay()
            if event.bar is not None and event.bar.stream == stream
        ]
