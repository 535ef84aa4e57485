"""The core gives the same bits with numba's compiler switched off, where a debugger and coverage can look."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from kwin_core.snapshot import full_digest
from tests.core.kwin_runs import BUSY, feed, fixture_bars, setup, start
from tests.selection import mostly_slow

COUNT = 400

SCRIPT = """
import sys
import numba
from kwin_core.snapshot import full_digest
from tests.core.kwin_runs import BUSY, feed, fixture_bars, setup, start

assert numba.config.DISABLE_JIT
preset, profile = sys.argv[1:]
made = setup(preset, profile, BUSY if preset != "classic" else None)
engine, states = start(made)
chains, trades, events = feed(engine, states, made, fixture_bars()[:{count}], range(1, {count} + 1))
print(len(trades), len(events), full_digest(states), *chains)
"""


@pytest.mark.parametrize(
    ("preset", "profile"),
    mostly_slow(
        [
            ("dual-sfp", "intent"),
            ("dual-sfp", "tv-literal"),
            ("classic-quality", "tv-literal"),
            ("classic", "tv-literal"),
        ]
    ),
)
def test_uncompiled_run_is_the_compiled_run(preset: str, profile: str) -> None:
    """Chain after every bar, number of trades and events, digest at the end."""
    made = setup(preset, profile, BUSY if preset != "classic" else None)
    engine, states = start(made)
    chains, trades, events = feed(engine, states, made, fixture_bars()[:COUNT], range(1, COUNT + 1))
    assert trades.size > 0
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.replace("{count}", str(COUNT)), preset, profile],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
    )
    assert done.returncode == 0, done.stderr
    words = done.stdout.split()
    assert words[:3] == [str(trades.size), str(events.size), full_digest(states)]
    assert [int(word) for word in words[3:]] == chains
