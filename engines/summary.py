"""The summary of a run: for a terminal of 80 columns, for a pipe, for a notebook."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

Summary = Mapping[str, Any]

_DASH = "-"


def print_summary(console: Console, summary: Summary, intent: Summary | None) -> None:
    """Print the warning if there is one, what was run, the figures (with ``intent`` beside them), the digest."""
    if summary["path_warning"]:
        console.print(Text(summary["path_warning"], style="bold red"))
    console.print(Group(Text(), *(Text(line) for line in head_lines(summary)), Text()))
    console.print(figures_table(summary, intent))
    console.print(Group(Text(), *(Text(line, style="dim") for line in foot_lines(summary))))


def head_lines(summary: Summary) -> list[str]:
    """What was run, on what."""
    name = summary.get("preset") or summary["strategy"]
    profile = f", {summary['profile']}" if "profile" in summary else ""
    lot = f"lot {summary['lot']:g}" if summary["lot"] else "no lot step"
    return [
        f"{name}{profile}: {summary['symbol']} {summary['timeframe']}, tick {summary['tick']:g}, {lot}",
        f"{_minute(summary['first_bar'])} to {_minute(summary['last_bar'])} UTC, {summary['bars']:,} bars",
    ]


def foot_lines(summary: Summary) -> list[str]:
    """What identifies the run, and how fast it went."""
    inputs = f"  inputs {summary['params_hash']}" if "params_hash" in summary else ""
    speed = summary["bars_per_second"] / 1e6
    return [
        f"digest {summary['digest'][:16]}{inputs}",
        f"core   {1000.0 * summary['seconds']:,.1f} ms, {speed:,.1f} million bars/s",
    ]


def figures_table(summary: Summary, intent: Summary | None) -> Table:
    """The figures; one column a reading."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), show_header=intent is not None)
    table.add_column("")
    readings = [summary] if intent is None else [summary, intent]
    for reading in readings:
        table.add_column(str(reading.get("profile", "")), justify="right")
    for name, cells in zip(_ROWS, zip(*(figures(reading) for reading in readings), strict=True), strict=True):
        table.add_row(name, *cells)
    return table


_ROWS = (
    "net profit",
    "capital",
    "trades (long, short)",
    "open trades",
    "win rate",
    "profit factor",
    "average win, loss",
    "drawdown, bar closes",
    "  as TradingView's",  # from the highest realised equity (R157): open profit that is lost is not in it
    "commission",
    "exposure",
    "bars held, average",
    "closed by next bar",
    "Sharpe, Sortino",
)


def figures(summary: Summary) -> list[str]:
    """The cells of one reading, in the order of the table's rows."""
    counts = f"{summary['trades_closed']:,} ({summary['trades_long']:,}, {summary['trades_short']:,})"
    close_drawdown = (
        f"{money(summary['max_close_drawdown'])} ({percent(summary['max_close_drawdown_percent'])})"
    )
    return [
        f"{money(summary['net_profit'], sign=True)} ({percent(summary['net_profit_percent'], sign=True)})",
        money(summary["capital"]),
        counts,
        f"{summary['trades_open']:,}",
        fraction(summary["win_rate"]),
        plain(summary["profit_factor"]),
        f"{money(summary['average_win'])}, {money(summary['average_loss'])}",
        close_drawdown,
        money(summary["max_drawdown"]),
        money(summary["commission"]),
        fraction(summary["exposure"]),
        plain(summary["average_bars_held"]),
        fraction(summary["closed_next_bar"]),
        f"{plain(summary['sharpe'])}, {plain(summary['sortino'])}",
    ]


def money(value: float | None, *, sign: bool = False) -> str:
    """An amount: two decimals, or four digits that count when it is small."""
    if value is None:
        return _DASH
    plus = "+" if sign else ""
    value += 0.0  # no sign before nothing: -0.0 becomes 0.0
    if value != 0.0 and abs(value) < 0.1:
        return f"{value:{plus}.4g}"
    return f"{value:{plus},.2f}"


def percent(value: float | None, *, sign: bool = False) -> str:
    """A percentage."""
    return _DASH if value is None else f"{value:{'+' if sign else ''},.1f} %"


def fraction(value: float | None) -> str:
    """A fraction, shown as a percentage."""
    return percent(None if value is None else 100.0 * value)


def plain(value: float | None) -> str:
    """A plain number."""
    return _DASH if value is None else f"{value:,.2f}"


def figures_html(summary: Summary, intent: Summary | None) -> str:
    """The table of figures; one column a reading."""
    readings = [summary] if intent is None else [summary, intent]
    rows = zip(_ROWS, zip(*(figures(reading) for reading in readings), strict=True), strict=True)
    heads = "".join(f"<th>{escape(str(reading.get('profile', '')))}</th>" for reading in readings)
    body = "".join(
        f"<tr><td style='text-align:left'>{escape(name.strip())}</td>"
        + "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        + "</tr>"
        for name, cells in rows
    )
    return f"<table><tr><th></th>{heads}</tr>{body}</table>"


def warning_html(warning: str | None) -> str:
    """A warning for a notebook; nothing without one."""
    return f"<p style='color:#b00020'><b>{escape(warning)}</b></p>" if warning else ""


def summary_html(summary: Summary, intent: Summary | None) -> str:
    """The summary for a notebook."""
    first = warning_html(summary["path_warning"])
    head = "<br>".join(escape(line) for line in head_lines(summary))
    foot = "<br>".join(escape(line) for line in foot_lines(summary))
    return f"{first}<p>{head}</p>{figures_html(summary, intent)}<p><small>{foot}</small></p>"


def _minute(moment: str) -> str:
    return moment[:16].replace("T", " ")
