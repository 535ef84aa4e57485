"""The commands of an operator on a running exchange deployment, each as a process, in real time."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest

from engines.journal import JournalReader
from engines.live.exit_codes import ExitCode
from engines.live.memory import remember
from engines.live.operation.channel import socket_path
from engines.parity.live import live_parity
from tests.live.desk_rig import ETH
from tests.live.real_time_rig import Terminal, terminal

pytestmark = pytest.mark.slow


def test_flatten_in_every_state_of_the_deployment(tmp_path: Path) -> None:
    """Killed with its own position; with KWIN_LONG in the environment also running, with a position opened by hand
    while nothing runs, and with a journal nobody can go on with.
    """
    with terminal(tmp_path) as at:
        with at.deployment() as process:
            at.wait("the entry", lambda: at.held != 0)
            process.kill()
            process.wait(10.0)
        assert socket_path(at.journal).exists(), "the killed process left its socket behind"
        after_a_kill(at)
        if not os.environ.get("KWIN_LONG"):
            return
        while_it_runs(at)
        with_a_position_by_hand(at)
        with_a_journal_that_does_not_match(at)


def after_a_kill(at: Terminal) -> None:
    """Its own position is left through the journal, so the books are whole."""
    done = at.run("flatten", at.config, "--yes")
    assert done.returncode == 0, done.stderr + done.stdout
    assert at.held == 0
    assert "ETHUSDT: Sell" in done.stdout or "ETHUSDT: Buy" in done.stdout
    assert not at.exchange.account.open_orders, "nothing rests"
    (found,) = live_parity(at.journal)
    assert found.emulator.good
    assert found.exchange.good
    assert found.sums["exchange_marked"] == pytest.approx(found.sums["executions_marked"], abs=1e-6)
    again = at.run("flatten", at.config, typed="n\n")
    assert again.returncode == ExitCode.BAD_RESULT
    assert "flat already: ETHUSDT" in again.stdout


def while_it_runs(at: Terminal) -> None:
    """The question shows what there is; the deployment itself leaves, and goes on."""
    with at.deployment() as process:
        at.wait("the channel", lambda: socket_path(at.journal).exists())
        halted = at.run("halt", at.journal, "--reason", "test")
        assert f"obeyed by process {process.pid}" in halted.stdout, halted.stderr
        at.by_hand("Buy", "0.10")
        at.wait("the position by hand", lambda: at.held != 0)
        refused = at.run("flatten", at.config, typed="n\n")
        assert refused.returncode == ExitCode.BAD_RESULT, refused.stderr
        assert "ETHUSDT: long 0.1," in refused.stdout
        assert "unrealised" in refused.stdout
        assert "nothing done" in refused.stdout
        assert at.held != 0
        done = at.run("flatten", at.config, typed="y\n")
        assert done.returncode == 0, done.stderr
        assert at.held == 0
        assert "ETHUSDT: Sell 0.1" in done.stdout
        assert "flat; entries stay halted until kwin-live resume" in done.stdout
        assert process.poll() is None, "the deployment goes on"
        process.kill()
        process.wait(10.0)


def with_a_position_by_hand(at: Terminal) -> None:
    """Nothing runs, and the ledger has never heard of it."""
    at.by_hand("Buy", "0.30")
    at.wait("the position by hand", lambda: at.held != 0)
    done = at.run("flatten", at.config, "--yes")
    assert done.returncode == 0, done.stderr + done.stdout
    assert at.held == 0
    with JournalReader(at.journal) as reader:
        assert "operator" in remember(reader, [ETH]).halts[ETH]
    (found,) = live_parity(at.journal)
    assert found.exchange.good, found.exchange.first_difference


def with_a_journal_that_does_not_match(at: Terminal) -> None:
    """An exit does not depend on what is broken: the command leaves by itself."""
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
