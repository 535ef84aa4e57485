"""A backup is one proven instant of the journal, taken while the bot writes."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from engines.journal import JournalReader, Kind, backup_journal
from kwin_core.errors import JournalError
from tests.journal.samples import content, open_journal, seqs, write_bars

ROOT = Path(__file__).parents[2]


def test_a_backup_is_the_journal_in_one_file(tmp_path: Path) -> None:
    """Equal row by row, no log beside it, and a deployment can go on from it."""
    path, target = tmp_path / "j.sqlite", tmp_path / "copy.sqlite"
    with open_journal(path) as journal:
        write_bars(journal, 0, 50)
        backup = backup_journal(path, target)
        assert content(target) == content(path)
        assert (backup.path, backup.last_seq, backup.rows["bars"]) == (target, 50, 50)
        assert backup.size_bytes == target.stat().st_size
        with closing(sqlite3.connect(target)) as connection:
            assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "delete"
        assert list(tmp_path.glob("copy*")) == [target]
        write_bars(journal, 50, 51)
    with JournalReader(target) as reader:
        assert reader.last_seq() == 50
    with open_journal(target) as journal:
        write_bars(journal, 50, 51)
    assert content(target) == content(path)


def test_a_message_in_progress_is_not_in_the_backup(tmp_path: Path) -> None:
    """Taken between two messages, whenever it is taken, without waiting for the writer."""
    path = tmp_path / "j.sqlite"
    with open_journal(path) as journal:
        write_bars(journal, 0, 3)
        with journal.message() as message:
            message.event(Kind.TIMER, 0)
            assert backup_journal(path, tmp_path / "copy.sqlite").last_seq == 3


def test_backups_while_another_process_writes_are_whole(tmp_path: Path) -> None:
    """Each is gapless, whole messages only, and never older than the one before."""
    path = tmp_path / "j.sqlite"
    code = (
        "import sys; from pathlib import Path; from tests.journal.samples import open_journal, write_bars\n"
        "with open_journal(Path(sys.argv[1])) as journal:\n"
        "    write_bars(journal, 0, 1); print('begun', flush=True); write_bars(journal, 1, 100_000)"
    )
    writer = subprocess.Popen([sys.executable, "-c", code, path], cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"begun\n"
        last = 0
        for number in range(10):
            backup = backup_journal(path, tmp_path / f"{number}.sqlite")
            assert backup.last_seq >= last
            last = backup.last_seq
            assert seqs(backup.path) == list(range(1, last + 1))
            assert backup.rows["bars"] == last
            assert backup.rows["digests"] == 2 * last
    finally:
        writer.send_signal(signal.SIGKILL)
        writer.communicate()


def test_a_file_that_is_there_is_never_replaced(tmp_path: Path) -> None:
    """Not even by a better backup."""
    path, target = tmp_path / "j.sqlite", tmp_path / "copy.sqlite"
    open_journal(path).close()
    target.write_text("mine")
    with pytest.raises(JournalError, match="already a file") as caught:
        backup_journal(path, target)
    assert caught.value.kind == "conflict"
    assert target.read_text() == "mine"


def test_leftovers_of_a_killed_backup_do_not_matter(tmp_path: Path) -> None:
    """They are removed, and never taken for a backup."""
    path = tmp_path / "j.sqlite"
    open_journal(path).close()
    (tmp_path / "copy.sqlite.partial").write_bytes(b"half" * 5_000)
    (tmp_path / "copy.sqlite.partial-journal").write_bytes(b"half" * 5_000)
    backup_journal(path, tmp_path / "copy.sqlite")
    assert list(tmp_path.glob("copy*")) == [tmp_path / "copy.sqlite"]


def test_a_place_that_cannot_take_the_backup_is_named(tmp_path: Path) -> None:
    """A missing folder; a missing journal."""
    path = tmp_path / "j.sqlite"
    open_journal(path).close()
    with pytest.raises(JournalError, match="copy"):
        backup_journal(path, tmp_path / "none" / "copy.sqlite")
    with pytest.raises(JournalError, match="no such file"):
        backup_journal(tmp_path / "other.sqlite", tmp_path / "copy.sqlite")
