"""V16, J08 to J11: the journal cannot be written while a position is open, or when one would be opened.

A real database file that may not grow: every transaction that needs a page more is refused by SQLite as if the disk
were full.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from engines.journal import JournalReader, Kind
from engines.live.exit_codes import ExitCode
from engines.live.inbox import Control
from engines.live.working import ENTRY, FLATTEN
from tests.live.scene import Scene, scene
from tests.live_feed.rig import until

MOVING: dict[str, object] = {"use_bar_trail": True, "use_arm_after_rr": False, "trail_lookback": 3}
"""Inputs whose stop moves with the bars."""


@contextmanager
def no_room(at: Scene) -> Iterator[None]:
    """The journal's file may not grow; when this is left it may again."""
    at.rig.settle()
    connection = at.rig.journal._connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    assert free == 0
    connection.execute(f"PRAGMA max_page_count = {pages}")
    yield
    with suppress(sqlite3.ProgrammingError):  # closed: the next process opens the file without that limit
        connection.execute("PRAGMA max_page_count = 1073741823")


def fill_up(at: Scene) -> None:
    """Until the last page is full and the journal refuses: link changes that say nothing new."""
    for number in range(200):
        at.rig.inbox.post(Control("resume", {"words": f"{number} " + "x" * 2_000}))
        until(lambda: at.rig.inbox.idle, "the runner has taken it")
        if at.rig.runner.counts.journal_failures:
            return
    raise AssertionError("the journal never refused")


def be_patient(at: Scene) -> None:
    """Wait for the journal although nothing is at stake."""
    at.rig.runner._options = replace(at.rig.runner._options, journal_patience_ms=600_000)


def alarms(caplog: pytest.LogCaptureFixture) -> int:
    """Critical lines that name the full disk."""
    return sum(
        one.levelno == logging.CRITICAL and "disk is full" in one.getMessage() for one in caplog.records
    )


def recorded(journal: Path, kind: Kind) -> int:
    """Events of a kind."""
    with JournalReader(journal) as reader:
        return len(reader.events(kind))


def test_an_open_position_is_flattened_and_told_once_there_is_room(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The exit goes out though it cannot be written; afterwards the journal holds everything, and nothing twice."""
    with scene(tmp_path) as at:
        at.to_decision().decide()
        assert at.held != 0
        be_patient(at)
        with no_room(at):
            fill_up(at)
            at.flatten()
            at.run(5.0)
            assert at.there == Decimal(0)
            assert [link.action for link, _ in at.orders()] == [ENTRY, FLATTEN]
            before = recorded(at.journal, Kind.EXECUTION)
        at.run(40.0)
        assert recorded(at.journal, Kind.EXECUTION) == before + 1
        assert at.held == at.there == Decimal(0)
        assert [link.action for link, _ in at.orders()] == [ENTRY, FLATTEN]
        assert alarms(caplog) >= 1
        at.run_to_bar(at.plan.bar + 1).check()


def test_stops_move_on_for_bars_without_a_journal(tmp_path: Path) -> None:
    """Bars are decided in memory, their stops are placed, and all of it is recorded when there is room again."""
    with scene(tmp_path, given=MOVING, lives=8) as at:
        at.to_decision().decide()
        first = at.plan.bar
        at.run_to_bar(first + 1)
        with no_room(at):
            fill_up(at)
            before, moved = recorded(at.journal, Kind.BAR), len(at.calls("position/trading-stop"))
            at.run_to_bar(first + 5)
            assert recorded(at.journal, Kind.BAR) == before
            assert len(at.calls("position/trading-stop")) > moved
            stop = at.stop_there
        at.run(60.0)
        assert recorded(at.journal, Kind.BAR) == before + 4
        assert at.stop_there == stop
        at.run_to_bar(first + 6).check()


@pytest.mark.parametrize("away_s", [20.0, 120.0])
def test_an_entry_waits_for_the_journal_or_is_missed(away_s: float, tmp_path: Path) -> None:
    """Nothing opens unrecorded. With room within the entry's delay it goes out then, later never."""
    with scene(tmp_path) as at:
        at.to_decision()
        be_patient(at)
        with no_room(at):
            fill_up(at)
            at.decide(away_s)
            assert not at.calls("order/create")
        at.run(35.0)
        assert len(at.calls("order/create")) == (away_s < 60)
        assert (at.held != 0) == (away_s < 60)
        assert at.drifts()["missed"] == (away_s > 60)
        at.run_to_bar(at.plan.bar + 1).check()


def test_flat_and_without_a_journal_it_ends(tmp_path: Path) -> None:
    """Nothing is at stake once the position has gone: a defined exit code, and the next process books the exit."""
    with scene(tmp_path) as at:
        at.to_decision().decide()
        with no_room(at):
            fill_up(at)
            at.flatten()
            until(lambda: not at.rig._thread.is_alive(), "the runner ends")
            assert at.rig.exit is ExitCode.DISK_FULL
            at.rig.close()
        assert at.there == 0
        at.rig = at._process()
        assert at.held != 0
        at.rig.start()
        at.run(60.0)
        assert at.held == 0
        at.run_to_bar(at.plan.bar + 1).check()


def test_told_to_stop_it_ends_and_the_next_one_finds_everything(tmp_path: Path) -> None:
    """Without a journal it does not wait for ever: the stop rests on the exchange, the next process reads the rest."""
    with scene(tmp_path) as at:
        at.to_decision().decide()
        with no_room(at):
            fill_up(at)
            at.rig.stop()
            assert at.rig.exit is ExitCode.DISK_FULL
        assert at.stop_there
        at.rig = at._process()
        at.rig.start()
        at.run_to_bar(at.plan.bar + 1).check()
