"""The runbook holds: it knows every alarm, exit code and halt of the desk, and each row names a test that exists."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from engines.journal import backup_journal
from engines.live.ending import exit_code_of
from engines.live.exit_codes import ExitCode
from engines.live.inbox import BarClosed
from engines.live.limits import ACCOUNT_WIDE, STALE_DATA
from engines.live.venue import Refusal
from engines.live.watch.alarms import UNHEALTHY
from engines.live.watch.happenings import What
from engines.parity.live import live_parity
from feeds.live import ClosedBar
from feeds.live.events import Origin, Phase
from kwin_core.errors import DataError, KwinError
from tests.core.kwin_runs import fixture_bars
from tests.live.paper_rig import PaperRig
from tests.live.watch_rig import WatchedRig, service, watched

ROOT = Path(__file__).resolve().parents[2]
RUNBOOK = (ROOT / "engines" / "live" / "RUNBOOK.md").read_text(encoding="utf-8")
NAMED_TEST = re.compile(r"`((?:tests/[\w/]+/)?test_\w+\.py)::(test_\w+)`")

_HEADINGS = ("alarm", "reason", "code")


def rows(heading: str) -> dict[str, str]:
    """Rows of the tables below a heading, by their first cell."""
    section = RUNBOOK.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    found = {line.split("|")[1].strip().strip("`"): line for line in lines}
    return {name: line for name, line in found.items() if name not in _HEADINGS}


@pytest.mark.parametrize("heading", ["Alarms", "Why entries are halted", "Exit codes"])
def test_every_row_names_a_test_that_exists(heading: str) -> None:
    for name, line in rows(heading).items():
        found = NAMED_TEST.findall(line)
        assert found or name == str(int(ExitCode.DEFECT) + 1), f"{heading}: {name} names no test"
        for file, test in found:
            path = ROOT / file if "/" in file else ROOT / "tests" / "live" / file
            assert f"def {test}(" in path.read_text(encoding="utf-8"), f"{file}::{test}"


def test_every_alarm_exit_code_and_halt_is_there() -> None:
    alarms = {*UNHEALTHY, What.UNKNOWN}
    assert {what.value for what in alarms} <= set(rows("Alarms"))
    codes = rows("Exit codes")
    for code in ExitCode:
        assert str(code.value) in codes, f"exit code {code.value} ({code.name})"
    halting = (
        Refusal.ACCOUNT,
        Refusal.ROUTING,
        Refusal.UNTRADABLE,
        Refusal.DUPLICATE,
        Refusal.UNKNOWN_WORDS,
    )
    others = {
        "operator",
        "external",
        "liquidation",
        "settlement",
        "reconcile",
        "trail",
        STALE_DATA,
        *ACCOUNT_WIDE,
    }
    assert {*(one.value for one in halting), *others} <= set(rows("Why entries are halted"))


def test_code_7_digests(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A journal whose digests were changed: refused, with the code that a supervisor must not restart after."""
    with watched(tmp_path, monkeypatch, venue="paper", more="[watch]\n") as rig:
        rig.decide()
        rig.stop()
        with sqlite3.connect(tmp_path / "live.sqlite") as journal:
            journal.execute("DELETE FROM snapshots")
            journal.execute(
                "UPDATE digests SET chain = '0000000000000000' WHERE id = (SELECT max(id) FROM digests)"
            )
        journal.close()
        with pytest.raises(KwinError, match="the journal recorded 0000000000000000") as caught:
            PaperRig(rig.exchange, tmp_path / "live.toml")
        assert exit_code_of(caught.value) is ExitCode.DIGESTS


def test_code_8_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that the exchange does not know."""
    with watched(tmp_path, monkeypatch, more="[watch]\n") as rig:
        rig.stop()
        monkeypatch.setenv("KWIN_BYBIT_KEY", "a key that was deleted")
        with pytest.raises(KwinError, match="check key, its permissions and its address list") as caught:
            PaperRig(rig.exchange, tmp_path / "live.toml")
        assert exit_code_of(caught.value) is ExitCode.ACCOUNT


def test_code_10_defect(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bar before its turn, which the feed never releases: the process ends, says why, and the stop stays."""
    with service() as chat:
        more = "[watch]\n[messages]\npause_s = 0.1\n"
        with watched(tmp_path, monkeypatch, more=more, messages=chat.address) as rig:
            rig.decide()
            later = fixture_bars()[rig.plan.bar + 5 : rig.plan.bar + 6].copy()
            stream = next(iter(rig.lanes))
            now_ms = rig.exchange.clock.now_ms()
            seat = rig.deployment.desk.seats[stream]  # type: ignore[attr-defined]
            seat.settled_ms = int(later["time_ms"][0])
            rig.deployment.inbox.post(BarClosed(ClosedBar(stream, later, Phase.LIVE, Origin.STREAM, now_ms)))
            rig.comes(lambda: rig.ended, "it ends")
            assert isinstance(rig.failure, DataError)
            assert exit_code_of(rig.failure) is ExitCode.DEFECT
            position = rig.exchange.account.positions[("ETHUSDT", 0)]
            assert position.stop_loss
            rig.failure = None
        assert chat.told("stop: ended by an error, stops on the exchange stay")


@pytest.mark.slow
def test_a_backup_restored_under_an_open_position(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal is lost after an entry and a backup from before it is put in its place: as the runbook says."""
    journal, backup = tmp_path / "live.sqlite", tmp_path / "backup.sqlite"
    with watched(tmp_path, monkeypatch, more="[watch]\n") as rig:
        assert backup_journal(journal, backup).last_seq > 0
        rig.decide()
        rig.stop()
        held = rig.exchange.account.positions[("ETHUSDT", 0)].size
        assert held > 0
        for path in (journal, Path(f"{journal}-wal"), Path(f"{journal}-shm")):
            path.unlink(missing_ok=True)
        backup.rename(journal)
        again = WatchedRig(rig.exchange, tmp_path / "live.toml", rig.plan).start()
        again.run(120)
        seat = again.deployment.desk.seats[next(iter(again.lanes))]  # type: ignore[attr-defined]
        position = again.exchange.account.positions[("ETHUSDT", 0)]
        assert position.size == held, "nothing was entered a second time, nothing was closed"
        assert abs(seat.held_qty) == held, "the books follow the exchange"
        assert position.stop_loss, "it has a stop"
        assert seat.halts, "and somebody has to look"
        assert again.stop() is ExitCode.GOOD
        (found,) = live_parity(journal)
        assert found.good, (found.emulator.first, found.exchange.first)
