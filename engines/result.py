"""What a backtest hands back: frames, a summary, digests, files."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from engines.arrow_columns import number_column, time_column
from engines.drive import Chunk
from engines.loading import bar_frame
from engines.plan import Finished, Plan, execute
from engines.recorder import Recorder
from engines.run_files import RunFiles, equity_table, signal_table
from engines.trade_rows import open_trades, order_table, trade_table
from engines.tv_csv import quote_currency
from kwin_core.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

    from engines.paths.sensitivity import PathSensitivity


class Result:
    """A finished run. Frames are made when first asked for.

    Attributes
    ----------
    summary
        Figures by name. Money is in account currency, ``*_percent`` in percent, ``win_rate``, ``exposure``,
        ``closed_next_bar`` (trades closed no later than the bar after entry), ``annual_return`` and
        ``annual_volatility`` are fractions; ``max_drawdown`` runs from the highest realised equity to the worst
        point of the assumed path (R157), ``max_close_drawdown`` over bar closes; ratios are of daily returns, 365
        days a year; ``average_trail`` and ``average_range`` in quote currency; ``seconds`` is the core alone,
        without compilation, input and output. What is not defined is ``None``.
    params
        Value of every input.
    """

    def __init__(self, finished: Finished, recorder: Recorder) -> None:
        self.summary: dict[str, Any] = finished.summary()
        self.params: dict[str, Any] = dict(finished.plan.values)
        self._finished = finished
        self._recorder = recorder

    @property
    def digest(self) -> str:
        """SHA-256 of the last state, 64 hex digits: equal runs have equal digests."""
        return str(self.summary["digest"])

    @property
    def chain(self) -> str:
        """The state's running fingerprint, 16 hex digits."""
        return str(self.summary["chain"])

    @property
    def plan(self) -> Plan:
        """What was run."""
        return self._finished.plan

    @property
    def states(self) -> np.ndarray:
        """State after the last bar, shape ``(1,)``, as the engine takes it to go on."""
        return self._finished.states

    @cached_property
    def trades(self) -> pd.DataFrame:
        """One row a trade, open ones last; columns as :func:`engines.trade_rows.trade_table` says."""
        rows = np.concatenate([self._recorder.all("trades"), open_trades(self._finished.core)])
        frame: pd.DataFrame = trade_table(rows, self._finished.plan.strategy).to_pandas()
        return frame.astype({"exit_bar": "Int64"})

    @cached_property
    def orders(self) -> pd.DataFrame:
        """Order commands and fills in the order they happened; see :func:`engines.trade_rows.order_table`."""
        frame: pd.DataFrame = order_table(
            self._recorder.all("events"), self._finished.plan.strategy
        ).to_pandas()
        return frame

    @cached_property
    def signals(self) -> pd.DataFrame:
        """What the strategy showed on every bar, by bar open time."""
        return _by_time(signal_table(*self._bar_columns(), self._recorder.all("signals")))

    @cached_property
    def equity(self) -> pd.DataFrame:
        """The account after every bar, by bar open time; see :func:`engines.run_files.equity_table`."""
        numbers, times = self._bar_columns()
        marks = self._recorder.all("marks")
        peaks = np.maximum(np.maximum.accumulate(marks["equity"]), self.summary["capital"])
        closes = self._recorder.all("bars")["close"]
        return _by_time(equity_table(numbers, times, closes, marks, peaks - marks["equity"]))

    @cached_property
    def bars(self) -> pd.DataFrame:
        """The bars of the run, by open time."""
        return bar_frame(self._bars())

    @cached_property
    def intent(self) -> dict[str, Any] | None:
        """Summary of the same run under ``intent``, made when first asked for.

        ``None`` when this run is not dominated by the assumed path, is ``intent`` itself, or has no profiles.
        """
        return intent_beside(self._finished, self.summary)

    def paths(self, magnifier: Path | str | None = None) -> PathSensitivity:
        """The same run along other paths inside each bar, and under the other profile.

        Along the opposite path, which takes the farther extreme of every bar first; along real shorter bars, when a
        file of them is given. Look at it before a strategy trades: what does not survive it was never there.

        Parameters
        ----------
        magnifier
            Parquet file of shorter bars, best of one minute, of the same symbol and time.

        Raises
        ------
        DataError, ConfigError
            When the file is bad, or its bars are not those inside the run's.
        """
        from engines.paths.sensitivity import path_sensitivity
        from engines.paths.sub_bars import read_sub_bars

        plan = self._finished.plan
        chart_ms = plan.source.instrument.timeframe_ms
        subs = None if magnifier is None else read_sub_bars(magnifier, chart_ms)
        return path_sensitivity(plan, subs)

    def report(self) -> dict[str, Any]:
        """Content of ``result.json``: the summary, the inputs, and the ``intent`` reading where it matters."""
        return report_of(self.summary, self.params, self.intent)

    def save(self, folder: Path | str) -> None:
        """Write ``trades.csv``, ``trades.parquet``, ``equity.parquet``, ``signals.parquet``, ``result.json``.

        Raises
        ------
        ConfigError
            When the folder cannot be written, or the run was made with ``keep_bars=False``.
        """
        kept = {name: self._recorder.all(name) for name in ("signals", "marks", "trades", "events")}
        chunk = Chunk(0, self._bars(), **kept)
        report = self.report()
        with files_of(self._finished.plan, Path(folder)) as files:
            files.take(chunk)
            files.finish(self._finished.core, report)

    def write_report(self, path: Path | str, paths: PathSensitivity | None = None) -> None:
        """Write one self-contained HTML page of the run; see :func:`engines.report.page.report_html`.

        Parameters
        ----------
        path
            The file; replaced when it exists.
        paths
            What :meth:`paths` gave, for the panel of path sensitivity; without it the page says that it is missing.
        """
        from engines.report.page import write_report

        write_report(path, self, paths)

    def write_picture(self, path: Path | str) -> None:
        """Draw candles, trades and equity as one picture; the format is the file's (``.png``, ``.svg``, ``.pdf``)."""
        from engines.report.picture import write_picture

        write_picture(path, self)

    def _bars(self) -> np.ndarray:
        if not self._recorder.keeps_bars:
            raise ConfigError("this run was made with keep_bars=False: run it again without")
        return self._recorder.all("bars")

    def _bar_columns(self) -> tuple[pa.Array, pa.Array]:
        bars = self._bars()
        return number_column(np.arange(bars.size)), time_column(bars["time_ms"])

    def _repr_html_(self) -> str:
        from engines.summary import summary_html

        return summary_html(self.summary, self.intent)

    def __repr__(self) -> str:
        name = self.summary.get("preset") or self.summary.get("strategy")
        profile = f" {self.summary['profile']}" if "profile" in self.summary else ""
        return (
            f"<Result {name}{profile}: {self.summary['trades_closed']} trades, "
            f"net {self.summary['net_profit']:+.2f}, digest {self.digest[:12]}>"
        )


def intent_beside(finished: Finished, summary: dict[str, Any]) -> dict[str, Any] | None:
    """Summary of the ``intent`` reading of a run that the assumed path dominates; ``None`` for any other."""
    plan = finished.plan
    if summary["path_warning"] is None or plan.with_profile is None or plan.profile == "intent":
        return None
    return execute(plan.with_profile("intent")).summary()


def report_of(
    summary: dict[str, Any], params: dict[str, Any], intent: dict[str, Any] | None
) -> dict[str, Any]:
    """Content of ``result.json``."""
    head = {name: value for name, value in summary.items() if name in ("preset", "profile", "strategy")}
    return {**head, "params": params, **summary, "intent": intent}


def files_of(plan: Plan, folder: Path) -> RunFiles:
    """Output folder for a run."""
    currency = quote_currency(plan.source.instrument.symbol)
    return RunFiles(folder, plan.strategy, plan.settings, currency)


def _by_time(batch: pa.RecordBatch) -> pd.DataFrame:
    frame: pd.DataFrame = batch.to_pandas()
    return frame.set_index("time")
