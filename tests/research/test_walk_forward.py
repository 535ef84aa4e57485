"""Walk-forward: every step is a sweep and a backtest that could have been made by hand."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from engines import backtest, load, sweep, walk_forward
from engines.command_line import run
from engines.research.held import hold
from engines.research.sweep_cli import app
from engines.source import Cut, open_source
from feeds.facts import Facts
from feeds.instants import iso
from fixtures.make_ethusdt_like import PATH
from kwin_core.bars import DAY_MS
from kwin_core.errors import ConfigError, DataError
from tests.research.runs import FIXED, bars_file

pytestmark = pytest.mark.slow  # the sweep is compiled once, some 40 s

SPACE = {"swing_len": [2, 4, 8], "trailing_perc": [0.3, 0.6]}
OPTIONS = {"profile": "intent", "params": FIXED, "rank": "profit_factor", "min_trades": 5}


@pytest.mark.parametrize("anchored", [False, True])
def test_every_step_can_be_made_by_hand(anchored: bool, tmp_path: Path) -> None:
    path = bars_file(tmp_path, 6_000)
    walk = walk_forward(path, SPACE, in_sample="30d", out_of_sample="10d", anchored=anchored, **OPTIONS)
    assert len(walk.steps) == 4
    capital = 300.0
    equity = []
    for step in walk.steps:
        window = step.window
        start, split, end = (iso(ms) for ms in (window.start_ms, window.split_ms, window.end_ms))
        best = sweep(path, SPACE, start=start, end=split, **OPTIONS).best()
        assert step.chosen == {name: best[name] for name in SPACE}
        assert step.in_sample == best
        assert step.capital == capital
        by_hand = backtest(
            path, profile="intent", params={**FIXED, **step.chosen},
            start=start, end=end, trade_from=split, capital=capital,
        )  # fmt: skip
        assert step.result is not None
        assert step.result.digest == by_hand.digest
        assert (by_hand.trades["entry_time"] >= pd.Timestamp(split)).all()
        part = by_hand.equity[by_hand.equity.index >= pd.Timestamp(split)]["equity"]
        equity.append(part)
        capital = float(part.iloc[-1])
    joined = pd.concat(equity)
    np.testing.assert_array_equal(walk.equity["equity"], joined)
    assert walk.equity.index.is_monotonic_increasing
    assert walk.equity.index.is_unique
    assert walk.summary["net_profit"] == joined.iloc[-1] - 300.0
    assert walk.summary["trades_closed"] == int((~walk.trades["is_open"]).sum()) > 10
    daily = joined.groupby(joined.index.floor("D")).last()
    returns = np.diff(np.concatenate(([300.0], daily))) / np.concatenate(([300.0], daily[:-1]))
    assert walk.summary["sharpe"] == pytest.approx(returns.mean() / returns.std(ddof=1) * np.sqrt(365))
    assert list(walk.windows["profit_factor in sample"]) == [
        step.in_sample["profit_factor"] for step in walk.steps
    ]


def test_a_gap_leaves_out_the_windows_it_empties() -> None:
    """Forty days are missing: four stretches of ten days have no bars, the one after them has none in sample."""
    bars = load(PATH)
    day = (bars.index - bars.index[0]).days
    gap = bars[(day < 45) | ((day >= 85) & (day < 110))]
    gap.attrs = bars.attrs
    walk = walk_forward(gap, SPACE, in_sample=15, out_of_sample=10, allow_gaps=True, **OPTIONS)
    begins = [(step.window.split_ms - walk.steps[0].window.start_ms) // DAY_MS for step in walk.steps]
    assert begins == [15, 25, 35, 95, 105]
    assert walk.equity.index.isin(gap.index).all()
    assert len(walk.equity) == 96 * (30 + 15)
    with pytest.raises(DataError, match="no window has bars both in sample and out of sample"):
        walk_forward(
            gap[(day[: len(gap)] < 5) | (gap.index >= bars.index[96 * 100])],
            SPACE, in_sample=10, out_of_sample=5, end=bars.index[96 * 101], allow_gaps=True,
            symbol="ETHUSDT", timeframe="15m", tick=0.01, lot=0.01, **OPTIONS,
        )  # fmt: skip


def test_a_window_without_a_set_that_counts_is_not_traded(tmp_path: Path) -> None:
    path = bars_file(tmp_path, 6_000)
    walk = walk_forward(path, SPACE, in_sample=30, out_of_sample=10, **{**OPTIONS, "min_trades": 10_000})
    assert walk.summary["windows_traded"] == 0
    assert (walk.equity["equity"] == 300.0).all()
    assert walk.trades.empty
    assert walk.summary["sharpe"] is None


def test_the_strategys_own_window_is_refused(tmp_path: Path) -> None:
    path = bars_file(tmp_path)
    for params, space in (({}, SPACE), (FIXED, {**SPACE, "useWindow": [True]})):
        with pytest.raises(ConfigError, match="switch the strategy's own time window off"):
            walk_forward(path, space, params=params, in_sample=10, out_of_sample=5)


def test_through_the_command(tmp_path: Path) -> None:
    text = (
        "profile = 'intent'\nrank = 'profit_factor'\nmin_trades = 5\n[fixed]\nuse_window = false\n[space]\n"
        "swing_len = [2, 4, 8]\ntrailing_perc = [0.3, 0.6]\n[walk_forward]\nin_sample = '30d'\nout_of_sample = 10\n"
    )
    (tmp_path / "walk.toml").write_text(text)
    path = bars_file(tmp_path, 6_000)
    words = [
        sys.executable,
        "-m",
        "engines.research.sweep_cli",
        path,
        tmp_path / "walk.toml",
        "--out",
        tmp_path / "out",
    ]
    done = subprocess.run(
        [*map(str, words), "--json"], capture_output=True, text=True, timeout=300, check=True
    )
    walk = walk_forward(path, SPACE, in_sample=30, out_of_sample=10, **OPTIONS)
    assert json.loads(done.stdout)["net_profit"] == walk.summary["net_profit"]
    written = json.loads((tmp_path / "out" / "walk_forward.json").read_text())
    assert written == json.loads(done.stdout)
    assert written["data"]["bars"] == hold(open_source(path, Facts(), Cut())).digest
    assert "swing_len" in written["space"]
    assert written["rank"] == "profit_factor"
    assert written["min_trades"] == 5
    assert written["out_of_sample_ms"] == 10 * DAY_MS
    equity = pd.read_parquet(tmp_path / "out" / "equity.parquet")
    np.testing.assert_array_equal(equity["equity"], walk.equity["equity"])
    assert len(pd.read_parquet(tmp_path / "out" / "windows.parquet")) == 4
    again = subprocess.run([*map(str, words)], capture_output=True, text=True, timeout=300, check=False)
    assert again.returncode == 2
    assert "there are files in it" in again.stderr


WALK = (
    "profile = '{profile}'\nrank = 'profit_factor'\n[fixed]\nuse_window = false\n[space]\nswing_len = [2, 4]\n"
    "[walk_forward]\nin_sample = '30d'\nout_of_sample = 10\n"
)


def test_a_walk_that_the_assumed_path_dominates_says_so_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Out of sample the literal reading is as good as in sample: the path is assumed there too."""
    (tmp_path / "walk.toml").write_text(WALK.format(profile="tv-literal"))
    path = bars_file(tmp_path, 6_000)
    words = [str(path), str(tmp_path / "walk.toml"), "--out", str(tmp_path / "out")]
    assert run(app, words, name="kwin-sweep") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("NOT AN EDGE: 4 of 4 traded windows are dominated by the price path assumed")
    assert lines[1] == "walk-forward of dual-sfp, tv-literal: ETHUSDT"
    walk = walk_forward(path, {"swing_len": [2, 4]}, params=FIXED, in_sample="30d", out_of_sample="10d")
    assert "NOT AN EDGE: 4 of 4" in walk._repr_html_()
    assert "<p>&lt;WalkForward dual-sfp tv-literal: 4 windows" in walk._repr_html_()


def test_the_folder_of_a_walk_is_tried_before_the_walk_and_left_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("engines.research.walk_forward.walk", interrupted)
    (tmp_path / "walk.toml").write_text(WALK.format(profile="intent"))
    words = [str(bars_file(tmp_path)), str(tmp_path / "walk.toml"), "--out"]
    (tmp_path / "there").mkdir()
    for name in ("there", "new"):
        assert run(app, [*words, str(tmp_path / name)], name="kwin-sweep") == 130
        assert capsys.readouterr().err == "error: interrupted\n"
        assert (tmp_path / name).exists() == (name == "there")
    for bad in (Path("/proc/nowhere"), tmp_path / "walk.toml"):
        assert run(app, [*words, str(bad)], name="kwin-sweep") == 2
        assert "cannot write there" in capsys.readouterr().err
