"""A journal of an older version: compared before it is gone on with, and gone on with while a position is open."""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import tarfile
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from engines.command_line import run
from engines.journal import Journal, JournalReader, Kind, Ledger
from engines.live.bybit.keys import KEY_VARIABLE, SECRET_VARIABLE
from engines.live.cli import app as live_app
from engines.live.exit_codes import ExitCode
from engines.live.operation.channel import socket_path
from engines.live.operation.upgrade import compare_versions
from engines.parity.live import live_parity
from tests.core.kwin_runs import FIXTURE
from tests.exchange.exchange import API_KEY, API_SECRET
from tests.live.desk_rig import ETH
from tests.live.paper_rig import BAR_MS, PaperRig
from tests.live.real_time_rig import entry_that_lives, terminal
from tests.live.test_operation import at_close

ROOT = Path(__file__).parents[2]
BEFORE_TAGS = "17ac87f57541"
"""The version whose journals were the first to hold real positions; until a release is tagged."""


def few_bars(folder: Path) -> Path:
    """The beginning of the fixture, with some trades."""
    path = folder / "bars.parquet"
    pq.write_table(pq.read_table(FIXTURE).slice(0, 1_200), path)
    return path


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of a replay over some bars."""
    folder = tmp_path_factory.mktemp("journal")
    path = folder / "paper.sqlite"
    words = [
        "replay",
        str(few_bars(folder)),
        "--profile",
        "intent",
        "--set",
        "useWindow=false",
        "--journal",
        str(path),
    ]
    assert run(live_app, [*words, "--json"], name="kwin-live") == 0
    return path


def test_the_same_version_decides_the_same(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = hashlib.sha256(journal.read_bytes()).hexdigest()
    capsys.readouterr()
    assert run(live_app, ["upgrade-check", str(journal)], name="kwin-live") == 0
    assert "no decision differs: this version goes on with the journal" in capsys.readouterr().out
    assert hashlib.sha256(journal.read_bytes()).hexdigest() == before, "it is only read"


def test_each_decision_that_would_differ_is_shown(
    journal: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A journal as another version would have written it: one more tick of stop in one decision, one entry fewer."""
    path = tmp_path / "other.sqlite"
    path.write_bytes(journal.read_bytes())
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT id, body FROM decisions ORDER BY id").fetchall()
        entries = [(number, json.loads(body)) for number, body in rows if "stop" in body]
        number, body = entries[0]
        command = next(one for one in body["X"] if "stop" in one)
        was = command["stop"]
        command["stop"] = was + 0.01
        connection.execute("UPDATE decisions SET body = ? WHERE id = ?", (json.dumps(body), number))
        connection.execute("DELETE FROM decisions WHERE id = ?", (entries[1][0],))
    connection.close()
    capsys.readouterr()
    assert run(live_app, ["upgrade-check", str(path), "--json"], name="kwin-live") == ExitCode.BAD_RESULT
    found = json.loads(capsys.readouterr().out)
    assert found["good"] is False
    first, *rest = found["differing"]
    assert first["ledger"] == "X"
    assert {one["ledger"] for one in rest} <= {"E", "X"}
    assert all(one["then"] == [] and one["now"] for one in rest)
    assert was in [one.get("stop") for one in first["now"]]
    assert run(live_app, ["upgrade-check", str(path)], name="kwin-live") == ExitCode.BAD_RESULT
    printed = capsys.readouterr().out
    assert first["bar"] in printed
    assert "decisions differ: this version refuses to go on" in printed


def test_a_state_that_differs_without_a_decision_is_told(journal: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    path.write_bytes(journal.read_bytes())
    with sqlite3.connect(path) as connection:
        connection.execute(
            "UPDATE digests SET chain = '0000000000000000' WHERE id = (SELECT max(id) FROM digests WHERE ledger = 'E')"
        )
    connection.close()
    with JournalReader(path) as reader:
        found = compare_versions(reader)
    assert found["differing"] == []
    assert [one["ledger"] for one in found["first_digest_that_differs"]] == [Ledger.EMULATOR.value]


def test_a_shortened_journal_is_compared_from_its_snapshots(
    journal: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Retention took the first events: what is left is compared, as long as a snapshot is of this version."""
    path = tmp_path / "short.sqlite"
    path.write_bytes(journal.read_bytes())
    with JournalReader(path) as reader:
        whole = compare_versions(reader)["bars"]
        identity = reader.identity()
        later_ms = reader.last_received_ms() + 1
    with Journal(path, profile=identity.profile, venue=identity.venue, now_ms=later_ms) as shortened:
        assert shortened.trim(before_ms=later_ms - 150 * BAR_MS).last_trimmed_seq > 0
    with JournalReader(path) as reader:
        found = compare_versions(reader)
    assert 0 < found["bars"] < whole
    assert found["differing"] == found["first_digest_that_differs"] == []
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE snapshots SET engine_hash = 'of another version'")
    connection.close()
    assert run(live_app, ["upgrade-check", str(path)], name="kwin-live") == ExitCode.DIGESTS
    assert "no snapshot is of this version" in capsys.readouterr().err


def previous(folder: Path) -> Path:
    """The newest tagged version, or the one before there were tags, unpacked."""
    tags = subprocess.run(
        ["git", "tag", "--merged", "HEAD~1", "--sort=-creatordate"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    version = (tags.stdout.split() or [BEFORE_TAGS])[0]
    packed = subprocess.run(
        ["git", "archive", version, "engines", "feeds", "kwin_core", "fixtures"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if packed.returncode != 0:
        pytest.skip(f"no git history with version {version} here")
    with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as archive:
        archive.extractall(folder, filter="data")
    return folder


def warm(version: Path, folder: Path) -> None:
    """Compile the older version's engines before the clock runs."""
    words = ["replay", str(few_bars(folder)), "--profile", "intent", "--capital", "3000"]
    inputs = ("useWindow=false", "trailingPerc=30", "trailingOffset=20", "useBarTrail=false")
    given = [word for one in inputs for word in ("--set", one)]
    done = subprocess.run(
        [sys.executable, "-m", "engines.live.cli", *words, *given, "--journal", str(folder / "warm.sqlite")],
        cwd=version,
        env={**os.environ, "PYTHONPATH": str(version)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


class _LiveRig(PaperRig):
    """The present version on a journal of the older one, in lockstep with the simulator."""

    def settled(self, frames: int = 0) -> bool:
        """Private frames count as well."""
        self.check()
        self.clock.run_due()
        deployment = self.deployment
        assert deployment.private is not None
        if self._thread.ident is not None and self.ended:
            return True
        seen = deployment.feed.frames + deployment.private.frames + self._lost
        quiet = deployment.feed.idle and deployment.private.idle and deployment.runner.idle
        return quiet and seen >= frames and deployment.feed.idle

    def _follows(self) -> bool:
        private = self.deployment.private
        links = self.deployment.feed.status().links
        return (
            private is not None and private.is_up and self.settled() and bool(links) and all(links.values())
        )

    def start(self) -> _LiveRig:
        """Both streams are up, and what was sent so far is not waited for."""
        super().start()
        private = self.deployment.private
        assert private is not None
        self._lost = self.exchange.data_frames - self.deployment.feed.frames - private.frames
        return self


@pytest.mark.slow
def test_the_present_version_goes_on_with_an_open_position_of_the_previous_one(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = previous(tmp_path_factory.mktemp("previous"))
    warm(version, tmp_path)
    entry = entry_that_lives()
    with terminal(tmp_path) as at:
        with at.deployment(version) as process:
            at.wait("the entry", lambda: at.held != 0)
            process.send_signal(signal.SIGTERM)
            assert process.wait(20.0) == 0
        held = at.held
        with JournalReader(at.journal) as reader:
            (first,) = reader.events(Kind.START)
        checked = at.run("upgrade-check", at.journal)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert "no decision differs" in checked.stdout
        monkeypatch.setenv(KEY_VARIABLE, API_KEY)
        monkeypatch.setenv(SECRET_VARIABLE, API_SECRET)
        rig = _LiveRig(at.exchange, at.config).start()
        assert socket_path(at.journal).exists()
        lane = rig.lanes[ETH]
        assert lane.exchange.position == float(held) == lane.emulator.position
        assert at.exchange.account.positions["ETHUSDT", 0].stop_loss, "its stop was there all the time"
        rig.run_to(at_close(entry.ends))
        assert at.held == 0
        assert lane.exchange.position == 0.0
        assert len(lane.trades[True]) == 1
        assert rig.stop() == 0
        with JournalReader(at.journal) as reader:
            assert [event.seq for event in reader.events(Kind.START)][:-1] == [first.seq]
    (found,) = live_parity(at.journal)
    assert found.emulator.good, found.emulator.first_difference
    assert found.exchange.good, found.exchange.first_difference
    assert found.sums["exchange_marked"] == pytest.approx(found.sums["executions_marked"], abs=1e-6)
