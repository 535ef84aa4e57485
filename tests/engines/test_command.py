"""``kwin-backtest`` as a command: what it prints and writes, and one clear line for every bad input."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from engines import backtest
from engines.backtest_cli import app
from engines.command_line import run
from engines.run_files import NAMES
from feeds.facts import Facts
from feeds.write import write_bars
from fixtures.make_ethusdt_like import PATH
from kwin_core.kwin.inputs import BY_NAME, INPUTS
from tests.engines.bad_inputs import BAD_INPUTS, table_of, without_row, write_table
from tests.feeds.bars_of import good_bars

REQUIRED = (
    "preset", "profile", "params", "params_hash", "data", "bars", "trades_closed", "trades_open", "net_profit",
    "max_drawdown", "profit_factor", "win_rate", "commission", "digest", "seconds", "bars_per_second",
)  # fmt: skip


def listed(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


class Shell:
    """Runs the command in this process and keeps what it printed."""

    def __init__(self, capture: pytest.CaptureFixture[str]) -> None:
        self._capture = capture
        self.out = self.err = ""

    def __call__(self, *words: object) -> int:
        code = run(app, [str(word) for word in words], name="kwin-backtest")
        self.out, self.err = self._capture.readouterr()
        return code

    def json(self, *words: object) -> dict[str, Any]:
        assert self(*words, "--json") == 0, self.err
        content: dict[str, Any] = json.loads(self.out)
        return content


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


def process(*words: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "engines.backtest_cli", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, **options)


@pytest.mark.parametrize("name", BAD_INPUTS)
def test_bad_input_is_one_line_and_nothing_is_written(name: str, shell: Shell, tmp_path: Path) -> None:
    check_refusal(name, tmp_path, lambda words: (shell(*words), shell.out, shell.err))


@pytest.mark.slow
@pytest.mark.parametrize("name", BAD_INPUTS)
def test_bad_input_through_the_real_command(name: str, tmp_path: Path) -> None:
    def call(words: list[str]) -> tuple[int, str, str]:
        done = process(*words)
        return done.returncode, done.stdout, done.stderr

    check_refusal(name, tmp_path, call)


def check_refusal(name: str, folder: Path, call: Any) -> None:
    """Exit code 2, one line on stderr that says what and where, and a folder as it was."""
    words = BAD_INPUTS[name].make(folder)
    if words and "--out" not in words:
        words += ["--out", str(folder / "result")]
    before = listed(folder)
    code, out, err = call(words)
    assert code == 2
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert re.search(BAD_INPUTS[name].says, err), err
    assert listed(folder) == before


def test_a_gap_is_accepted_when_allowed(shell: Shell, tmp_path: Path) -> None:
    columns = table_of()
    without_row(columns)
    path = write_table(tmp_path / "bars.parquet", columns)
    assert shell(path, "--tick", 0.01) == 2
    assert shell.json(path, "--tick", 0.01, "--allow-gaps", "--no-window")["bars"] == 199


def test_json_is_the_content_of_result_json(shell: Shell, tmp_path: Path) -> None:
    """All promised keys; the command and backtest() are one run."""
    content = shell.json(PATH, "--out", tmp_path / "deep" / "result")
    assert set(REQUIRED) <= set(content)
    assert content == json.loads((tmp_path / "deep" / "result" / "result.json").read_text())
    assert listed(tmp_path / "deep" / "result") == sorted(NAMES)
    result = backtest(PATH)
    assert content["digest"] == result.digest
    assert content["params"] == result.params
    assert content["data"] == str(PATH)
    assert content["intent"]["profile"] == "intent"
    for name in ("equity", "signals"):
        assert pq.read_metadata(tmp_path / "deep" / "result" / f"{name}.parquet").num_rows == 24_000


def test_summary_warns_first(shell: Shell) -> None:
    assert shell(PATH) == 0
    lines = shell.out.splitlines()
    assert lines[0].startswith("NOT AN EDGE")
    assert any(line.split() == ["tv-literal", "intent"] for line in lines)
    assert shell.err == ""


def test_inputs_by_any_name_from_file_and_command_line(shell: Shell, tmp_path: Path) -> None:
    """The file over the defaults, --set over the file, --no-window over both; Pine names or ours; TOML times."""
    (tmp_path / "p.toml").write_text(
        "riskPct = 1.5\ntrail_lookback = 20\nuseBarTrail = false\nstart_time = 2025-07-01T00:00:00Z\n"
    )
    words = ["--params", tmp_path / "p.toml", "--set", "risk_pct=2", "--set", "barPriority=Prefer Bull"]
    found = shell.json(PATH, *words)["params"]
    assert (found["risk_pct"], found["trail_lookback"], found["use_bar_trail"]) == (2.0, 20, False)
    assert (found["bar_priority"], found["use_window"]) == ("Prefer Bull", True)
    assert found["start_time_ms"] == 1_751_328_000_000
    assert shell.json(PATH, *words, "--no-window")["params"]["use_window"] is False


def test_options_reach_the_run(shell: Shell) -> None:
    """Each option gives the run that backtest() gives with the same argument, and not the one without it."""
    plain = backtest(PATH, params={"use_window": False}).digest
    for words, arguments in (
        (["--start", "2025-03-01T00:15Z"], {"start": "2025-03-01T00:15Z"}),
        (["--end", "2025-03-01"], {"end": "2025-03-01"}),
        (["--trade-from", "2025-03-01"], {"trade_from": "2025-03-01"}),
        (["--capital", "5000"], {"capital": 5_000.0}),
        (["--margin", "100"], {"margin": 100.0}),
        (["--tick", "0.1"], {"tick": 0.1}),
        (["--lot", "0.1"], {"lot": 0.1}),
        (["--profile", "intent"], {"profile": "intent"}),
        (["--preset", "classic", "--lot", "0"], {"preset": "classic", "lot": 0.0}),
    ):
        content = shell.json(PATH, "--no-window", *words)
        assert content["digest"] == backtest(PATH, params={"use_window": False}, **arguments).digest, words
        assert content["digest"] != plain, words
    assert shell.json(PATH, "--now", "2025-08-20")["digest"] == backtest(PATH, now="2025-08-20").digest


def test_inputs_are_listed_with_their_names_defaults_and_ranges(shell: Shell) -> None:
    assert shell("--inputs") == 0
    assert "risk_pct (riskPct) = 3, 0.1 to 50" in shell.out
    assert 'bar_priority (barPriority) = "Skip", one of "Skip"' in shell.out
    assert max(map(len, shell.out.splitlines())) <= 80
    for preset in ("dual-sfp", "classic", "classic-quality"):
        listing = shell.json("--inputs", "--preset", preset)["inputs"]
        assert [item["name"] for item in listing] == [
            item.name for item in INPUTS if not item.only or preset in item.only
        ]
        for item in listing:
            assert item["default"] == BY_NAME[item["name"]].default_for(preset)
            assert (item["low"], item["high"]) == BY_NAME[item["name"]].range_for(preset)


def test_help_needs_nothing_heavy() -> None:
    """--help comes without numpy, numba, pyarrow, pandas or rich: that is what makes it quick."""
    code = (
        "import sys; from engines.backtest_cli import app; from engines.command_line import run;"
        "code = run(app, ['--help'], name='kwin-backtest');"
        "heavy = {'numpy', 'numba', 'pyarrow', 'pandas', 'rich'} & set(sys.modules);"
        "sys.stderr.write(f'{code} {heavy}')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == "0 set()"
    for word in ("--trade-from", "--allow-gaps", "--inputs", "Examples", "Exit codes"):
        assert word in done.stdout


def test_a_run_does_not_import_pandas(tmp_path: Path) -> None:
    """Nor plotly: the command writes its files and its summary without them."""
    code = (
        "import sys; from engines.backtest_cli import app; from engines.command_line import run;"
        f"run(app, [{str(PATH)!r}, '--out', {str(tmp_path / 'result')!r}], name='kwin-backtest');"
        "sys.stderr.write(str({'pandas', 'plotly'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.stderr == "set()"
    assert listed(tmp_path / "result") == sorted(NAMES)


@pytest.mark.slow
def test_interrupt_is_clean(tmp_path: Path) -> None:
    """Ctrl+C: one line, exit code 130, nothing written."""
    path = tmp_path / "long.parquet"
    write_bars(path, good_bars(4_000_000, timeframe_ms=60_000), Facts("ETHUSDT", 60_000, 0.01, 0.01))
    process(PATH)  # what is to be compiled is compiled
    out = tmp_path / "result"
    command = [sys.executable, "-m", "engines.backtest_cli", str(path), "--no-window", "--out", str(out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        signals = out / ".partial" / "signals.parquet"
        for _ in range(1200):
            if signals.exists() and signals.stat().st_size > 100_000:
                break
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        printed, error = running.communicate(timeout=120)
    assert (running.returncode, printed, error) == (130, "", "error: interrupted; nothing was written\n")
    assert listed(tmp_path) == ["long.parquet"]


@pytest.mark.slow
def test_ten_years_of_minutes_stay_within_memory(tmp_path: Path) -> None:
    """5 256 000 bars with all outputs in less than 400 MB, and every row is there."""
    psutil = pytest.importorskip("psutil")
    path, count = tmp_path / "minutes.parquet", 5_256_000
    bars = good_bars(count, timeframe_ms=60_000)
    for name in ("open", "high", "low", "close"):
        bars[name] += 3_000.0  # a random walk of so many steps stays above zero
    assert np.all(bars["low"] > 0)
    write_bars(path, bars, Facts("ETHUSDT", 60_000, 0.01, 0.01))
    out = tmp_path / "result"
    command = [
        sys.executable,
        "-m",
        "engines.backtest_cli",
        str(path),
        "--no-window",
        "--json",
        "--out",
        str(out),
    ]
    peak = 0
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as running:
        watched = psutil.Process(running.pid)
        while running.poll() is None:
            try:
                peak = max(peak, watched.memory_info().rss)
            except psutil.NoSuchProcess:
                break
            time.sleep(0.02)
        assert running.stderr is not None
        error = running.stderr.read()
    assert running.returncode == 0, error
    assert pq.read_metadata(out / "signals.parquet").num_rows == count
    assert json.loads((out / "result.json").read_text())["bars"] == count
    assert peak < 400e6, f"{peak / 1e6:.0f} MB"


@pytest.mark.slow
def test_progress_on_a_terminal_only_when_it_takes_time() -> None:
    """On a terminal: nothing for quick work, bars and a count after a second; without a terminal nothing."""
    code = (
        "import time; from engines.progress import BarProgress\n"
        "with BarProgress(1000) as progress:\n"
        "    for step in range({steps}):\n"
        "        progress.update(step * 10)\n"
        "        time.sleep(0.1)\n"
    )
    assert "running KWIN" in on_terminal(code.format(steps=25))
    assert on_terminal(code.format(steps=2)).strip() == ""
    piped = subprocess.run(
        [sys.executable, "-c", code.format(steps=15)], capture_output=True, text=True, timeout=60, check=True
    )
    assert piped.stderr == piped.stdout == ""


def on_terminal(code: str) -> str:
    """What a program shows on a terminal."""
    import pty

    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80"}
    with subprocess.Popen([sys.executable, "-c", code], stdout=theirs, stderr=theirs, env=environment):
        os.close(theirs)
        shown = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            shown += part
    os.close(ours)
    return shown.decode(errors="replace")
