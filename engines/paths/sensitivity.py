"""How much of a result hangs on the assumed path: the readings side by side, and the share of profit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.paths.readings import ASSUMED, OPPOSITE, REAL, Reading, read_paths
from engines.paths.sub_bars import SubBars
from engines.plan import Plan

if TYPE_CHECKING:
    import pandas as pd

KEY = ["side", "entry_bar", "entry_signal"]
"""What makes two trades of two readings the same one."""


@dataclass(frozen=True)
class Against:
    """The trades of one reading beside those of the run itself.

    Parameters
    ----------
    same
        Trades that both have, with the same exit bar and price.
    elsewhere
        Trades that both have and that end at another bar or price.
    turned
        Of these, the ones that win in one reading and do not in the other.
    only_assumed, only_other
        Entries that only one reading has: an exit elsewhere leaves the account in another position.
    profit_elsewhere
        Net profit, account currency, that the run itself books on trades that the other reading does not have
        with the same end.
    """

    same: int
    elsewhere: int
    turned: int
    only_assumed: int
    only_other: int
    profit_elsewhere: float


@dataclass(frozen=True)
class PathSensitivity:
    """The readings of one run.

    Parameters
    ----------
    readings
        The run itself first; see :func:`engines.paths.readings.read_paths`.

    Attributes
    ----------
    table
        One row a reading, a pandas frame.
    """

    readings: tuple[Reading, ...]

    @property
    def run(self) -> Reading:
        """The run itself: its own profile along TradingView's path."""
        return self.readings[0]

    @property
    def others(self) -> tuple[Reading, ...]:
        """The run's own profile along other paths."""
        return tuple(one for one in self.readings[1:] if one.profile == self.run.profile)

    @property
    def judge(self) -> Reading:
        """What the run is held against: real shorter bars where there are any, else the opposite path."""
        return self.others[-1]

    @property
    def share(self) -> float | None:
        """Fraction of the net profit that the judging path does not confirm; above 1 the profit becomes a loss.

        0 or less means that it confirms all of it; ``None`` when the run makes no profit that could hang on it.
        """
        profit = self.run.net_profit
        return (profit - self.judge.net_profit) / profit if profit > 0.0 else None

    @property
    def against(self) -> Against:
        """The trades of the run beside those of the judging path."""
        return compare_trades(self.run, self.judge)

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a reading.

        ``net_profit``, ``max_close_drawdown`` in account currency; ``return_a_trade`` the mean net result of a
        trade in percent of its entry value, in which compounding has no part; ``same_trades`` and
        ``other_trades`` count against the first row of the same profile.
        """
        import pandas as pd

        rows = []
        for one in self.readings:
            first = next(other for other in self.readings if other.profile == one.profile)
            against = compare_trades(first, one)
            mean = one.trades["return_percent"].mean()
            rows.append(
                {
                    "profile": one.profile,
                    "path": one.path,
                    "net_profit": one.net_profit,
                    "trades": one.summary["trades_closed"],
                    "win_rate": one.summary["win_rate"],
                    "profit_factor": one.summary["profit_factor"],
                    "return_a_trade": None if np.isnan(mean) else float(mean),
                    "max_close_drawdown": one.summary["max_close_drawdown"],
                    "same_trades": against.same,
                    "other_trades": against.elsewhere + against.only_other,
                    "digest": one.summary["digest"],
                }
            )
        return pd.DataFrame(rows)

    def verdict(self) -> str:
        """The answer in one sentence."""
        from engines.summary import money

        run, judge, share = self.run, self.judge, self.share
        path = {OPPOSITE: "with the farther extreme of each bar first", REAL: "on the real shorter bars"}
        ends = f"{path[judge.path]} the net result is {money(judge.net_profit, sign=True)}"
        profit = money(run.net_profit, sign=True)
        if share is None:
            return f"The run makes no profit that could hang on the assumed path ({profit}); {ends}."
        amount = f"{100.0 * share:.0f} %"
        if share <= 0.0:
            amount = "None"
        elif share >= 1.0:
            amount = "ALL"
        return f"{amount} of the profit of {profit} hangs on the assumed path: {ends}."

    def report(self) -> dict[str, Any]:
        """The figures as JSON takes them."""
        rows = self.table.astype(object).where(self.table.notna(), None)
        coverage = next((one.coverage for one in self.readings if one.coverage is not None), None)
        return {
            "share_of_profit": self.share,
            "judged_by": self.judge.path,
            "verdict": self.verdict(),
            "readings": rows.to_dict("records"),
            "trades": asdict(self.against),
            "coverage": None
            if coverage is None
            else {name: getattr(coverage, name) for name in ("bars", "covered", "agreeing")},
        }

    def _repr_html_(self) -> str:
        from engines.paths.panel import panel_html

        return panel_html(self)

    def __repr__(self) -> str:
        return f"<PathSensitivity {self.verdict()}>"


def path_sensitivity(
    plan: Plan, subs: SubBars | None = None, on_reading: Callable[[int, int], None] | None = None
) -> PathSensitivity:
    """Read a run along every path; parameters as :func:`engines.paths.readings.read_paths`."""
    return PathSensitivity(tuple(read_paths(plan, subs, on_reading)))


def compare_trades(run: Reading, other: Reading) -> Against:
    """Trades of two readings, matched by side, entry bar and entry."""
    columns = [*KEY, "exit_bar", "exit_price", "net_pnl"]
    ours, theirs = _numbered(run.trades[columns]), _numbered(other.trades[columns])
    both = ours.merge(theirs, on=[*KEY, "part"], how="outer", suffixes=("", "_other"), indicator=True)
    paired = both["_merge"] == "both"
    half_tick = run.summary["tick"] / 2.0
    same = (
        paired
        & (both["exit_bar"] == both["exit_bar_other"])
        & ((both["exit_price"] - both["exit_price_other"]).abs() < half_tick)
    )
    moved = paired & ~same
    turned = moved & ((both["net_pnl"] > 0.0) != (both["net_pnl_other"] > 0.0))
    ours_only = both["_merge"] == "left_only"
    return Against(
        same=int(same.sum()),
        elsewhere=int(moved.sum()),
        turned=int(turned.sum()),
        only_assumed=int(ours_only.sum()),
        only_other=int((both["_merge"] == "right_only").sum()),
        profit_elsewhere=float(both.loc[moved | ours_only, "net_pnl"].sum()),
    )


def _numbered(trades: pd.DataFrame) -> pd.DataFrame:
    """With a number for the parts of one entry that ends in several trades."""
    trades = trades.astype({"side": object, "entry_signal": object})  # pandas cannot merge empty arrow text
    return trades.assign(part=trades.groupby(KEY, observed=True).cumcount())


__all__ = ["ASSUMED", "Against", "PathSensitivity", "compare_trades", "path_sensitivity"]
