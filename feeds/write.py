"""Parquet files that are there whole or not at all."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np
import pyarrow.parquet as pq

from feeds.arrow import SCHEMA, batch_of
from feeds.facts import Facts
from kwin_core.bars import BAR
from kwin_core.errors import DataError

ROW_GROUP_BARS = 131_072


class BarWriter:
    """Writes bars next to their destination and renames when complete.

    A context manager: leaving it normally makes the file visible under its name, replacing an older one;
    leaving it with an exception, or being killed, keeps what was there before. A killed process may leave a
    hidden ``.NAME.partial`` file behind, which the next writer of the same name replaces.

    Parameters
    ----------
    path
        Destination; its folder must exist.
    facts
        Facts for the file's metadata.

    Raises
    ------
    OSError
        When the folder is missing or not writeable.
    DataError
        When another process is writing the same file.
    """

    def __init__(self, path: Path | str, facts: Facts) -> None:
        self.path = Path(path)
        self.bars = 0
        self._partial = self.path.with_name(f".{self.path.name}.partial")
        self._schema = SCHEMA.with_metadata(facts.metadata())
        self._waiting: list[np.ndarray] = []
        self._waiting_bars = 0

    def __enter__(self) -> BarWriter:
        self._file = _open_alone(self._partial)
        self._writer = pq.ParquetWriter(
            self._file,
            self._schema,
            compression="zstd",
            use_dictionary=False,
            column_encoding={
                "time": "DELTA_BINARY_PACKED",  # constant steps shrink to nothing
                **dict.fromkeys(("open", "high", "low", "close", "volume"), "BYTE_STREAM_SPLIT"),
            },
        )
        return self

    @property
    def total(self) -> int:
        """Bars given so far."""
        return self.bars + self._waiting_bars

    def write(self, bars: np.ndarray) -> None:
        """Append bars (``BAR``); they reach the disk in row groups of :data:`ROW_GROUP_BARS`."""
        if bars.dtype != BAR:
            raise TypeError(f"bars must be an array of kwin_core.bars.BAR, not {bars.dtype}")
        self._waiting.append(bars)
        self._waiting_bars += bars.size
        if self._waiting_bars >= ROW_GROUP_BARS:
            self._write_groups(leave=self._waiting_bars % ROW_GROUP_BARS)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._write_groups(leave=0)
            self._writer.close()
            self._file.flush()
            os.fsync(self._file.fileno())
        finally:
            self._file.close()
            if kind is not None:
                self._partial.unlink(missing_ok=True)
        if kind is None:
            self._partial.replace(self.path)
            sync_folder(self.path.parent)

    def _write_groups(self, *, leave: int) -> None:
        bars = np.concatenate(self._waiting) if self._waiting else np.zeros(0, dtype=BAR)
        ready = bars.size - leave
        for first in range(0, ready, ROW_GROUP_BARS):
            group = bars[first : min(first + ROW_GROUP_BARS, ready)]
            self._writer.write_batch(batch_of(group, self._schema), row_group_size=ROW_GROUP_BARS)
            self.bars += group.size
        self._waiting = [bars[ready:]] if leave else []
        self._waiting_bars = leave


def write_bars(path: Path | str, bars: np.ndarray, facts: Facts) -> None:
    """Write one array of bars (``BAR``) as a file; see :class:`BarWriter`."""
    with BarWriter(path, facts) as writer:
        writer.write(bars)


def _open_alone(path: Path) -> IO[bytes]:
    """Open a file for writing, emptied, unless another process has it; the lock ends with the process."""
    while True:
        file = path.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            raise DataError(f"{path.parent}: another process is writing {path.name}; wait for it") from None
        if path.exists() and path.stat().st_ino == os.fstat(file.fileno()).st_ino:
            file.truncate(0)
            return file
        file.close()  # between opening and locking, its writer finished and renamed it


def sync_folder(folder: Path) -> None:
    """Make a rename in a folder survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
