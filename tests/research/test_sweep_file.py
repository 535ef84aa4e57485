"""Bad sweeps through the real command: one line, exit code 2, and nothing is written."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from engines.command_line import run
from engines.research.sweep_cli import app
from engines.research.sweep_file import EXAMPLE, read_sweep_file
from tests.engines.test_command import listed
from tests.research.runs import bars_file

GRID = "[fixed]\nuse_window = false\n[space]\nswing_len = [2, 3]\n"

BAD_FILES = {
    "missing file": (None, (), r"grid\.toml: cannot be read \(No such file"),
    "no TOML": ("swing_len = [2", (), r"grid\.toml: not TOML .*; the TOML file comes last"),
    "no space": ("rank = 'sharpe'\n", (), r"\[space\] is missing or empty"),
    "empty space": ("[space]\n", (), r"\[space\] is missing or empty"),
    "unknown key": ("methods = 'grid'\n" + GRID, (), r"unknown key 'methods': did you mean method\?"),
    "an input at the top": ("swing_len = 3\n" + GRID, (), r"unknown key 'swing_len'.*under \[space\] or \[fixed\]"),
    "unknown input": ("[space]\nswing_lenght = [2]\n", (), r"unknown input 'swing_lenght'.*swing_len"),
    "unknown fixed input": ("[fixed]\nfoo = 1\n" + GRID.partition("false\n")[2], (), r"\[fixed\]: unknown input 'foo'"),
    "impossible range": ("[space]\nswing_len = { low = 9, high = 2 }\n", (), r"low 9 is above high 2"),
    "out of range": ("[space]\nswing_len = { low = 0, high = 2 }\n", (), r"swing_len = 0: must be at least 1"),
    "negative step": ("[space]\nswing_len = { low = 1, high = 2, step = -1 }\n", (), r"step = -1: must be positive"),
    "unknown preset": ("preset = 'tripple'\n" + GRID, (), r"unknown preset 'tripple'"),
    "unknown profile": ("profile = 'hope'\n" + GRID, (), r"unknown profile 'hope'"),
    "unknown method": ("method = 'genetic'\n" + GRID, (), r"method = 'genetic': choose one of grid"),
    "unknown statistic": ("rank = 'sharp'\n" + GRID, (), r"unknown statistic 'sharp': did you mean sharpe"),
    "wrong type": ("sets = 'many'\n" + GRID, (), r"sets = 'many': expected a whole number"),
    "negative seed": ("seed = -1\n" + GRID, (), r"seed = -1: expected a whole number, 0 or more"),
    "negative trades": (GRID, ("--min-trades", "-3"), r"min_trades = -3: expected a whole number"),
    "search without a number": ("method = 'search'\n" + GRID, (), r"a search needs a number of sets"),
    "unknown walk key": (GRID + "[walk_forward]\nin = 3\n", (), r"unknown key 'in' in \[walk_forward\]"),
    "half a walk": (GRID + "[walk_forward]\nin_sample = 3\n", (), r"\[walk_forward\] needs out_of_sample"),
    "too long a walk": (
        GRID + "[walk_forward]\nin_sample = 300\nout_of_sample = '30d'\n", (), r"nothing is left to test"
    ),
    "walk inside the window": (
        "[space]\nswing_len = [2]\n[walk_forward]\nin_sample = 3\nout_of_sample = 3\n",
        (),
        r"a walk-forward needs use_window = false",
    ),
    "two places to run": (GRID, ("--scheduler", "tcp://127.0.0.1:1", "--workers", "2"), r"give one"),
    "bad start": (GRID, ("--start", "yesterday"), r"--start: "),
    "no bars left": (GRID, ("--start", "2031-01-01"), r"no bars from 2031-01-01"),
    "unknown option": (GRID, ("--treads", "2"), r"No such option"),
}  # fmt: skip


def words_of(name: str, folder: Path) -> list[str]:
    text, words, _ = BAD_FILES[name]
    if text is not None:
        (folder / "grid.toml").write_text(text)
    return [str(bars_file(folder, 400)), str(folder / "grid.toml"), "--out", str(folder / "out"), *words]


def check(name: str, folder: Path, call: Callable[[list[str]], tuple[int, str, str]]) -> None:
    words = words_of(name, folder)
    before = listed(folder)
    code, out, err = call(words)
    assert code == 2, err
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert re.search(BAD_FILES[name][2], err), err
    assert listed(folder) == before


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_sweep_is_one_line(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check(name, tmp_path, lambda words: (run(app, words, name="kwin-sweep"), *capsys.readouterr()))


@pytest.mark.slow
@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_sweep_through_the_real_command(name: str, tmp_path: Path) -> None:
    def call(words: list[str]) -> tuple[int, str, str]:
        command = [sys.executable, "-m", "engines.research.sweep_cli", *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stdout, done.stderr

    check(name, tmp_path, call)


def test_without_a_grid_the_command_asks_for_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(app, [str(bars_file(tmp_path, 400))], name="kwin-sweep") == 2
    assert capsys.readouterr().err.startswith("error: which bars and which grid?")


def test_the_example_is_a_complete_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(app, ["--example"], name="kwin-sweep") == 0
    assert capsys.readouterr().out == EXAMPLE
    (tmp_path / "grid.toml").write_text(EXAMPLE.replace("# [walk", "[walk").replace("\n# ", "\n"))
    file = read_sweep_file(tmp_path / "grid.toml")
    assert file.walk_forward == {"in_sample": "180d", "out_of_sample": "30d", "anchored": False}
    assert file.fixed == {"use_window": False}


def test_help_needs_neither_the_compiler_nor_pandas() -> None:
    script = (
        "import sys; from engines.research.sweep_cli import app; from engines.command_line import run;"
        "run(app, ['--help'], name='kwin-sweep');"
        "print(sorted({'numba', 'pandas', 'pyarrow', 'numpy', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.rstrip().endswith("[]")
    assert "kwin-sweep ETHUSDT_15m.parquet grid.toml" in done.stdout
