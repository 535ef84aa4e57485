"""kwin-live check: every line is looked at although one is bad, and the first bad one is the exit code."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engines.command_line import run
from engines.live.bybit.keys import KEY_VARIABLE, SECRET_VARIABLE
from engines.live.cli import app as live_app
from engines.live.exit_codes import ExitCode
from tests.core.kwin_runs import fixture_bars
from tests.exchange import Exchange
from tests.exchange.exchange import API_KEY, API_SECRET
from tests.live.desk_rig import exchange_with


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    """A simulator whose clock stands still."""
    bars = fixture_bars()[:400].copy()
    with exchange_with(bars, int(bars["time_ms"][350]) + 5_000) as made:
        yield made


@pytest.fixture
def config(exchange: Exchange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A deployment on it, with keys."""
    monkeypatch.setenv(KEY_VARIABLE, API_KEY)
    monkeypatch.setenv(SECRET_VARIABLE, API_SECRET)
    path = tmp_path / "live.toml"
    path.write_text(
        f"""
[deployment]
journal = "live.sqlite"
venue = "{exchange.url}"
profile = "intent"

[inputs]
useWindow = false

[[symbols]]
symbol = "ETHUSDT"

[network]
stream_url = "{exchange.ws_url}"
clock_limit_ms = {10**13}
""",
        encoding="utf-8",
    )
    return path


def checked(capsys: pytest.CaptureFixture[str], *words: str | Path) -> tuple[int, dict[str, dict[str, Any]]]:
    """Exit code and lines by what they are about."""
    code = run(live_app, ["check", *map(str, words), "--json"], name="kwin-live")
    found = json.loads(capsys.readouterr().out)
    assert found["exit_code"] == code
    assert found["good"] is (code == 0)
    return code, {line["what"]: line for line in found["checks"]}


def test_a_good_deployment_has_good_lines_only(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = checked(capsys, config)
    assert code == 0, [line for line in lines.values() if not line["good"]]
    assert set(lines) >= {
        "configuration",
        "disk",
        "messages",
        "heartbeat",
        "keys",
        "clock",
        "journal",
        "account",
        "margin mode",
        "permission",
        "balance",
        "ETHUSDT filters",
        "ETHUSDT leverage",
        "ETHUSDT position mode",
        "ETHUSDT position",
        "ETHUSDT margin",
    }
    assert "will be made" in lines["journal"]["found"]
    assert API_SECRET not in json.dumps(lines)
    assert not (config.parent / "live.sqlite").exists(), "to look makes no journal"
    assert run(live_app, ["check", str(config)], name="kwin-live") == 0
    assert "good  ETHUSDT leverage: 10" in capsys.readouterr().out


def test_a_bad_clock_does_not_end_the_list(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, lines = checked(capsys, config, "--set", "network.clock_limit_ms=2000")
    assert code == ExitCode.CLOCK
    assert not lines["clock"]["good"]
    assert "let NTP set it" in lines["clock"]["found"]
    assert lines["permission"]["good"], "the account is looked at all the same"
    assert [line["what"] for line in lines.values() if not line["good"]] == ["clock"]


def test_what_the_account_lacks_is_told_line_by_line(
    config: Path, exchange: Exchange, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing to pay the smallest order with; then hedge mode."""
    exchange.account.coin("USDT").wallet = Decimal(0)
    code, lines = checked(capsys, config)
    assert code == ExitCode.ACCOUNT
    assert "available is 0 USDT" in lines["ETHUSDT"]["found"]
    assert lines["ETHUSDT leverage"]["good"]
    exchange.account.hedged.add("ETHUSDT")
    code, lines = checked(capsys, config)
    assert code == ExitCode.ACCOUNT
    assert "hedge mode" in lines["ETHUSDT"]["found"]
    assert lines["permission"]["good"]


def test_keys_that_are_wrong_or_missing(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECRET_VARIABLE, "not the secret")
    code, lines = checked(capsys, config)
    assert code == ExitCode.ACCOUNT
    assert not lines["account"]["good"]
    assert lines["journal"]["good"]
    monkeypatch.delenv(KEY_VARIABLE)
    code, lines = checked(capsys, config)
    assert code == ExitCode.USAGE
    assert "no keys" in lines["keys"]["found"]
    assert lines["clock"]["good"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = config.parent
    folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        code, lines = checked(capsys, config)
    finally:
        folder.chmod(stat.S_IRWXU)
    assert code == ExitCode.JOURNAL
    assert "cannot be written" in lines["disk"]["found"]


def test_a_full_disk(
    config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engines.live.operation.checklist.LEAST_FREE_BYTES", 10**18)
    code, lines = checked(capsys, config)
    assert code == ExitCode.DISK_FULL
    assert "make room" in lines["disk"]["found"]
