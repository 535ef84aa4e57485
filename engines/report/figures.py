"""The report's small charts, made with plotly: how trades are distributed."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.research.extras import needs

if TYPE_CHECKING:
    import pandas as pd

WON, LOST = "#2a9d7c", "#d1495b"
_FONT = {"family": "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif", "size": 12, "color": "#1c2733"}


def trade_charts(trades: pd.DataFrame) -> dict[str, Any]:
    """Charts of closed trades by the id of their place: plotly's own JSON.

    ``rr``: net results in multiples of the risk, where it is known. ``returns``: net results in percent of the
    entry value. ``excursions``: how far each trade went for and against. ``held``: how long they were held. None
    without closed trades: an empty chart has axes that say something.
    """
    closed = trades[~trades["is_open"]]
    if closed.empty:
        return {}
    won = (closed["net_pnl"] > 0.0).to_numpy()
    charts = {
        "returns": _histogram(closed["return_percent"].to_numpy(float), won, "net result, % of entry value"),
        "excursions": _excursions(closed, won),
        "held": _histogram(closed["bars_held"].to_numpy(float), won, "bars held", whole=True),
    }
    if closed["r"].notna().any():
        charts["rr"] = _histogram(closed["r"].to_numpy(float), won, "net result, multiples of the risk (R)")
    return {name: json.loads(figure.to_json()) for name, figure in charts.items()}


def _figure(x_title: str, y_title: str) -> Any:
    figure = needs("plotly.graph_objects", "report").Figure()
    figure.update_layout(
        template="none",
        font=_FONT,
        height=300,
        margin={"l": 56, "r": 12, "t": 28, "b": 44},
        barmode="stack",
        bargap=0.04,
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
        paper_bgcolor="#fff",
        plot_bgcolor="#fff",
    )
    figure.update_xaxes(title={"text": x_title, "standoff": 8}, gridcolor="#e7ebef", zerolinecolor="#8795a3")
    figure.update_yaxes(title={"text": y_title, "standoff": 6}, gridcolor="#e7ebef", zerolinecolor="#8795a3")
    return figure


def _histogram(values: np.ndarray, won: np.ndarray, title: str, *, whole: bool = False) -> Any:
    """Bars counted here: the page holds counts, not trades. The ends hold what lies beyond them."""
    figure = _figure(title, "trades")
    known = ~np.isnan(values)
    values, won = values[known], won[known]
    if values.size == 0:
        return figure
    edges = _whole_edges(values) if whole else _edges(values)
    inside = np.clip(values, edges[0], np.nextafter(edges[-1], edges[0]))
    middles = (edges[:-1] + edges[1:]) / 2
    for name, part, colour in (("won", won, WON), ("lost", ~won, LOST)):
        counts = np.histogram(inside[part], edges)[0]
        text = [f"{low:.4g} to {high:.4g}" for low, high in itertools.pairwise(edges)]
        figure.add_bar(
            x=middles.tolist(),
            y=counts.tolist(),
            width=np.diff(edges).tolist(),
            name=name,
            marker={"color": colour},
            customdata=text,
            hovertemplate="%{customdata}: %{y} " + name + "<extra></extra>",
        )
    return figure


def _edges(values: np.ndarray) -> np.ndarray:
    """About forty bins of a round width over all but the outermost trades; 0 is always an edge.

    Results that are all but equal, or one alone, get bins that an axis can label with a few digits.
    """
    low, high = np.percentile(values, (0.5, 99.5))
    spread = max(float(high - low), 0.1 * float(max(abs(low), abs(high))), 1e-9) / 40
    unit = 10.0 ** np.floor(np.log10(spread))
    width = unit * next(step for step in (1.0, 2.0, 2.5, 5.0, 10.0) if step * unit >= spread)
    return np.asarray(width * np.arange(np.floor(low / width), np.ceil(high / width) + 1.5))


def _whole_edges(values: np.ndarray) -> np.ndarray:
    high = float(np.percentile(values, 99.0))
    width = max(1.0, np.ceil((high - values.min() + 1) / 40))
    return np.asarray(values.min() - 0.5 + width * np.arange(np.ceil((high - values.min() + 1) / width) + 1))


def _excursions(closed: pd.DataFrame, won: np.ndarray) -> Any:
    figure = _figure("worst fall while open, % of entry value", "best run-up, %")
    fall = -closed["drawdown_percent"].to_numpy(float)
    rise = closed["runup_percent"].to_numpy(float)
    for name, part, colour in (("won", won, WON), ("lost", ~won, LOST)):
        figure.add_scatter(
            x=np.round(fall[part], 4).tolist(),
            y=np.round(rise[part], 4).tolist(),
            mode="markers",
            name=name,
            marker={"color": colour, "size": 5, "opacity": 0.55},
            hovertemplate="fall %{x:.2f} %, run-up %{y:.2f} %<extra>" + name + "</extra>",
        )
    return figure
