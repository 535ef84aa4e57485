"""Bars from a Parquet file, streamed: memory does not grow with the length of the file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from feeds.arrow import BarReader
from feeds.columns import find_columns
from feeds.facts import Facts
from feeds.gate import Gate
from feeds.instants import iso
from feeds.protocol import Instrument
from feeds.timeframe import settle_timeframe
from kwin_core.bars import BAR
from kwin_core.errors import ConfigError, DataError

BLOCK_BARS = 65_536
_SAMPLE_BARS = 1_000  # the timeframe is read off the distances between so many bars


class ParquetFeed:
    """Closed bars of a Parquet file, through the gate.

    Columns are found by name in any case (``time``, ``timestamp``, ``open_time``, ``date``, ...; ``open``
    or ``o``, ...). Times may be timestamps (without zone they are UTC) or integers of s, ms, us or ns. Facts
    come from the file's metadata (``kwin.symbol``, ``kwin.timeframe_ms``, ``kwin.tick``, ``kwin.lot``,
    ``kwin.min_order``), unless given here; without a stated timeframe it is the usual distance between the
    first bars.

    Parameters
    ----------
    path
        The file.
    symbol, timeframe_ms, tick, lot, min_order
        Facts that replace those of the file (ms, quote currency, base currency, base currency).
    start_ms, end_ms
        Slice by open time, ms: ``start_ms`` inclusive, ``end_ms`` exclusive. Bars outside are as if the file
        did not have them: the strategy starts cold on the first bar inside, and what is wrong outside does
        not matter.
    allow_gaps
        Accept missing bars.
    block_bars
        Most bars a block.

    Raises
    ------
    DataError
        When the file is missing, is not Parquet, lacks a column or has another timeframe than asked for.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        symbol: str | None = None,
        timeframe_ms: int | None = None,
        tick: float | None = None,
        lot: float | None = None,
        min_order: float | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        allow_gaps: bool = False,
        block_bars: int = BLOCK_BARS,
    ) -> None:
        if start_ms is not None and end_ms is not None and end_ms <= start_ms:
            raise ConfigError(f"end {iso(end_ms)} is not after start {iso(start_ms)}")
        self.path = Path(path)
        self.start_ms, self.end_ms = start_ms, end_ms
        self.allow_gaps = allow_gaps
        self._block_bars = block_bars
        with open_parquet(self.path) as file:
            schema = file.schema_arrow
            self.rows: int = file.metadata.num_rows
            self._columns = find_columns(schema.names, str(self.path))
            stated = Facts.from_metadata(schema.metadata, str(self.path))
            sample = self._sample(file)
        given = {
            "symbol": symbol,
            "timeframe_ms": timeframe_ms,
            "tick": tick,
            "lot": lot,
            "min_order": min_order,
        }
        facts = replace(stated, **{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
        found_ms = settle_timeframe(sample["time_ms"], facts.timeframe_ms, str(self.path))
        self.facts = replace(facts, symbol=facts.symbol or self.path.stem, timeframe_ms=found_ms)

    @property
    def timeframe_ms(self) -> int:
        """Length of a bar in ms: given, stated by the file, or found."""
        return self.facts.timeframe_ms or 0

    @property
    def instrument(self) -> Instrument:
        """Facts of the instrument.

        Raises
        ------
        ConfigError
            When neither the file nor the caller states the tick. A missing lot is 0 (no rounding).
        """
        facts = self.facts
        if facts.tick is None:
            raise ConfigError(
                f"{self.path}: the file does not state its price tick; give it (--tick 0.01, tick=0.01)"
            )
        return Instrument(
            symbol=facts.symbol or self.path.stem,
            timeframe_ms=self.timeframe_ms,
            tick=facts.tick,
            lot=facts.lot or 0.0,
            min_order=facts.min_order or 0.0,
        )

    def blocks(self) -> Iterator[np.ndarray]:
        """Blocks of checked bars, at most ``block_bars`` each.

        Raises
        ------
        DataError
            On the first bad bar, and when there is no bar in the slice.
        """
        gate = Gate(self.timeframe_ms, allow_gaps=self.allow_gaps, source=str(self.path))
        for block, rows in self.unchecked():
            gate.check(block, rows)
            yield block
        if gate.bars == 0:
            raise DataError(f"{self.path}: no bars{self._slice_text()}; the file has {self.rows} rows")

    def read(self) -> np.ndarray:
        """All bars as one array of ``BAR``, checked; 48 bytes a bar."""
        bars = np.empty(self.rows, dtype=BAR)
        filled = 0
        for block in self.blocks():
            bars[filled : filled + block.size] = block
            filled += block.size
        return bars[:filled] if filled == self.rows else bars[:filled].copy()

    def unchecked(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Blocks of sliced but unchecked bars with their rows (int64) in the file, to report on."""
        reader = BarReader(self._columns, str(self.path))
        first_row = 0
        with open_parquet(self.path) as file:
            for batch in self._batches(file, self._block_bars):
                block = reader.block(batch, first_row)
                rows = np.arange(first_row, first_row + block.size)
                first_row += block.size
                inside = self._inside(block["time_ms"])
                if not inside.all():
                    block, rows = block[inside], rows[inside]
                if block.size:
                    yield block, rows

    def _inside(self, times: np.ndarray) -> np.ndarray:
        inside = np.ones(times.size, dtype=bool)
        if self.start_ms is not None:
            inside &= times >= self.start_ms
        if self.end_ms is not None:
            inside &= times < self.end_ms
        return inside

    def _batches(self, file: pq.ParquetFile, block_bars: int) -> Iterator[pa.RecordBatch]:
        try:
            yield from file.iter_batches(
                batch_size=block_bars, columns=list(self._columns.values()), use_threads=False
            )
        except (pa.ArrowInvalid, OSError) as error:
            raise DataError(f"{self.path}: damaged Parquet file ({error}); write or fetch it again") from None

    def _sample(self, file: pq.ParquetFile) -> np.ndarray:
        reader = BarReader(self._columns, str(self.path))
        for batch in self._batches(file, _SAMPLE_BARS):
            if batch.num_rows:
                return reader.block(batch, 0)
        return np.zeros(0, dtype=BAR)

    def _slice_text(self) -> str:
        parts = [
            f" {word} {iso(time_ms)}"
            for word, time_ms in (("from", self.start_ms), ("before", self.end_ms))
            if time_ms is not None
        ]
        return "".join(parts)


def open_parquet(path: Path) -> pq.ParquetFile:
    """Open a Parquet file for streaming.

    Raises
    ------
    DataError
        When the file is missing, is a folder, may not be read, or is not Parquet.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file; kwin-data fetch and kwin-data import make one")
    if not path.is_file():
        raise DataError(f"{path}: not a file")
    try:
        # neither mapped nor read ahead: both keep the whole file in memory while it is streamed
        return pq.ParquetFile(path, pre_buffer=False)
    except pa.ArrowInvalid as error:
        reason = str(error).splitlines()[0]
        raise DataError(
            f"{path}: not a Parquet file, or cut short ({reason}); CSV goes through kwin-data import"
        ) from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
