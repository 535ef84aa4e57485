"""Connections to a journal file: one that writes, and short ones that read beside it."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from engines.journal.faults import sqlite_errors
from engines.journal.schema import APPLICATION_ID
from kwin_core.errors import JournalError

BUSY_TIMEOUT_MS = 5_000
_OLDEST_SQLITE = (3, 37, 0)
_HEADER_BYTES = 100
_WAL_BYTES_KEPT = 16 * 2**20


def connect_writer(
    path: Path, busy_timeout_ms: int = BUSY_TIMEOUT_MS, *, verify: bool = True
) -> sqlite3.Connection:
    """Open the file to write, make it when missing: WAL, every commit on the disk before it returns.

    Parameters
    ----------
    path
        The journal; its folder must exist.
    busy_timeout_ms
        How long to wait for another program's lock, ms.
    verify
        Read the whole file for damage first: about a second a gigabyte.

    Returns
    -------
    sqlite3.Connection
        Without implicit transactions. The file may still be without tables.

    Raises
    ------
    JournalError
        The file cannot be opened or written, is damaged, or is not a journal.
    """
    connection = _connect(path, "rwc", busy_timeout_ms)
    try:
        with sqlite_errors(path):
            if _check_identity(connection, path):
                connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
            elif verify:
                _check_damage(connection, path)
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
            if mode != "wal":
                raise JournalError(
                    f"journal {path}: its file system does not support WAL (mode {mode}); use a local disk",
                    kind="io",
                )
            _check_writable(connection)
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES_KEPT}")
    except BaseException:
        connection.close()
        raise
    return connection


def connect_reader(path: Path, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> sqlite3.Connection:
    """Open an existing journal to read only; never migrates or checkpoints anything.

    Of a journal that nobody writes, SQLite leaves an empty ``-wal`` and a ``-shm`` beside it; they do no harm.

    Raises
    ------
    JournalError
        The file is missing, cannot be read, is damaged, or is not a journal.
    """
    if not path.is_file():
        raise JournalError(f"journal {path}: no such file; check the path", kind="missing")
    connection = _connect(path, "ro", busy_timeout_ms)
    try:
        with sqlite_errors(path):
            connection.execute("PRAGMA query_only = ON")
            if _check_identity(connection, path):
                raise JournalError(
                    f"journal {path}: the file is empty; start the deployment first", kind="missing"
                )
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(path: Path, mode: str, busy_timeout_ms: int) -> sqlite3.Connection:
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise JournalError(
            f"journal {path}: Python's SQLite is {sqlite3.sqlite_version}, 3.37 or newer is needed; use a newer Python",
            kind="version",
        )
    if path.is_file() and 0 < path.stat().st_size < _HEADER_BYTES:
        raise JournalError(  # SQLite would take it for a new file and write over it
            f"journal {path}: the file is damaged, {path.stat().st_size} bytes are left; go on from a backup",
            kind="damaged",
        )
    with sqlite_errors(path):
        address = f"{path.resolve().as_uri()}?mode={mode}"
        return sqlite3.connect(
            address,
            uri=True,
            isolation_level=None,
            timeout=busy_timeout_ms / 1000,
            check_same_thread=False,  # opened by one thread, handed to the runner's; never used by two at once
        )


def _check_identity(connection: sqlite3.Connection, path: Path) -> bool:
    """Refuse what is no journal; True when nothing is in the file yet."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application == APPLICATION_ID:
        return False
    if application == 0 and tables == 0:
        return True
    raise JournalError(
        f"journal {path}: an SQLite file of another program; choose another path for the journal",
        kind="foreign",
    )


def _check_writable(connection: sqlite3.Connection) -> None:
    """SQLite opens a read-only file without a word and would complain at the first message only."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(f"PRAGMA user_version = {version}")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def _check_damage(connection: sqlite3.Connection, path: Path) -> None:
    found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise JournalError(
            f"journal {path}: the file is damaged; keep it, and go on from a backup ({' '.join(found.split())})",
            kind="damaged",
        )
