"""What a user waits for: whole processes of ``kwin-backtest``, their time and their peak memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.bench.data import TICK, series
from tests.golden_data import PROJECT_ROOT

LAUNCH = Path(__file__).with_name("launch.py")
COMMAND = (sys.executable, "-m", "engines.backtest_cli")


@dataclass(frozen=True)
class Process:
    """A process that ended well: wall seconds, processor seconds, peak resident memory in MB (1e6 bytes)."""

    seconds: float
    processor_seconds: float
    peak_mb: float


def measure(*arguments: str | Path, environment: Mapping[str, str] | None = None) -> Process:
    """Run ``kwin-backtest`` with these arguments.

    Raises
    ------
    RuntimeError
        When the command fails.
    """
    command = [sys.executable, "-S", str(LAUNCH), *COMMAND, *map(str, arguments)]
    done = subprocess.run(
        command,
        cwd=PROJECT_ROOT,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=True,
    )
    measured = json.loads(done.stdout)
    if measured.pop("code") != 0:
        raise RuntimeError(f"kwin-backtest {' '.join(map(str, arguments))}: {done.stderr.strip()}")
    return Process(**measured)


def best(rounds: int, *arguments: str | Path, environment: Mapping[str, str] | None = None) -> Process:
    """The shortest of several runs, and the most memory any of them took."""
    runs = [measure(*arguments, environment=environment) for _ in range(rounds)]
    quickest = min(runs, key=lambda run: run.seconds)
    return Process(quickest.seconds, quickest.processor_seconds, max(run.peak_mb for run in runs))


def backtest_arguments() -> list[str | Path]:
    """The main job on the 15-minute series."""
    return [series().path, "--no-window", "--tick", str(TICK), "--lot", "0", "--json"]
