"""What the report says: every figure beyond the summary, recomputed; and the page and picture as files."""

from __future__ import annotations

import base64
import json
import re
import sys
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from engines import Result, backtest, run_strategy
from engines.report.figures import _edges
from engines.report.page import LITERAL_WARNING, report_html
from engines.report.series import NO_TICK, decimals, pack, ticks
from engines.report.tables import monthly_returns
from engines.report.trade_figures import FUNDING_RATE, trade_figures
from kwin_core.errors import ConfigError
from kwin_core.properties import PINE_V6
from kwin_core.strategy import Instrument
from tests.engines.small_strategy import BUY_AND_CLOSE, params_of, ten_bars

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "ethusdt_like_15m.parquet"


@pytest.fixture(scope="module")
def run() -> Result:
    return backtest(FIXTURE, profile="intent", params={"use_window": False}, end="2025-04-01")


@pytest.fixture(scope="module")
def page(run: Result) -> str:
    return report_html(run)


def data_of(page: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    content: dict[str, Any] = json.loads(found[1])
    return content


def unpack(packed: dict[str, str]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed["data"]), "<" + packed["dtype"])


def test_the_page_is_whole_and_the_same_every_time(run: Result, page: str) -> None:
    """Nothing is loaded from anywhere; profile, hashes and inputs are in it; no time of making."""
    head = page.split('<script type="application/json"')[0]
    assert not re.search(r"<(link|script|img|iframe)[^>]*(src|href)=[\"'](?!data:)", head)
    for text in (
        "<span class='profile intent'>intent</span>",
        run.digest,
        run.chain,
        run.summary["params_hash"],
        "amounts in USDT, from 300.00 at the start",
    ):
        assert text in head
    for name in run.params:
        assert name in head
    assert escape(LITERAL_WARNING) not in page
    again = backtest(FIXTURE, profile="intent", params={"use_window": False}, end="2025-04-01")
    assert report_html(again) == page


def test_literal_is_warned_about_at_the_top() -> None:
    page = report_html(backtest(FIXTURE, params={"use_window": False}, end="2025-02-01"))
    head = page.split("<section")[0]
    assert escape(LITERAL_WARNING) in head
    assert "NOT AN EDGE" in head
    assert "class='profile tv-literal'" in head


def test_the_page_holds_the_bars_and_trades_of_the_run(run: Result, page: str) -> None:
    chart = data_of(page)["chart"]
    times = chart["first_ms"] + 1000 * unpack(chart["packed"]["seconds"]).astype(np.int64)
    assert times.tolist() == run.bars.index.to_numpy("datetime64[ms]").astype(np.int64).tolist()
    for name in ("open", "high", "low", "close"):
        np.testing.assert_allclose(unpack(chart["packed"][name]) * 0.01, run.bars[name], atol=1e-9)
    stops = unpack(chart["packed"]["stop"])
    known = run.signals["exit_stop"].notna().to_numpy()
    assert ((stops != NO_TICK) == known).all()
    np.testing.assert_allclose(unpack(chart["packed"]["equity"]), run.equity["equity"], rtol=1e-6)
    np.testing.assert_allclose(unpack(chart["trades"]["net"]), run.trades["net_pnl"])
    assert unpack(chart["trades"]["entry"]).tolist() == run.trades["entry_bar"].tolist()
    marks = sum(
        int((run.signals[name] != 0).sum())
        for name in ("bear_local", "bull_local", "bear_classic", "bull_classic")
    )
    assert unpack(chart["marks"]["bar"]).size == marks > 0


def test_risk_signal_and_funding_of_every_trade(run: Result) -> None:
    """Recomputed trade by trade: the stop of the signal bar, the kind of its swing failure, settlements in between."""
    found = trade_figures(run)
    signals = run.signals.reset_index()
    assert len(found) > 50
    for row in found.to_dict("records"):
        signal = signals.iloc[row["entry_bar"]]  # process_orders_on_close: entered where it signalled
        risk = abs(row["entry_price"] - signal["stop"]) * row["qty"]
        assert row["risk"] == pytest.approx(risk)
        assert row["r"] == pytest.approx(row["net_pnl"] / risk)
        side = "bull" if row["side"] == "long" else "bear"
        kinds = [kind for kind in ("local", "classic") if signal[f"{side}_{kind}"]]
        assert row["signal"] == (kinds[0] if len(kinds) == 1 else "both")
        begun = row["entry_time"] + pd.Timedelta("15min")
        ended = row["exit_time"] + pd.Timedelta("7.5min")
        settled = [
            time
            for time in pd.date_range("2025-01-01", "2025-05-01", freq="8h", tz="UTC")
            if begun <= time <= ended
        ]
        assert row["funding_times"] == len(settled)
        sign = 1.0 if row["side"] == "long" else -1.0
        assert row["funding"] == pytest.approx(
            sign * FUNDING_RATE * row["entry_price"] * row["qty"] * len(settled)
        )
    assert found["funding_times"].max() > 0
    closed = found[~found["is_open"]]
    assert set(closed["signal"]) == {"local", "classic"}


def test_months_multiply_to_the_whole() -> None:
    times = pd.date_range("2024-11-15", "2025-02-10", freq="1h", tz="UTC")
    equity = pd.Series(np.linspace(110.0, 220.0, len(times)), times)
    table = monthly_returns(equity, 100.0)
    assert table.index.tolist() == [2024, 2025]
    known = table[list(range(1, 13))].to_numpy().ravel()
    known = known[~np.isnan(known)]
    assert known.size == 4
    assert np.prod(1.0 + known / 100.0) == pytest.approx(2.2)
    assert np.prod(1.0 + table["year"] / 100.0) == pytest.approx(2.2)
    assert table.loc[2024, 11] == pytest.approx(equity.loc["2024-11"].iloc[-1] - 100.0)


def test_nothing_has_no_months_in_percent() -> None:
    """An account below 0 that falls further has not gained; after it there is nothing to have a percent of."""
    times = pd.date_range("2025-01-01", "2025-04-30", freq="1D", tz="UTC")
    equity = pd.Series(np.where(times.month == 1, 50.0, np.where(times.month == 2, -10.0, -20.0)), times)
    table = monthly_returns(equity, 100.0)
    assert table.loc[2025, [1, 2]].tolist() == pytest.approx([-50.0, -120.0])
    assert table.loc[2025, [3, 4]].isna().all()
    assert table.loc[2025, "year"] == pytest.approx(-120.0)


def test_one_trade_has_bins_that_can_be_labelled() -> None:
    for value in (-1.3021207, 0.0, 250.0):
        edges = _edges(np.array([value]))
        assert edges[0] <= value < edges[-1]
        assert np.diff(edges).min() >= 0.001 * abs(value)
    usual = np.linspace(-2.0, 3.0, 500)
    assert np.diff(_edges(usual))[0] == pytest.approx(0.2)


@pytest.mark.slow
def test_a_run_without_trades_and_a_strategy_without_profiles() -> None:
    idle = backtest(FIXTURE, profile="intent", end="2025-01-02", params={"use_window": True})
    assert idle.trades.empty
    page = report_html(idle)
    assert unpack(data_of(page)["chart"]["trades"]["entry"]).size == 0
    assert data_of(page)["figures"] == {}
    assert "No trade was closed in this run." in page
    assert "How they ended" not in page
    assert "<span>net profit</span><b>+0.00</b>" in page
    mine = run_strategy(
        BUY_AND_CLOSE, ten_bars(), params_of(1, 5, 2.0), PINE_V6, Instrument(0.01, 0.01), keep_bars=True
    )
    page = report_html(mine)
    assert data_of(page)["marks_shown"] is False
    assert "amounts in the quote currency, from" in page
    assert "buy and close" in page


def test_texts_of_a_user_cannot_break_the_page() -> None:
    page = report_html(
        backtest(
            FIXTURE, profile="intent", symbol="</script><b>X", end="2025-01-10", params={"use_window": False}
        )
    )
    assert "</script><b>X" not in page
    assert data_of(page)["chart"]["tick"] == 0.01


def test_files_are_whole_or_not_there(run: Result, tmp_path: Path, page: str) -> None:
    run.write_report(tmp_path / "run.html")
    assert (tmp_path / "run.html").read_text(encoding="utf-8") == page
    run.write_picture(tmp_path / "run.png")
    assert (tmp_path / "run.png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.html", "run.png"]


@pytest.mark.parametrize(
    ("module", "call", "says"),
    [
        ("plotly.offline", "write_report", "plotly is not installed: pip install 'kwin\\[report\\]'"),
        ("matplotlib.figure", "write_picture", "matplotlib is not installed: pip install 'kwin\\[report\\]'"),
    ],
)
def test_a_missing_library_is_one_line(
    run: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, call: str, says: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigError, match=says):
        getattr(run, call)(tmp_path / "run.png")
    assert list(tmp_path.iterdir()) == []


def test_whole_ticks() -> None:
    assert ticks(np.array([0.07, np.nan, 3000.29]), 0.01).tolist() == [7, NO_TICK, 300_029]
    with pytest.raises(ConfigError, match="tick 1e-09 is too small"):
        ticks(np.array([3000.0]), 1e-9)
    assert unpack(pack(np.array([1, -2]), np.int32)).tolist() == [1, -2]
    assert [decimals(tick) for tick in (0.01, 0.5, 1.0, 0.25, 1e-8, 25.0)] == [2, 1, 0, 2, 8, 0]
