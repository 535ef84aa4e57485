"""The summary: warning first, readable at 80 columns, the intent reading beside the literal one."""

from __future__ import annotations

from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from engines import Result, backtest
from engines.summary import money, print_summary

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "ethusdt_like_15m.parquet"


def printed(summary: dict[str, Any], intent: dict[str, Any] | None) -> list[str]:
    text = StringIO()
    print_summary(Console(file=text, width=80, highlight=False, soft_wrap=True), summary, intent)
    return text.getvalue().splitlines()


@pytest.fixture(scope="module")
def literal() -> Result:
    return backtest(FIXTURE)


def test_first_line_warns_and_intent_stands_beside(literal: Result) -> None:
    """Nobody may take a result of the assumed path for an edge."""
    lines = printed(literal.summary, literal.intent)
    assert lines[0].startswith(
        "NOT AN EDGE: this result is dominated by the price path assumed inside each bar"
    )
    (heads,) = [line for line in lines if line.split() == ["tv-literal", "intent"]]
    (net,) = [line for line in lines if line.startswith("net profit")]
    assert f"{literal.summary['net_profit']:+,.2f}" in net
    assert f"{(literal.intent or {})['net_profit']:+,.2f}" in net
    assert all(len(line) <= 80 for line in lines[1:])
    assert len(heads) <= 80


def test_the_first_drawdown_is_the_whole_one(literal: Result) -> None:
    """TradingView's begins at realised equity and can be the smaller one: it stands second, under its name."""
    lines = printed(literal.summary, None)
    (at,) = [i for i, line in enumerate(lines) if line.startswith("drawdown, bar closes")]
    assert f"{literal.summary['max_close_drawdown']:,.2f} (" in lines[at]
    assert lines[at + 1].split() == ["as", "TradingView's", f"{literal.summary['max_drawdown']:,.2f}"]
    assert literal.summary["max_drawdown"] < literal.summary["max_close_drawdown"]


def test_a_result_without_warning_has_one_column_and_no_heads(literal: Result) -> None:
    lines = printed({**literal.summary, "path_warning": None}, None)
    assert "NOT AN EDGE" not in "\n".join(lines)
    assert not [line for line in lines if line.split() == ["tv-literal"]]
    assert any(line.startswith("dual-sfp, tv-literal: ETHUSDT 15m, tick 0.01, lot 0.01") for line in lines)


def test_large_numbers_still_fit(literal: Result) -> None:
    """Twelve digits before the point in both columns."""
    large = {
        name: value * 1e9 if isinstance(value, float) else value for name, value in literal.summary.items()
    }
    assert all(len(line) <= 80 for line in printed({**large, "path_warning": None}, large))


def test_a_run_without_trades_is_shown() -> None:
    nothing = backtest(FIXTURE, params={"start_time": "2030-01-01"})
    lines = printed(nothing.summary, nothing.intent)
    assert any(line.split() == ["profit", "factor", "-"] for line in lines)
    assert nothing.summary["win_rate"] is None


def test_small_amounts_keep_their_digits() -> None:
    assert [money(value) for value in (None, 0.0, 0.0000582441, -0.05, 0.1, 1234.5)] == [
        "-", "0.00", "5.824e-05", "-0.05", "0.10", "1,234.50",
    ]  # fmt: skip
    assert money(12.0, sign=True) == "+12.00"
    assert (money(-0.0), money(-0.0, sign=True)) == ("0.00", "+0.00")


def test_notebook_shows_the_same(literal: Result) -> None:
    page = literal._repr_html_()
    assert page.index("NOT AN EDGE") < page.index("net profit")
    assert "<th>intent</th>" in page
    assert repr(literal).startswith("<Result dual-sfp tv-literal: 99 trades")
