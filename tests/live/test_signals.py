"""A signal ends the run in good order, whatever it meets and whichever thread the kernel picks."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

from engines.live.deployment import Deployment
from engines.live.ending import stops_on_signals
from engines.live.exit_codes import ExitCode
from engines.live.inbox import Control, Inbox
from engines.live.settings import load_settings
from tests.core.kwin_runs import fixture_bars
from tests.live.desk_rig import exchange_with
from tests.live.paper_rig import BAR_MS, write_config
from tests.live_feed.rig import VirtualClock

FIRST = 300


def test_a_signal_may_come_while_the_runner_counts() -> None:
    """The handler posts in the thread that holds the count: it must not wait for itself."""
    inbox = Inbox()
    before = signal.signal(signal.SIGUSR1, lambda *_: inbox.post(Control("stop")))
    try:
        with inbox._lock:
            signal.raise_signal(signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert inbox.take(0) == Control("stop")


def test_a_signal_that_does_not_wake_the_runner_is_seen_all_the_same(tmp_path: Path) -> None:
    """Another thread catches it while the runner waits, and nothing else happens: the run ends within seconds."""
    bars = fixture_bars()
    with exchange_with(bars, int(bars["time_ms"][FIRST]) + BAR_MS // 2) as exchange:
        config = load_settings(write_config(exchange, tmp_path, warmup_bars=60))
        with Deployment(config, clock=VirtualClock(exchange)) as deployment:
            sent_s: list[float] = []

            def catch() -> None:
                while not deployment.runner.running or not deployment.runner.idle:
                    time.sleep(0.01)
                time.sleep(0.3)  # the runner waits by now
                sent_s.append(time.monotonic())
                signal.pthread_kill(threading.get_ident(), signal.SIGTERM)
                time.sleep(8.0)

            threading.Thread(target=catch, daemon=True).start()
            with stops_on_signals(deployment.runner.stop):
                assert deployment.run(bars=False) is ExitCode.GOOD
            assert time.monotonic() - sent_s[0] < 5.0
