"""A fetch that is killed at random moments, while the exchange misbehaves, still ends with the exact bars."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from feeds.parquet import ParquetFeed
from tests.exchange import Exchange, Market, known
from tests.exchange.rest_faults import RestFaults
from tests.exchange.sample import walk

ROOT = Path(__file__).parents[2]
TIMEFRAME_MS = 900_000
THREE_YEARS = 3 * 365 * 96  # 105 120 bars of 15 minutes
COMMAND = (
    sys.executable,
    "-m",
    "engines.data.cli",
    "fetch",
    "BTCUSDT",
    "--timeout",
    "0.5",
    "--forbidden-wait",
    "0.2",
)


def disturb(rest: RestFaults, dice: random.Random, newest_ms: int) -> None:
    """A handful of faults somewhere in the next requests."""
    rest.clear()
    rest.slow("kline", 0.1, n=None, when=lambda _: dice.random() < 0.9)  # or all is over before the kill
    for _ in range(4):
        after = dice.randrange(60)
        arm = dice.choice(
            [
                lambda at: rest.rate("kline", reset_in_ms=dice.choice([-500, 100]), after=at),
                lambda at: rest.ret("kline", 10002, after=at),
                lambda at: rest.http("kline", 403, after=at),
                lambda at: rest.http("kline", 500, n=2, after=at),
                lambda at: rest.timeout("kline", seconds=1.5, after=at),
                lambda at: rest.empty("kline", n=2, after=at),
                lambda at: rest.drop("kline", after=at),
                lambda at: rest.garbage("kline", after=at),
            ]
        )
        arm(after)
    rest.revise(newest_ms, {"volume": "7", "high": "99999"}, n=1, after=1)


def wait_for_pages(exchange: Exchange, child: subprocess.Popen[bytes], pages: int) -> None:
    """Until the exchange has answered so many more requests: the machine's speed decides nothing."""
    answered = len(exchange.requests)
    give_up = time.monotonic() + 60.0
    while len(exchange.requests) < answered + pages and child.poll() is None and time.monotonic() < give_up:
        time.sleep(0.005)


@pytest.mark.slow
def test_three_years_killed_and_resumed_equal_the_source(tmp_path: Path) -> None:
    """105 000 bars, listed inside the range asked for; SIGKILL after 1 to 13 answers, over and over."""
    source = walk(THREE_YEARS + 40)
    dice = random.Random(20_261_120)
    out = tmp_path / "bars.parquet"
    begin_ms = int(source["time_ms"][THREE_YEARS]) + 100_000
    asked_ms = int(source["time_ms"][0]) - 90 * 96 * TIMEFRAME_MS
    kills, sizes = 0, []
    with Exchange(markets=[Market(known("BTCUSDT"), source, "15m")], start_ms=begin_ms) as exchange:
        command = [
            *COMMAND,
            "--environment",
            exchange.url,
            "--from",
            str(asked_ms),
            "--out",
            str(out),
            "--json",
        ]
        for attempt in range(60):
            closed = (exchange.clock.now_ms() - int(source["time_ms"][0])) // TIMEFRAME_MS
            disturb(exchange.faults.rest, dice, int(source["time_ms"][closed - 1]))
            child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            wait_for_pages(exchange, child, dice.randrange(1, 14))
            time.sleep(dice.uniform(0.0, 0.1))
            if attempt < 40:
                child.send_signal(signal.SIGKILL)
            told, complaint = child.communicate()
            if out.exists():  # whole, without a hole, a prefix of the source
                kept = ParquetFeed(out).read()
                assert kept.tobytes() == source[: kept.size].tobytes()
                sizes.append(kept.size)
            if child.returncode == 0:
                break
            assert child.returncode == -signal.SIGKILL, complaint
            kills += 1
            if attempt % 5 == 4:
                exchange.advance(TIMEFRAME_MS)
        assert child.returncode == 0
        assert json.loads(told)["bars"] == closed
    assert ParquetFeed(out).read().tobytes() == source[:closed].tobytes()
    assert closed >= THREE_YEARS
    assert kills >= 3
    assert len(set(sizes)) >= 10, "the kills came before the first save: nothing was resumed"
    assert sizes == sorted(sizes)
    assert os.listdir(tmp_path) == [out.name]  # noqa: PTH208
