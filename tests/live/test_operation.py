"""Halt, resume and flatten as an operator uses them: commands as processes, deployments on the simulator."""

from __future__ import annotations

import io
import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from engines.command_line import run
from engines.journal import Ack, Drift, Journal, JournalReader, Outcome
from engines.live.bybit.keys import KEY_VARIABLE, SECRET_VARIABLE
from engines.live.cli import app as live_app
from engines.live.deployment import Deployment
from engines.live.exit_codes import ExitCode
from engines.live.inbox import Control, Inbox
from engines.live.memory import remember
from engines.live.operation import voice
from engines.live.operation.account import Account
from engines.live.operation.caller import ChannelError, answers, ask
from engines.live.operation.channel import ControlChannel, short_address, socket_path
from engines.live.operation.flatten import Held, UnprovenError
from engines.live.operation.flatten import _until_flat as until_flat
from engines.live.venue import PositionReport
from engines.parity.live import live_parity
from feeds.instants import iso
from feeds.stream import Stream
from kwin_core.errors import JournalError, VenueError
from tests.core.kwin_runs import FIXTURE, fixture_bars
from tests.exchange.exchange import API_KEY, API_SECRET
from tests.live.desk_rig import exchange_with
from tests.live.paper_rig import BAR_MS, ETH, PaperRig, write_config
from tests.live.real_time_rig import terminal
from tests.live.scene import LEAD, LONG_LIVED, Planned, planned
from tests.live_feed.rig import until

INPUTS = {"trailingPerc": 30.0, "trailingOffset": 20.0, "useBarTrail": False}


def command(*arguments: str | Path, typed: str | None = None) -> subprocess.CompletedProcess[str]:
    """``kwin-live`` as a process; ``typed`` is what the operator answers."""
    return subprocess.run(
        [sys.executable, "-m", "engines.live.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120.0,
        check=False,
        input=typed,
    )


def asked(*arguments: str | Path) -> Any:
    """What a command prints as JSON, in this process; it must have worked."""
    with redirect_stdout(io.StringIO()) as printed:
        assert run(live_app, [*map(str, arguments), "--json"], name="kwin-live") == 0
    return json.loads(printed.getvalue())


def plan() -> Planned:
    """An entry whose position lives for a while."""
    plans = planned("intent", tuple(sorted({"use_window": False, **LONG_LIVED}.items())))
    return next(one for one in plans if one.ends - one.bar >= 3)


@contextmanager
def paper(tmp_path: Path, entry: Planned) -> Iterator[PaperRig]:
    """A paper deployment two bars before that entry."""
    bars = fixture_bars()[: entry.bar + 400].copy()
    first = int(bars["time_ms"][entry.bar - LEAD])
    with exchange_with(bars, first + 5_000) as exchange:
        config = write_config(exchange, tmp_path, inputs=INPUTS, trade_from=iso(first))
        rig = PaperRig(exchange, config).start()
        try:
            yield rig
        finally:
            if not rig.ended:
                rig.stop()


def at_close(number: int) -> int:
    """Ten seconds after the end of a bar of the fixture (ms)."""
    return int(fixture_bars()["time_ms"][number]) + BAR_MS + 10_000


def test_a_halt_reaches_a_running_paper_deployment_and_a_resume_lets_it_trade_again(tmp_path: Path) -> None:
    entry, journal = plan(), tmp_path / "live.sqlite"
    with paper(tmp_path, entry) as rig:
        done = command("halt", journal, "--symbol", "ETHUSDT", "--reason", "over night")
        assert done.returncode == 0, done.stderr
        assert f"obeyed by process {os.getpid()}" in done.stdout
        assert "ETHUSDT: entries halted: operator (over night)" in done.stdout
        assert asked("status", journal)["channel"] == "answers"
        assert stat.S_IMODE(socket_path(journal).stat().st_mode) == 0o600
        rig.run_to(at_close(entry.bar))
        lane = rig.lanes[ETH]
        assert lane.emulator.position != 0.0, "the emulator's ledger knows no halts"
        assert lane.exchange.position == 0.0
        rig.run_to(at_close(entry.ends))
        assert lane.exchange.position == 0.0, "nor does an exit of a position that it never had reach it"
        assert lane.emulator.position == 0.0
        answer = asked("resume", tmp_path / "live.toml")
        assert answer["running"] is True
        assert answer["halts"] == {"ETHUSDT": {}}
        number = entry.ends
        while not lane.trades[True]:
            number += 10
            rig.run_to(at_close(number))
        assert len(lane.trades[True]) == len(lane.trades[False]) - 1 > 0
        assert rig.stop() == 0
        assert not socket_path(journal).exists()
    with JournalReader(journal) as reader:
        drifts = [one.row.kind for one in reader.rows(Drift)]
        denied = [one.row.text for one in reader.rows(Ack) if one.row.outcome is Outcome.DENIED]
    assert drifts == ["denied"]
    assert denied == ["entries are halted: over night"]
    (found,) = live_parity(journal)
    assert found.emulator.good, found.emulator.first_difference
    assert found.exchange.good, found.exchange.first_difference


def test_flatten_on_paper_leaves_at_the_last_close_and_stays_halted_over_a_restart(tmp_path: Path) -> None:
    entry, journal = plan(), tmp_path / "live.sqlite"
    with paper(tmp_path, entry) as rig:
        rig.run_to(at_close(entry.bar))
        lane = rig.lanes[ETH]
        assert lane.exchange.position == entry.side * entry.qty
        answer = ask(journal, {"command": "flatten"})
        assert answer is not None
        assert answer["halts"]["ETHUSDT"] == {"operator": "flattened by the operator"}
        assert lane.exchange.position == 0.0
        assert lane.emulator.position != 0.0
        (left,) = lane.trades[True]
        assert float(left["exit_price"][0]) == float(lane.exchange.close)
        rig.run_to(at_close(entry.ends))
        assert rig.stop() == 0
        again = PaperRig(rig.exchange, tmp_path / "live.toml")
        assert again.deployment.desk.halts[ETH]  # type: ignore[attr-defined]
        assert again.deployment.close()
    (found,) = live_parity(journal)
    assert found.emulator.good
    assert found.exchange.good


def test_without_a_deployment_the_word_waits_in_the_journal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entry, journal = plan(), tmp_path / "live.sqlite"
    with paper(tmp_path, entry) as rig:
        rig.run_to(at_close(entry.bar - 1))
        assert rig.stop() == 0
        with JournalReader(journal) as reader:
            heard = remember(reader, [ETH]).fills_until_ms
        done = command("halt", tmp_path / "live.toml", "--name", "news", "--reason", "news at noon")
        assert done.returncode == 0, done.stderr
        assert "nothing runs, the next start obeys it" in done.stdout
        assert asked("halt", journal)["halts"]["ETHUSDT"] == {
            "news": "news at noon",
            "operator": "by the operator",
        }
        assert asked("resume", journal, "--name", "operator")["halts"]["ETHUSDT"] == {"news": "news at noon"}
        with JournalReader(journal) as reader:
            assert remember(reader, [ETH]).fills_until_ms == heard, "nobody heard the exchange meanwhile"
        again = PaperRig(rig.exchange, tmp_path / "live.toml").start()
        again.run_to(at_close(entry.bar))
        assert again.lanes[ETH].exchange.position == 0.0
        assert again.lanes[ETH].emulator.position != 0.0
        assert again.stop() == 0
    words = ["halt", str(journal), "--symbol", "BTCUSDT"]
    assert run(live_app, words, name="kwin-live") == ExitCode.USAGE
    assert "BTCUSDT is not traded here; traded are ETHUSDT" in capsys.readouterr().err
    assert run(live_app, ["halt", str(tmp_path / "none.sqlite")], name="kwin-live") == ExitCode.JOURNAL
    assert "no such file" in capsys.readouterr().err


@pytest.mark.parametrize("reason", ["see [news]", "see [/ops]"])
def test_a_reason_may_have_brackets(reason: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """They are text, not markup: the halt is told whole, and whoever looks at the journal sees it."""
    journal = tmp_path / "live.sqlite"
    with Journal(journal, profile="intent", venue="paper", now_ms=0) as made, made.message() as message:
        message.bar(ETH, fixture_bars()[0], 0, source="stream")
    for words in (["halt", str(journal), "--reason", reason], ["status", str(journal)]):
        assert run(live_app, words, name="kwin-live") == 0
        assert reason in capsys.readouterr().out


def test_a_replay_that_runs_is_halted_too(tmp_path: Path) -> None:
    """At a speed that leaves time for it: its entries are denied from there on."""
    journal = tmp_path / "paper.sqlite"
    words = ["replay", FIXTURE, "--profile", "intent", "--set", "useWindow=false", "--journal", journal]
    process = subprocess.Popen(
        [sys.executable, "-m", "engines.live.cli", *map(str, words), "--speed", "9000"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        until(socket_path(journal).exists, "the replay runs")
        assert asked("halt", journal, "--reason", "seen enough")["halts"]["ETHUSDT"] == {
            "operator": "seen enough"
        }
        process.terminate()
        assert process.wait(20.0) == 0
    finally:
        process.kill()
    with JournalReader(journal) as reader:
        assert remember(reader, [ETH]).halts[ETH] == {"operator": "seen enough"}


def test_a_socket_of_a_killed_process_hinders_nobody(tmp_path: Path) -> None:
    """The file is there and nobody listens: no deployment runs; the next one takes the name over."""
    folder = tmp_path / ("deep" * 20) / ("deeper" * 20)
    folder.mkdir(parents=True)
    journal = folder / "live.sqlite"
    left = socket.socket(socket.AF_UNIX)
    with short_address(socket_path(journal)) as address:
        left.bind(address)
    left.close()
    assert ask(journal, {"command": "halt"}) is None
    assert not answers(journal), "a status says so"
    channel = ControlChannel(journal, Inbox(), [ETH])
    channel.start()
    try:
        assert answers(journal)
        with pytest.raises(ChannelError, match="BTCUSDT is not traded here"):
            ask(journal, {"command": "halt", "symbol": "BTCUSDT"})
        with pytest.raises(ChannelError, match="is none of halt, resume, flatten"):
            ask(journal, {"command": "stop"})
    finally:
        channel.close()
    assert ask(journal, {"command": "halt"}) is None


def test_a_runner_that_does_not_record_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message waits in the inbox, the caller gets a plain word in time."""
    monkeypatch.setattr("engines.live.operation.channel.RECORD_S", 0.2)
    inbox = Inbox()
    channel = ControlChannel(tmp_path / "live.sqlite", inbox, [ETH])
    channel.start()
    try:
        with pytest.raises(ChannelError, match="not recorded within"):
            ask(tmp_path / "live.sqlite", {"command": "halt", "reason": "x"})
    finally:
        channel.close()
    post = inbox.take(0)
    assert isinstance(post, Control)
    assert post.detail["reason"] == "x"


def test_code_11_not_flat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exchange takes no order: the command names what is still held, and entries are halted all the same."""
    monkeypatch.setattr("engines.live.operation.flatten.FLAT_S", 2.0)
    with terminal(tmp_path) as at:
        monkeypatch.setenv(KEY_VARIABLE, API_KEY)
        monkeypatch.setenv(SECRET_VARIABLE, API_SECRET)
        at.by_hand("Buy", "0.50")
        with Journal(at.journal, profile="intent", venue=at.exchange.url, now_ms=0):
            pass
        at.exchange.faults.rest.http("order/create", 503, n=None)
        assert run(live_app, ["flatten", str(at.config), "--yes"], name="kwin-live") == ExitCode.NOT_FLAT
        assert "NOT FLAT: ETHUSDT: long 0.5" in capsys.readouterr().err
        assert at.held != 0
        with JournalReader(at.journal) as reader:
            assert "operator" in remember(reader, [ETH]).halts[ETH]
        at.exchange.faults.rest.clear()
        assert run(live_app, ["flatten", str(at.config), "--yes"], name="kwin-live") == 0
        assert at.held == 0


@pytest.mark.parametrize("how", ["cannot start", "ends by an error"])
def test_flatten_does_not_need_what_is_broken(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A cache folder that may not be written, a disk that is full by now, reads that fail: it is left all the same."""

    def ends(*about: object, **more: object) -> None:
        raise JournalError("the disk is full", kind="full")

    def cannot_start(loaded: object) -> None:
        raise PermissionError(13, "Permission denied", f"/var/cache/{API_SECRET}")

    with terminal(tmp_path) as at:
        monkeypatch.setenv(KEY_VARIABLE, API_KEY)
        monkeypatch.setenv(SECRET_VARIABLE, API_SECRET)
        if how == "cannot start":
            monkeypatch.setattr(voice, "Deployment", cannot_start)
        else:
            monkeypatch.setattr(Deployment, "run", ends)
        at.by_hand("Buy", "0.50")
        with Journal(at.journal, profile="intent", venue=at.exchange.url, now_ms=0):
            pass
        real = Account.position
        reads = iter(range(1_000))

        def read(account: Account, stream: Stream) -> PositionReport:
            if next(reads) in (1, 2, 4):
                raise VenueError(f"{stream.symbol}: no answer")
            return real(account, stream)

        monkeypatch.setattr(Account, "position", read)
        monkeypatch.setattr("engines.live.operation.flatten._AGAIN_S", 1.0)
        assert run(live_app, ["flatten", str(at.config), "--yes"], name="kwin-live") == 0
        assert at.held == 0
        told = capsys.readouterr()
        assert "flat; entries stay halted" in told.out
        assert "its positions are left from here" in told.err
        assert API_SECRET not in told.err


def test_flat_is_proven_or_it_is_not_flat(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads that never work end with a word of their own, not with that of an exchange out of reach."""
    monkeypatch.setattr("engines.live.operation.flatten.FLAT_S", 0.1)
    monkeypatch.setattr("engines.live.operation.flatten._LOOK_S", 0.02)
    said: list[int] = []

    def look() -> list[Held]:
        raise VenueError("ETHUSDT: no answer")

    with pytest.raises(UnprovenError, match="NOT KNOWN whether it is flat: ETHUSDT: no answer"):
        until_flat(lambda: said.append(1), look)
    assert len(said) == 1
