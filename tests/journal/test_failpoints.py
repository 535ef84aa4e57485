"""Failpoints: nothing without the environment, SIGKILL on the wanted call, a trace of all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
from engines.failpoints import failpoint
for name in ("a.b", "c", "a.b"):
    failpoint(name)
    print(name, flush=True)
"""


def run(**environment: str) -> tuple[int, str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("KWIN_FAILPOINT")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env={**clean, **environment},
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout, done.stderr


def test_without_the_environment_nothing_happens() -> None:
    """Production never stops here."""
    assert run() == (0, "a.b\nc\na.b\n", "")


@pytest.mark.parametrize(("wanted", "printed"), [("a.b:1", ""), ("c:1", "a.b\n"), ("a.b:2", "a.b\nc\n")])
def test_the_process_dies_on_the_wanted_call(wanted: str, printed: str) -> None:
    """The n-th call with the name, counted from 1; other names do not count."""
    assert run(KWIN_FAILPOINT=wanted) == (-signal.SIGKILL, printed, "")


def test_a_point_that_is_never_reached_kills_nobody() -> None:
    """A test that waits for a kill must notice that there was none."""
    assert run(KWIN_FAILPOINT="a.b:3")[0] == 0


def test_the_trace_lists_every_call_up_to_the_kill(tmp_path: Path) -> None:
    """The name is written before the process dies of it."""
    trace = tmp_path / "trace"
    assert run(KWIN_FAILPOINT="c:1", KWIN_FAILPOINT_TRACE=str(trace))[0] == -signal.SIGKILL
    assert trace.read_text() == "a.b\nc\n"


@pytest.mark.parametrize("wanted", ["a", ":1", "a:", "a:0", "a:-1", "a:x"])
def test_a_wrong_setting_is_refused(wanted: str) -> None:
    """A typing error must not look like a test that passed."""
    code, _, errors = run(KWIN_FAILPOINT=wanted)
    assert code == 1
    assert f"KWIN_FAILPOINT={wanted}: write name:n" in errors
