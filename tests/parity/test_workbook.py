"""The strategy report as a workbook: its properties configure the run, and what has no place is listed."""

from __future__ import annotations

import zipfile
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook

from engines.parity.labels import map_properties
from engines.parity.workbook import read_report
from fixtures.make_ethusdt_like import PATH
from kwin_core.kwin.inputs import INPUTS
from tests.parity.conftest import Maker, Parity
from tests.parity.listing import Listing
from tests.parity.workbooks import PROPERTIES, changed, write_workbook
from tests.selection import mostly_slow

MOSCOW = timedelta(hours=3)


@pytest.fixture(scope="session")
def chart(listing: Listing) -> Listing:
    """The list as a chart in UTC+3 shows it."""
    return listing.moved(MOSCOW)


def test_workbook_configures_everything(parity: Parity, chart: Listing) -> None:
    """No option given: window, symbol, range, inputs and properties come from the workbook."""
    path = write_workbook(parity.folder / "report.xlsx", chart)
    report = parity.json(path, code=0)
    assert report["setting"]["given_inputs"]["use_window"] is False
    assert report["zone"]["name"] == "UTC+03:00"
    assert report["workbook"]["unmapped"] == []
    used = {line.split(" = ")[0] for line, _ in report["workbook"]["used"]}
    assert used == {name for name, _ in PROPERTIES}
    assert report["setting"]["to"] is not None


@pytest.mark.parametrize(
    "how",
    mostly_slow(
        [{"dates": False}, {"header": False}, {"trades_sheet": "Trades"}, {"trades_sheet": "Anything"}]
    ),
    ids=str,
)
def test_other_layouts(parity: Parity, chart: Listing, how: dict[str, Any]) -> None:
    path = write_workbook(parity.folder / "report.xlsx", chart, **how)
    assert parity.json(path, code=0)["parity"]


def test_workbook_by_any_name(parity: Parity, chart: Listing) -> None:
    """It is told by its content."""
    path = write_workbook(parity.folder / "report.xlsx", chart).rename(parity.folder / "report.csv")
    assert parity.json(path, code=0)["parity"]


def test_numbers_with_all_their_digits(parity: Parity, chart: Listing) -> None:
    """Results that a workbook holds unrounded are printed by TradingView's rule before they are compared."""
    finer = chart.copy()
    for row in finer.rows:
        row[7] = f"{float(row[7]) + 0.001}"
    path = write_workbook(parity.folder / "report.xlsx", finer)
    assert parity.json(path, code=0)["parity"]


def test_properties_reach_the_run(parity: Parity, export_of: Maker) -> None:
    """An export with its own capital and inputs needs no option at all."""
    made = export_of("--no-window", "--capital", "1000", "--set", "riskPct=1", "--set", "len=3")
    lines = changed(Initial_capital=1000, **{"Risk_%_per_trade": 1, "🔍_Swings": 3})
    path = write_workbook(parity.folder / "report.xlsx", made.moved(MOSCOW), lines)
    report = parity.json(path, code=0)
    assert report["setting"]["capital"] == 1000.0
    assert report["setting"]["given_inputs"]["risk_pct"] == 1.0
    assert report["setting"]["given_inputs"]["swing_len"] == 3


def test_options_go_before_the_workbook(parity: Parity, chart: Listing) -> None:
    path = write_workbook(parity.folder / "report.xlsx", chart, changed(Initial_capital=999))
    assert parity.json(path, "--capital", "300", code=0)["parity"]


def test_window_in_the_charts_zone(parity: Parity, export_of: Maker) -> None:
    """The start time in the sheet is the chart's wall clock."""
    made = export_of("--set", "start_time=2025-08-20T00:00Z", "--set", "periodChoice=180")
    lines = changed(
        Use_window="On",
        Cycle_Start_Time="Aug 20, 2025, 03:00",
        **{"Backtest_Period_(days_from_today)": 180},
    )
    path = write_workbook(parity.folder / "report.xlsx", made.moved(MOSCOW), lines)
    assert parity.json(path, code=0)["parity"]


def test_what_cannot_be_mapped_is_listed(parity: Parity, chart: Listing) -> None:
    lines = (
        *changed(
            **{
                "Backtesting_precision._Use_bar_magnifier": "On",
                "Symbol": "BYBIT:BTCUSDT.P",
                "Trailing_%": "plenty",
            }
        ),
        ("Moon phase", "full"),
    )
    path = write_workbook(parity.folder / "report.xlsx", chart, lines)
    report = parity.json(path, code=0)
    unmapped = dict(report["workbook"]["unmapped"])
    assert "no input or property" in unmapped["Moon phase = full"]
    assert "finer bars" in unmapped["Backtesting precision. Use bar magnifier = On"]
    assert "not a number" in unmapped["Trailing % = plenty"]
    assert "bars are of ETHUSDT" in unmapped["Symbol = BYBIT:BTCUSDT.P"]


def test_every_label_of_dual_sfp_is_known() -> None:
    """Each label of the table of inputs leads to its own input."""
    for item in INPUTS:
        if not item.label or (item.only and "dual-sfp" not in item.only):
            continue
        value = {bool: "On", str: item.choices[0] if item.choices else ""}.get(type(item.default), "11")
        text = "Aug 12, 2025, 18:00" if item.time else value
        mapped = map_properties(((item.label, text),), "dual-sfp")
        assert list(mapped.inputs) == [item.name], item.label


@pytest.mark.parametrize(
    ("line", "settings"),
    [
        (("Commission", "0.1 %"), {"commission": 0.1}),
        (("Initial capital", "1,000,000"), {"capital": 1_000_000.0}),
        (("Long leverage", "20x"), {"margin": 5.0}),
        (("Fill orders", "On bar close: On, Using bar magnifier: Off"), {"on_close": True}),
        (("Slippage", "3 ticks"), {"slippage": 3.0}),
        (("Tick size", "0.1"), {"tick": 0.1}),
    ],
)
def test_property_lines(line: tuple[str, str], settings: dict[str, Any]) -> None:
    assert map_properties((line,), None).settings == settings


@pytest.mark.parametrize(
    "line",
    [
        ("Commission", "1.5 USDT per order"),
        ("Margin for long positions", "much"),
        ("Backtesting range", "always"),
        ("Recalculate on every tick", "On"),
        ("Point value", "50"),
        ("Chart type", "Heikin Ashi"),
        ("Verify price for limit orders", "2 ticks"),
    ],
)
def test_lines_that_cannot_be_followed(line: tuple[str, str]) -> None:
    mapped = map_properties((line,), None)
    assert mapped.settings == {}
    assert len(mapped.unmapped) == 1


def test_classic_is_told_by_its_labels() -> None:
    lines = (("TP Risk/Reward Ratio", "10.5"), ("Swing Length", "2"), ("RSI Period", "14"))
    mapped = map_properties(lines, None)
    assert mapped.preset == "classic"
    assert mapped.inputs == {"risk_reward": 10.5, "swing_len": 2, "rsi_period": 14}


def test_chart_of_another_timeframe(parity: Parity, chart: Listing) -> None:
    path = write_workbook(parity.folder / "report.xlsx", chart, changed(Timeframe="1 hour"))
    assert parity(path, PATH) == 2
    assert "the workbook is of a 60m chart" in parity.err


def test_workbook_without_trades(parity: Parity) -> None:
    book = Workbook()
    book.active.append(("a", "b"))
    path = parity.folder / "other.xlsx"
    book.save(path)
    assert parity(path, PATH) == 2
    assert "no sheet of this workbook is a TradingView list of trades" in parity.err
    assert parity.err.count("\n") == 1


def test_zip_that_is_no_workbook(parity: Parity) -> None:
    path = parity.folder / "other.xlsx"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.txt", "b")
    assert parity(path, PATH) == 2
    assert "not a workbook" in parity.err
    assert parity.err.count("\n") == 1


def test_sheets_are_remembered(chart: Listing, tmp_path: Path) -> None:
    report = read_report(write_workbook(tmp_path / "report.xlsx", chart))
    assert report.is_workbook
    assert "Risk performance ratios" in report.sheets
    assert ("Tick size", "0.01") in report.properties
