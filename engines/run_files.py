"""The output folder of a run: written beside its place while it goes, there whole or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engines.arrow_columns import number_column, time_column
from engines.drive import Chunk
from engines.trade_rows import open_trades, trade_table
from engines.tv_csv import TradingViewList
from kwin_core.engine import Strategy
from kwin_core.errors import ConfigError
from kwin_core.state import TRADE

NAMES = ("trades.csv", "trades.parquet", "equity.parquet", "signals.parquet", "result.json")
"""What a folder receives; ``result.json`` comes last and stands for the whole."""

_PARTIAL = ".partial"
_ROWS_A_GROUP = 65_536


class RunFiles:
    """Writes a run to a folder, chunk by chunk; a sink and a context manager.

    Entering proves that the folder can be written. Leaving normally after :meth:`finish` puts the files in place;
    leaving with an exception leaves the folder as it was.

    Parameters
    ----------
    folder
        Made when missing, with its parents.
    strategy, settings, currency
        For the texts and numbers of the list of trades; see :class:`engines.tv_csv.TradingViewList`.

    Raises
    ------
    ConfigError
        When the folder cannot be written.
    """

    def __init__(self, folder: Path, strategy: Strategy, settings: Mapping[str, Any], currency: str) -> None:
        self.folder = folder
        self._strategy = strategy
        self._settings = settings
        self._currency = currency
        self._partial = folder / _PARTIAL
        self._made: list[Path] = []
        self._tables: dict[str, _Table] = {}
        self._trades = 0
        self._peak = float(settings["capital"])

    def __enter__(self) -> RunFiles:
        try:
            self._make_folders()
            self._file = (self._partial / "trades.csv").open("w", encoding="utf-8-sig", newline="")
        except OSError as error:
            self._remove_made()
            raise ConfigError(
                f"{self.folder}: cannot write there ({error.strerror}); choose another folder for --out"
            ) from None
        self._list = TradingViewList(self._file, self._strategy, self._settings, self._currency)
        self._write("trades", trade_table(np.zeros(0, TRADE), self._strategy))
        return self

    def take(self, chunk: Chunk) -> None:
        """Write a chunk."""
        bars, marks = chunk.bars, chunk.marks
        equity = marks["equity"]
        peaks = np.maximum(np.maximum.accumulate(equity), self._peak)
        self._peak = float(peaks[-1])
        numbers = number_column(np.arange(chunk.first_bar, chunk.first_bar + bars.size))
        times = time_column(bars["time_ms"])
        self._write("equity", equity_table(numbers, times, bars["close"], marks, peaks - equity))
        self._write("signals", signal_table(numbers, times, chunk.signals))
        if chunk.trades.size:
            self._list.write(chunk.trades)
            self._write_trades(chunk.trades)

    def finish(self, core: np.void, result: Mapping[str, Any]) -> None:
        """Write the trades still open and the content of ``result.json``; the files are then complete."""
        still_open = open_trades(core)
        self._list.write_open(still_open)
        self._write_trades(still_open)
        self._close()
        text = json.dumps(result, indent=2, allow_nan=False) + "\n"
        (self._partial / "result.json").write_text(text, encoding="utf-8")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()
        if kind is not None:
            shutil.rmtree(self._partial, ignore_errors=True)
            self._remove_made()
            return
        (self.folder / "result.json").unlink(missing_ok=True)
        for name in NAMES:
            (self._partial / name).replace(self.folder / name)
        self._partial.rmdir()

    def _make_folders(self) -> None:
        missing = [path for path in (self.folder, *self.folder.parents) if not path.exists()]
        for path in reversed(missing):
            path.mkdir()
            self._made.append(path)
        if self._partial.exists():
            shutil.rmtree(self._partial)  # of a run that was killed
        self._partial.mkdir()

    def _remove_made(self) -> None:
        for path in reversed(self._made):
            try:
                path.rmdir()
            except OSError:
                return  # somebody else uses it by now

    def _write(self, name: str, batch: pa.RecordBatch) -> None:
        if name not in self._tables:
            self._tables[name] = _Table(self._partial / f"{name}.parquet", batch.schema)
        self._tables[name].write(batch)

    def _write_trades(self, trades: np.ndarray) -> None:
        self._write("trades", trade_table(trades, self._strategy, self._trades + 1))
        self._trades += trades.size

    def _close(self) -> None:
        for table in self._tables.values():
            table.close()
        self._tables = {}
        self._file.close()


class _Table:
    """A Parquet file that grows by row groups of a useful size."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self._writer = pq.ParquetWriter(path, schema, compression="zstd")
        self._schema = schema
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0

    def write(self, batch: pa.RecordBatch) -> None:
        self._waiting.append(batch)
        self._rows += batch.num_rows
        if self._rows >= _ROWS_A_GROUP:
            self._write_group()

    def close(self) -> None:
        if self._rows:
            self._write_group()
        self._writer.close()

    def _write_group(self) -> None:
        self._writer.write_table(pa.Table.from_batches(self._waiting, self._schema))
        self._waiting, self._rows = [], 0


def equity_table(
    numbers: pa.Array, times: pa.Array, closes: np.ndarray, marks: np.ndarray, falls: np.ndarray
) -> pa.RecordBatch:
    """One row a bar, after its close: the columns of ``equity.parquet`` and of ``Result.equity``.

    ``equity`` and ``drawdown`` (below the highest close so far, >= 0) in account currency, ``position_size`` signed
    in base currency.
    """
    columns = {
        "bar": numbers,
        "time": times,
        "close": number_column(closes),
        "equity": number_column(marks["equity"]),
        "position_size": number_column(marks["position_size"]),
        "drawdown": number_column(falls),
    }
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def signal_table(numbers: pa.Array, times: pa.Array, signals: np.ndarray) -> pa.RecordBatch:
    """What the strategy showed, one row a bar: the columns of ``signals.parquet`` and of ``Result.signals``.

    A field that is an array becomes one column an element: ``name_0``, ``name_1``, ...
    """
    columns = {"bar": numbers, "time": times}
    for name in signals.dtype.names or ():
        values = signals[name]
        if values.ndim == 1:
            columns[name] = number_column(values)
        else:
            flat = values.reshape(values.shape[0], -1)
            columns.update({f"{name}_{i}": number_column(flat[:, i]) for i in range(flat.shape[1])})
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))
