"""The notebooks run from top to bottom and show what they promise."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from engines import backtest
from tests.notebooks.executing import NOTEBOOKS, ROOT, executed, keep


@cache
def run_of(name: str) -> Any:
    """The notebook after execution, once for all tests; kept to be read in ``KWIN_NOTEBOOKS_OUT``, when set."""
    for module in ("jupytext", "nbclient", "plotly"):
        pytest.importorskip(module)
    notebook = executed(ROOT / "notebooks" / f"{name}.py")
    folder = os.environ.get("KWIN_NOTEBOOKS_OUT")
    if folder:
        keep(notebook, name, Path(folder))
    return notebook


def outputs(notebook: Any, kind: str) -> list[Any]:
    """Everything the cells show of one MIME type."""
    return [
        output["data"][kind]
        for cell in notebook.cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if kind in output.get("data", {})
    ]


def test_a_kept_page_needs_nothing_from_outside(tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("nbconvert")
    pytest.importorskip("plotly")
    cells = [nbformat.v4.new_markdown_cell("# A page"), nbformat.v4.new_code_cell("1 + 1")]
    keep(nbformat.v4.new_notebook(cells=cells), "page", tmp_path)
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "A page" in page
    assert re.findall(r"<(?:script|link|img)[^>]*(?:src|href)=[\"']https?://[^\"']*", page) == []


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path: Path) -> None:
    notebook = run_of(path.stem)
    shown = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.outputs]
    assert shown
    assert not [output for cell in shown for output in cell.outputs if output.output_type == "error"]


@pytest.mark.slow
def test_first_backtest_shows_what_it_promises() -> None:
    """The warning, the run of backtest() itself, candles with entries, exits and stops, and the equity."""
    notebook = run_of("first_backtest")
    pages = " ".join(outputs(notebook, "text/html"))
    assert "NOT AN EDGE" in pages
    result = backtest(
        ROOT / "fixtures" / "ethusdt_like_15m.parquet", profile="intent", params={"use_window": False}
    )
    assert any(result.digest in text for text in outputs(notebook, "text/plain"))
    candles, account = outputs(notebook, "application/vnd.plotly.v1+json")
    names = [trace.get("name") for trace in candles["data"]]
    assert names == ["bars", "stop", "long entry", "short entry", "exit"]
    assert candles["data"][0]["type"] == "candlestick"
    assert [trace["name"] for trace in account["data"]] == ["equity", "below its peak"]
    assert "hangs on the assumed path" in pages


@pytest.mark.slow
def test_own_strategy_shows_what_it_promises() -> None:
    """Its figures, its signals beside the bars, the check against a shorter run, and the sweep with its heat map."""
    notebook = run_of("own_strategy")
    pages = " ".join(outputs(notebook, "text/html"))
    assert "breakout" in pages
    assert "exit_stop" in pages
    assert any("all equal" in text for text in outputs(notebook, "text/plain"))
    (chart,) = outputs(notebook, "application/vnd.plotly.v1+json")
    assert chart["data"][0]["type"] == "heatmap"


@pytest.mark.slow
def test_parity_shows_what_it_promises() -> None:
    """Parity; the setting that would match; the damaged cell."""
    pages = outputs(run_of("tradingview_parity"), "text/html")
    assert any("TradingView parity: parity" in page for page in pages)
    assert any("no parity" in page and "use_window" in page for page in pages)
    assert "export" in pages[-1]
    assert pages[-1].count("<tr") == 2  # the heads, and the one cell that was changed


@pytest.mark.slow
def test_sweep_and_walk_forward_shows_what_it_promises() -> None:
    """The ranked sets, the heat map, what luck would give, the windows, and the path."""
    notebook = run_of("sweep_and_walk_forward")
    pages = " ".join(outputs(notebook, "text/html"))
    for text in ("SweepResult", "trailing_perc", "assumed path"):
        assert text in pages
    assert any("expected_best" in text for text in outputs(notebook, "text/plain"))
    (chart,) = outputs(notebook, "application/vnd.plotly.v1+json")
    assert chart["data"][0]["type"] == "heatmap"


@pytest.mark.slow
def test_live_journal_shows_what_it_promises() -> None:
    """Both ledgers proved, the trades that a halt cost, and the reason that the deployment recorded."""
    pages = " ".join(outputs(run_of("live_journal"), "text/html"))
    for text in ("denied", "same", "news at noon"):
        assert text in pages
