"""Bring a journal file to this program's schema, or refuse it."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path

from engines.failpoints import failpoint
from engines.journal.backup import copy_verified
from engines.journal.faults import sqlite_errors
from engines.journal.schema import APPLICATION_ID, MIGRATIONS, Migration
from kwin_core.errors import JournalError


def schema_version(connection: sqlite3.Connection) -> int:
    """Steps the file has behind it; 0 for a new file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def check_version(connection: sqlite3.Connection, path: Path, newest: int = MIGRATIONS[-1].version) -> None:
    """Refuse a file that this program cannot read as it is.

    Raises
    ------
    JournalError
        ``version``: the file is of a newer program, or waits for its migration.
    """
    version = schema_version(connection)
    if version > newest:
        raise JournalError(
            f"journal {path}: schema version {version} of a newer program, this one knows up to {newest}; "
            "use the newer program",
            kind="version",
        )
    if version < newest:
        raise JournalError(
            f"journal {path}: schema version {version}, this program reads {newest}; "
            "start the deployment once, which migrates it",
            kind="version",
        )


def migrate(
    connection: sqlite3.Connection,
    path: Path,
    now_ms: int,
    first_meta: Mapping[str, str],
    migrations: Sequence[Migration] = MIGRATIONS,
) -> list[int]:
    """Apply the missing steps, each in one transaction; a kill leaves the file before or after a step.

    A file that already holds records is first copied to ``<name>.v<version>.bak``.

    Parameters
    ----------
    connection
        From `engines.journal.connect.connect_writer`.
    path
        The file, for errors and for the copy.
    now_ms
        Recorded as the time of the step, ms since the UNIX epoch, UTC.
    first_meta
        Rows of ``meta``, written with the first step.
    migrations
        All steps, in order.

    Returns
    -------
    list of int
        Versions applied now.

    Raises
    ------
    JournalError
        The file is of a newer program, cannot be written, or a step failed.
    """
    with sqlite_errors(path):
        version = schema_version(connection)
        newest = migrations[-1].version
        if version > newest:
            check_version(connection, path, newest)
        missing = [step for step in migrations if step.version > version]
        if missing and version > 0:
            copy_verified(path, path.with_name(f"{path.name}.v{version}.bak"))
        for step in missing:
            _apply(connection, step, now_ms, first_meta if step.version == 1 else {})
    return [step.version for step in missing]


def _apply(connection: sqlite3.Connection, step: Migration, now_ms: int, meta: Mapping[str, str]) -> None:
    failpoint("journal.before_migration")
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in step.statements:
            connection.execute(statement)
        connection.executemany("INSERT INTO meta VALUES (?, ?)", list(meta.items()))
        connection.execute("INSERT INTO migrations VALUES (?, ?, ?)", (step.version, step.reason, now_ms))
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {step.version}")
        failpoint("journal.inside_migration")
        connection.execute("COMMIT")
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    failpoint("journal.after_migration")
