"""Statistics: against empyrical where it has the same figure, against plain pandas for the account's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from engines import backtest
from engines.path_warning import path_warning
from engines.statistics import daily_ratios
from feeds.parquet import ParquetFeed
from tests.engines.small_strategy import ListFeed

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "ethusdt_like_15m.parquet"
WIDE: dict[str, Any] = {"use_window": False, "trailing_perc": 30.0, "trailing_offset": 20.0}


@pytest.mark.parametrize("seed", range(5))
def test_daily_ratios_are_those_of_empyrical(seed: int) -> None:
    """365 periods a year, no risk-free rate."""
    empyrical = pytest.importorskip("empyrical")
    returns = np.random.default_rng(seed).normal(0.001, 0.03, 400)
    equity = 300.0 * np.concatenate(([1.0], np.cumprod(1.0 + returns)))
    ours = daily_ratios(equity)
    series = pd.Series(returns)
    assert ours["sharpe"] == pytest.approx(empyrical.sharpe_ratio(series, annualization=365))
    assert ours["sortino"] == pytest.approx(empyrical.sortino_ratio(series, annualization=365))
    assert ours["annual_return"] == pytest.approx(empyrical.annual_return(series, annualization=365))
    assert ours["annual_volatility"] == pytest.approx(empyrical.annual_volatility(series, annualization=365))
    assert ours["calmar"] == pytest.approx(empyrical.calmar_ratio(series, annualization=365))


def test_ratios_that_are_not_defined_are_none() -> None:
    assert set(daily_ratios(np.array([300.0])).values()) == {None}
    assert set(daily_ratios(np.array([300.0, 200.0, -5.0, 10.0])).values()) == {None}
    flat = daily_ratios(np.array([300.0, 300.0, 300.0]))
    assert (flat["sharpe"], flat["sortino"], flat["calmar"]) == (None, None, None)
    assert flat["annual_return"] == 0.0


def test_summary_says_what_the_frames_say() -> None:
    """Every figure of the summary, once more from the trades and the equity with pandas."""
    result = backtest(FIXTURE, params=WIDE)
    found, trades, equity = result.summary, result.trades, result.equity
    net = trades["net_pnl"]
    held = trades["exit_bar"] - trades["entry_bar"]
    expected = {
        "trades_long": (trades["side"] == "long").sum(),
        "trades_short": (trades["side"] == "short").sum(),
        "gross_profit": net[net > 0].sum(),
        "gross_loss": -net[net < 0].sum(),
        "profit_factor": net[net > 0].sum() / -net[net < 0].sum(),
        "win_rate": (net > 0).mean(),
        "average_win": net[net > 0].mean(),
        "average_loss": -net[net < 0].mean(),
        "best_trade": net.max(),
        "worst_trade": net.min(),
        "net_profit_percent": 100 * net.sum() / 300.0,
        "exposure": (equity["position_size"] != 0).mean(),
        "average_bars_held": held.mean(),
        "closed_next_bar": (held <= 1).mean(),
        "average_range": (result.bars["high"] - result.bars["low"]).mean(),
        "max_close_drawdown": equity["drawdown"].max(),
    }
    for name, value in expected.items():
        assert found[name] == pytest.approx(float(value)), name
    peaks = equity["equity"].cummax().clip(lower=300.0)
    assert found["max_close_drawdown_percent"] == pytest.approx(
        100 * ((peaks - equity["equity"]) / peaks).max()
    )
    daily = np.concatenate(([300.0], equity["equity"].resample("1D").last().to_numpy()))
    assert found["sharpe"] == pytest.approx(daily_ratios(daily)["sharpe"])
    placed = result.orders[result.orders["event"].isin(["placed", "replaced"])]
    assert found["average_trail"] == pytest.approx(0.01 * placed["trail_offset"].mean())


def test_figures_do_not_depend_on_blocks() -> None:
    """Blocks of one bar to many: the same summary but for the time it took and the last bits of sums."""
    bars = ParquetFeed(FIXTURE).read()[:3_000]
    cuts = np.sort(np.random.default_rng(2).choice(np.arange(1, bars.size), 200, replace=False))
    apart = backtest(ListFeed(np.split(bars, cuts)), params=WIDE).summary
    whole = backtest(ListFeed([bars]), params=WIDE).summary
    for name, value in whole.items():
        if name not in ("seconds", "bars_per_second"):
            expected = pytest.approx(value, rel=1e-12) if isinstance(value, float) else value
            assert apart[name] == expected, name


def test_warning_names_what_dominates() -> None:
    """Most trades closing by the next bar, a trail tighter than a bar, both, or neither."""
    calm = {"closed_next_bar": 0.5, "trades_closed": 100, "average_trail": 9.0, "average_range": 9.0}
    assert path_warning(calm) is None
    assert path_warning({**calm, "average_trail": None}) is None
    next_bar = path_warning({**calm, "closed_next_bar": 0.51}) or ""
    assert "51 % of the trades" in next_bar
    assert "tighter" not in next_bar
    tight = path_warning({**calm, "average_trail": 8.9}) or ""
    assert "the trail of 8.9 is tighter than a typical bar of 9" in tight
    assert path_warning({**calm, "closed_next_bar": 1.0, "trades_closed": 4}) is None
    assert path_warning({**calm, "closed_next_bar": None, "trades_closed": 0}) is None
