"""Bars from CSV files: TradingView's chart export, Bybit's kline archive, any table with named columns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feeds.arrow import float_values, null_mask
from feeds.columns import find_columns
from feeds.csv_table import CsvShape, batches, column_names, first_line
from feeds.instants import to_ms
from feeds.time_text import TimeText
from kwin_core.bars import BAR
from kwin_core.errors import ConfigError, DataError

ARCHIVE_ZONE = "+03:00"
"""Clock of Bybit's ``kline_for_metatrader4`` archive, which states none: UTC+3 all the year."""


@dataclass(frozen=True)
class BarForm:
    """What a CSV of bars looks like.

    Attributes
    ----------
    shape
        Delimiter, decimal sign, header.
    columns
        Columns named by the user, by field (``{"time": "Date"}``); others are found by name.
        ``"Date+Time"`` joins two columns.
    time_unit, zone
        See :class:`feeds.time_text.TimeText`.
    volume
        False sets volume to 0 instead of reading it.
    """

    shape: CsvShape = field(default_factory=CsvShape)
    columns: Mapping[str, str] = field(default_factory=dict)
    time_unit: str | None = None
    zone: str = "UTC"
    volume: bool = True


BYBIT_KLINES = BarForm(
    shape=CsvShape(header=("time", "open", "high", "low", "close", "volume")),
    time_unit="%Y.%m.%d %H:%M",
    zone=ARCHIVE_ZONE,
)


_DERIVATIVE_TRADES = ("timestamp", "symbol", "side", "size", "price")
_SPOT_TRADES = ("id", "timestamp", "price", "volume")

KINDS = ("tradingview", "bybit-klines", "bybit-trades", "csv")


def detect(path: Path) -> str:
    """Kind of a CSV file by its first line: one of :data:`KINDS`.

    Raises
    ------
    DataError
        When the file is missing, empty or cannot be read.
    """
    names = first_line(path).split(",")
    low = [name.strip().strip('"').lower() for name in names]
    if tuple(low[:5]) == _DERIVATIVE_TRADES or tuple(low[:4]) == _SPOT_TRADES:
        return "bybit-trades"
    if len(names) == 6 and re.fullmatch(r"\d{4}\.\d\d\.\d\d \d\d:\d\d", names[0]):
        return "bybit-klines"
    return "tradingview" if names[:5] == ["time", "open", "high", "low", "close"] else "csv"


class CsvBars:
    """Bars of one CSV file, not yet checked by the gate.

    Parameters
    ----------
    path
        The file; a name ending in ``.gz`` and the like is unpacked while reading.
    form
        What it looks like.

    Raises
    ------
    DataError
        When the file is missing or a column cannot be found.
    """

    def __init__(self, path: Path, form: BarForm) -> None:
        self.path = path
        self.form = form
        names = column_names(path, form.shape)
        joined = form.columns.get("time", "").split("+")
        self._time_columns = joined if len(joined) == 2 and set(joined) <= set(names) else []
        chosen = {**form.columns, "time": joined[0]} if self._time_columns else form.columns
        if not form.volume and "volume" in chosen:
            raise ConfigError(
                "a volume column is named although volume is not to be read; leave one of them out"
            )
        columns = find_columns(names, str(path), chosen=chosen, optional=() if form.volume else ("volume",))
        if not form.volume:
            columns.pop("volume", None)
        self._time_columns = self._time_columns or [columns["time"]]
        self._numbers = {name: column for name, column in columns.items() if name != "time"}

    def blocks(self) -> Iterator[np.ndarray]:
        """Blocks of ``BAR`` in the order of the file; missing numbers are ``nan``.

        Raises
        ------
        DataError
            When a value is not a time or a number.
        """
        times = TimeText(str(self.path), unit=self.form.time_unit, zone=self.form.zone)
        first_row = 0
        for batch in batches(self.path, self.form.shape, self._time_columns, list(self._numbers.values())):
            bars = np.zeros(batch.num_rows, dtype=BAR)
            micros = times.micros(self._time_text(batch), first_row)
            bars["time_ms"] = to_ms(micros, "us", str(self.path), first_row)
            for name, column in self._numbers.items():
                array = batch.column(column)
                bars[name] = np.where(null_mask(array), np.nan, float_values(array))
            first_row += batch.num_rows
            if bars.size:
                yield bars
        if first_row == 0:
            raise DataError(f"{self.path}: no rows")

    def _time_text(self, batch: pa.RecordBatch) -> pa.Array:
        parts = [batch.column(name) for name in self._time_columns]
        if len(parts) == 1:
            return parts[0]
        blank = pa.array([" "], pa.string())[0]
        return pc.binary_join_element_wise(*parts, blank)
