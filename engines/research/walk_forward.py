"""`walk_forward`: choose the best set on one stretch of time, trade it on the next, and join what it earned there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.input_values import named
from engines.moments import Moment, moment_ms
from engines.plan import KwinOptions, execute
from engines.recorder import Recorder
from engines.research.held import HeldBars
from engines.research.jobs import KwinJob
from engines.research.ranking import Ranking
from engines.research.sweeping import How, OnProgress, held_data, run_sweep
from engines.research.windows import Window, days_of, windows
from engines.result import Result
from engines.source import Cut
from engines.statistics import daily_ratios
from engines.summary import warning_html
from engines.tally import day_ends
from feeds.facts import Facts
from feeds.instants import iso
from kwin_core.bars import parse_timeframe
from kwin_core.errors import ConfigError, DataError
from kwin_core.kwin.inputs import effective

if TYPE_CHECKING:
    import pandas as pd

    from engines.source import BarData


_OF_ALL_BARS = ("exposure", "average_range", "bars")
"""Figures of a run that count the bars before the split too, on which it could not trade."""


@dataclass(frozen=True)
class Step:
    """One window and what came of it.

    Parameters
    ----------
    window
        Its instants.
    chosen
        Swept inputs of the set that was best in sample; ``None`` when no set counted, and nothing was traded.
    in_sample
        Row of that set in the in-sample sweep.
    result
        The out-of-sample run, from the in-sample bars on so that indicators are warm, ordering only after the split.
    capital
        Equity it began with, account currency.
    """

    window: Window
    chosen: dict[str, Any] | None
    in_sample: dict[str, Any] | None
    result: Result | None
    capital: float

    @property
    def equity(self) -> float:
        """Equity at the end, an open trade marked at the last close."""
        return self.capital if self.result is None else float(self.result.states[0]["core"]["equity"])

    @property
    def out_of_sample(self) -> dict[str, Any]:
        """Figures of the out-of-sample stretch alone; empty when nothing was traded."""
        if self.result is None:
            return {}
        found = {name: value for name, value in self.result.summary.items() if name not in _OF_ALL_BARS}
        times: Any = self.result.bars.index
        first = int(np.searchsorted(times.as_unit("ms").asi8, self.window.split_ms))
        ends = day_ends(times[first:].as_unit("ms").asi8)
        equity = self.result.equity["equity"].to_numpy()[first:][ends]
        return {**found, **daily_ratios(np.concatenate(([self.capital], equity)))}


class WalkForward:
    """A finished walk.

    Attributes
    ----------
    steps
        One a window, in order.
    summary
        Of the joined out-of-sample equity: ``net_profit`` and ``net_profit_percent``, ``trades_closed``, ``windows``,
        ``windows_traded``, ``windows_won``, ``windows_not_an_edge`` (traded ones that the assumed path dominates,
        :mod:`engines.path_warning`), ``max_close_drawdown_percent``, the ratios of daily returns of
        `engines.statistics.daily_ratios`, and ``efficiency``: out-of-sample return a day divided by that in sample, the
        mean over windows; what is left of what was promised.
    about
        What decides it: data, profile, fixed inputs, space, windows, ranking, program.
    """

    def __init__(
        self, steps: Sequence[Step], held: HeldBars, ranking: Ranking, about: Mapping[str, Any]
    ) -> None:
        self.steps = list(steps)
        self.ranking = ranking
        self.about = dict(about)
        self._held = held
        self.summary = self._summary()

    @cached_property
    def equity(self) -> pd.DataFrame:
        """Joined out-of-sample ``equity`` after every bar, account currency, by bar open time; ``window`` counts.

        Each window begins with the equity the one before ended with. A position that is open at the end of a window is
        valued at its last close, without what closing it would cost, and not carried on.
        """
        import pandas as pd

        times, equity, numbers = self._joined
        index = pd.DatetimeIndex(pd.to_datetime(times, unit="ms", utc=True), name="time")
        return pd.DataFrame({"equity": equity, "window": numbers}, index=index)

    @cached_property
    def trades(self) -> pd.DataFrame:
        """Out-of-sample trades of all windows, with their ``window``."""
        import pandas as pd

        frames = [
            step.result.trades.assign(window=number)
            for number, step in enumerate(self.steps)
            if step.result is not None
        ]
        return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()

    @cached_property
    def windows(self) -> pd.DataFrame:
        """One row a window: instants, chosen inputs, the statistic in and out of sample, trades, equity."""
        import pandas as pd

        return pd.DataFrame([self._row(step) for step in self.steps])

    def _row(self, step: Step) -> dict[str, Any]:
        window, by = step.window, self.ranking.by
        outcome = step.out_of_sample
        return {
            "in_sample_from": iso(window.start_ms),
            "out_of_sample_from": iso(window.split_ms),
            "until": iso(window.end_ms),
            **(step.chosen or {}),
            f"{by} in sample": None if step.in_sample is None else step.in_sample[by],
            f"{by} out of sample": outcome.get(by),
            "trades in sample": None if step.in_sample is None else step.in_sample["trades_closed"],
            "trades out of sample": outcome.get("trades_closed", 0),
            "equity": step.equity,
        }

    @cached_property
    def _joined(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        times, equity, numbers = [], [], []
        for number, step in enumerate(self.steps):
            part = self._held.part(step.window.split_ms, step.window.end_ms).bars["time_ms"]
            times.append(part)
            numbers.append(np.full(part.size, number))
            if step.result is None:
                equity.append(np.full(part.size, step.capital))
            else:
                equity.append(step.result.equity["equity"].to_numpy()[-part.size :])
        return np.concatenate(times), np.concatenate(equity), np.concatenate(numbers)

    def _summary(self) -> dict[str, Any]:
        times, equity, _ = self._joined
        capital = self.steps[0].capital
        whole = np.concatenate(([capital], equity))
        peaks = np.maximum.accumulate(whole)
        traded = [step for step in self.steps if step.result is not None]
        return {
            "windows": len(self.steps),
            "windows_traded": len(traded),
            "windows_won": sum(step.equity > step.capital for step in traded),
            "windows_not_an_edge": sum(
                step.result.summary["path_warning"] is not None for step in traded if step.result
            ),
            "capital": capital,
            "net_profit": float(equity[-1] - capital),
            "net_profit_percent": 100.0 * float(equity[-1] - capital) / capital,
            "trades_closed": sum(int(step.result.summary["trades_closed"]) for step in traded if step.result),
            "max_close_drawdown_percent": 100.0 * float(((peaks - whole) / peaks).max()),
            **daily_ratios(np.concatenate(([capital], equity[day_ends(times)]))),
            "efficiency": self._efficiency(traded),
        }

    def _efficiency(self, traded: Sequence[Step]) -> float | None:
        found = []
        for step in traded:
            window = step.window
            promised = (step.in_sample or {})["net_profit_percent"] / (window.split_ms - window.start_ms)
            if promised > 0.0:
                kept = 100.0 * (step.equity / step.capital - 1.0) / (window.end_ms - window.split_ms)
                found.append(kept / promised)
        return float(np.mean(found)) if found else None

    def warning(self) -> str | None:
        """One line when the path assumed inside each bar dominates what was traded out of sample, else ``None``."""
        dominated, traded = self.summary["windows_not_an_edge"], self.summary["windows_traded"]
        if not dominated:
            return None
        return (
            f"NOT AN EDGE: {dominated} of {traded} traded windows are dominated by the price path assumed inside "
            "each bar; out of sample it is assumed too."
        )

    def _repr_html_(self) -> str:
        rows = self.windows.to_html(index=False, float_format="{:.4g}".format)
        return f"{warning_html(self.warning())}<p>{escape(repr(self))}</p>{rows}"

    def __repr__(self) -> str:
        found = self.summary
        return (
            f"<WalkForward {self.about['preset']} {self.about['profile']}: {found['windows']} windows, "
            f"{found['trades_closed']} trades, net {found['net_profit']:+.2f}>"
        )


def walk_forward(
    data: BarData,
    space: Mapping[str, Any],
    preset: str = "dual-sfp",
    profile: str = "tv-literal",
    params: Mapping[str, Any] | None = None,
    *,
    in_sample: str | float,
    out_of_sample: str | float,
    anchored: bool = False,
    method: str = "grid",
    sets: int | None = None,
    seed: int = 0,
    rank: str = "sharpe",
    min_trades: int = 10,
    start: Moment | None = None,
    end: Moment | None = None,
    capital: float | None = None,
    symbol: str | None = None,
    timeframe: str | int | None = None,
    tick: float | None = None,
    lot: float | None = None,
    margin: float = 0.0,
    allow_gaps: bool = False,
    threads: int | None = None,
    scheduler: str | None = None,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
) -> WalkForward:
    """Walk through time: sweep a stretch, trade its best set on the next, and go on from there.

    Every sweep begins with ``capital``, every stretch that is traded with what the one before left. Inputs that are
    amounts (``min_net_profit``, the lot, the largest quantity) weigh more on a small account than on a large one, so
    that an account that has shrunk or grown a lot trades otherwise than the sweep it was chosen by: compare
    ``trades in sample`` and ``trades out of sample`` in :attr:`WalkForward.windows`.

    Parameters
    ----------
    data
        As for `engines.backtesting.backtest`.
    in_sample, out_of_sample
        Lengths: a number of days, or text such as ``"180d"``, ``"12h"``, ``"4w"``.
    anchored
        In-sample stretches all begin at the first bar and grow; by default they roll.
    rank, min_trades
        The in-sample choice: best by this statistic, among sets with so many closed trades. A window without any is
        not traded.
    space, preset, profile, params, method, sets, seed, start, end, capital, symbol, timeframe, tick, lot, margin
        As for :func:`engines.research.sweeping.sweep`.
    allow_gaps, threads, scheduler, workers, on_progress
        As for :func:`engines.research.sweeping.sweep`; progress begins anew with every window.

    Raises
    ------
    ConfigError
        As for ``sweep``; also when the data is shorter than a window, or the strategy's own time window is on, which
        would gate the entries of every stretch to its last days.
    DataError
        Bars that cannot be read or trusted.

    Examples
    --------
    >>> walk = walk_forward(
    ...     "fixtures/ethusdt_like_15m.parquet",
    ...     {"swing_len": range(2, 12)},
    ...     profile="intent",
    ...     params={"use_window": False},
    ...     in_sample="90d",
    ...     out_of_sample="30d",
    ... )
    >>> walk.windows, walk.equity, walk.summary
    """
    lengths = days_of(in_sample, "in_sample"), days_of(out_of_sample, "out_of_sample")
    fixed = named((params or {}).items(), "params")
    if effective(preset, fixed)["use_window"] or "use_window" in space or "useWindow" in space:
        raise ConfigError(
            "walk_forward: switch the strategy's own time window off (use_window = false), windows are cut here"
        )
    facts = Facts(symbol, None if timeframe is None else parse_timeframe(timeframe), tick, lot)
    (held,) = held_data([data], facts, Cut(moment_ms(start, "start"), moment_ms(end, "end"), allow_gaps))
    how = How(method, sets, seed, Ranking(rank, min_trades), threads, None, scheduler, workers, on_progress)
    job = KwinJob(preset, profile, fixed, KwinOptions(margin, capital))
    return walk(job, space, held, how, lengths, anchored=anchored)


def walk(
    job: KwinJob,
    space: Mapping[str, Any],
    held: HeldBars,
    how: How,
    lengths: tuple[int, int],
    *,
    anchored: bool,
) -> WalkForward:
    """A walk that is decided; ``lengths`` (ms) in and out of sample.

    A window that a gap leaves without bars on one of its sides is left out.

    Raises
    ------
    DataError
        When that leaves none.
    """
    last_ms = held.last_open_ms() + held.instrument.timeframe_ms
    steps: list[Step] = []
    equity: float | None = None
    for window in windows(int(held.bars["time_ms"][0]), last_ms, *lengths, anchored=anchored):
        if not (held.has(window.start_ms, window.split_ms) and held.has(window.split_ms, window.end_ms)):
            continue
        found = run_sweep(job, space, [held.part(window.start_ms, window.split_ms)], how)
        ranked = found.ranked_table(limit=1).to_pylist()
        begun = float(found.about["capital"]) if equity is None else equity
        step = Step(window, None, None, None, begun)
        if ranked and begun > 0.0:
            chosen = {name: ranked[0][name] for name in found.names}
            step = replace(
                step, chosen=chosen, in_sample=ranked[0], result=_trade(job, held, window, chosen, begun)
            )
        steps.append(step)
        equity = step.equity
    if not steps:
        raise DataError(f"{held.name}: no window has bars both in sample and out of sample")
    about = {
        **{name: found.about[name] for name in ("kwin", "engine")},
        "data": {"name": held.name, "symbol": held.instrument.symbol, "bars": held.digest},
        **job.facts(),
        **{name: found.about[name] for name in ("space", "method", "sets", "seed")},
        "rank": how.ranking.by,
        "min_trades": how.ranking.min_trades,
        "in_sample_ms": lengths[0],
        "out_of_sample_ms": lengths[1],
        "anchored": anchored,
    }
    return WalkForward(steps, held, how.ranking, about)


def _trade(job: KwinJob, held: HeldBars, window: Window, chosen: Mapping[str, Any], capital: float) -> Result:
    """The out-of-sample run of one window."""
    options = replace(job.options, capital=capital, trade_from_ms=window.split_ms)
    plan = replace(job, options=options).plan(held.part(window.start_ms, window.end_ms), chosen)
    recorder = Recorder(plan.strategy, keep_bars=True)
    return Result(execute(plan, [recorder]), recorder)


def save_walk(found: WalkForward, folder: Path) -> None:
    """Write ``windows.parquet``, ``equity.parquet``, ``trades.parquet`` into a folder."""
    found.windows.to_parquet(folder / "windows.parquet", index=False)
    found.equity.to_parquet(folder / "equity.parquet")
    found.trades.to_parquet(folder / "trades.parquet", index=False)
