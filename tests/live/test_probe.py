"""The probe against the simulator: every belief they share shows, it ends flat, and it never touches real money."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from engines.live.bybit.keys import KEY_VARIABLE, SECRET_VARIABLE
from engines.live.exit_codes import ExitCode
from kwin_core.bars import BAR
from tests.exchange import Exchange, Market, known
from tests.exchange.exchange import API_KEY, API_SECRET
from tests.live_feed.rig import forgive_hang_ups

MINUTE_MS = 60_000
LONG = bool(os.environ.get("KWIN_LONG"))
"""Wait until the market has hit a stop and a trail."""
START_MS = 1_736_000_040_000


def falling(count: int) -> np.ndarray:
    """Minutes that lose a third of a percent each: what lies close below a long position is hit within one."""
    bars = np.zeros(count, BAR)
    bars["time_ms"] = START_MS // MINUTE_MS * MINUTE_MS + np.arange(count) * MINUTE_MS
    bars["open"] = 3_000.0 - 10.0 * np.arange(count)
    bars["high"], bars["low"], bars["close"] = bars["open"], bars["open"] - 10.0, bars["open"] - 10.0
    bars["volume"] = 100.0
    return bars


@contextmanager
def market() -> Iterator[Exchange]:
    """A simulator in real time."""
    options = {"start_ms": START_MS + 5_000, "balance": "10000", "speed": 1.0}
    with Exchange([Market(known("ETHUSDT"), falling(60), "1m")], **options) as exchange:  # type: ignore[arg-type]
        try:
            yield exchange
        finally:
            forgive_hang_ups(exchange)


def config(folder: Path, exchange: Exchange | None, venue: str | None = None, more: str = "") -> Path:
    """A deployment that could be probed."""
    path = folder / "live.toml"
    rest = exchange.url if exchange is not None else "http://127.0.0.1:9"
    socket = exchange.ws_url if exchange is not None else "ws://127.0.0.1:9"
    path.write_text(
        f"""
[deployment]
journal = "live.sqlite"
venue = "{venue or rest}"
profile = "intent"
{more}

[[symbols]]
symbol = "ETHUSDT"

[network]
rest_url = "{rest}"
stream_url = "{socket}"
clock_limit_ms = {10**13}
""",
        encoding="utf-8",
    )
    return path


def probe(path: Path, *words: str) -> subprocess.Popen[str]:
    """The command as a process."""
    environment = {**os.environ, KEY_VARIABLE: API_KEY, SECRET_VARIABLE: API_SECRET}
    return subprocess.Popen(
        [sys.executable, "-m", "engines.live.cli", "probe", str(path), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
        env=environment,
    )


def held(exchange: Exchange) -> Decimal:
    """Size of the position on the exchange itself."""
    position = exchange.account.positions.get(("ETHUSDT", 0))
    return Decimal(0) if position is None else position.size


@pytest.mark.parametrize(
    ("venue", "more", "words"),
    [
        ("mainnet", 'real_money = "I trade real money"', "never with real money"),
        ("https://api.bybit.com", "", "never with real money"),
        ("paper", "", "the probe needs an exchange"),
    ],
)
def test_it_never_begins_on_real_money(tmp_path: Path, venue: str, more: str, words: str) -> None:
    process = probe(config(tmp_path, None, venue, more), "--yes")
    _, said = process.communicate(timeout=60.0)
    assert process.returncode == ExitCode.USAGE
    assert words in said


@pytest.mark.slow
def test_the_simulator_shows_what_is_believed_of_the_exchange(tmp_path: Path) -> None:
    with market() as exchange:
        patience = "70" if LONG else "1"
        process = probe(
            config(tmp_path, exchange), "--yes", "--patience", patience, "--pause", "0.3", "--json"
        )
        told, said = process.communicate(timeout=400.0)
        assert process.returncode == 0, said + told
        assert held(exchange) == 0
        assert not [one for one in exchange.account.orders.values() if one.status in ("New", "Untriggered")]
    found = json.loads(told)
    wrong = [one for one in found["facts"] if one["holds"] is False]
    assert not wrong, wrong
    unseen = [one["fact"] for one in found["facts"] if one["holds"] is None]
    assert set(unseen) <= (set() if LONG else {one for one in unseen if "that is hit" in one})
    lines = [json.loads(line) for line in Path(found["record"]).read_text(encoding="utf-8").splitlines()]
    assert [line["number"] for line in lines] == list(range(1, len(lines) + 1))
    topics = {line["topic"] for line in lines if line["what"] == "private"}
    assert topics == {"order", "execution", "position", "wallet"}
    assert API_SECRET not in Path(found["record"]).read_text(encoding="utf-8")
    table = Path(found["table"]).read_text(encoding="utf-8").splitlines()
    assert len(table) == len(found["facts"])


@pytest.mark.slow
def test_interrupted_in_the_middle_it_still_ends_flat(tmp_path: Path) -> None:
    with market() as exchange:
        process = probe(config(tmp_path, exchange), "--yes")
        end = time.monotonic() + 60.0
        while held(exchange) == 0:
            assert time.monotonic() < end, "the entry"
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        told, said = process.communicate(timeout=60.0)
        assert process.returncode == ExitCode.BAD_RESULT, said
        assert "the probe ended early: interrupted" in said
        assert held(exchange) == 0
        assert "observed" in told, "what was seen until then is shown"
