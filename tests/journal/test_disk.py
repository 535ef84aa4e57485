"""Trouble with the disk and with other programs: a typed error, one line, nothing lost, and on it goes."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from engines.journal import JournalReader, Kind
from kwin_core.errors import JournalError
from tests.journal.samples import START_MS, open_journal, seqs, write_bars

ROOT = Path(__file__).parents[2]
NAMESPACE = ["unshare", "--map-root-user", "--mount"]


def _can_mount() -> bool:
    """Whether this user may have small file systems of its own."""
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run([*NAMESPACE, "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True)
    return tried.returncode == 0


needs_mount = pytest.mark.skipif(not _can_mount(), reason="this user may not mount a small file system")


def on_small_disk(folder: Path, script: str) -> None:
    """Run a shell script that begins on a new 2 MiB file system at ``$1``; ``$2`` is Python."""
    mount = 'set -e; mount -t tmpfs -o size=2m none "$1"; '
    done = subprocess.run(
        [*NAMESPACE, "sh", "-c", mount + script, "sh", folder, sys.executable],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("ok\n")


@needs_mount
@pytest.mark.parametrize("what", ["full", "full_at_start"])
def test_a_full_disk_loses_nothing_and_the_journal_goes_on(tmp_path: Path, what: str) -> None:
    """On a real file system of 2 MiB; what is checked is in `tests.journal.disk`."""
    on_small_disk(tmp_path, f'"$2" -m tests.journal.disk {what} "$1"')


@needs_mount
def test_a_read_only_disk_is_named(tmp_path: Path) -> None:
    """Remounted read-only, as Linux does after errors of a disk."""
    on_small_disk(
        tmp_path,
        '"$2" -m tests.journal.disk make "$1"; mount -o remount,ro "$1"; "$2" -m tests.journal.disk read_only "$1"',
    )


@needs_mount
def test_a_read_only_file_is_named_at_the_start(tmp_path: Path) -> None:
    """The folder can be written, the file cannot: SQLite itself would complain at the first bar only."""
    on_small_disk(
        tmp_path,
        '"$2" -m tests.journal.disk make "$1"; mount --bind "$1/j.sqlite" "$1/j.sqlite"; '
        'mount -o remount,bind,ro "$1/j.sqlite"; "$2" -m tests.journal.disk read_only "$1"',
    )


def test_a_refused_write_is_named_and_the_journal_stays_whole(tmp_path: Path) -> None:
    """Without any mount: the kernel refuses to let a file grow."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.journal.disk", "limit", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr


def test_a_lock_of_another_program_is_named_and_passes(tmp_path: Path) -> None:
    """Someone edits the file by hand: refused after the waiting time, accepted when he is done."""
    path = tmp_path / "j.sqlite"
    with (
        open_journal(path, busy_timeout_ms=20) as journal,
        closing(sqlite3.connect(path, isolation_level=None)) as editor,
    ):
        write_bars(journal, 0, 1)
        editor.execute("BEGIN IMMEDIATE")
        with pytest.raises(JournalError, match="another program holds it locked") as caught:
            write_bars(journal, 1, 2)
        assert caught.value.kind == "locked"
        with JournalReader(path) as reader:
            assert reader.last_seq() == 1
        editor.execute("ROLLBACK")
        write_bars(journal, 1, 2)
    assert seqs(path) == [1, 2]


def test_a_short_lock_is_waited_for(tmp_path: Path) -> None:
    """A lock that ends within the waiting time is nobody's error."""
    path = tmp_path / "j.sqlite"
    with (
        open_journal(path, busy_timeout_ms=300_000) as journal,
        closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as editor,
    ):
        editor.execute("BEGIN IMMEDIATE")
        release = threading.Timer(0.05, editor.execute, ("ROLLBACK",))
        release.start()
        write_bars(journal, 0, 1)
        release.join()
    assert seqs(path) == [1]


@pytest.mark.parametrize("what", ["deleted", "moved", "replaced"])
def test_a_journal_that_is_taken_away_is_noticed(tmp_path: Path, what: str) -> None:
    """SQLite would go on writing into a file without a name."""
    path = tmp_path / "j.sqlite"
    with open_journal(path) as journal:
        write_bars(journal, 0, 2)
        if what == "deleted":
            path.unlink()
        else:
            path.rename(tmp_path / "elsewhere.sqlite")
        if what == "replaced":
            path.touch()
        with pytest.raises(JournalError, match="moved, replaced or deleted") as caught:
            write_bars(journal, 2, 3)
        assert caught.value.kind == "moved"
        if what == "moved":
            (tmp_path / "elsewhere.sqlite").rename(path)
            write_bars(journal, 2, 3)
            assert journal.last_seq == 3


def test_the_journal_serves_one_thread_at_a_time(tmp_path: Path) -> None:
    """It may be handed to another thread; in the middle of a message that is an error and harms nothing."""
    caught: list[BaseException] = []

    def intrude() -> None:
        try:
            with journal.message() as message:
                message.event(Kind.TIMER, START_MS)
        except RuntimeError as error:
            caught.append(error)

    def in_another_thread() -> None:
        thread = threading.Thread(target=intrude)
        thread.start()
        thread.join()

    with open_journal(tmp_path / "j.sqlite") as journal:
        with journal.message() as message:
            message.event(Kind.TIMER, START_MS)
            in_another_thread()
        assert len(caught) == 1
        assert journal.last_seq == 1
        in_another_thread()
        assert len(caught) == 1
    assert seqs(tmp_path / "j.sqlite") == [1, 2]


def test_commits_are_on_the_disk_when_they_return(tmp_path: Path) -> None:
    """WAL with synchronous=FULL: the settings on which the promise rests."""
    with open_journal(tmp_path / "j.sqlite") as journal:
        for pragma, value in (("journal_mode", "wal"), ("synchronous", 2), ("auto_vacuum", 2)):
            assert journal._connection.execute(f"PRAGMA {pragma}").fetchone()[0] == value
