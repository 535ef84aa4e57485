"""Which set is best: by any statistic, among those with enough trades."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from engines.research.figures import STATISTICS
from kwin_core.errors import ConfigError

SMALLER_IS_BETTER = (
    "max_drawdown",
    "max_close_drawdown",
    "max_close_drawdown_percent",
    "gross_loss",
    "average_loss",
    "commission",
    "annual_volatility",
    "exposure",
    "closed_next_bar",
    "daily_kurtosis",
)


@dataclass(frozen=True)
class Ranking:
    """How sets are put in order.

    Parameters
    ----------
    by
        Statistic; the best comes first, which for drawdowns, losses and costs is the smallest.
    min_trades
        Sets with fewer closed trades are left out.

    Raises
    ------
    ConfigError
        An unknown statistic, or a number of trades that is none.
    """

    by: str = "net_profit"
    min_trades: int = 0

    def __post_init__(self) -> None:
        if self.by not in STATISTICS:
            close = difflib.get_close_matches(str(self.by), STATISTICS, n=3)
            hint = (
                f"did you mean {' or '.join(close)}?" if close else f"choose one of {', '.join(STATISTICS)}"
            )
            raise ConfigError(f"unknown statistic {self.by!r}: {hint}")
        if isinstance(self.min_trades, bool) or not isinstance(self.min_trades, int) or self.min_trades < 0:
            raise ConfigError(f"min_trades = {self.min_trades!r}: expected a whole number, 0 or more")

    @property
    def larger(self) -> bool:
        """Whether larger is better."""
        return self.by not in SMALLER_IS_BETTER

    def order(self, table: pa.Table) -> np.ndarray:
        """Rows that count, best first; equal ones in their order in the table."""
        values = pc.cast(table[self.by], pa.float64()).to_numpy(zero_copy_only=False)
        trades = pc.fill_null(table["trades_closed"], -1).to_numpy(zero_copy_only=False)
        rows = np.flatnonzero((trades >= self.min_trades) & np.isfinite(values))
        key = values[rows]
        found: np.ndarray = rows[np.argsort(-key if self.larger else key, kind="stable")]
        return found

    def score(self, row: Mapping[str, Any]) -> float | None:
        """The statistic of one row, larger being better; ``None`` when the row does not count."""
        value = row.get(self.by)
        if value is None or (row.get("trades_closed") or 0) < self.min_trades:
            return None
        return float(value) if self.larger else -float(value)

    def nothing(self, table: pa.Table) -> str:
        """Why no row counts, in one line."""
        if table.num_rows == 0:
            return "no set was run"
        errors = [text for text in table["error"].to_pylist() if text is not None]
        if len(errors) == table.num_rows:
            return f"none of {table.num_rows} sets could be run: {errors[0]}"
        most = pc.max(table["trades_closed"]).as_py()
        if most < self.min_trades:
            return f"none of {table.num_rows} sets has {self.min_trades} trades; the most is {most}"
        return (
            f"{self.by} is not defined for any of {table.num_rows} sets with {self.min_trades} trades or more"
        )
