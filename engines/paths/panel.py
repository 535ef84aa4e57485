"""The path-sensitivity panel: for a page or a notebook, and for a terminal."""

from __future__ import annotations

from html import escape
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from engines.paths.readings import PATHS, REAL, Reading
from engines.paths.sensitivity import PathSensitivity
from engines.summary import fraction, money, plain

_HEADS = ("net profit", "trades", "win rate", "profit factor", "a trade", "drawdown", "same", "other")
_IN_TERMINAL = (0, 1, 2, 4, 6, 7)  # what 80 columns hold


def panel_html(found: PathSensitivity) -> str:
    """The panel: the answer first, then every reading, then what the trades do."""
    bad = found.share is not None and found.share >= 0.5
    lead = f"<p class='verdict{' bad' if bad else ''}'><strong>{escape(found.verdict())}</strong></p>"
    heads = "".join(f"<th>{name}</th>" for name in ("profile", "path", *_HEADS))
    rows = "".join(
        f"<tr class='{'own' if row['profile'] == found.run.profile else 'other'}'>"
        f"<td>{escape(row['profile'] or '')}</td>"
        f"<td title='{escape(PATHS[row['path']], quote=True)}'>{escape(_path_text(found, row['path']))}</td>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in _cells(row))
        + "</tr>"
        for row in _rows(found)
    )
    notes = "".join(f"<p class='note'>{escape(line)}</p>" for line in note_lines(found))
    table = f"<table class='figures'><thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table>"
    return f"{lead}<div class='wide'>{table}</div>{notes}"


def print_panel(screen: Console, found: PathSensitivity) -> None:
    """Print the panel to a terminal."""
    screen.print(Text())
    screen.print(Text(found.verdict(), style="bold red" if (found.share or 0.0) >= 0.5 else "bold"))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("", "path"):
        table.add_column(name, no_wrap=True)
    for name in (_HEADS[i] for i in _IN_TERMINAL):
        table.add_column(name, justify="right", no_wrap=True)
    for row in _rows(found):
        cells = _cells(row)
        table.add_row(row["profile"] or "", row["path"], *(cells[i] for i in _IN_TERMINAL))
    screen.print(table)
    for line in note_lines(found):
        screen.print(Text(line, style="dim"))


def note_lines(found: PathSensitivity) -> list[str]:
    """What the trades of the run do on the judging path, and what the columns mean."""
    against, path = found.against, found.judge.path
    name = "the real shorter bars" if path == REAL else "the opposite path"
    total = against.same + against.elsewhere + against.only_assumed
    lines = [
        f"Of the run's {total:,} trades {against.same:,} end at the same bar and price on {name}, "
        f"{against.elsewhere:,} elsewhere ({against.turned:,} of them turn from win to loss or back), and "
        f"{against.only_assumed:,} do not happen there; {against.only_other:,} others do. "
        f"The trades that differ hold {money(against.profit_elsewhere, sign=True)} of the run's net result."
    ]
    coverage = next((one.coverage for one in found.readings if one.coverage is not None), None)
    if coverage is not None:
        lines.append(
            f"Shorter bars cover {coverage.covered:,} of {coverage.bars:,} chart bars and agree with the prices of "
            f"{coverage.agreeing:,}; a bar without any is walked along TradingView's path."
        )
    else:
        lines.append(
            "The opposite path is neither a forecast nor the worst case: real prices take either order, and turn more "
            "often inside a bar than four prices can say. Real shorter bars "
            "(--magnifier FILE.parquet) say what happened."
        )
    lines.append(
        "“a trade” is the mean net result of a trade in percent of its entry value, in which compounding has no "
        "part; “same” and “other” count trades against TradingView's path of the same profile."
    )
    return lines


def _rows(found: PathSensitivity) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = found.report()["readings"]
    return rows


def _cells(row: dict[str, Any]) -> list[str]:
    mean = row["return_a_trade"]
    return [
        money(row["net_profit"], sign=True),
        f"{row['trades']:,}",
        fraction(row["win_rate"]),
        plain(row["profit_factor"]),
        "-" if mean is None else f"{mean:+.3f} %",
        money(row["max_close_drawdown"]),
        f"{row['same_trades']:,}",
        f"{row['other_trades']:,}",
    ]


def _path_text(found: PathSensitivity, path: str) -> str:
    if path != REAL:
        return {"assumed": "TradingView's", "opposite": "opposite"}[path]
    reading: Reading = next(one for one in found.readings if one.path == REAL)
    return "real bars" if reading.coverage is None else "real shorter bars"
