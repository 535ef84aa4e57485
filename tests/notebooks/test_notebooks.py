"""The notebooks run from top to bottom and show what they promise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engines import backtest

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))


def executed(path: Path) -> Any:
    """The notebook after execution; a cell that fails fails the test with its traceback."""
    jupytext = pytest.importorskip("jupytext")
    nbclient = pytest.importorskip("nbclient")
    notebook = jupytext.read(path)
    client = nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
    )
    client.execute()
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


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs(path: Path) -> None:
    notebook = executed(path)
    shown = [cell for cell in notebook.cells if cell.cell_type == "code" and cell.outputs]
    assert shown
    assert not [output for cell in shown for output in cell.outputs if output.output_type == "error"]


@pytest.mark.slow
def test_first_backtest_shows_what_it_promises() -> None:
    """The warning, the run of backtest() itself, candles with entries, exits and stops, and the equity."""
    notebook = executed(ROOT / "notebooks" / "first_backtest.py")
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
