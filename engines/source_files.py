"""The last bar of a Parquet file without reading the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from feeds.arrow import BarReader
from feeds.columns import find_columns
from feeds.parquet import open_parquet
from kwin_core.errors import DataError


def last_open_ms(path: Path, end_ms: int | None) -> int | None:
    """Open time (ms) of the last bar that opens before ``end_ms``; ``None`` when there is none.

    Reads the time column of as few row groups as needed, from the end; in a file of ordered bars that is one,
    or the one that holds ``end_ms``.

    Raises
    ------
    DataError
        When the file cannot be read.
    """
    with open_parquet(path) as file:
        columns = find_columns(file.schema_arrow.names, str(path))
        reader = BarReader({"time": columns["time"]}, str(path))
        for group in reversed(range(file.num_row_groups)):
            times = _times(file, group, reader, path)
            if end_ms is not None:
                times = times[times < end_ms]
            if times.size:
                return int(times.max())
    return None


def _times(file: pq.ParquetFile, group: int, reader: BarReader, path: Path) -> np.ndarray:
    try:
        table = file.read_row_group(group, columns=[reader.columns["time"]], use_threads=False)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path}: damaged Parquet file ({error}); write or fetch it again") from None
    parts = [reader.block(batch, 0)["time_ms"] for batch in table.to_batches()]
    return np.concatenate(parts) if parts else np.zeros(0, np.int64)
