"""A sweep stopped at any moment goes on where it was, and ends with the same bytes."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from engines import sweep
from engines.research.sweeping import Progress
from kwin_core.errors import ConfigError
from tests.research.runs import FIXED, bars_file

pytestmark = pytest.mark.slow  # the sweep is compiled once, some 40 s

GRID = """\
profile = "intent"
{method}
[fixed]
use_window = false
[space]
swing_len = {{ low = 2, high = 40 }}
trailing_perc = {{ low = 0.1, high = 2.0, step = 0.1 }}
trail_lookback = {{ low = 2, high = 10, step = 2 }}
"""
METHODS = {"grid": "", "search": 'method = "search"\nsets = 1500', "sobol": 'method = "sobol"\nsets = 2500'}


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "engines.research.sweep_cli", *map(str, words)]


def parts(folder: Path) -> int:
    return len(list((folder / "parts").glob("*.parquet"))) if (folder / "parts").exists() else 0


def stopped(words: list[str], folder: Path, how: signal.Signals) -> tuple[int, str]:
    """Start the command, stop it once a batch is done, and its exit code and error output."""
    running = subprocess.Popen(words, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    deadline = time.monotonic() + 240
    before = parts(folder)
    while parts(folder) <= before and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    running.send_signal(how)
    _, err = running.communicate(timeout=60)
    return running.returncode, err


@pytest.mark.parametrize("method", METHODS)
def test_killed_and_interrupted_it_ends_with_the_same_bytes(method: str, tmp_path: Path) -> None:
    path = bars_file(tmp_path, 12_000)
    (tmp_path / "grid.toml").write_text(GRID.format(method=METHODS[method]))
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    done = subprocess.run(
        command(path, tmp_path / "grid.toml", "--out", whole),
        capture_output=True,
        text=True,
        timeout=400,
        check=True,
    )
    assert "the best by net_profit" in done.stdout
    assert sorted(file.name for file in whole.iterdir()) == ["results.parquet", "sweep.json"]

    words = command(path, tmp_path / "grid.toml", "--out", broken, "--json")
    code, _ = stopped(words, broken, signal.SIGKILL)
    assert code == -signal.SIGKILL
    assert parts(broken) > 0
    assert not (broken / "results.parquet").exists()
    kept = {file: file.stat().st_mtime_ns for file in (broken / "parts").glob("*.parquet")}

    code, err = stopped(words, broken, signal.SIGINT)
    assert code == 130
    assert re.search(
        r"^error: interrupted; what was finished is kept in .*the same command goes on from there$", err, re.M
    )
    assert all(file.stat().st_mtime_ns == when for file, when in kept.items())  # not done again

    last = max(kept)
    last.write_bytes(last.read_bytes()[:-20])  # a damaged part is done again
    done = subprocess.run(words, capture_output=True, text=True, timeout=400, check=True)
    assert (broken / "results.parquet").read_bytes() == (whole / "results.parquet").read_bytes()
    assert not (broken / "parts").exists()
    best = json.loads(done.stdout)["best"]
    assert best[0]["net_profit"] == pq.read_table(whole / "results.parquet")["net_profit"].to_pandas().max()


def test_a_finished_sweep_is_read_not_made_again(tmp_path: Path) -> None:
    path = bars_file(tmp_path)
    seen: list[Progress] = []
    options = {"profile": "intent", "params": FIXED, "out": tmp_path / "out"}
    first = sweep(path, {"swing_len": [2, 3]}, on_progress=seen.append, **options)
    again = sweep(path, {"swing_len": [2, 3]}, on_progress=seen.append, **options)
    assert len(seen) == 1
    assert again.table.equals(first.table)
    ranked = sweep(path, {"swing_len": [2, 3]}, rank="sharpe", min_trades=3, **options)
    assert ranked.table.equals(first.table)  # another ranking is no other sweep


def test_a_file_of_results_names_its_profile_and_bars(tmp_path: Path) -> None:
    """Copied away from its folder it still says what it is: two readings of one strategy are never mixed."""
    path, out = bars_file(tmp_path), tmp_path / "out"
    found = sweep(path, {"swing_len": [2, 3]}, profile="intent", params=FIXED, capital=500.0, out=out)
    found.save(tmp_path / "mine.parquet")
    for file in (out / "results.parquet", tmp_path / "mine.parquet"):
        said = json.loads(pq.read_schema(file).metadata[b"kwin.sweep"])
        assert (said["profile"], said["preset"], said["capital"]) == ("intent", "dual-sfp", 500.0)
        assert said["fixed"] == FIXED
        assert said["data"][0]["bars"] == found.about["data"][0]["bars"]
        assert pq.read_table(file).equals(found.table)


@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_damaged_results_are_made_again(damage: str, tmp_path: Path) -> None:
    """A disk that loses the end of the file, or changes one bit in a page of numbers, which decodes all the same."""
    path, out = bars_file(tmp_path), tmp_path / "out"
    options = {"profile": "intent", "params": FIXED, "out": out}
    sweep(path, {"swing_len": [2, 3]}, **options)
    results = out / "results.parquet"
    whole = results.read_bytes()
    page = pq.ParquetFile(results).metadata.row_group(0).column(0)
    changed = bytearray(whole)
    changed[page.data_page_offset + page.total_compressed_size // 2] ^= 1
    results.write_bytes(whole[:-100] if damage == "cut" else bytes(changed))
    sweep(path, {"swing_len": [2, 3]}, **options)
    assert results.read_bytes() == whole


def test_a_folder_of_another_sweep_is_refused(tmp_path: Path) -> None:
    path = bars_file(tmp_path)
    out = tmp_path / "out"
    sweep(path, {"swing_len": [2, 3]}, profile="intent", params=FIXED, out=out)
    for space, options in (
        ({"swing_len": [2, 4]}, {"profile": "intent"}),
        ({"swing_len": [2, 3]}, {"profile": "tv-literal"}),
        ({"swing_len": [2, 3]}, {"profile": "intent", "capital": 1_000.0}),
        ({"swing_len": [2, 3]}, {"profile": "intent", "end": "2025-01-20"}),
    ):
        with pytest.raises(ConfigError, match=r"holds another sweep .*choose another folder"):
            sweep(path, space, params=FIXED, out=out, **options)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(ConfigError, match=r"there are other files in it"):
        sweep(path, {"swing_len": [2]}, params=FIXED, out=tmp_path / "mine")
    (out / "sweep.json").write_text("{")
    with pytest.raises(ConfigError, match=r"sweep\.json: damaged"):
        sweep(path, {"swing_len": [2, 3]}, profile="intent", params=FIXED, out=out)


def test_an_empty_result_is_exit_code_1(tmp_path: Path) -> None:
    (tmp_path / "grid.toml").write_text(
        "profile = 'intent'\n[fixed]\nuse_window = false\n[space]\nswing_len = [2, 3]\n"
    )
    words = command(
        bars_file(tmp_path), tmp_path / "grid.toml", "--out", tmp_path / "out", "--min-trades", 9_999
    )
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 1
    assert re.fullmatch(r"error: none of 2 sets has 9999 trades; the most is \d+\n", done.stderr)
    assert (tmp_path / "out" / "results.parquet").exists()
