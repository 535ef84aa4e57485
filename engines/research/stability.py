"""Whether a good set stands on a plateau or on a needle: heat maps and sensitivities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.research.extras import needs
from engines.research.figures import STATISTICS
from kwin_core.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

HOWS = ("mean", "median", "min", "max", "count")


@dataclass(frozen=True)
class HeatMap:
    """A statistic over two inputs.

    Parameters
    ----------
    values
        Rows are values of ``y``, columns values of ``x``; ``nan`` where there is no set.
    x, y, statistic, how
        What was asked for.
    """

    values: pd.DataFrame
    x: str
    y: str
    statistic: str
    how: str

    def figure(self) -> Any:
        """A plotly figure; its colours are centred on 0 when the values lie on both sides of it.

        Raises
        ------
        ConfigError
            When plotly is not installed.
        """
        graph = needs("plotly.graph_objects", "research")
        table = self.values
        numbers = table.to_numpy()
        both = bool(np.nanmin(numbers) < 0.0 < np.nanmax(numbers)) if np.isfinite(numbers).any() else False
        figure = graph.Figure(
            graph.Heatmap(
                z=numbers,
                x=[str(value) for value in table.columns],
                y=[str(value) for value in table.index],
                colorscale="RdBu" if both else "Viridis",
                zmid=0.0 if both else None,
                hovertemplate=f"{self.x} %{{x}}<br>{self.y} %{{y}}<br>{self.statistic} %{{z:.5g}}<extra></extra>",
            )
        )
        figure.update_layout(title=f"{self.statistic} ({self.how})", xaxis_title=self.x, yaxis_title=self.y)
        return figure

    def _repr_html_(self) -> str:
        return str(self.values.to_html(float_format="{:.4g}".format))


def heat_map(frame: pd.DataFrame, x: str, y: str, statistic: str, how: str, names: Sequence[str]) -> HeatMap:
    """A statistic over two swept inputs, all other inputs and data files taken together.

    Parameters
    ----------
    frame
        Rows of a sweep.
    x, y
        Names of inputs.
    statistic
        Of `engines.research.figures.STATISTICS`.
    how
        How sets that share both values are taken together: ``mean``, ``median``, ``min``, ``max``, ``count``.
    names
        Swept inputs.

    Raises
    ------
    ConfigError
        A name that is none of these.
    """
    for name in (x, y):
        if name not in names:
            raise ConfigError(f"{name!r} was not swept: choose two of {', '.join(names)}")
    if x == y:
        raise ConfigError(f"a heat map needs two inputs, not {x} twice")
    check_statistic(statistic)
    if how not in HOWS:
        raise ConfigError(f"how = {how!r}: choose one of {', '.join(HOWS)}")
    values: Any = frame.groupby([y, x])[statistic].agg(how).unstack(x)
    return HeatMap(values.sort_index().sort_index(axis=1), x, y, statistic, how)


def sensitivity(frame: pd.DataFrame, names: Sequence[str], statistic: str, groups: int = 10) -> pd.DataFrame:
    """What each input does to a statistic.

    Parameters
    ----------
    frame, names, statistic
        As for :func:`heat_map`.
    groups
        An input with more values than this is cut into so many groups of equal size.

    Returns
    -------
    pandas.DataFrame
        By input, the strongest first: ``explained``, the share of the variance of the statistic that the input's
        value explains by itself (correlation ratio, 0 to 1); ``spread``, between the best and the worst mean of a
        value, in the statistic's unit; ``best_value`` and ``worst_value`` (or group), and ``values``, how many there
        are. Shares need not add up to 1: what is missing is interplay.
    """
    import pandas as pd

    check_statistic(statistic)
    known = frame[np.isfinite(frame[statistic].astype(float))]
    rows = []
    for name in names:
        column = known[name]
        if column.nunique() > groups and pd.api.types.is_numeric_dtype(column):
            column = pd.qcut(column, groups, duplicates="drop")
        means = known.groupby(column, observed=True)[statistic].agg(["mean", "count"])
        total = float(((known[statistic] - known[statistic].mean()) ** 2).sum())
        between = float((means["count"] * (means["mean"] - known[statistic].mean()) ** 2).sum())
        rows.append(
            {
                "input": name,
                "explained": between / total if total > 0.0 else np.nan,
                "spread": float(means["mean"].max() - means["mean"].min()) if len(means) else np.nan,
                "best_value": means["mean"].idxmax() if len(means) else None,
                "worst_value": means["mean"].idxmin() if len(means) else None,
                "values": len(means),
            }
        )
    return pd.DataFrame(rows).set_index("input").sort_values("explained", ascending=False)


def check_statistic(name: str) -> None:
    """Refuse what is no statistic of a set.

    Raises
    ------
    ConfigError
        Names those there are.
    """
    if name not in STATISTICS:
        raise ConfigError(f"unknown statistic {name!r}: choose one of {', '.join(STATISTICS)}")
