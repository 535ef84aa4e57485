"""Every published list of trades, run again: each row, each printed column, no tolerance.

The strategies are in ``tests/golden/strategies``, written from the rules that come with each export. Trade number,
time, side, signal text, price, quantity, value, result, percent, excursions, cumulative result and the trade still
open at the end must all be what TradingView printed.
"""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest

from kwin_core.engine import Buffers, make_engine
from tests.golden.tv_cases import (
    EURUSD_PROPERTIES,
    PARAMETERS,
    Case,
    compare_case,
    eurusd_case,
    load_bars,
    magnifier_case,
    tradingview_case,
)
from tests.golden_data import golden_dir, golden_path, needs_golden

pytestmark = [pytest.mark.golden, needs_golden]


def tradingview_names() -> list[str]:
    """Folders of golden/tradingview; all fifty, or none without the data."""
    folder = golden_dir()
    if folder is None:
        return []
    return sorted(path.parent.name for path in (folder / "tradingview").glob("*/meta.toml"))


def check(case: Case) -> None:
    """Compare and show the first differences."""
    outcome = compare_case(case)
    first = "\n".join(str(difference) for difference in outcome.differences[:10])
    assert not outcome.differences, f"{len(outcome.differences)} cells differ:\n{first}"
    assert outcome.closed + outcome.open == len(case.export.trades)
    assert outcome.closed > 0


@pytest.mark.parametrize("name", tradingview_names())
def test_ethusdt_export_is_reproduced(name: str) -> None:
    """One of the fifty 15-minute exports, in an account of another currency."""
    check(tradingview_case(name))


def test_all_ethusdt_exports_are_there() -> None:
    """Fifty folders: an incomplete data folder must not look like success."""
    assert len(tradingview_names()) == 50


@pytest.mark.parametrize("name", sorted(EURUSD_PROPERTIES))
def test_eurusd_export_is_reproduced(name: str) -> None:
    """One of the eight hourly exports of the older dialect: slippage, commissions, pyramiding, gaps."""
    check(eurusd_case(name))


def test_magnified_export_is_reproduced() -> None:
    """Daily bars whose brackets fill along the hourly path (R107, R122)."""
    check(magnifier_case())


def test_position_and_average_price_are_what_the_chart_plotted() -> None:
    """TradingView's own plot of position size and average entry price, on every bar (R30)."""
    path = golden_path("eurusd", "EURUSD_60m_c.parquet")
    table = pq.read_table(path)
    case = eurusd_case("slippage-pyramiding")
    bars = load_bars(path)
    engine = make_engine(case.strategy, case.properties.frozen())
    states = engine.new_state(case.properties.settings(case.instrument), PARAMETERS)
    buffers = Buffers(case.strategy, bars.size)
    assert engine.run(states, bars, PARAMETERS, buffers) == bars.size
    plotted = np.flatnonzero(~np.isnan(table["strategy.position_size"].to_numpy()))
    assert plotted.size == bars.size - 1
    size = table["strategy.position_size"].to_numpy()[plotted]
    price = table["Avg Entry Price"].to_numpy()[plotted]
    np.testing.assert_array_equal(buffers.signals["position_size"][plotted], size)
    np.testing.assert_array_equal(np.isnan(price), size == 0.0)
    held = size != 0.0
    assert held.sum() > 15
    np.testing.assert_array_equal(buffers.signals["average_price"][plotted][held], price[held])
