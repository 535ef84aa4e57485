"""What a sweep hands back: a row a set, ranked; and how far to believe its best."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from engines.research.axis import Axis
from engines.research.deflated import Deflated, deflated_sharpe
from engines.research.ranking import Ranking
from engines.research.stability import HeatMap, heat_map, sensitivity
from engines.research.store import stated
from engines.summary import warning_html
from kwin_core.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd


class SweepResult:
    """A finished sweep.

    Attributes
    ----------
    table
        One row a set and data file: ``set``, the swept inputs, then the figures of the run as
        `engines.result.Result` names them, ``error`` where a set could not be run.
    axes
        The space.
    ranking
        How sets are put in order.
    about
        What is the same for all rows: preset, profile, capital, fixed inputs, data, method, seed.
    """

    def __init__(
        self, table: pa.Table, axes: tuple[Axis, ...], ranking: Ranking, about: Mapping[str, Any]
    ) -> None:
        self.table = table
        self.axes = axes
        self.ranking = ranking
        self.about = dict(about)

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @cached_property
    def frame(self) -> pd.DataFrame:
        """All rows, in the order of the sets."""
        frame: pd.DataFrame = self.table.to_pandas()
        return frame

    @property
    def names(self) -> list[str]:
        """Names of the swept inputs."""
        return [axis.name for axis in self.axes]

    def ranked_table(
        self, by: str | None = None, min_trades: int | None = None, limit: int | None = None
    ) -> pa.Table:
        """Rows that count, best first.

        Parameters
        ----------
        by, min_trades
            As the sweep was asked for, where not given.
        limit
            At most so many.
        """
        order = self._ranking(by, min_trades).order(self.table)
        return self.table.take(pa.array(order[:limit]))

    def ranked(
        self, by: str | None = None, min_trades: int | None = None, limit: int | None = None
    ) -> pd.DataFrame:
        """Rows that count, best first; see :meth:`ranked_table`."""
        frame: pd.DataFrame = self.ranked_table(by, min_trades, limit).to_pandas()
        return frame

    def best(self, by: str | None = None, min_trades: int | None = None) -> dict[str, Any]:
        """The best row.

        Raises
        ------
        ConfigError
            When no row counts; says why.
        """
        found = self.ranked_table(by, min_trades, 1).to_pylist()
        if not found:
            raise ConfigError(self._ranking(by, min_trades).nothing(self.table))
        return dict(found[0])

    def best_params(self, by: str | None = None, min_trades: int | None = None) -> dict[str, Any]:
        """Inputs of the best row, the fixed ones included: what ``backtest(..., params=...)`` takes."""
        row = self.best(by, min_trades)
        return {**self.about.get("fixed", {}), **{name: row[name] for name in self.names}}

    def heat_map(self, x: str, y: str, statistic: str | None = None, how: str = "mean") -> HeatMap:
        """A statistic over two inputs; see `engines.research.stability.heat_map`."""
        return heat_map(self.frame, x, y, statistic or self.ranking.by, how, self.names)

    def sensitivity(self, statistic: str | None = None) -> pd.DataFrame:
        """What each input does to a statistic; see `engines.research.stability.sensitivity`."""
        return sensitivity(self.frame, self.names, statistic or self.ranking.by)

    def deflated_sharpe(self, trials: int | None = None) -> Deflated:
        """The Sharpe ratio of the set with the best one, judged by how many sets were tried.

        Parameters
        ----------
        trials
            How many sets were tried in all, in this sweep and before; the rows of this one by default.

        Raises
        ------
        ConfigError
            When fewer than two sets have a Sharpe ratio.
        """
        return deflated_sharpe(self.ranked_table("sharpe"), len(self) if trials is None else trials)

    def warning(self) -> str | None:
        """One line when the path assumed inside each bar dominates results, else ``None``."""
        count = len(self) - self.table["path_warning"].null_count
        if not count:
            return None
        return f"{count} of {len(self)} results are dominated by the price path assumed inside each bar: NOT AN EDGE."

    def save(self, path: Path | str) -> None:
        """Write all rows as Parquet; the file's metadata holds :attr:`about`, see `engines.research.store.stated`."""
        pq.write_table(stated(self.table, self.about), Path(path), compression="zstd")

    def _ranking(self, by: str | None, min_trades: int | None) -> Ranking:
        least = self.ranking.min_trades if min_trades is None else min_trades
        return Ranking(by or self.ranking.by, least)

    def _repr_html_(self) -> str:
        columns = ["set", *self.names, *dict.fromkeys((self.ranking.by, *SHOWN))]
        top = self.ranked(limit=10)[columns]
        rows = top.to_html(index=False, float_format="{:.4g}".format)
        return f"<p>{escape(repr(self))}</p>{warning_html(self.warning())}{rows}"

    def __repr__(self) -> str:
        name = self.about.get("preset") or self.about.get("strategy")
        profile = f" {self.about['profile']}" if "profile" in self.about else ""
        return f"<SweepResult {name}{profile}: {len(self)} rows over {', '.join(self.names)}, by {self.ranking.by}>"


SHOWN = (
    "net_profit_percent",
    "sharpe",
    "max_close_drawdown_percent",
    "profit_factor",
    "win_rate",
    "trades_closed",
)
"""Figures beside the one that a table is ranked by."""
