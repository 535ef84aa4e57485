"""The comparison with a TradingView export, from Python."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.input_values import named
from engines.moments import Moment, moment_ms
from engines.parity.case import read_case
from engines.parity.tradingview import Question, compare
from feeds.instants import iso
from kwin_core.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

    from engines.parity.outcome import Outcome


def parity(
    export: Path | str,
    data: Path | str | pd.DataFrame | None = None,
    preset: str | None = None,
    profile: str = "tv-literal",
    params: Mapping[str, Any] | None = None,
    *,
    tz: str | None = None,
    tick: float | None = None,
    lot: float | None = None,
    margin: float | None = None,
    capital: float | None = None,
    commission: float | None = None,
    start: Moment | None = None,
    end: Moment | None = None,
    now: Moment | None = None,
    allow_gaps: bool = False,
) -> Outcome:
    """Compare TradingView's list of trades with KWIN's run on the same bars; the call behind ``kwin-parity``.

    Parameters
    ----------
    export
        List of trades (CSV) or strategy report (XLSX) from TradingView, or the folder of a case, whose
        ``case.toml`` then says everything else.
    data
        Parquet file or pandas frame of the chart's bars.
    preset
        The workbook's, else ``"dual-sfp"``, where not given.
    profile, params
        As for :func:`engines.backtesting.backtest`.
    tz
        Zone of the export's times; found by its prices where not given.
    tick, lot
        Price step and quantity step; what workbook, data and printed prices say where not given.
    margin, capital, commission
        Percent, account currency, percent a side; the workbook's or the preset's where not given.
    start, end
        First bar the strategy ran on, where it starts cold, and the bar it stops before, by open time.
    now
        Where the strategy's day window counts back from; the close of the last bar where not given.
    allow_gaps
        Accept missing bars.

    Returns
    -------
    Outcome
        ``parity`` says whether every trade matches in every printed column; ``differences`` is a frame of what
        differs, ``verdict`` the cause of the first difference, ``report()`` everything.

    Raises
    ------
    ParityError
        When the export is none.
    ConfigError, DataError
        What is wrong with the arguments or the bars.

    Examples
    --------
    >>> parity("list_of_trades.csv", "ETHUSDT_15m.parquet", params={"use_window": False}, tz="UTC+8")
    """
    path = Path(export)
    if data is None:
        if path.is_dir():
            return compare(read_case(path))
        raise ConfigError("which bars? parity(export, data): the chart's bars as a Parquet file or a frame")
    question = Question(
        export=path,
        data=Path(data) if isinstance(data, str) else data,
        preset=preset,
        profile=profile,
        inputs=named((params or {}).items(), "params"),
        tz=tz,
        tick=tick,
        lot=lot,
        margin=margin,
        capital=capital,
        commission=commission,
        from_=_text(start, "start"),
        to=_text(end, "end"),
        now=_text(now, "now"),
        allow_gaps=allow_gaps,
    )
    return compare(question)


def _text(moment: Moment | None, name: str) -> str | None:
    time_ms = moment_ms(moment, name)
    return None if time_ms is None else iso(time_ms)
