"""A deployment as an operator runs it: ``kwin-live`` processes on a simulator whose clock runs as ours does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import numpy as np

from engines.journal import Outcome
from engines.live.bybit.keys import KEY_VARIABLE, SECRET_VARIABLE, Keys
from engines.live.bybit.session import BybitSession, use_clock
from engines.live.lane import Lane
from feeds.instants import iso
from tests.core.kwin_runs import fixture_bars
from tests.exchange import Exchange
from tests.exchange.exchange import API_KEY, API_SECRET
from tests.live.desk_rig import ETH, exchange_with, setup_for
from tests.live.scene import BAR_MS, LONG_LIVED, Planned, planned

START_S = 20.0
"""The simulator's clock begins so long before the deciding bar closes: a process has to be connected by then."""


def entry_that_lives(bars: int = 3) -> Planned:
    """An entry of the fixture whose position lives for so many bars."""
    plans = planned("intent", tuple(sorted({"use_window": False, **LONG_LIVED}.items())))
    return next(one for one in plans if one.ends - one.bar >= bars)


class Terminal:
    """Commands of ``kwin-live`` and the exchange they reach.

    Attributes
    ----------
    config, journal
        Of the deployment.
    """

    def __init__(self, exchange: Exchange, folder: Path, first_live_ms: int) -> None:
        self.exchange = exchange
        self.config = folder / "live.toml"
        self.journal = folder / "live.sqlite"
        self.environment = {
            **os.environ,
            KEY_VARIABLE: API_KEY,
            SECRET_VARIABLE: API_SECRET,
            "NO_PROXY": "127.0.0.1,localhost",
        }
        self.config.write_text(
            f"""
[deployment]
journal = "live.sqlite"
venue = "{exchange.url}"
profile = "intent"
trade_from = "{iso(first_live_ms)}"
capital = 3000.0
warmup_bars = 299

[inputs]
useWindow = false
trailingPerc = 30.0
trailingOffset = 20.0
useBarTrail = false

[[symbols]]
symbol = "ETHUSDT"

[policy]
too_large = "scale_down"

[network]
stream_url = "{exchange.ws_url}"
clock_limit_ms = {10**13}
""",
            encoding="utf-8",
        )

    def run(self, *words: str | Path, typed: str | None = None) -> subprocess.CompletedProcess[str]:
        """A command until it ends; ``typed`` is what the operator answers."""
        return subprocess.run(
            [sys.executable, "-m", "engines.live.cli", *map(str, words)],
            capture_output=True,
            text=True,
            timeout=120.0,
            check=False,
            input=typed,
            env=self.environment,
        )

    @contextmanager
    def deployment(self, version: Path | None = None) -> Iterator[subprocess.Popen[bytes]]:
        """``kwin-live run`` in the background, killed at the end; ``version`` is a folder of another one."""
        process = subprocess.Popen(
            [sys.executable, "-m", "engines.live.cli", "run", str(self.config)],
            stderr=(self.config.parent / "stderr").open("ab"),
            env=self.environment if version is None else {**self.environment, "PYTHONPATH": str(version)},
            cwd=version,
        )
        try:
            yield process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
                process.wait(10.0)

    @property
    def held(self) -> Decimal:
        """Signed position on the exchange, base currency."""
        position = self.exchange.account.positions.get(("ETHUSDT", 0))
        if position is None or not position.size:
            return Decimal(0)
        return position.size if position.side == "Buy" else -position.size

    def by_hand(self, side: str, qty: str) -> None:
        """The account's owner trades in the exchange's own window."""
        use_clock(self.exchange.clock.now_ms)
        session = BybitSession(self.exchange.url, Keys(API_KEY, API_SECRET))
        words = {"category": "linear", "symbol": "ETHUSDT", "side": side, "orderType": "Market", "qty": qty}
        reply = session.call("place_order", **words)
        assert reply.outcome is Outcome.CONFIRMED, reply.text
        session.close()

    def wait(self, what: str, happened: Callable[[], bool], seconds: float = 60.0) -> None:
        """Until something is so, in real time."""
        end = time.monotonic() + seconds
        while not happened():
            stderr = self.config.parent / "stderr"
            said = stderr.read_text(encoding="utf-8")[-2_000:] if stderr.exists() else ""
            assert time.monotonic() < end, f"{what} did not happen in {seconds} s; it said: {said}"
            time.sleep(0.1)


def warm(entry: Planned, bars: np.ndarray) -> None:
    """Compile what a deployment needs before the clock runs: processes then find it in the cache."""
    lane = Lane(ETH, setup_for("intent", bars, entry.bar, LONG_LIVED))
    for k in range(2):
        lane.emulate(bars[k : k + 1])
        lane.decide(bars[k : k + 1])
    lane.rebase(3_000.0)


@contextmanager
def terminal(folder: Path, before_close_s: float = START_S) -> Iterator[Terminal]:
    """A simulator that runs in real time from some seconds before an entry's decision, and a configuration for it."""
    entry = entry_that_lives()
    bars = fixture_bars()[: entry.bar + 200].copy()
    warm(entry, bars)
    close_ms = int(bars["time_ms"][entry.bar]) + BAR_MS
    start_ms = close_ms - int(before_close_s * 1000)
    with exchange_with(bars, start_ms, speed=1.0, reply_delay_ms=0.0) as exchange:
        yield Terminal(exchange, folder, int(bars["time_ms"][entry.bar]))
