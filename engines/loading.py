"""Bars as a pandas frame, for looking at and for :func:`engines.backtesting.backtest`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from engines.arrow_columns import number_column, time_column
from engines.moments import Moment, moment_ms
from engines.source import Cut, merged
from engines.source_arrays import bars_of_frame, timeframe_of
from feeds.csv_bars import BYBIT_KLINES, BarForm, CsvBars, detect
from feeds.facts import Facts
from feeds.gate import Gate
from feeds.parquet import ParquetFeed
from kwin_core.bars import parse_timeframe
from kwin_core.errors import ConfigError, DataError

if TYPE_CHECKING:
    import pandas as pd

FACTS = ("symbol", "timeframe_ms", "tick", "lot")
"""What ``attrs`` of a frame of bars may say of the instrument."""


def load(
    data: Path | str | pd.DataFrame,
    *,
    start: Moment | None = None,
    end: Moment | None = None,
    symbol: str | None = None,
    timeframe: str | int | None = None,
    tick: float | None = None,
    lot: float | None = None,
    allow_gaps: bool = False,
) -> pd.DataFrame:
    """Checked bars of a file or a frame, as every other verb takes them.

    Parameters
    ----------
    data
        A Parquet file; a CSV file (``.csv``, ``.csv.gz``: TradingView's chart export, Bybit's kline archive, or any
        table with named columns and times in UTC); a pandas frame with open times in the index or a column. The last
        bar of a TradingView export is left out: it may have been forming.
    start, end
        Slice by open time, start inclusive, end exclusive.
    symbol, timeframe, tick, lot
        Facts that the data does not state, or that replace those it states: price step in quote currency, quantity
        step in base currency.
    allow_gaps
        Accept missing bars.

    Returns
    -------
    pandas.DataFrame
        ``open``, ``high``, ``low``, ``close``, ``volume`` (float64) by open ``time`` (UTC). ``attrs`` holds what
        is known of the instrument: ``symbol``, ``timeframe_ms``, ``tick``, ``lot``.

    Raises
    ------
    DataError
        When the file cannot be read, or on the first bar that cannot be trusted.
    ConfigError
        When ``data`` is none of these.

    Examples
    --------
    >>> bars = load("BYBIT_ETHUSDT.P, 15.csv", symbol="ETHUSDT", tick=0.01, lot=0.01)
    >>> backtest(bars, profile="intent")
    """
    cut = Cut(moment_ms(start, "start"), moment_ms(end, "end"), allow_gaps)
    timeframe_ms = None if timeframe is None else parse_timeframe(timeframe)
    given = Facts(symbol, timeframe_ms, tick, lot)
    if isinstance(data, str | Path):
        path = Path(data)
        csv = ".csv" in (suffix.lower() for suffix in path.suffixes[-2:])
        bars, facts = _of_csv(path, given, cut) if csv else _of_parquet(path, given, cut)
    elif hasattr(data, "columns") and hasattr(data, "attrs"):
        stated = Facts(**{name: data.attrs.get(name) for name in FACTS})
        bars, facts = _checked(bars_of_frame(data, "frame"), merged(given, stated), cut, "frame")
    else:
        raise ConfigError(f"{type(data).__name__}: data must be a path or a pandas frame")
    frame = bar_frame(bars)
    for name in FACTS:
        value = getattr(facts, name)
        if value is not None:
            frame.attrs[name] = value
    return frame


def _of_parquet(path: Path, given: Facts, cut: Cut) -> tuple[np.ndarray, Facts]:
    facts = {name: getattr(given, name) for name in FACTS}
    feed = ParquetFeed(path, start_ms=cut.start_ms, end_ms=cut.end_ms, allow_gaps=cut.allow_gaps, **facts)
    return feed.read(), feed.facts


def _of_csv(path: Path, given: Facts, cut: Cut) -> tuple[np.ndarray, Facts]:
    kind = detect(path)
    if kind == "bybit-trades":
        raise DataError(f"{path}: these are single trades, not bars; make bars of them with kwin-data import")
    bars = np.concatenate(list(CsvBars(path, BYBIT_KLINES if kind == "bybit-klines" else BarForm()).blocks()))
    if bars.size > 1 and bars["time_ms"][0] > bars["time_ms"][-1]:
        bars = bars[::-1].copy()  # from new to old
    if kind == "tradingview":
        bars = bars[:-1]
    return _checked(bars, given, cut, str(path))


def _checked(bars: np.ndarray, facts: Facts, cut: Cut, name: str) -> tuple[np.ndarray, Facts]:
    length_ms = facts.timeframe_ms or timeframe_of(bars, name)
    kept = cut.of(bars)
    if kept.size == 0:
        raise DataError(f"{name}: no bars{cut.text()}")
    Gate(length_ms, allow_gaps=cut.allow_gaps, source=name).check(kept)
    return kept, replace(facts, timeframe_ms=length_ms)


def bar_frame(bars: np.ndarray) -> pd.DataFrame:
    """Bars (``BAR``) as a frame by open time."""
    columns = {"time": time_column(bars["time_ms"])}
    columns |= {name: number_column(bars[name]) for name in ("open", "high", "low", "close", "volume")}
    batch = pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
    frame: pd.DataFrame = batch.to_pandas()
    return frame.set_index("time")
