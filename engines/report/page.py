"""One self-contained HTML page of a run: nothing is loaded from anywhere."""

from __future__ import annotations

import json
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.paths.panel import panel_html
from engines.report.figures import trade_charts
from engines.report.series import chart_series
from engines.report.tables import exits_html, fees_html, groups_html, months_html
from engines.report.trade_figures import trade_figures
from engines.research.extras import needs
from engines.summary import figures_html, fraction, head_lines, money, percent, plain
from engines.tv_csv import quote_currency

if TYPE_CHECKING:
    from engines.paths.sensitivity import PathSensitivity
    from engines.result import Result

LITERAL_WARNING = (
    "tv-literal reproduces TradingView's numbers, units and all: it is for parity with an export. A good result here "
    "is not an edge."
)


def report_html(result: Result, paths: PathSensitivity | None = None) -> str:
    """The page.

    The same run gives the same text: it holds no time of making and no speed.

    Parameters
    ----------
    result
        A run that kept its bars.
    paths
        The run along other paths; the page says that it was not asked for when ``None``.

    Raises
    ------
    ConfigError
        When plotly is missing, the run kept no bars, or has more than a page can hold.
    """
    script = needs("plotly.offline", "report").get_plotlyjs()
    trades = trade_figures(result)
    charts = trade_charts(trades)
    data = {
        "chart": chart_series(result, trades),
        "figures": charts,
        "fills_at_close": result.plan.frozen.on_close is not None,
        "marks_shown": "bear_local" in result.signals,
    }
    summary = result.summary
    name = str(summary.get("preset") or summary["strategy"])
    profile = summary.get("profile")
    title = f"{name}{'' if profile is None else f' {profile}'}: {summary['symbol']} {summary['timeframe']}"
    parts = [
        _header(name, profile, summary, _unit(result)),
        _warnings(summary, profile),
        _tiles(summary, trades),
        _section("Path sensitivity", _paths(paths), "paths"),
        _section("Chart", _CHART, "candles"),
        _section("Months", months_html(result)),
        _section("Trades by kind", groups_html(trades) + _ends(trades)),
        _section("How trades are distributed", _places(charts)),
        _section("Fees and funding", fees_html(result, trades)),
        _section("All trades", _TRADES, "trades"),
        _section("All figures", f"<div class='wide'>{figures_html(summary, result.intent)}</div>"),
        _section("Parameters and hashes", _parameters(result), "parameters"),
    ]
    page = files("engines.report") / "page"
    text = json.dumps(data, allow_nan=False, separators=(",", ":")).replace("</", "<\\/")
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><style>{(page / "report.css").read_text("utf-8")}</style></head>\n'
        f"<body><main>{''.join(parts)}</main>\n"
        f'<script type="application/json" id="data">{text}</script>\n'
        f"<script>{script}</script>\n<script>{(page / 'report.js').read_text('utf-8')}</script></body></html>\n"
    )


def write_report(path: Path | str, result: Result, paths: PathSensitivity | None = None) -> None:
    """Write the page; the file is there whole or not at all.

    Raises
    ------
    ConfigError
        As :func:`report_html`.
    OSError
        When the file cannot be written.
    """
    target = Path(path)
    partial = target.with_name(target.name + ".partial")
    partial.write_text(report_html(result, paths), encoding="utf-8")
    partial.replace(target)


def _unit(result: Result) -> str:
    """What amounts of money are in; the account's own currency has no name here."""
    if result.plan.rates is not None:
        return "the account's currency"
    return quote_currency(str(result.summary["symbol"])) or "the quote currency"


def _header(name: str, profile: str | None, summary: dict[str, Any], unit: str) -> str:
    badge = "" if profile is None else f"<span class='profile {escape(profile)}'>{escape(profile)}</span>"
    lines = head_lines(summary)
    return (
        f"<header class='top'><h1>{escape(name)}</h1>{badge}</header>"
        f"<p class='what'>{escape(lines[0].partition(': ')[2])}<br>{escape(lines[1])}<br>"
        f"amounts in {escape(unit)}, from {money(summary['capital'])} at the start</p>"
    )


def _warnings(summary: dict[str, Any], profile: str | None) -> str:
    lines = [LITERAL_WARNING] if profile == "tv-literal" else []
    if summary["path_warning"]:
        lines.insert(0, summary["path_warning"])
    if not lines:
        return ""
    return (
        "<div class='warning' role='alert'>" + "".join(f"<p>{escape(line)}</p>" for line in lines) + "</div>"
    )


def _tiles(summary: dict[str, Any], trades: Any) -> str:
    net = summary["net_profit"]
    mean_r = trades.loc[~trades["is_open"], "r"].mean()
    counts = f"{summary['trades_long']:,} long, {summary['trades_short']:,} short"
    fall = f"{percent(summary['max_close_drawdown_percent'])} of the peak, at bar closes"
    tiles = [
        ("net profit", money(net, sign=True), percent(summary["net_profit_percent"], sign=True), net),
        ("trades", f"{summary['trades_closed']:,}", counts, None),
        ("win rate", fraction(summary["win_rate"]), f"profit factor {plain(summary['profit_factor'])}", None),
        ("drawdown", money(summary["max_close_drawdown"]), fall, None),
        ("mean R", plain(None if mean_r != mean_r else float(mean_r)), "net result over initial risk", None),
        ("commission", money(summary["commission"]), "funding is not in a backtest", None),
        ("Sharpe", plain(summary["sharpe"]), f"Sortino {plain(summary['sortino'])}, of daily returns", None),
        (
            "closed by next bar",
            fraction(summary["closed_next_bar"]),
            f"in a position {fraction(summary['exposure'])} of the time",
            None,
        ),
    ]
    return "<div class='tiles'>" + "".join(_tile(*tile) for tile in tiles) + "</div>"


def _tile(name: str, value: str, more: str, sign: float | None) -> str:
    kind = "" if not sign else " class='good'" if sign > 0.0 else " class='poor'"
    return f"<div class='tile'><span>{name}</span><b{kind}>{escape(value)}</b><small>{escape(more)}</small></div>"


def _section(title: str, body: str, name: str = "") -> str:
    place = f" id='{name}'" if name else ""
    return f"<section{place}><h2>{title}</h2>{body}</section>\n"


def _paths(paths: PathSensitivity | None) -> str:
    if paths is None:
        return (
            "<p class='note'>Not asked for: this report does not say how much hangs on the assumed path.</p>"
        )
    return panel_html(paths)


_CHART = (
    "<div class='bar'><button data-days='0'>all</button><button data-days='90'>3 months</button>"
    "<button data-days='30'>month</button><button data-days='7'>week</button><button data-days='1'>day</button>"
    "<span class='gap'></span><button id='previous'>&lsaquo; trade</button>"
    "<button id='next'>trade &rsaquo;</button></div>"
    "<div id='chart'></div><p class='note'><span id='chart-note'></span> Drag to move, scroll to zoom, double click "
    "for everything. The equity and its distance from the peak share the time axis.</p>"
)

_TRADES = (
    "<div class='bar'><button id='page-back'>&lsaquo;</button><span id='trade-page'></span>"
    "<button id='page-on'>&rsaquo;</button></div><div class='wide'><table><thead><tr>"
    + "".join(
        f"<th>{name}</th>"
        for name in (
            *("trade", "side", "SFP", "entry bar", "entry", "exit bar", "exit", "by"),
            *("quantity", "net", "R"),
        )
    )
    + "</tr></thead><tbody id='trade-rows'></tbody></table></div>"
    "<p class='note'>A row goes to its trade on the chart. Times are the open times of bars, UTC.</p>"
)

_CHARTS = (
    ("rr", "Risk and reward"),
    ("returns", "Results"),
    ("excursions", "Excursions"),
    ("held", "How long"),
)


def _ends(trades: Any) -> str:
    return "" if trades["is_open"].all() else "<h3>How they ended</h3>" + exits_html(trades)


def _places(charts: dict[str, Any]) -> str:
    found = [(name, title) for name, title in _CHARTS if name in charts]
    if not found:
        return "<p class='note'>No trade was closed in this run.</p>"
    places = "".join(
        f"<div><h3>{title}</h3><div class='small-plot' id='{name}'></div></div>" for name, title in found
    )
    note = "<p class='note'>The outermost bars of a distribution hold everything beyond them.</p>"
    return f"<div class='grid'>{places}</div>{note}"


def _parameters(result: Result) -> str:
    summary = result.summary
    rows = {
        "preset": summary.get("preset") or summary.get("strategy"),
        "profile": summary.get("profile"),
        "data": summary["data"],
        "instrument": f"{summary['symbol']} {summary['timeframe']}, tick {summary['tick']:g}, lot {summary['lot']:g}",
        "capital, margin": f"{summary['capital']:g}, {summary['margin']:g} %",
        "inputs hash": summary.get("params_hash"),
        "digest of the last state": summary["digest"],
        "running fingerprint": summary["chain"],
    }
    facts = "".join(
        f"<dt>{escape(name)}</dt><dd><code>{escape(str(value))}</code></dd>"
        for name, value in rows.items()
        if value is not None
    )
    inputs = "".join(
        f"<div><span>{escape(name)}</span><code>{escape(str(value))}</code></div>"
        for name, value in result.params.items()
    )
    return f"<dl>{facts}</dl><h3>Inputs</h3><div class='inputs'>{inputs}</div>"
