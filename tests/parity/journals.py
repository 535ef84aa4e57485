"""Journals of real paper runs over the committed bars, the command that checks them, and hands that tamper."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines.command_line import run
from engines.live.replay_run import ReplayRequest, replay
from engines.parity.cli import app
from feeds.write import write_bars
from fixtures.make_ethusdt_like import FACTS
from tests.core.kwin_runs import fixture_bars

BARS = 900
WARM_UP = 300
INPUTS = {"use_window": False}
CAPITAL = 3_000.0


def bars_file(folder: Path, bars: np.ndarray | None = None, name: str = "bars") -> Path:
    """A Parquet file of the first committed bars, or of others."""
    path = folder / f"{name}.parquet"
    write_bars(path, fixture_bars()[:BARS].copy() if bars is None else bars, FACTS)
    return path


def paper_journal(folder: Path, profile: str) -> Path:
    """What the runner writes when it trades these bars on paper."""
    path = folder / f"{profile}.sqlite"
    done = replay(
        ReplayRequest(bars_file(folder), path, profile, inputs=INPUTS, capital=CAPITAL, warmup_bars=WARM_UP)
    )
    assert (done.bars, done.exit) == (BARS, 0)
    return path


class Journals:
    """Copies of journals that are made once."""

    def __init__(self, made: dict[str, Path], folder: Path) -> None:
        self._made = made
        self._folder = folder

    def __call__(self, profile: str = "tv-literal") -> Path:
        copy = self._folder / f"{profile}.sqlite"
        shutil.copy(self._made[profile], copy)
        return copy


@contextmanager
def hands_on(path: Path) -> Iterator[sqlite3.Connection]:
    """Change a journal behind the program's back."""
    with closing(sqlite3.connect(path)) as connection:
        yield connection
        connection.commit()


class Live:
    """Runs ``kwin-parity live`` in this process and keeps what it printed."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture
        self.out = self.err = ""

    def __call__(self, *words: object) -> int:
        code = run(app, ["live", *(str(word) for word in words)], name="kwin-parity")
        self.out, self.err = self._capture.readouterr()
        return code

    def report(self, journal: Path, *words: object, code: int) -> dict[str, Any]:
        """The one stream of a comparison that must end with ``code``."""
        assert self(journal, "--json", *words) == code, self.err or self.out[-2000:]
        content = json.loads(self.out)
        assert content["good"] == (code == 0)
        (found,) = content["streams"]
        assert isinstance(found, dict)
        return found
