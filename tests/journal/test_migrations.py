"""The schema moves forward step by step, is copied first, and never backwards."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from engines.journal import JournalReader
from engines.journal.connect import connect_writer
from engines.journal.migrate import migrate, schema_version
from engines.journal.schema import MIGRATIONS, TRIMMED_TABLES, Migration
from kwin_core.errors import JournalError
from tests.journal.samples import START_MS, content, open_journal, write_bars

ROOT = Path(__file__).parents[2]
NEXT = (
    *MIGRATIONS,
    Migration(2, "a column", ("ALTER TABLE drifts ADD COLUMN cause TEXT NOT NULL DEFAULT ''",)),
    Migration(
        3, "a table", ("CREATE TABLE extra (id INTEGER PRIMARY KEY) STRICT", "INSERT INTO extra VALUES (7)")
    ),
)
UPGRADE = """
import sys
from contextlib import closing
from pathlib import Path
from engines.journal.connect import connect_writer
from engines.journal.migrate import migrate
from tests.journal.test_migrations import NEXT
path = Path(sys.argv[1])
with closing(connect_writer(path)) as connection:
    print(migrate(connection, path, 5, {}, NEXT))
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with records."""
    path = tmp_path / "j.sqlite"
    with open_journal(path) as journal:
        write_bars(journal, 0, 20)
        assert journal.migrated == [step.version for step in MIGRATIONS]
    return path


def upgrade(path: Path, *failpoint: str) -> int:
    """A newer program's start, in a process of its own."""
    environment = {**os.environ, "KWIN_FAILPOINT": failpoint[0] if failpoint else ""}
    command = [sys.executable, "-c", UPGRADE, path]
    return subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL).returncode


def test_the_steps_are_numbered_without_a_hole() -> None:
    """A file's version counts the steps behind it."""
    assert [step.version for step in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))
    assert all(step.reason and step.statements for step in MIGRATIONS)


def test_every_table_of_records_is_either_trimmed_or_kept_on_purpose(path: Path) -> None:
    """A table that retention forgot would grow for ever."""
    kept = {"meta", "migrations", "streams", "executions", "configurations", "snapshots"}
    assert set(content(path)) == {*TRIMMED_TABLES, *kept}


def test_a_journal_is_carried_over_with_all_its_records(path: Path) -> None:
    """Old rows stay, the steps are noted with their time, and a copy of the old file is beside it."""
    before = content(path)
    with closing(connect_writer(path)) as connection:
        assert migrate(connection, path, 5, {}, NEXT) == [2, 3]
        assert migrate(connection, path, 6, {}, NEXT) == []
        assert schema_version(connection) == 3
    after = content(path)
    assert after["extra"] == [(7,)]
    assert after["migrations"] == [(1, MIGRATIONS[0].reason, START_MS), (2, "a column", 5), (3, "a table", 5)]
    assert after["bars"] == before["bars"]
    copy = path.with_name("j.sqlite.v1.bak")
    assert content(copy) == before
    with open_journal(copy) as journal:
        assert journal.last_seq == 20


def test_a_newer_file_is_refused_and_not_touched(path: Path) -> None:
    """By writer and reader, with both versions named."""
    assert upgrade(path) == 0
    before = path.read_bytes()
    for attempt in (open_journal, JournalReader):
        with pytest.raises(
            JournalError, match="schema version 3 of a newer program, this one knows up to 1"
        ) as caught:
            attempt(path)
        assert caught.value.kind == "version"
    assert path.read_bytes() == before


def test_an_older_file_is_not_read_before_its_migration(path: Path) -> None:
    """A reader never migrates: it may run beside an older bot."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 0")
    with pytest.raises(JournalError, match="start the deployment once") as caught:
        JournalReader(path)
    assert caught.value.kind == "version"


@pytest.mark.parametrize("step", [1, 2])
@pytest.mark.parametrize("place", ["before", "inside", "after"])
def test_a_kill_leaves_the_file_before_or_after_a_step(path: Path, place: str, step: int) -> None:
    """The next start does the rest."""
    assert upgrade(path, f"journal.{place}_migration:{step}") == -signal.SIGKILL
    with closing(sqlite3.connect(path)) as connection:
        assert schema_version(connection) == step + (place == "after")
    assert upgrade(path) == 0
    assert content(path)["extra"] == [(7,)]
    assert len(content(path)["bars"]) == 20


def test_a_step_that_fails_leaves_no_trace(path: Path) -> None:
    """Half a step is none; the error names the file."""
    wrong = (
        *MIGRATIONS,
        Migration(2, "wrong", ("CREATE TABLE extra (id INTEGER)", "CREATE TABLE events (seq)")),
    )
    before = content(path)
    with closing(connect_writer(path)) as connection:
        with pytest.raises(JournalError, match=r"events already exists"):
            migrate(connection, path, 5, {}, wrong)
        assert schema_version(connection) == 1
    assert content(path) == before
    open_journal(path).close()
