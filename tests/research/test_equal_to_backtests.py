"""Every row of a sweep is the backtest of that set: all figures, chain and digest, to the last bit."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engines import backtest, run_strategy, sweep, sweep_strategy
from engines.research.ranking import Ranking
from engines.research.sweeping import Progress
from kwin_core.errors import ConfigError, DataError
from kwin_core.properties import PINE_V6, Instrument
from tests.engines.small_strategy import BUY_AND_CLOSE, params_of, ten_bars
from tests.research.runs import FIXED, SPACE, bars_file, differences, single, wild_sets

pytestmark = pytest.mark.slow  # the sweep is compiled once, some 40 s


@pytest.mark.parametrize("preset", ["dual-sfp", "classic", "classic-quality"])
@pytest.mark.parametrize("profile", ["intent", "tv-literal"])
def test_rows_of_a_grid_are_backtests(preset: str, profile: str, tmp_path: Path) -> None:
    path = bars_file(tmp_path)
    space = {
        name: wish
        for name, wish in SPACE.items()
        if preset != "classic" or not name.startswith(("trail_", "use_"))
    }
    found = sweep(path, space, preset, profile, FIXED, lot=0.0)  # classic's sizes are below any lot
    rows = found.table.to_pylist()
    assert len(rows) == (192 if preset != "classic" else 32)
    assert len({row["digest"] for row in rows}) >= len(rows) // 4  # classic has no trail by default
    assert sum(row["trades_closed"] for row in rows) > 20 * len(rows)
    for row in rows[:: len(rows) // 12]:
        assert row["error"] is None
        assert differences(row, single(path, row, found.names, preset=preset, profile=profile, lot=0.0)) == {}


def test_every_input_at_once(tmp_path: Path) -> None:
    """All inputs of the preset drawn wildly, entry window included; a set that is impossible says what a run says."""
    path = bars_file(tmp_path, 1_500)
    ran = 0
    for k, given in enumerate(wild_sets("dual-sfp", 30, seed=11)):
        swept = {
            name: [given.pop(name)] for name in ("swing_len", "all_na_exit", "period_choice", "use_window")
        }
        profile = "intent" if k % 2 else "tv-literal"
        found = sweep(path, swept, "dual-sfp", profile, given)
        (row,) = found.table.to_pylist()
        params = {**given, **{name: row[name] for name in swept}}
        if row["error"] is None:
            ran += 1
            summary = backtest(path, params=params, profile=profile, keep_bars=False).summary
            assert differences(row, summary) == {}
        else:
            with pytest.raises(DataError, match=re.escape(row["error"])):
                backtest(path, params=params, profile=profile)
    assert ran > 20


def test_neither_threads_nor_company_nor_order_matter(tmp_path: Path) -> None:
    path = bars_file(tmp_path)
    whole = sweep(path, SPACE, profile="intent", params=FIXED, threads=2).table
    assert whole.equals(sweep(path, SPACE, profile="intent", params=FIXED, threads=1).table)
    backwards = {
        "swing_len": list(range(9, 1, -1)),
        **{name: wish for name, wish in SPACE.items() if name != "swing_len"},
    }
    turned = sweep(path, backwards, profile="intent", params=FIXED).table
    assert sorted(turned["digest"].to_pylist()) == sorted(whole["digest"].to_pylist())
    part = sweep(path, {**SPACE, "swing_len": [5]}, profile="intent", params=FIXED).table
    assert part["digest"].to_pylist() == [row["digest"] for row in whole.to_pylist() if row["swing_len"] == 5]


def test_several_files_are_several_sweeps(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    paths = [bars_file(tmp_path, 2_000), bars_file(tmp_path / "b", 1_200, "BTCUSDT", skip=9_000)]
    space = {"swing_len": [2, 3, 4]}
    both = sweep(paths, space, profile="intent", params=FIXED)
    assert both.table["symbol"].to_pylist() == ["ETHUSDT"] * 3 + ["BTCUSDT"] * 3
    assert both.table["set"].to_pylist() == [0, 1, 2] * 2
    for path, first in zip(paths, (0, 3), strict=True):
        alone = sweep(path, space, profile="intent", params=FIXED).table
        assert both.table.slice(first, 3).to_pylist() == alone.to_pylist()


def test_slices_capital_and_trade_from_are_those_of_a_backtest(tmp_path: Path) -> None:
    path = bars_file(tmp_path)
    options = {
        "start": "2025-01-05",
        "end": "2025-01-25T06:15Z",
        "trade_from": "2025-01-10",
        "capital": 5_000.0,
    }
    found = sweep(path, {"swing_len": [2, 4]}, profile="intent", params=FIXED, lot=0.001, **options)
    for row in found.table.to_pylist():
        assert differences(row, single(path, row, found.names, profile="intent", lot=0.001, **options)) == {}
    assert found.about["capital"] == 5_000.0


def test_a_set_that_cannot_run_has_its_line_and_the_others_their_figures(tmp_path: Path) -> None:
    found = sweep(bars_file(tmp_path, 300), {"swing_len": [2, 400, 3]}, profile="intent", params=FIXED)
    rows = found.table.to_pylist()
    assert "too few bars: 300, and the longest look-back of these inputs needs 402" in rows[1]["error"]
    assert rows[1]["net_profit"] is None
    assert rows[0]["error"] is None
    assert rows[0]["digest"] != rows[2]["digest"]
    assert 1 not in found.ranked()["set"].to_list()
    with pytest.raises(ConfigError, match=r"none of 1 sets could be run: .*too few bars"):
        sweep(bars_file(tmp_path, 300), {"swing_len": [400]}, params=FIXED).best()


def test_ranking_counts_trades_and_knows_which_way_is_better(tmp_path: Path) -> None:
    found = sweep(
        bars_file(tmp_path), SPACE, profile="intent", params=FIXED, rank="max_drawdown", min_trades=30
    )
    ranked = found.ranked()
    assert ranked["trades_closed"].min() >= 30
    assert ranked["max_drawdown"].is_monotonic_increasing
    assert found.ranked("sharpe")["sharpe"].is_monotonic_decreasing
    best = found.best("net_profit", 0)
    assert best["net_profit"] == found.frame["net_profit"].max()
    assert found.best_params("net_profit", 0)["use_window"] is False
    assert found.ranked(min_trades=10_000).empty
    with pytest.raises(ConfigError, match=r"none of 192 sets has 10000 trades; the most is \d+"):
        found.best(min_trades=10_000)
    with pytest.raises(ConfigError, match="unknown statistic 'sharp': did you mean sharpe"):
        Ranking("sharp")
    page = found._repr_html_()
    assert "&lt;SweepResult dual-sfp intent: 192 rows" in page  # unescaped it is a tag, which nobody sees
    count = int(found.frame["path_warning"].notna().sum())
    assert count > 0
    assert (
        f"{count} of 192 results are dominated by the price path assumed inside each bar: NOT AN EDGE."
        in page
    )


def test_a_strategy_of_ones_own() -> None:
    """Rows equal `run_strategy`; parameters in neither space nor params are 0."""
    bars = ten_bars()
    properties = PINE_V6.with_(commission_value=0.1)
    facts = Instrument(0.01, 0.01)
    space = {"buy_bar": [1, 2, 3], "qty": [1.0, 2.5]}
    found = sweep_strategy(BUY_AND_CLOSE, bars, space, {"close_bar": 6}, properties, facts)
    for row in found.table.to_pylist():
        params = params_of(row["buy_bar"], 6, row["qty"])
        one = run_strategy(BUY_AND_CLOSE, bars, params, properties, facts)
        assert row["trades_closed"] == 1
        assert differences(row, one.summary) == {}


@pytest.mark.parametrize("method", ["random", "sobol", "halton", "search"])
def test_other_methods_run_the_sets_they_draw(method: str, tmp_path: Path) -> None:
    path = bars_file(tmp_path, 1_500)
    seen: list[Progress] = []
    wide = {**SPACE, "trailing_perc": {"low": 0.1, "high": 2.0}}
    found = sweep(
        path, wide, profile="intent", params=FIXED, method=method, sets=130, seed=3, on_progress=seen.append
    )
    assert len(found) == 130
    assert seen[-1].done == seen[-1].total == 130
    assert seen[-1].bars == 130 * 1_500
    assert seen[-1].bars_per_second > 0.0
    for row in found.table.to_pylist()[::40]:
        assert differences(row, single(path, row, found.names, profile="intent")) == {}
    assert found.table.equals(
        sweep(path, wide, profile="intent", params=FIXED, method=method, sets=130, seed=3).table
    )


def test_a_search_finds_more_than_chance(tmp_path: Path) -> None:
    """The later half of the trials is better than as many random sets, by their median."""
    path = bars_file(tmp_path)
    wide = {
        "swing_len": {"low": 2, "high": 40},
        "trailing_perc": {"low": 0.1, "high": 2.0},
        "use_fee_filter": [True, False],
    }
    options = {"profile": "intent", "params": FIXED, "sets": 320, "rank": "net_profit"}
    searched = sweep(path, wide, method="search", **options).frame["net_profit"].to_numpy()[160:]
    drawn = sweep(path, wide, method="random", **options).frame["net_profit"].to_numpy()[160:]
    assert np.median(searched) > np.median(drawn)


def test_without_the_compiler_the_rows_are_the_same(tmp_path: Path) -> None:
    path = bars_file(tmp_path, 250)
    script = (
        "import json, sys; from engines import sweep;"
        "t = sweep(sys.argv[1], {'swing_len': [2, 4]}, profile='intent', params={'use_window': False}).table;"
        "print(json.dumps(t.to_pylist()))"
    )
    plain = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"}, capture_output=True, text=True, check=True, timeout=300,
    )  # fmt: skip
    compiled = sweep(path, {"swing_len": [2, 4]}, profile="intent", params=FIXED).table.to_pylist()
    assert json.loads(plain.stdout) == compiled
    assert compiled[0]["trades_closed"] > 0
