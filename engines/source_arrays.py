"""Bars from a pandas frame, and the timeframe of bars that do not say it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from feeds.arrow import BarReader
from feeds.columns import find_columns
from feeds.instants import looks_like_seconds
from feeds.timeframe import SECONDS_TAKEN, common_step
from kwin_core.bars import MINUTE_MS
from kwin_core.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


def bars_of_frame(frame: pd.DataFrame, name: str) -> np.ndarray:
    """Bars (``BAR``) of a pandas frame, not yet checked by the gate.

    Open times are the index when it holds times, else a column found by its name; prices and volume are found
    as in files (:mod:`feeds.columns`); without volume it is 0.

    Raises
    ------
    DataError
        When a column is missing or holds something else.
    """
    if frame.index.dtype.kind == "M":
        frame = frame.assign(time=frame.index)
    try:
        table = pa.Table.from_pandas(frame, preserve_index=False).combine_chunks()
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError(f"{name}: {error}") from None
    columns = find_columns(table.column_names, name, optional=("volume",))
    reader = BarReader(columns, name)
    blocks = [reader.block(batch, 0) for batch in table.select(list(columns.values())).to_batches()]
    if not blocks:
        raise DataError(f"{name}: no bars")
    return np.concatenate(blocks)


def timeframe_of(bars: np.ndarray, name: str) -> int:
    """Length of a bar (ms) by the usual distance between the first thousand.

    Raises
    ------
    DataError
        When there are too few bars, or the distance is not whole minutes.
    """
    times = bars["time_ms"][:1000]
    steps = np.diff(times)
    found = common_step(steps) or common_step(-steps)
    if found == 0:
        raise DataError(f"{name}: too few bars to tell the timeframe; give it (timeframe='15m')")
    if found % MINUTE_MS:
        seconds = looks_like_seconds(int(times[0]))
        raise DataError(
            f"{name}: {SECONDS_TAKEN if seconds else f'bars are {found} ms apart, not whole minutes'}"
        )
    return found
