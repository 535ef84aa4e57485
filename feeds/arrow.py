"""Arrow columns to the bar record and back, without pandas and without surprises in the numbers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feeds.columns import unit_in_name
from feeds.instants import guess_unit, to_ms
from kwin_core.bars import BAR
from kwin_core.errors import DataError

SCHEMA = pa.schema(
    [
        pa.field("time", pa.timestamp("ms", tz="UTC"), nullable=False),
        *(
            pa.field(name, pa.float64(), nullable=False)
            for name in ("open", "high", "low", "close", "volume")
        ),
    ]
)
"""Columns of the Parquet files this project writes."""


class BarReader:
    """Turns record batches of one source into blocks of bars.

    The unit of integer times is told by the name of their column (``open_time_ms``), else by the size of the
    first one, and then kept.

    Parameters
    ----------
    columns
        Field to column name, as :func:`feeds.columns.find_columns` gives it; without ``volume`` it is 0.
    source
        Name of the source, for errors.
    time_unit
        ``"s"``, ``"ms"``, ``"us"`` or ``"ns"`` for integer times; ``None`` detects it.
    """

    def __init__(self, columns: Mapping[str, str], source: str, *, time_unit: str | None = None) -> None:
        self.columns = columns
        self.source = source
        self._unit = time_unit or unit_in_name(columns["time"])

    def block(self, batch: pa.RecordBatch, first_row: int) -> np.ndarray:
        """Bars of a batch: a new array of ``BAR``, not yet checked by the gate.

        Raises
        ------
        DataError
            When a time is missing or a column is of a type that cannot hold its field.
        """
        bars = np.zeros(batch.num_rows, dtype=BAR)
        bars["time_ms"] = self._times(batch.column(self.columns["time"]), first_row)
        for field, column in self.columns.items():
            if field != "time":
                bars[field] = self._numbers(batch.column(column), column)
        return bars

    def _numbers(self, array: pa.Array, column: str) -> np.ndarray:
        if pa.types.is_float32(array.type) or pa.types.is_float16(array.type):
            raise DataError(
                f"{self.source}: column {column!r} is {array.type}, too coarse for prices; store it as double"
            )
        numbers = self._cast(array, pa.float64(), column)
        if numbers.null_count:
            return np.where(null_mask(numbers), np.nan, float_values(numbers))
        return float_values(numbers)

    def _times(self, array: pa.Array, first_row: int) -> np.ndarray:
        column = self.columns["time"]
        if array.null_count:
            row = first_row + int(np.argmax(null_mask(array)))
            raise DataError(
                f"{self.source}: row {row}: no time in column {column!r}; remove the row", row=row
            )
        if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
            zoned = len(array) > 0 and _has_zone(str(array[0]))
            array = self._cast(array, pa.timestamp("ns", tz="UTC" if zoned else None), column)
        if pa.types.is_date(array.type):
            array = self._cast(array, pa.timestamp("ms"), column)
        if pa.types.is_timestamp(array.type):
            values = int_values(array.view(pa.int64()))
            return to_ms(values, array.type.unit, self.source, first_row)
        if pa.types.is_floating(array.type):
            array = self._cast(array, pa.int64(), column)
        if not pa.types.is_integer(array.type):
            raise DataError(
                f"{self.source}: column {column!r} is {array.type}; times must be timestamps or integers"
            )
        values = int_values(self._cast(array, pa.int64(), column))
        if self._unit is None and values.size:
            self._unit = guess_unit(int(values[0]))
        return to_ms(values, self._unit or "ms", self.source, first_row)

    def _cast(self, array: pa.Array, kind: pa.DataType, column: str) -> pa.Array:
        try:
            return pc.cast(array, kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise DataError(
                f"{self.source}: column {column!r} ({array.type}) does not hold {_meaning(kind)} ({error})"
            ) from None


def batch_of(bars: np.ndarray, schema: pa.Schema) -> pa.RecordBatch:
    """Record batch with the columns of :data:`SCHEMA` (``schema`` may carry metadata)."""
    arrays = []
    for name in BAR.names or ():
        values = np.ascontiguousarray(bars[name])
        kind = pa.timestamp("ms", tz="UTC") if name == "time_ms" else pa.float64()
        arrays.append(pa.Array.from_buffers(kind, values.size, [None, pa.py_buffer(values)]))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def int_values(array: pa.Array) -> np.ndarray:
    """int64 values of an array without nulls; a read-only view. (``Array.to_numpy`` would import pandas.)"""
    return np.frombuffer(array.buffers()[1], dtype=np.int64, count=len(array), offset=8 * array.offset)


def float_values(array: pa.Array) -> np.ndarray:
    """float64 values of an array, anything where it is null; a read-only view."""
    return np.frombuffer(array.buffers()[1], dtype=np.float64, count=len(array), offset=8 * array.offset)


def null_mask(array: pa.Array) -> np.ndarray:
    """Which values of an array are null (bool). (``pyarrow.compute.fill_null`` would import pandas.)"""
    marks = array.is_null().cast(pa.uint8())
    bits = np.frombuffer(marks.buffers()[1], dtype=np.uint8, count=len(marks), offset=marks.offset)
    return bits.astype(bool)


def _has_zone(text: str) -> bool:
    clock = text.strip()[10:]
    return clock.endswith(("Z", "z")) or "+" in clock or "-" in clock


def _meaning(kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return "times"
    return "whole numbers" if pa.types.is_integer(kind) else "numbers"
