"""KWIN's published lists, trade by trade and bar by bar, through the public surface.

Bars, times, signals and kinds of exit are compared exactly, prices as whole ticks, quantities to the ten digits that
some lists have, net results and commissions to 1e-6 (the from-2025 list: 1e-5, its commissions are rounded).
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from engines import backtest
from engines.result import Result
from kwin_core.kwin.state import NO_SWING
from tests.golden_data import golden_path, needs_golden

pytestmark = [pytest.mark.golden, needs_golden]

FROM_2025 = "2025-04-20T21:00Z"
TICK = 0.01


class Case(NamedTuple):
    """One published list and the setting it was made with."""

    file: str
    preset: str
    law: str
    lot: float
    start: str | None
    trades: int
    net: float
    tolerance: float


CASES = {
    "ring": Case("dual_sfp_ring.csv", "dual-sfp", "ring", 0.0, None, 3_687, 514_374.2352, 1e-6),
    "per-call": Case("dual_sfp_per_call.csv", "dual-sfp", "per-call", 0.0, None, 3_687, 514_043.5617, 1e-6),
    "classic": Case("classic_literal.csv", "classic", "ring", 0.0, None, 2_738, 2.0081580655, 1e-6),
    "2025-lot-0.01": Case(
        "dual_sfp_ring_from_2025.csv", "dual-sfp", "ring", 0.01, FROM_2025, 2_426, 290_527.385, 1e-5
    ),
    "2025-lot-0.001": Case(
        "dual_sfp_ring_from_2025.csv", "dual-sfp", "ring", 0.001, FROM_2025, 2_426, 290_527.385, 1e-5
    ),
}

BAR_COLUMNS = {
    "ph": "ph",
    "pl": "pl",
    "swH": "swing_high",
    "swL": "swing_low",
    "bear_local": "bear_local",
    "bull_local": "bull_local",
    "bear15": "bear_classic",
    "bull15": "bull_classic",
    "bear_signal": "bear",
    "bull_signal": "bull",
    "pos_seen": "position_seen",
    "equity_seen": "equity_seen",
    "can_long": "can_long",
    "can_short": "can_short",
    "traded_bull": "traded_bull",
    "traded_bear": "traded_bear",
    "pivH_swing_bix": "bear_swing_bix",
    "pivL_swing_bix": "bull_swing_bix",
    "action": "action",
    "qty": "qty",
    "sl": "stop",
    "longEntry": "long_entry",
    "longSL": "long_stop",
    "shortEntry": "short_entry",
    "shortSL": "short_stop",
    "long_armed": "long_armed",
    "short_armed": "short_armed",
    "lookback_prev": "lookback_prev",
    "barTS": "bar_trail_stop",
    "exit_stop": "exit_stop",
    "trail_points": "trail_points",
    "trail_offset": "trail_offset",
    "htf60_close": "htf60_close",
    "htf60_close1": "htf60_close_prev",
    "rsi14": "rsi",
}
"""Column of the published bars to column of ``Result.signals``."""

CLASSIC_UNUSED = {
    "bear_local", "bull_local", "can_long", "can_short", "traded_bull", "traded_bear", "pivH_swing_bix",
    "pivL_swing_bix", "longSL", "shortEntry", "shortSL", "long_armed", "short_armed", "lookback_prev", "barTS",
}  # fmt: skip
SWING_NUMBERS = {"traded_bull", "traded_bear", "pivH_swing_bix", "pivL_swing_bix"}


def data_path() -> Path:
    return golden_path("tradingview", "data", "ETHUSDT_15m.parquet")


def rows_of(name: str) -> list[dict[str, str]]:
    with golden_path("kwin", name).open(newline="") as file:
        return list(csv.DictReader(file))


@cache
def run(case: Case) -> Result:
    params: dict[str, Any] = {"useWindow": False}
    if case.law != "ring":
        params["conditional_history"] = case.law
    return backtest(data_path(), case.preset, params=params, tick=TICK, lot=case.lot, start=case.start)


@cache
def bar_times() -> pd.DatetimeIndex:
    times = pq.read_table(data_path(), columns=["time"])["time"].to_pandas()
    return pd.DatetimeIndex(times).tz_convert("UTC")


def check_trades(case: Case, trades: pd.DataFrame) -> None:
    """Every row and every comparable column of a published list."""
    rows = rows_of(case.file)
    assert len(rows) == len(trades) == case.trades
    assert not trades["is_open"].any()
    assert trades["net_pnl"].sum() == pytest.approx(case.net, abs=5e-4)
    first = 0 if case.start is None else bar_times().get_loc(pd.Timestamp(case.start))
    for row, trade in zip(rows, trades.to_dict("records"), strict=True):
        where = f"{case.file}, entry bar {row['entry_bar']}"
        assert trade["side"] == (row.get("side") or row["direction"]), where
        for end in ("entry", "exit"):
            assert trade[f"{end}_bar"] == int(row[f"{end}_bar"]), where
            stated = row.get(f"{end}_time_utc") or row.get(f"{end}_time")
            moment = bar_times()[first + int(row[f"{end}_bar"])]
            assert trade[f"{end}_time"] == moment, where
            if stated is not None:
                stated_moment = pd.Timestamp(stated)
                assert moment == (stated_moment if stated_moment.tz else stated_moment.tz_localize("UTC")), (
                    where
                )
            ticks = trade[f"{end}_price"] / TICK
            assert round(ticks) == round(float(row[f"{end}_price"]) / TICK), where
            assert ticks == pytest.approx(round(ticks), rel=0.0, abs=1e-6), where
            if f"{end}_signal" in row:
                assert trade[f"{end}_signal"] == row[f"{end}_signal"], where
        assert trade["qty"] == pytest.approx(float(row["qty"]), rel=1e-9, abs=0.0), where
        net = float(row.get("net_pnl") or row["profit"])
        assert trade["net_pnl"] == pytest.approx(net, rel=0.0, abs=case.tolerance), where
        if "exit_kind" in row:
            assert trade["exit_kind"] == row["exit_kind"], where
        if "commission" in row:
            assert trade["commission"] == pytest.approx(float(row["commission"]), rel=0.0, abs=case.tolerance)


@pytest.mark.parametrize("name", CASES)
def test_list_of_trades(name: str) -> None:
    """Side, bars, times, prices, quantity, signals, kind of exit, commission and net of every trade."""
    result = run(CASES[name])
    check_trades(CASES[name], result.trades)
    assert result.summary["trades_closed"] == CASES[name].trades
    assert result.summary["net_profit"] == pytest.approx(CASES[name].net, abs=5e-4)


def test_lot_of_0_01_and_0_001_give_the_same_trades() -> None:
    """KWIN rounds its own quantity to 0.01, so a finer lot of the symbol changes nothing (SP-42)."""
    fine, coarse = run(CASES["2025-lot-0.001"]), run(CASES["2025-lot-0.01"])
    pd.testing.assert_frame_equal(fine.trades, coarse.trades)


@pytest.mark.parametrize(
    ("file", "name", "unused"),
    [
        ("dual_sfp_first_3000_bars.csv", "ring", set()),
        ("classic_first_3000_bars.csv", "classic", CLASSIC_UNUSED),
    ],
)
def test_every_bar(file: str, name: str, unused: set[str]) -> None:
    """What the script saw and did on each of the first 3 000 bars, na for na, in every comparable column."""
    rows = rows_of(file)
    result = run(CASES[name])
    signals = result.signals.iloc[: len(rows)]
    assert len(rows) == len(signals) == 3_000
    published_times = pd.to_datetime([row["time_utc"] for row in rows], utc=True)
    assert (published_times == signals.index).all()
    bars = result.bars.iloc[: len(rows)]
    for column in ("open", "high", "low", "close"):
        assert [float(row[column]) for row in rows] == bars[column].tolist()
    compared = [column for column in rows[0] if column in BAR_COLUMNS and column not in unused]
    assert len(compared) + len(unused) + len(("bar", "time_utc", "open", "high", "low", "close")) == len(
        rows[0]
    )
    for column in compared:
        ours = signals[BAR_COLUMNS[column]].to_numpy(dtype=float)
        if column in SWING_NUMBERS:
            ours = np.where(ours == NO_SWING, np.nan, ours)
        published = np.array([np.nan if row[column] == "na" else float(row[column]) for row in rows])
        comparable = comparable_bars(rows, column, file)
        close = np.isclose(ours, published, rtol=1e-9, atol=1e-6, equal_nan=True) | ~comparable
        assert close.all(), f"{file}: {column} differs first on bar {int(np.argmin(close))}"


def comparable_bars(rows: list[dict[str, str]], column: str, file: str) -> np.ndarray:
    """Which bars of a column the list means to be compared (its README says which not)."""
    if column == "equity_seen":  # while a position is open the list leaves its entry commission out
        return np.array([float(row["pos_seen"]) == 0.0 for row in rows])
    return np.ones(len(rows), dtype=bool)


def test_trades_through_the_command(tmp_path: Path) -> None:
    """The ring list again, from ``trades.parquet`` and ``result.json`` of the real command."""
    out = tmp_path / "result"
    arguments = ["--no-window", "--margin", "0", "--tick", "0.01", "--lot", "0", "--out", str(out), "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "engines.backtest_cli", str(data_path()), *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "COLUMNS": "80"},
    )
    assert done.returncode == 0, done.stderr
    case = CASES["ring"]
    check_trades(case, pq.read_table(out / "trades.parquet").to_pandas())
    printed: dict[str, Any] = json.loads(done.stdout)
    assert printed == json.loads((out / "result.json").read_text())
    assert printed["trades_closed"] == case.trades
    assert printed["digest"] == run(case).digest
    assert "NOT AN EDGE" in printed["path_warning"]
    assert printed["intent"]["net_profit"] < -200.0


def test_literal_profit_is_said_to_be_an_artefact() -> None:
    """3 624 of the 3 687 trades exit on the bar after entry; the warning and the intent reading stand beside."""
    result = run(CASES["ring"])
    held = result.trades["exit_bar"] - result.trades["entry_bar"]
    assert int((held == 1).sum()) == 3_624
    assert int((result.trades["exit_kind"] == "trail").sum()) == 3_360
    assert result.intent is not None
    assert result.intent["net_profit"] < -200.0
    assert "NOT AN EDGE" in result._repr_html_()
