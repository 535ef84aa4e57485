"""A journal on a disk that gives trouble: ``python -m tests.journal.disk {full|read_only|limit} FOLDER``.

Run by the tests in a process of its own: on a small file system that nobody else sees, or under a limit on the
size of files. Prints ``ok`` after the last check.
"""

from __future__ import annotations

import contextlib
import resource
import sys
from pathlib import Path

import pytest

from engines.journal import Journal, JournalReader, Kind
from kwin_core.errors import JournalError
from tests.journal.samples import START_MS, open_journal, seqs, write_bars


def fill_up(journal: Journal) -> JournalError:
    """Write until it fails; every message that did not fail counts."""
    for _ in range(100_000):
        before = journal.last_seq
        try:
            with journal.message() as message:
                message.event(Kind.SIGNAL, START_MS, {"text": "x" * 2_000})
                message.event(Kind.SIGNAL, START_MS, {"text": "y" * 20_000})
        except JournalError as error:
            assert journal.last_seq == before
            return error
    raise AssertionError("the disk never filled up")


def full(folder: Path) -> None:
    """A full disk is named, loses nothing, and the same journal goes on once there is room."""
    ballast = folder / "ballast"
    path = folder / "j.sqlite"
    with open_journal(path) as journal:
        ballast.write_bytes(bytes(2**20))
        error = fill_up(journal)
        assert error.kind == "full", error
        assert "disk is full" in str(error)
        assert fill_up(journal).kind == "full"
        assert seqs(path) == list(range(1, journal.last_seq + 1))
        ballast.unlink()
        write_bars(journal, 0, 5)
        last = journal.last_seq
    assert seqs(path) == list(range(1, last + 1))


def full_at_start(folder: Path) -> None:
    """No room for a new journal: named; with room the same path works."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(bytes(4096)):
            pass
    with pytest.raises(JournalError) as caught:
        open_journal(folder / "j.sqlite")
    assert caught.value.kind in ("full", "io"), caught.value
    ballast.unlink()
    open_journal(folder / "j.sqlite").close()


def read_only(folder: Path) -> None:
    """A file system that was remounted read-only: named at the start, before anything is touched."""
    with pytest.raises(JournalError) as caught:
        open_journal(folder / "j.sqlite")
    assert caught.value.kind == "read_only", caught.value


def make(folder: Path) -> None:
    """A journal for `read_only`."""
    with open_journal(folder / "j.sqlite") as journal:
        write_bars(journal, 0, 5)


def limit(folder: Path) -> None:
    """A write the kernel refuses is named; the journal stays whole and readable."""
    path = folder / "j.sqlite"
    with open_journal(path) as journal:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, resource.RLIM_INFINITY))
        error = fill_up(journal)
        assert error.kind in ("io", "full"), error
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        write_bars(journal, 0, 5)
        with JournalReader(path) as reader:
            assert reader.last_seq() == journal.last_seq


if __name__ == "__main__":
    {"full": full, "full_at_start": full_at_start, "read_only": read_only, "make": make, "limit": limit}[
        sys.argv[1]
    ](Path(sys.argv[2]))
    sys.stdout.write("ok\n")
