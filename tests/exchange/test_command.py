"""``python -m tests.exchange`` and remote control."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.exchange.__main__ import main
from tests.exchange.clock import SharedTime, VirtualClock

PROJECT = Path(__file__).resolve().parents[2]


def test_runs_as_a_process_and_is_controlled_over_http(tmp_path: Path) -> None:
    """One line with the addresses; advance, faults and state over /sim; the clock file follows; clean end."""
    clock_file = tmp_path / "clock"
    command = [sys.executable, "-m", "tests.exchange", "--walk", "300", "--start-bar", "100"]
    command += ["--clock-file", str(clock_file)]
    process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        base = json.loads(process.stdout.readline())["rest"]
        before = requests.get(f"{base}/sim/state", timeout=5).json()["now_ms"]
        after = requests.post(f"{base}/sim/advance", json={"ms": 900_000}, timeout=5).json()["now_ms"]
        assert after == before + 900_000 == SharedTime(clock_file).now_ms()
        fault: dict[str, Any] = {"knob": "rest.http", "args": ["market/time", 403], "options": {"n": 1}}
        assert requests.post(f"{base}/sim/fault", json=fault, timeout=5).status_code == 200
        assert requests.get(f"{base}/v5/market/time", timeout=5).status_code == 403
        assert requests.get(f"{base}/v5/market/time", timeout=5).json()["time"] == after
        mistakes: list[dict[str, Any]] = [
            {"knob": "rest.nope"},
            {"knob": "rest._arm"},
            {"knob": "rest.http", "args": ["nope", 1]},
        ]
        for body in mistakes:
            reply = requests.post(f"{base}/sim/fault", json=body, timeout=5)
            assert reply.status_code == 400
            assert "error" in reply.json()
        assert requests.post(f"{base}/sim/advance", json={"ms": -1}, timeout=5).status_code == 400
        raw: dict[str, Any] = {"knob": "ws.close", "args": [1000]}
        assert requests.post(f"{base}/sim/fault", json=raw, timeout=5).status_code == 200
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--walk", "10", "--symbol", "NOPEUSDT"], "no known linear symbol 'NOPEUSDT'"),
        (["--walk", "10", "--start-bar", "10"], "--start-bar 10 is outside the 10 bars"),
        (["--walk", "10", "--timeframe", "soon"], "timeframe 'soon' is not understood"),
        (["--bars", "/nowhere.parquet"], "/nowhere.parquet"),
    ],
)
def test_bad_arguments(capsys: pytest.CaptureFixture[str], arguments: list[str], text: str) -> None:
    """One clear line on stderr, exit code 2."""
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert text in error
    assert len(error.splitlines()) == 1


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    """--help shows examples."""
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    assert "examples:" in capsys.readouterr().out


def test_the_clock_file_continues_and_never_rewinds(tmp_path: Path) -> None:
    """A restarted exchange goes on where the old one stopped."""
    path = tmp_path / "clock"
    first = VirtualClock(1_000, path)
    first.move_to(5_000)
    first.move_to(4_000)
    assert VirtualClock(1_000, path).now_ms() == SharedTime(path).now_ms() == 5_000
