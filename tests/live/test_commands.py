"""kwin-live as an operator uses it: what it prints, how it ends, what a mistake costs."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from engines import backtest
from engines.command_line import run
from engines.live.cli import app as live_app
from engines.live.exit_codes import ExitCode
from tests.core.kwin_runs import FIXTURE, fixture_bars
from tests.golden_data import PROJECT_ROOT
from tests.live.desk_rig import exchange_with

BARS = 1_200


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first bars of the fixture as a file of their own, with its facts."""
    path = tmp_path_factory.mktemp("data") / "bars.parquet"
    pq.write_table(pq.read_table(FIXTURE).slice(0, BARS), path)
    return path


@pytest.fixture(scope="module")
def journal(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal of a replay over them."""
    path = tmp_path_factory.mktemp("journal") / "paper.sqlite"
    arguments = [
        "replay",
        str(data),
        "--profile",
        "intent",
        "--set",
        "useWindow=false",
        "--journal",
        str(path),
    ]
    assert run(live_app, [*arguments, "--json"], name="kwin-live") == 0
    return path


def out(capsys: pytest.CaptureFixture[str]) -> Any:
    """What a command printed as JSON."""
    return json.loads(capsys.readouterr().out)


def test_a_replay_prints_its_trades_and_is_the_backtest(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "paper.sqlite"
    arguments = [
        "replay",
        str(data),
        "--profile",
        "tv-literal",
        "--set",
        "useWindow=false",
        "--journal",
        str(path),
    ]
    assert run(live_app, arguments, name="kwin-live") == 0
    printed = capsys.readouterr().out
    first = int(fixture_bars()["time_ms"][500])
    result = backtest(
        data,
        profile="tv-literal",
        params={"use_window": False},
        trade_from=np.datetime64(first, "ms").item().isoformat() + "Z",
    )
    assert printed.count(" -> ") == len(result.trades) - int(result.trades["is_open"].sum())
    assert f"{BARS} new bars" in printed
    assert run(live_app, arguments, name="kwin-live") == 0
    assert "the journal has them all already" in capsys.readouterr().out
    assert run(live_app, [*arguments, "--json"], name="kwin-live") == 0
    again = out(capsys)
    assert again["bars"] == 0, "a second run goes on where the first one ended"
    assert again["digest_emulator"] == result.summary["digest"]


def test_status_reads_a_journal(journal: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(live_app, ["status", str(journal), "--json"], name="kwin-live") == 0
    found = out(capsys)
    assert found["profile"] == "intent"
    assert found["stopped"] is True
    (stream,) = found["streams"]
    assert stream["stream"] == "linear ETHUSDT 15m"
    assert stream["executions"] > 0
    assert run(live_app, ["status", str(journal)], name="kwin-live") == 0
    assert "linear ETHUSDT 15m" in capsys.readouterr().out
    assert run(live_app, ["status", str(journal.with_name("none"))], name="kwin-live") == ExitCode.JOURNAL


def test_settings_are_shown_with_their_origin(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "live.toml"
    path.write_text(config(tmp_path, "http://127.0.0.1:9", "ws://127.0.0.1:9"), encoding="utf-8")
    assert run(live_app, ["settings", str(path), "--set", "policy.look_s=5"], name="kwin-live") == 0
    printed = capsys.readouterr().out
    assert "policy.look_s" in printed
    assert "command line" in printed
    assert (
        run(live_app, ["settings", str(path), "--set", "policy.lok_s=5"], name="kwin-live") == ExitCode.USAGE
    )
    assert "unknown key policy.lok_s" in capsys.readouterr().err


def config(folder: Path, rest: str, stream: str, **changes: str) -> str:
    """A paper deployment on these addresses."""
    values = {"profile": "intent", "journal": str(folder / "live.sqlite"), "clock": "2000", **changes}
    return f"""
[deployment]
journal = "{values["journal"]}"
venue = "paper"
profile = "{values["profile"]}"
warmup_bars = 20

[[symbols]]
symbol = "ETHUSDT"

[network]
rest_url = "{rest}"
stream_url = "{stream}"
rest_timeout_s = 1.0
clock_limit_ms = {values["clock"]}
"""


def live(path: Path, seconds: float = 60.0) -> subprocess.CompletedProcess[str]:
    """``kwin-live run`` as a process, until it ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "engines.live.cli", "run", str(path)],
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    """The line that says why."""
    return done.stderr.strip().splitlines()[-1]


def test_an_exchange_that_cannot_be_reached_is_a_line_and_a_code(tmp_path: Path) -> None:
    path = tmp_path / "live.toml"
    path.write_text(config(tmp_path, "http://127.0.0.1:9", "ws://127.0.0.1:9"), encoding="utf-8")
    done = live(path)
    assert done.returncode == ExitCode.VENUE
    assert last_line(done).startswith("error: the exchange's time cannot be read")


@pytest.mark.slow
def test_failures_at_the_start_have_their_codes(tmp_path: Path) -> None:
    """A clock off by 10 s, a journal of another version, of another profile, in use: a line and a code each."""
    bars = fixture_bars()[:400].copy()
    start_ms = int(bars["time_ms"][350]) + 5_000
    with exchange_with(bars, start_ms) as exchange:
        path = tmp_path / "live.toml"

        def write(**changes: str) -> None:
            path.write_text(config(tmp_path, exchange.url, exchange.ws_url, **changes), encoding="utf-8")

        write()  # the simulator plays another year: this machine's clock is off
        done = live(path)
        assert done.returncode == ExitCode.CLOCK
        assert "this machine's clock is" in last_line(done)
        assert "let NTP set it" in last_line(done)
        assert not (tmp_path / "live.sqlite").exists()
        write(clock=str(10**13))
        running = subprocess.Popen(
            [sys.executable, "-m", "engines.live.cli", "run", str(path)], stderr=subprocess.PIPE, text=True
        )
        try:
            _wait_for_bars(tmp_path / "live.sqlite")
            done = live(path)
            assert done.returncode == ExitCode.SECOND_INSTANCE
            assert "in use by process" in last_line(done)
            assert run(live_app, ["status", str(tmp_path / "live.sqlite"), "--json"], name="kwin-live") == 0
        finally:
            running.terminate()
            assert running.wait(10.0) == 0
        write(clock=str(10**13), profile="tv-literal")
        done = live(path)
        assert done.returncode == ExitCode.JOURNAL
        assert "give every deployment its own journal" in last_line(done)
        with sqlite3.connect(tmp_path / "live.sqlite") as connection:
            connection.execute("PRAGMA user_version = 99")
        connection.close()
        write(clock=str(10**13))
        done = live(path)
        assert done.returncode == ExitCode.JOURNAL
        assert "schema version 99 of a newer program" in last_line(done)


def _wait_for_bars(path: Path) -> None:
    from tests.live_feed.rig import until

    def some() -> bool:
        if not path.exists():
            return False
        try:
            with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
                return bool(connection.execute("SELECT count(*) FROM bars").fetchone()[0])
        except sqlite3.OperationalError:
            return False

    until(some, "the deployment records bars")


@pytest.mark.parametrize(
    ("missing", "command"), [("pybit", "settings"), ("pybit", "run"), ("pydantic", "check")]
)
def test_without_the_extra_one_line_names_it(missing: str, command: str) -> None:
    """Installed as README's first command does it: no traceback."""
    program = f"import sys; sys.modules[{missing!r}] = None; from engines.live.cli import main; main()"
    config = str(PROJECT_ROOT / "live.example.toml")
    done = subprocess.run(
        [sys.executable, "-c", program, command, config], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"error: {missing} is not installed: pip install 'kwin[live]'\n"
