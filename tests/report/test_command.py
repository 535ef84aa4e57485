"""``kwin-backtest`` with --report, --png, --paths and --magnifier."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engines import backtest
from engines.backtest_cli import app
from engines.command_line import run
from feeds.facts import Facts
from feeds.write import write_bars
from fixtures.make_ethusdt_like import PATH
from kwin_core.bars import MINUTE_MS
from tests.paths.test_paths import minutes

WORDS = (str(PATH), "--no-window", "--end", "2025-02-01")


def call(*words: object) -> int:
    return run(app, [str(word) for word in words], name="kwin-backtest")


def test_a_picture_beside_the_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The picture needs no other path, the files are as without it, and the screen names both."""
    assert call(*WORDS, "--png", tmp_path / "run.png", "--out", tmp_path / "out") == 0
    shown = capsys.readouterr().out
    assert f"picture {tmp_path / 'run.png'}" in shown
    assert f"files   {tmp_path / 'out'}" in shown
    assert (tmp_path / "run.png").stat().st_size > 20_000
    content = json.loads((tmp_path / "out" / "result.json").read_text())
    assert content["digest"] == backtest(PATH, end="2025-02-01", params={"use_window": False}).digest
    assert "paths" not in content


@pytest.mark.slow
def test_a_report_with_its_paths(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(*WORDS, "--report", tmp_path / "run.html", "--json") == 0
    content = json.loads(capsys.readouterr().out)
    assert [row["path"] for row in content["paths"]["readings"]] == ["assumed", "opposite"] * 2
    assert content["paths"]["readings"][0]["digest"] == content["digest"]
    page = (tmp_path / "run.html").read_text(encoding="utf-8")
    assert content["paths"]["verdict"] in page
    assert call(*WORDS, "--paths") == 0
    assert content["paths"]["verdict"] in capsys.readouterr().out.replace("\n", " ")


@pytest.mark.slow
def test_a_chart_made_of_its_shorter_bars(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without DATA the minutes make the chart, 15m or as asked; facts come from their file."""
    path = tmp_path / "minutes.parquet"
    write_bars(path, minutes(15 * 2_000), Facts("ETHUSDT", MINUTE_MS, 0.01, 0.01))
    assert call("--magnifier", path, "--no-window", "--json") == 0
    content = json.loads(capsys.readouterr().out)
    assert (content["bars"], content["timeframe"], content["symbol"]) == (2_000, "15m", "ETHUSDT")
    assert content["paths"]["coverage"] == {"bars": 2_000, "covered": 2_000, "agreeing": 2_000}
    assert content["paths"]["judged_by"] == "real"
    assert call("--magnifier", path, "--no-window", "--timeframe", "5m", "--json") == 0
    assert json.loads(capsys.readouterr().out)["bars"] == 6_000
