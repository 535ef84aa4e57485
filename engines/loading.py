"""Bars as a pandas frame, for looking at and for :func:`engines.backtesting.backtest`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from engines.arrow_columns import number_column, time_column
from engines.moments import Moment, moment_ms
from feeds.parquet import ParquetFeed

if TYPE_CHECKING:
    import pandas as pd


def load(
    path: Path | str, *, start: Moment | None = None, end: Moment | None = None, allow_gaps: bool = False
) -> pd.DataFrame:
    """Checked bars of a Parquet file.

    Parameters
    ----------
    path
        The file.
    start, end
        Slice by open time, start inclusive, end exclusive.
    allow_gaps
        Accept missing bars.

    Returns
    -------
    pandas.DataFrame
        ``open``, ``high``, ``low``, ``close``, ``volume`` (float64) by open ``time`` (UTC). ``attrs`` holds what
        the file says of the instrument: ``symbol``, ``timeframe_ms``, ``tick``, ``lot``.

    Raises
    ------
    DataError
        When the file cannot be read, or on the first bar that cannot be trusted.
    """
    feed = ParquetFeed(
        path, start_ms=moment_ms(start, "start"), end_ms=moment_ms(end, "end"), allow_gaps=allow_gaps
    )
    bars = feed.read()
    frame = bar_frame(bars)
    for name in ("symbol", "timeframe_ms", "tick", "lot"):
        value = getattr(feed.facts, name)
        if value is not None:
            frame.attrs[name] = value
    return frame


def bar_frame(bars: np.ndarray) -> pd.DataFrame:
    """Bars (``BAR``) as a frame by open time."""
    columns = {"time": time_column(bars["time_ms"])}
    columns |= {name: number_column(bars[name]) for name in ("open", "high", "low", "close", "volume")}
    batch = pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
    frame: pd.DataFrame = batch.to_pandas()
    return frame.set_index("time")
