"""From a compiled batch to rows: for every set the summary that a single run of it has."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from engines.drive import Clock
from engines.plan import Finished, Plan
from engines.research.axis import Axis
from engines.research.compiled import LINE, Batch, make_sweeper
from engines.research.held import HeldBars
from engines.research.jobs import Job
from engines.tally import Tally, running_sum
from kwin_core.engine import _status_error
from kwin_core.errors import KwinError
from kwin_core.records import join_rows
from kwin_core.state import OK, SETTINGS

SAME_FOR_ALL = ("preset", "profile", "strategy", "tick", "lot", "margin", "capital", "trade_from")
"""Parts of a summary that are facts of the whole sweep; they go beside the rows, not into each."""

_TIMINGS = ("seconds", "bars_per_second")
_TEXTS = (
    "data",
    "symbol",
    "timeframe",
    "first_bar",
    "last_bar",
    "params_hash",
    "digest",
    "chain",
    "path_warning",
    "error",
)
_COUNTS = ("bars", "trades_closed", "trades_open", "trades_long", "trades_short", "days")


class SetTally(Tally):
    """Sums of one set of a batch, where a streaming run adds them up itself."""

    def __init__(self, batch: Batch, k: int, held: HeldBars, range_sum: float, capital: float) -> None:
        super().__init__(capital)
        line = dict(zip(LINE.names or (), batch.lines[k].item(), strict=True))
        bars = held.bars
        self.bars = int(bars.size)
        self.first_ms = int(bars["time_ms"][0])
        self.last_ms = int(bars["time_ms"][-1])
        self.range_sum = range_sum
        for name in (
            *("bars_in_position", "longs", "shorts", "bars_held", "closed_next_bar", "trails"),
            *("close_drawdown", "close_drawdown_fraction", "trail_ticks"),
        ):
            setattr(self, name, line[name])
        if line["trades"] > 0:
            self.best_trade = line["best_trade"]
            self.worst_trade = line["worst_trade"]
        self._equity = np.concatenate(([capital], batch.daily[k]))

    def daily_equity(self) -> np.ndarray:
        """Equity at the last bar close of every UTC day with bars, after the capital; float64."""
        return self._equity


@dataclass(frozen=True)
class Prepared:
    """Sets ready for the compiled loop: a plan each, or the error of one that cannot be run."""

    held: HeldBars
    sets: Sequence[Mapping[str, Any]]
    plans: Sequence[Plan | KwinError]
    settings: np.ndarray
    params: np.ndarray


def prepare(job: Job, held: HeldBars, sets: Sequence[Mapping[str, Any]]) -> Prepared:
    """Turn parameter sets into records."""
    plans = [
        plan if isinstance(plan, KwinError) else plan.too_few(held.most_bars) or plan
        for plan in job.plans(held, sets)
    ]
    good = [plan for plan in plans if isinstance(plan, Plan)]
    settings = np.zeros(len(good), SETTINGS)
    known: dict[tuple[Any, ...], int] = {}
    for i, plan in enumerate(good):
        first = known.setdefault(tuple(plan.settings.values()), i)
        if first != i:
            settings[i] = settings[first]
            continue
        for name, value in plan.settings.items():
            settings[i][name] = value
    params = join_rows([plan.params for plan in good], good[0].params.dtype) if good else np.zeros(0)
    return Prepared(held, sets, plans, settings, params)


def compute(prepared: Prepared, threads: int | None = None) -> Batch | None:
    """Run prepared sets; most of it is compiled and leaves the interpreter free."""
    plan = next((plan for plan in prepared.plans if isinstance(plan, Plan)), None)
    if plan is None:
        return None
    sweeper = make_sweeper(plan.strategy, plan.frozen)
    return sweeper.run(prepared.settings, prepared.params, prepared.held.bars, threads=threads)


def rows_of(prepared: Prepared, batch: Batch | None) -> list[dict[str, Any]]:
    """A row a set, in their order.

    A row is the set's values and the summary of its run (`engines.result.Result`) but for the time it took; ``error``
    is the line with which the set could not be run, and then there are no figures.
    """
    held = prepared.held
    cores = [] if batch is None else _cores(batch.states["core"])
    spread = running_sum(0.0, held.bars["high"] - held.bars["low"])
    rows = []
    k = 0
    for given, plan in zip(prepared.sets, prepared.plans, strict=True):
        if isinstance(plan, KwinError) or batch is None:
            rows.append({**given, "error": str(plan)})
            continue
        rows.append({**given, **_figures(plan, batch, k, cores[k], held, spread)})
        k += 1
    return rows


@dataclass(frozen=True)
class _OfBatch(Finished):
    """One run of a batch: the broker's fields as a mapping, which is read ten times as fast as the record."""

    fields: Mapping[str, Any] = field(default_factory=dict)

    @property
    def core(self) -> Any:
        return self.fields


def _cores(cores: np.ndarray) -> list[dict[str, Any]]:
    """The broker's fields of each run, numbers as Python numbers; arrays and records are views."""
    columns = {}
    for name in cores.dtype.names or ():
        kind = cores.dtype[name]
        if kind.names is None and not kind.shape:
            columns[name] = cores[name].tolist()
        elif name == "settings":
            parts = {inner: cores[name][inner].tolist() for inner in kind.names or ()}
            columns[name] = [dict(zip(parts, row, strict=True)) for row in zip(*parts.values(), strict=True)]
        else:
            columns[name] = cores[name]
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _figures(
    plan: Plan, batch: Batch, k: int, core: Mapping[str, Any], held: HeldBars, spread: float
) -> dict[str, Any]:
    if core["status"] != OK:
        return {"error": str(_status_error(core))}
    tally = SetTally(batch, k, held, spread, float(plan.settings["capital"]))
    summary = _OfBatch(plan, batch.states[k : k + 1], tally, Clock(0, 0.0), core).summary()
    kept = {name: value for name, value in summary.items() if name not in (*_TIMINGS, *SAME_FOR_ALL)}
    return {**kept, **_shape(tally.daily_equity()), "error": None}


def _shape(equity: np.ndarray) -> dict[str, float | int | None]:
    """Days, skewness and kurtosis (3 for a normal) of the daily returns, for the deflated Sharpe ratio."""
    days = equity.size - 1
    none: dict[str, float | int | None] = {"days": days, "daily_skew": None, "daily_kurtosis": None}
    if days < 3 or not (equity > 0.0).all():
        return none
    returns = equity[1:] / equity[:-1] - 1.0
    centred = returns - returns.mean()
    square = centred * centred
    spread = float(square.mean())
    if not spread > 0.0:
        return none
    return {
        "days": days,
        "daily_skew": float((square * centred).mean()) / (spread * math.sqrt(spread)),
        "daily_kurtosis": float((square * square).mean()) / (spread * spread),
    }


def table_of(rows: Sequence[Mapping[str, Any]], first: int, kinds: Mapping[str, pa.DataType]) -> pa.Table:
    """Rows of :func:`rows_of` as a table.

    Parameters
    ----------
    rows
        The rows.
    first
        ``set``, the first column, numbers them from here.
    kinds
        Names and types of the swept inputs, the next columns.

    Returns
    -------
    pyarrow.Table
        Then come `FIGURES`: texts as texts, counts as int64, the rest float64; what is not defined is null.
    """
    columns = {"set": pa.array(range(first, first + len(rows)), pa.int64())}
    for name, kind in kinds.items():
        columns[name] = pa.array([row[name] for row in rows], kind)
    for name in FIGURES:
        kind = pa.string() if name in _TEXTS else pa.int64() if name in _COUNTS else pa.float64()
        columns[name] = pa.array([row.get(name) for row in rows], kind)
    return pa.table(columns)


def kinds_of(axes: Sequence[Axis]) -> dict[str, pa.DataType]:
    """Column types of the swept inputs."""
    return {axis.name: _kind(axis.values) if axis.is_list else pa.float64() for axis in axes}


def _kind(values: Sequence[Any]) -> pa.DataType:
    if all(isinstance(value, bool) for value in values):
        return pa.bool_()
    if all(isinstance(value, int) for value in values):
        return pa.int64()
    return pa.string() if all(isinstance(value, str) for value in values) else pa.float64()


STATISTICS = (
    "net_profit", "net_profit_percent", "sharpe", "sortino", "calmar", "annual_return", "annual_volatility",
    "max_drawdown", "max_close_drawdown", "max_close_drawdown_percent", "profit_factor", "win_rate",
    "trades_closed", "trades_open", "trades_long", "trades_short", "gross_profit", "gross_loss", "open_profit",
    "average_win", "average_loss", "best_trade", "worst_trade", "commission", "exposure", "average_bars_held",
    "closed_next_bar", "average_range", "average_trail", "days", "daily_skew", "daily_kurtosis", "bars",
)  # fmt: skip
"""Numbers that a set can be ranked by."""

FIGURES = (
    "data", "symbol", "timeframe", "first_bar", "last_bar", *STATISTICS,
    "params_hash", "chain", "digest", "path_warning", "error",
)  # fmt: skip
"""Columns of a result after the swept inputs."""
