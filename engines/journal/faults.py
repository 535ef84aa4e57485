"""SQLite's errors as ``JournalError``: which file, what is wrong with it, what to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from kwin_core.errors import JournalError

_BY_CODE = {
    sqlite3.SQLITE_FULL: ("full", "the disk is full; free space on its file system, then go on"),
    sqlite3.SQLITE_READONLY: ("read_only", "it cannot be written; check the permissions of file and folder"),
    sqlite3.SQLITE_PERM: ("read_only", "it cannot be written; check the permissions of file and folder"),
    sqlite3.SQLITE_CANTOPEN: ("missing", "it cannot be opened; check that the folder exists and is writable"),
    sqlite3.SQLITE_BUSY: ("locked", "another program holds it locked; close that program"),
    sqlite3.SQLITE_LOCKED: ("locked", "another program holds it locked; close that program"),
    sqlite3.SQLITE_CORRUPT: ("damaged", "the file is damaged; keep it, and go on from a backup"),
    sqlite3.SQLITE_NOTADB: ("damaged", "the file is damaged or no journal; keep it, and go on from a backup"),
    sqlite3.SQLITE_IOERR: ("io", "the disk failed to read or write; check the disk and its file system"),
    sqlite3.SQLITE_CONSTRAINT: ("conflict", "the record contradicts one that is there"),
}


def journal_error(error: sqlite3.Error, path: Path) -> JournalError:
    """The error of this project for one of SQLite, with SQLite's own words at its end."""
    primary_code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    kind, advice = _BY_CODE.get(primary_code, ("io", "SQLite refused"))
    return JournalError(f"journal {path}: {advice} ({error})", kind=kind)


@contextmanager
def sqlite_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's errors inside the block into ``JournalError``.

    Use of a closed journal or from another thread is a mistake in the program, and stays what it is.
    """
    try:
        yield
    except sqlite3.ProgrammingError:
        raise
    except sqlite3.Error as error:
        raise journal_error(error, path) from error
