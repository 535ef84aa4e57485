"""A power cut in the middle of a write loses whole messages at the end or nothing; other damage is named."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from engines.journal import Intent, Journal, JournalReader, Kind, backup_journal
from kwin_core.errors import JournalError
from tests.journal.samples import (
    ETH,
    START_MS,
    content,
    digest_of,
    fill_of,
    number_bar,
    open_journal,
    write_bars,
)

WAL_HEADER = 32
FRAME = 24 + 4096

Content = dict[str, list[tuple[Any, ...]]]


def one_message(journal: Journal, number: int) -> None:
    """Bar, digest, fill and intent."""
    with journal.message() as message:
        number_bar(message, number)
        message.record(digest_of(number))
        message.execution(fill_of(number), START_MS)
        message.record(
            Intent(
                stream=ETH,
                decision_id="d",
                action="e",
                order_link_id=f"k1-{number}",
                body={"text": "x" * 3_000},
            )
        )


@pytest.fixture(scope="module")
def cut_off(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes, list[Content]]:
    """File and write-ahead log as they are when the power fails, and the content after every message."""
    folder = tmp_path_factory.mktemp("cut")
    path = folder / "j.sqlite"
    open_journal(path).close()
    states = [content(path)]
    with open_journal(path) as journal:
        for number in range(6):
            one_message(journal, number)
            states.append(content(path))
        return path.read_bytes(), path.with_name("j.sqlite-wal").read_bytes(), states


def opened(folder: Path, database: bytes, log: bytes) -> Content:
    """What a restart finds, through the journal itself."""
    for leftover in folder.iterdir():
        leftover.unlink()
    path = folder / "j.sqlite"
    path.write_bytes(database)
    path.with_name("j.sqlite-wal").write_bytes(log)
    open_journal(path).close()
    return content(path)


def test_a_log_cut_anywhere_is_a_prefix_of_whole_messages(
    tmp_path: Path, cut_off: tuple[bytes, bytes, list[Content]]
) -> None:
    """At every frame boundary, beside it and at random places: a longer log never holds fewer messages."""
    database, log, states = cut_off
    edges = range(WAL_HEADER, len(log) + 1, FRAME)
    dice = random.Random(7)
    cuts = {
        0,
        1,
        len(log),
        *edges,
        *(edge - 1 for edge in edges),
        *(dice.randrange(len(log)) for _ in range(30)),
    }
    reached = [states.index(opened(tmp_path, database, log[:cut])) for cut in sorted(cuts)]
    assert reached == sorted(reached)
    assert set(reached) == set(range(len(states)))


def test_a_flipped_bit_in_the_log_cuts_it_there(
    tmp_path: Path, cut_off: tuple[bytes, bytes, list[Content]]
) -> None:
    """The checksums find it: what comes back is a state that was once committed."""
    database, log, states = cut_off
    dice = random.Random(11)
    reached = set()
    for _ in range(60):
        wounded = bytearray(log)
        wounded[dice.randrange(len(log))] ^= 1 << dice.randrange(8)
        reached.add(states.index(opened(tmp_path, database, bytes(wounded))))
    assert len(reached) > 2


def refused(path: Path, kind: str) -> str:
    """Writer and reader both refuse; returns the writer's line."""
    with pytest.raises(JournalError) as caught:
        open_journal(path)
    assert caught.value.kind == kind
    assert "\n" not in str(caught.value)
    assert str(path.resolve()) in str(caught.value)
    return str(caught.value)


def test_a_file_with_a_ruined_page_is_refused_and_not_touched(tmp_path: Path) -> None:
    """The damage is found at the start, not when the page is needed; the way out is named."""
    path = tmp_path / "j.sqlite"
    with open_journal(path) as journal:
        write_bars(journal, 0, 300)
    sound = path.read_bytes()
    refusals = 0
    for page in range(1, len(sound) // 4096):
        wounded = bytearray(sound)
        wounded[page * 4096 : page * 4096 + 64] = b"\xa5" * 64
        path.write_bytes(wounded)
        assert "backup" in refused(path, "damaged")
        assert path.read_bytes() == wounded
        with pytest.raises(JournalError) as caught:
            backup_journal(path, tmp_path / "copy.sqlite")
        assert caught.value.kind == "damaged"
        assert not list(tmp_path.glob("copy*"))
        refusals += 1
    assert refusals > 10


@pytest.mark.parametrize("keep", [1, 50, 100, 4096, 20_000])
def test_a_file_cut_short_is_refused(tmp_path: Path, keep: int) -> None:
    """Only the beginning is left."""
    path = tmp_path / "j.sqlite"
    with open_journal(path) as journal:
        write_bars(journal, 0, 100)
    path.write_bytes(path.read_bytes()[:keep])
    refused(path, "damaged")
    with pytest.raises(JournalError), JournalReader(path) as reader:
        list(reader.replay())


def test_what_is_no_journal_is_not_written_to(tmp_path: Path) -> None:
    """A text, another program's database, a folder."""
    text = tmp_path / "notes.txt"
    text.write_text("not a journal, " * 100)
    before = text.read_bytes()
    refused(text, "damaged")
    assert text.read_bytes() == before
    other = tmp_path / "other.sqlite"
    shutil.copy(_other_database(tmp_path), other)
    before = other.read_bytes()
    assert "another program" in refused(other, "foreign")
    assert other.read_bytes() == before
    (tmp_path / "folder").mkdir()
    refused(tmp_path / "folder", "missing")


def _other_database(folder: Path) -> Path:
    path = folder / "made.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE events (seq INTEGER)")
    return path


def test_a_journal_of_another_deployment_is_refused(tmp_path: Path) -> None:
    """Profile and venue never change within a journal; its uuid stays what it was."""
    path = tmp_path / "j.sqlite"
    open_journal(path).close()
    for changes, words in (
        ({"profile": "intent"}, "profile 'tv-literal'"),
        ({"venue": "demo"}, "venue 'paper'"),
    ):
        with pytest.raises(JournalError, match=words) as caught:
            open_journal(path, **changes)
        assert caught.value.kind == "foreign"
    with open_journal(path, deployment=None) as journal, journal.message() as message:
        assert str(journal.identity.deployment).startswith("0d3adbee")
        message.event(Kind.START, START_MS)


def test_a_missing_or_empty_journal_has_nothing_to_read(tmp_path: Path) -> None:
    """A reader never makes a file."""
    path = tmp_path / "j.sqlite"
    with pytest.raises(JournalError, match="no such file") as caught:
        JournalReader(path)
    assert caught.value.kind == "missing"
    assert not path.exists()
    path.touch()
    with pytest.raises(JournalError, match="empty"):
        JournalReader(path)
