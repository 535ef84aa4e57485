"""A process killed by SIGKILL at any point leaves whole messages only, and its successor ends where it would have."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from engines.journal import Decision, Digest, Intent, JournalReader, Kind, parse_order_link_id
from tests.journal.samples import DEPLOYMENT, ETH, content

ROOT = Path(__file__).parents[2]
BARS = 3


def start(folder: Path, bars: int, **environment: str) -> subprocess.Popen[bytes]:
    """The worker on the journal in a folder."""
    command = [sys.executable, "-m", "tests.journal.worker", folder / "j.sqlite", folder / "wire", str(bars)]
    return subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment}, stderr=subprocess.PIPE)


def run(folder: Path, bars: int, **environment: str) -> int:
    """The worker to its end; returns its exit code."""
    process = start(folder, bars, **environment)
    _, errors = process.communicate()
    assert process.returncode in (0, -signal.SIGKILL), errors.decode()
    return process.returncode


def sent(folder: Path) -> list[str]:
    """What went over the wire."""
    wire = folder / "wire"
    return wire.read_text().split() if wire.exists() else []


def check_whole_messages(folder: Path) -> None:
    """Numbers without a hole, every bar with all its rows, and nothing sent that was not recorded before."""
    path = folder / "j.sqlite"
    if not path.exists() or not content(path):
        assert not sent(folder)
        return
    with JournalReader(path) as reader:
        events = list(reader.replay())
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        bar_seqs = [event.seq for event in events if event.kind == Kind.BAR]
        digests = Counter(recorded.seq for recorded in reader.rows(Digest))
        assert digests == dict.fromkeys(bar_seqs, 2)
        assert [recorded.seq for recorded in reader.rows(Decision)] == bar_seqs
        odd_seqs = bar_seqs[1::2]
        assert [recorded.seq for recorded in reader.rows(Intent)] == odd_seqs
        for link in sent(folder):
            assert reader.intent_of(link) is not None
            parsed = parse_order_link_id(link)
            assert parsed is not None
            assert parsed.deployment == DEPLOYMENT.hex[:8]
            assert reader.bar(ETH, parsed.start_ms(ETH.timeframe_ms)) is not None


@pytest.mark.slow
def test_a_kill_at_every_failpoint_leaves_no_lost_and_no_half_record(tmp_path: Path) -> None:
    """A trace run lists all points; each is visited, checked, and continued to the very same journal."""
    whole = tmp_path / "whole"
    whole.mkdir()
    trace = whole / "trace"
    assert run(whole, BARS, KWIN_FAILPOINT_TRACE=str(trace)) == 0
    names = trace.read_text().split()
    expected = content(whole / "j.sqlite")
    assert len(expected["bars"]) == BARS
    assert set(names) == {
        *(
            f"journal.{place}_{what}"
            for place in ("before", "inside", "after")
            for what in ("migration", "commit")
        ),
        "gateway.before_send",
        "gateway.after_send",
    }
    hits: Counter[str] = Counter()
    for name in names:
        hits[name] += 1
        folder = tmp_path / f"{name}-{hits[name]}"
        folder.mkdir()
        assert run(folder, BARS, KWIN_FAILPOINT=f"{name}:{hits[name]}") == -signal.SIGKILL, name
        check_whole_messages(folder)
        assert run(folder, BARS) == 0
        assert content(folder / "j.sqlite") == expected, name
        assert sent(folder) == sent(whole), name


@pytest.mark.slow
def test_fifty_kills_at_random_instants_change_nothing(tmp_path: Path) -> None:
    """SIGKILL from outside lands anywhere, inside SQLite's commit too."""
    dice = random.Random(20250816)
    folder = tmp_path / "killed"
    folder.mkdir()
    kills = 0
    while kills < 50:
        done = len(sent(folder))
        process = start(folder, 2 * done + 60)  # further than it will come, unless this test is slow to kill
        goal = done + dice.randrange(1, 6)
        while process.poll() is None and len(sent(folder)) < goal:
            time.sleep(0.0005)
        time.sleep(dice.random() * 0.002)
        process.kill()
        process.communicate()
        kills += process.returncode == -signal.SIGKILL
        if kills % 10 == 0:
            check_whole_messages(folder)
    bars = 2 * len(sent(folder)) + 60
    assert run(folder, bars) == 0
    whole = tmp_path / "whole"
    whole.mkdir()
    assert run(whole, bars) == 0
    assert content(folder / "j.sqlite") == content(whole / "j.sqlite")
    assert sent(folder) == sent(whole)
