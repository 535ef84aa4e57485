"""What ``kwin-parity live`` cannot check is one clear line and exit code 2, as is history that does not fit."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from engines.journal import Journal, Kind
from feeds.facts import Facts
from feeds.write import write_bars
from tests.core.kwin_runs import BAR_MS, fixture_bars
from tests.parity.journals import BARS, Journals, Live, bars_file, hands_on


def no_file(path: Path) -> None:
    path.unlink(missing_ok=True)


def text_file(path: Path) -> None:
    path.write_text("this is no journal\n" * 100)


def other_program(path: Path) -> None:
    with closing(sqlite3.connect(path)) as file:
        file.execute("CREATE TABLE cookies (name TEXT)")


def never_started(path: Path) -> None:
    Journal(path, profile="intent", venue="paper", now_ms=1).close()


def other_start(path: Path) -> None:
    with Journal(path, profile="intent", venue="paper", now_ms=1) as journal, journal.message() as message:
        message.event(Kind.START, 1, {"x": 1})


def half_start(path: Path) -> None:
    body = {"instruments": {"linear ETHUSDT 15m": {"tick": 0.01, "lot": 0.01}}, "preset": "dual-sfp"}
    with Journal(path, profile="intent", venue="paper", now_ms=1) as journal, journal.message() as message:
        message.event(Kind.START, 1, body)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (no_file, "no such file"),
        (text_file, "damaged or no journal"),
        (other_program, "another program"),
        (never_started, "no start is recorded"),
        (other_start, "names no instruments"),
        (half_start, "does not name 'profile'"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_is_no_journal_is_refused(
    make: Callable[[Path], None], words: str, tmp_path: Path, live: Live
) -> None:
    path = tmp_path / "file.sqlite"
    make(path)
    assert live(path) == 2
    assert live.err.startswith("error: ")
    assert words in live.err
    assert str(path) in live.err
    assert live.err.count("\n") == 1
    assert live.out == ""


def test_a_trimmed_journal_is_refused(journals: Journals, live: Live) -> None:
    """Without its first bars nothing can be computed from the beginning."""
    path = journals()
    with Journal(path, profile="tv-literal", venue="replay", now_ms=0) as journal:
        for _ in range(3):
            assert journal.trim(before_ms=2**60, snapshots_kept=1).last_trimmed_seq > 0
    assert live(path) == 2
    assert "retention has deleted its first" in live.err
    assert live.err.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("UPDATE executions SET price = 'dear'", "dear"),
        ("UPDATE events SET body = '{' WHERE kind = 'execution'", "JSONDecodeError"),
    ],
)
def test_a_record_that_cannot_be_read_is_refused(
    change: str, words: str, journals: Journals, live: Live
) -> None:
    path = journals()
    with hands_on(path) as journal:
        journal.execute(change)
    assert live(path) == 2
    assert "cannot be read" in live.err
    assert words in live.err
    assert live.err.count("\n") == 1


def test_history_that_lacks_bars_or_has_more_is_a_difference(
    journals: Journals, live: Live, tmp_path: Path
) -> None:
    """Inside the time that both cover; what lies outside is only counted."""
    bars = fixture_bars()[: BARS + 50]
    holes = bars[[number for number in range(bars.size) if number not in (500, 501)]]
    found = live.report(journals(), "--data", bars_file(tmp_path, holes, "holes"), code=1)
    assert found["emulator"]["good"]
    assert found["exchange"]["good"]
    data = found["data"]
    assert (data["missing_in_file"], data["missing_in_journal"], data["differ"]) == (2, 0, 0)
    shorter = live.report(journals(), "--data", bars_file(tmp_path, bars[100:800].copy(), "short"), code=0)
    assert (shorter["data"]["compared"], shorter["data"]["not_covered"]) == (700, 200)


def test_history_of_another_series_is_refused(journals: Journals, live: Live, tmp_path: Path) -> None:
    later = fixture_bars()[:100].copy()
    later["time_ms"] += 10_000 * BAR_MS
    assert live(journals(), "--data", bars_file(tmp_path, later, "later")) == 2
    assert "no bar in common" in live.err
    hourly = fixture_bars()[:100].copy()
    hourly["time_ms"] = hourly["time_ms"][0] + range(0, 100 * 4 * BAR_MS, 4 * BAR_MS)
    path = tmp_path / "hourly.parquet"
    write_bars(path, hourly, Facts("ETHUSDT", 4 * BAR_MS, 0.01, 0.01))
    assert live(journals(), "--data", path) == 2
    assert "the journal has linear ETHUSDT 15m" in live.err


def test_the_report_is_written_where_it_is_asked_for(journals: Journals, live: Live, tmp_path: Path) -> None:
    assert live(journals(), "--json", "--out", tmp_path / "found") == 0
    assert (tmp_path / "found" / "parity_live.json").read_text() == live.out
