"""Notebooks executed from top to bottom, and kept where somebody can read them with their outputs.

    python -m tests.notebooks.executing [FOLDER]

writes ``FOLDER/<name>.ipynb`` and ``.html`` of every notebook; the folder is ``notebooks/executed`` by default, which
git ignores: outputs hold times and plotly's data, and would differ with every run.
"""

from __future__ import annotations

import copy
import json
import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.py"))
_REQUIRE = re.compile(r'<script[^>]*src="https?://[^"]*"[^>]*>\s*</script>')


def executed(path: Path) -> Any:
    """The notebook after execution; a cell that fails raises with its traceback."""
    import jupytext
    from nbclient import NotebookClient

    notebook = jupytext.read(path)
    NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(path.parent)}}
    ).execute()
    return notebook


def keep(notebook: Any, name: str, folder: Path) -> None:
    """Write a notebook with its outputs: as itself, and as a page that needs nothing from outside."""
    import nbformat
    from nbconvert import HTMLExporter
    from plotly.offline import get_plotlyjs

    folder.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, folder / f"{name}.ipynb")
    page, _ = HTMLExporter(embed_images=True).from_notebook_node(_with_charts(notebook))
    page = _REQUIRE.sub("", page)
    script = f"<script>{get_plotlyjs()}</script></head>"
    (folder / f"{name}.html").write_text(page.replace("</head>", script, 1), encoding="utf-8")


def _with_charts(notebook: Any) -> Any:
    """A copy in which every plotly chart draws itself by the script of the page."""
    shown = copy.deepcopy(notebook)
    number = 0
    for cell in shown.cells:
        for output in cell.get("outputs", []):
            figure = output.get("data", {}).get("application/vnd.plotly.v1+json")
            if figure is None:
                continue
            number += 1
            text = json.dumps({"data": figure["data"], "layout": figure["layout"]}).replace("</", "<\\/")
            output["data"] = {
                "text/html": f"<div id='chart{number}'></div><script>(f => Plotly.newPlot('chart{number}', f.data, "
                f"f.layout, {{responsive: true}}))({text})</script>"
            }
    return shown


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "notebooks" / "executed"
    for source in NOTEBOOKS:
        keep(executed(source), source.stem, target)
        print(target / f"{source.stem}.html")  # noqa: T201
