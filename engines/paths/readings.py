"""The same run read along several paths: TradingView's, the opposite one, real shorter bars; under each profile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.paths.sub_bars import Coverage, SubBars
from engines.plan import Plan, execute
from engines.recorder import Recorder
from engines.trade_rows import trade_table

if TYPE_CHECKING:
    import pandas as pd

    from engines.drive import Sink

ASSUMED = "assumed"
OPPOSITE = "opposite"
REAL = "real"
PATHS = {
    ASSUMED: "TradingView's path: the nearer extreme first (R4)",
    OPPOSITE: "the opposite path: the farther extreme first",
    REAL: "the shorter bars inside each bar",
}
"""What each path is, by name."""


@dataclass(frozen=True)
class Reading:
    """One run of a strategy along one path.

    Parameters
    ----------
    profile
        ``None`` for strategies without profiles.
    path
        A key of :data:`PATHS`.
    summary
        As :attr:`engines.result.Result.summary`.
    trades
        Closed trades, columns as :func:`engines.trade_rows.trade_table`.
    coverage
        Of real shorter bars: how many chart bars they cover, and how many of these they agree with.
    """

    profile: str | None
    path: str
    summary: dict[str, Any]
    trades: pd.DataFrame
    coverage: Coverage | None = None

    @property
    def net_profit(self) -> float:
        """Account currency."""
        return float(self.summary["net_profit"])


def read_paths(
    plan: Plan, subs: SubBars | None, on_reading: Callable[[int, int], None] | None = None
) -> list[Reading]:
    """Every reading of a run: its own profile first, and of each profile the assumed path first.

    Parameters
    ----------
    plan
        The run, along TradingView's path.
    subs
        Shorter bars inside the chart's; without them their path is left out.
    on_reading
        Called with the number of readings done and to do; a first one may compile for half a minute.

    Raises
    ------
    DataError
        When the shorter bars are not those of the chart.
    """
    plans = [plan]
    if plan.with_profile is not None:
        plans.append(plan.with_profile("intent" if plan.profile != "intent" else "tv-literal"))
    paths = [ASSUMED, OPPOSITE] if subs is None else [ASSUMED, OPPOSITE, REAL]
    readings: list[Reading] = []
    for one in plans:
        for path in paths:
            readings.append(_read(one, path, subs))
            if on_reading is not None:
                on_reading(len(readings), len(plans) * len(paths))
    return readings


def along(plan: Plan, path: str, subs: SubBars | None = None) -> Plan:
    """The same run along another path."""
    if path == OPPOSITE:
        return replace(plan, frozen=plan.frozen._replace(contrary=True))
    if path == REAL:
        return replace(plan, frozen=plan.frozen._replace(magnifier=True), subs=subs)
    return plan


def _read(plan: Plan, path: str, subs: SubBars | None) -> Reading:
    recorder = Recorder(plan.strategy, keep_bars=False)
    sinks: list[Sink] = [recorder]
    coverage = Coverage(subs) if path == REAL and subs is not None else None
    if coverage is not None:
        sinks.append(coverage)
    finished = execute(along(plan, path, subs), sinks)
    if coverage is not None:
        coverage.check()
    trades = recorder.all("trades")
    frame: pd.DataFrame = trade_table(trades, plan.strategy).to_pandas()
    contracts = np.float64(finished.core["settings"]["point_value"])
    frame["return_percent"] = 100.0 * frame["net_pnl"] / (frame["entry_price"] * frame["qty"] * contracts)
    return Reading(plan.profile, path, finished.summary(), frame, coverage)
