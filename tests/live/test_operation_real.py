"""The commands of an operator on a running exchange deployment, each as a process, in real time."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from engines.journal import JournalReader
from engines.live.exit_codes import ExitCode
from engines.live.memory import remember
from engines.parity.live import live_parity
from tests.live.desk_rig import ETH
from tests.live.real_time_rig import terminal

pytestmark = pytest.mark.slow


def test_flatten_in_every_state_of_the_deployment(tmp_path: Path) -> None:
    """Asked and refused; running; killed, with a position opened by hand; with a journal nobody can go on with."""
    with terminal(tmp_path) as at:
        with at.deployment() as process:
            at.wait("the entry", lambda: at.held != 0)
            refused = at.run("flatten", at.config, typed="n\n")
            assert refused.returncode == ExitCode.BAD_RESULT, refused.stderr
            assert "ETHUSDT: " in refused.stdout
            assert "unrealised" in refused.stdout
            assert "nothing done" in refused.stdout
            assert at.held != 0
            done = at.run("flatten", at.config, typed="y\n")
            assert done.returncode == 0, done.stderr
            assert at.held == 0
            assert "ETHUSDT: Sell" in done.stdout or "ETHUSDT: Buy" in done.stdout
            assert "flat; entries stay halted until kwin-live resume" in done.stdout
            assert process.poll() is None, "the deployment goes on"
            process.kill()
            process.wait(10.0)
        at.by_hand("Buy", "0.30")
        at.wait("the position by hand", lambda: at.held != 0)
        done = at.run("flatten", at.config, "--yes")
        assert done.returncode == 0, done.stderr + done.stdout
        assert at.held == 0
        with JournalReader(at.journal) as reader:
            assert "operator" in remember(reader, [ETH]).halts[ETH]
        (found,) = live_parity(at.journal)
        assert found.exchange.good, found.exchange.first_difference
        with sqlite3.connect(at.journal) as connection:
            connection.execute("UPDATE digests SET chain = '0000000000000000'")
            connection.execute("DELETE FROM snapshots")
        connection.close()
        at.by_hand("Sell", "0.20")
        at.wait("the position by hand", lambda: at.held != 0)
        done = at.run("flatten", at.config, "--yes")
        assert done.returncode == 0, done.stderr + done.stdout
        assert "cannot be started" in done.stderr
        assert at.held == 0


def test_a_killed_deployment_is_flattened_by_one_that_only_reconciles(tmp_path: Path) -> None:
    """Its own position, with its stop: left through the journal, so the books are whole afterwards."""
    with terminal(tmp_path) as at:
        with at.deployment() as process:
            at.wait("the entry", lambda: at.held != 0)
            process.kill()
            process.wait(10.0)
        done = at.run("flatten", at.config, "--yes")
        assert done.returncode == 0, done.stderr + done.stdout
        assert at.held == 0
        assert "ETHUSDT: Sell" in done.stdout or "ETHUSDT: Buy" in done.stdout
        (found,) = live_parity(at.journal)
        assert found.emulator.good
        assert found.exchange.good
        assert found.sums["exchange_marked"] == pytest.approx(found.sums["executions_marked"], abs=1e-6)
        again = at.run("flatten", at.config, typed="n\n")
        assert "flat already: ETHUSDT" in again.stdout
