"""The writer: whole files or none, metadata, row groups, bounded memory."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from feeds.facts import Facts
from feeds.parquet import ParquetFeed
from feeds.write import ROW_GROUP_BARS, BarWriter, write_bars
from kwin_core.errors import DataError
from tests.feeds.bars_of import QUARTER_MS, good_bars

FACTS = Facts("ETHUSDT", QUARTER_MS, 0.01, 0.0)


def names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def test_blocks_of_any_size_give_the_same_file(tmp_path: Path) -> None:
    bars = good_bars(300_000)
    write_bars(tmp_path / "a.parquet", bars, FACTS)
    with BarWriter(tmp_path / "b.parquet", FACTS) as writer:
        for block in np.array_split(bars, 97):
            writer.write(block)
    assert writer.bars == bars.size
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    file = pq.ParquetFile(tmp_path / "b.parquet")
    groups = [file.metadata.row_group(at).num_rows for at in range(file.num_row_groups)]
    assert groups == [ROW_GROUP_BARS, ROW_GROUP_BARS, 300_000 - 2 * ROW_GROUP_BARS]
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    assert file.schema_arrow.metadata == {
        b"kwin.symbol": b"ETHUSDT",
        b"kwin.timeframe_ms": b"900000",
        b"kwin.tick": b"0.01",
        b"kwin.lot": b"0.0",
    }


def test_an_exception_keeps_the_old_file_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    write_bars(path, good_bars(10), FACTS)
    before = path.read_bytes()

    def interrupted() -> None:
        with BarWriter(path, FACTS) as writer:
            writer.write(good_bars(200_000))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == before
    assert names(tmp_path) == ["a.parquet"]


def test_a_missing_folder_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_bars(tmp_path / "none" / "a.parquet", good_bars(10), FACTS)
    with pytest.raises(TypeError, match="BAR"):
        write_bars(tmp_path / "a.parquet", np.zeros(3), FACTS)
    assert names(tmp_path) == []


def test_two_writers_of_one_file_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    with BarWriter(path, FACTS) as first:
        first.write(good_bars(10))
        with pytest.raises(DataError, match=r"another process is writing \.a\.parquet\.partial"):
            write_bars(path, good_bars(20), FACTS)
    assert ParquetFeed(path).read().tobytes() == good_bars(10).tobytes()
    write_bars(path, good_bars(20), FACTS)
    assert names(tmp_path) == ["a.parquet"]


def test_killed_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    """SIGKILL in the middle of a write: the old file is whole, and the next write succeeds."""
    path = tmp_path / "a.parquet"
    old = good_bars(100)
    write_bars(path, old, FACTS)
    code = f"""
from feeds.write import BarWriter
from feeds.facts import Facts
from kwin_core.errors import DataError
from tests.feeds.bars_of import good_bars
with BarWriter({str(path)!r}, Facts("ETHUSDT", {QUARTER_MS})) as writer:
    while True:
        writer.write(good_bars(50_000))
        print("wrote", flush=True)
"""
    child = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, cwd=Path(__file__).parents[2]
    )
    assert child.stdout is not None
    for _ in range(6):
        assert child.stdout.readline() == b"wrote\n"
    time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert ParquetFeed(path).read().tobytes() == old.tobytes()
    write_bars(path, good_bars(200), FACTS)
    assert ParquetFeed(path).read().size == 200
    assert names(tmp_path) == ["a.parquet"]
