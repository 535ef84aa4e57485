"""A copy of the journal, taken while the bot writes, and proven before it counts."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from engines.journal.connect import connect_reader
from engines.journal.faults import sqlite_errors
from kwin_core.errors import JournalError


@dataclass(frozen=True)
class Backup:
    """What a backup holds: its path, its size in bytes, the newest ``seq`` in it, rows by table."""

    path: Path
    size_bytes: int
    last_seq: int
    rows: dict[str, int]


def backup_journal(path: Path, target: Path) -> Backup:
    """Copy a journal to one file that needs no other; the bot may go on writing meanwhile.

    The copy is one instant of the journal. It is written beside its place, checked page by page and counted
    against the original, made durable, and only then given its name.

    Parameters
    ----------
    path
        The journal.
    target
        The new file; must not exist.

    Raises
    ------
    JournalError
        ``conflict`` when the target exists; the disk is full, the journal damaged, the copy not equal.
    """
    if target.exists():
        raise JournalError(f"backup {target}: there is already a file; choose another name", kind="conflict")
    return copy_verified(path, target)


def copy_verified(path: Path, target: Path) -> Backup:
    """As `backup_journal`, but replaces the target."""
    partial = target.with_name(target.name + ".partial")
    for leftover in (partial, partial.with_name(partial.name + "-journal")):
        _remove(leftover)  # of a backup that was killed
    try:
        with closing(connect_reader(path)) as source, sqlite_errors(path):
            source.execute("BEGIN")
            expected = _rows(source)
            with sqlite_errors(target):
                _copy(source, partial)
            source.execute("COMMIT")
        with sqlite_errors(target), closing(sqlite3.connect(partial)) as copy:
            verdict = copy.execute("PRAGMA integrity_check(1)").fetchone()[0]
            found = _rows(copy)
            last_seq = int(copy.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0])
        if verdict != "ok" or found != expected:
            raise JournalError(
                f"backup {target}: the copy of {path} is not equal to it ({' '.join(verdict.split())}); "
                "check both disks and try again",
                kind="damaged",
            )
        _make_durable(partial)
        partial.replace(target)
        _make_durable(target.parent)
    finally:
        _remove(partial)
    return Backup(target, target.stat().st_size, last_seq, found)


def _copy(source: sqlite3.Connection, partial: Path) -> None:
    with closing(sqlite3.connect(partial)) as copy:
        source.backup(copy)
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, readable from a read-only medium


def _rows(connection: sqlite3.Connection) -> dict[str, int]:
    names = [
        name
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
        )
    ]
    return {name: int(connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0]) for name in names}


def _remove(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise JournalError(f"backup {path}: cannot be written ({error.strerror})", kind="read_only") from None


def _make_durable(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
