"""One deployment, one process, by whatever path the second one comes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from engines.journal import InstanceLock, Journal
from kwin_core.errors import JournalError
from tests.journal.samples import open_journal, write_bars

ROOT = Path(__file__).parents[2]
HOLDER = """
import sys, time
from pathlib import Path
from tests.journal.samples import open_journal, write_bars
journal = open_journal(Path(sys.argv[1]))
write_bars(journal, 0, 3)
print("held", flush=True)
time.sleep(3600)
"""
PARENT = """
import subprocess, sys
from pathlib import Path
from engines.journal import InstanceLock
lock = InstanceLock(Path(sys.argv[1]))
child = "import os, time; print(os.getpid(), flush=True); time.sleep(3600)"
subprocess.run([sys.executable, "-c", child], close_fds=False)
"""


def refused(path: Path) -> JournalError:
    with pytest.raises(JournalError) as caught:
        open_journal(path)
    assert caught.value.kind == "in_use"
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_second_process_is_refused_until_the_first_is_dead(tmp_path: Path) -> None:
    """The refusal names the holder; after its SIGKILL the next one gets in at once, with its records."""
    path = tmp_path / "j.sqlite"
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, path], cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        assert f"process {holder.pid}" in str(refused(path))
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
    with open_journal(path) as journal:
        assert journal.last_seq == 3
        write_bars(journal, 3, 4)


def test_relative_paths_and_links_meet_at_one_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock by the path as it is written would be two locks."""
    (tmp_path / "real").mkdir()
    (tmp_path / "folder").symlink_to("real")
    (tmp_path / "real" / "link.sqlite").symlink_to("j.sqlite")
    with open_journal(tmp_path / "real" / "j.sqlite"):
        refused(tmp_path / "folder" / "j.sqlite")
        refused(tmp_path / "real" / "link.sqlite")
        with pytest.raises(JournalError, match="in use"):
            InstanceLock(tmp_path / "folder" / "link.sqlite")
        monkeypatch.chdir(tmp_path / "real")
        refused(Path("j.sqlite"))


def test_closing_lets_the_next_one_in(tmp_path: Path) -> None:
    """The lock file stays, the lock does not; a failed opening keeps no lock either."""
    path = tmp_path / "j.sqlite"
    open_journal(path).close()
    with pytest.raises(JournalError, match="profile"):
        open_journal(path, profile="intent")
    assert (tmp_path / "j.sqlite.lock").exists()
    journal = open_journal(path)
    journal.close()
    journal.close()


def test_a_child_process_does_not_keep_the_lock(tmp_path: Path) -> None:
    """A helper that was started by the bot and outlives its SIGKILL must not block the next start."""
    path = tmp_path / "j.sqlite"
    parent = subprocess.Popen([sys.executable, "-c", PARENT, path], cwd=ROOT, stdout=subprocess.PIPE)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    try:
        parent.kill()
        parent.wait()
        InstanceLock(path).release()
        os.kill(child, 0)  # it did outlive it
    finally:
        os.kill(child, signal.SIGKILL)
        parent.stdout.close()


@pytest.mark.parametrize(
    ("place", "kind", "words"),
    [("no/such/folder", "missing", "does not exist"), ("/proc", "missing|read_only", "folder")],
)
def test_a_place_without_room_for_a_lock_is_named(tmp_path: Path, place: str, kind: str, words: str) -> None:
    """A folder that is missing, or in which nobody can create a file."""
    with pytest.raises(JournalError, match=words) as caught:
        Journal(tmp_path / place / "j.sqlite", profile="intent", venue="paper", now_ms=0)
    assert caught.value.kind in kind.split("|")
    assert str(os.sep) in str(caught.value)
