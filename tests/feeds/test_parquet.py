"""The Parquet feed: what it detects, what it refuses, and that it streams."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from feeds.facts import Facts
from feeds.parquet import ParquetFeed
from feeds.protocol import Feed, Instrument
from feeds.write import write_bars
from kwin_core.bars import BAR
from kwin_core.errors import ConfigError, DataError
from tests.feeds.bars_of import QUARTER_MS, START_MS, good_bars
from tests.golden_data import golden_path

FACTS = Facts("ETHUSDT", QUARTER_MS, 0.01, 0.01, 0.01, "a test", 1_735_000_000_000)


def table_of(bars: np.ndarray, names: dict[str, str] | None = None, **replaced: pa.Array) -> pa.Table:
    columns = {"time": pa.array(bars["time_ms"], pa.timestamp("ms", tz="UTC"))}
    columns |= {name: pa.array(bars[name]) for name in ("open", "high", "low", "close", "volume")}
    columns |= replaced
    return pa.table({(names or {}).get(name, name): column for name, column in columns.items()})


def saved(folder: Path, table: pa.Table, **options: object) -> Path:
    path = folder / "bars.parquet"
    pq.write_table(table, path, **options)
    return path


def test_writer_and_feed_are_exact_inverses(tmp_path: Path) -> None:
    bars = good_bars(1_000)
    write_bars(tmp_path / "a.parquet", bars, FACTS)
    feed = ParquetFeed(tmp_path / "a.parquet")
    assert feed.read().tobytes() == bars.tobytes()
    assert feed.facts == FACTS
    assert feed.instrument == Instrument("ETHUSDT", QUARTER_MS, 0.01, 0.01, 0.01)
    assert isinstance(feed, Feed)


@pytest.mark.parametrize(
    "column",
    [
        pa.array(good_bars(50)["time_ms"] // 1000),
        pa.array(good_bars(50)["time_ms"]),
        pa.array(good_bars(50)["time_ms"] * 1000),
        pa.array(good_bars(50)["time_ms"] * 1_000_000),
        pa.array(good_bars(50)["time_ms"].astype(np.float64)),
        pa.array(good_bars(50)["time_ms"] // 1000, pa.timestamp("s")),
        pa.array(good_bars(50)["time_ms"], pa.timestamp("ms")),
        pa.array(good_bars(50)["time_ms"] * 1000, pa.timestamp("us", tz="America/New_York")),
        pa.array(good_bars(50)["time_ms"] * 1_000_000, pa.timestamp("ns", tz="UTC")),
        pa.array([str(value) for value in good_bars(50)["time_ms"].astype("M8[ms]")]),
        pa.array([f"{value}Z" for value in good_bars(50)["time_ms"].astype("M8[ms]")]),
        pa.array([f"{value}+08:00" for value in (good_bars(50)["time_ms"] + 28_800_000).astype("M8[ms]")]),
    ],
    ids=lambda column: f"{column.type}-{column[1]}",
)
def test_units_and_types_of_time(tmp_path: Path, column: pa.Array) -> None:
    path = saved(tmp_path, table_of(good_bars(50), time=column))
    assert ParquetFeed(path).read().tobytes() == good_bars(50).tobytes()


@pytest.mark.parametrize(
    "names",
    [
        {"time": "Timestamp", "open": "O", "high": "H", "low": "L", "close": "C", "volume": "V"},
        {
            "time": "open_time",
            "open": "Open",
            "high": "HIGH",
            "low": "low",
            "close": "Close",
            "volume": "Volume",
        },
        {"time": "Date", "volume": "vol"},
        {"time": "__index_level_0__"},
        {"time": "startTime", "volume": "base_volume"},
    ],
)
def test_column_names(tmp_path: Path, names: dict[str, str]) -> None:
    path = saved(tmp_path, table_of(good_bars(20), names).append_column("turnover", pa.array([0.0] * 20)))
    assert ParquetFeed(path).read().tobytes() == good_bars(20).tobytes()


def test_number_types(tmp_path: Path) -> None:
    """Integers, decimals and text hold prices; float32 does not and is refused."""
    bars = good_bars(20)
    for name in ("open", "high", "low", "close"):
        bars[name] = np.round(bars[name])
    bars["high"] += 1
    bars["low"] -= 1
    whole = {name: pa.array(bars[name].astype(np.int32)) for name in ("open", "high")}
    text = pa.array([str(value) for value in bars["close"]])
    exact = pa.array(bars["low"]).cast(pa.decimal128(12, 2))
    path = saved(tmp_path, table_of(bars, close=text, low=exact, **whole))
    assert ParquetFeed(path).read().tobytes() == bars.tobytes()
    coarse = saved(tmp_path, table_of(bars, close=pa.array(bars["close"].astype(np.float32))))
    with pytest.raises(DataError, match="'close' is float, too coarse for prices"):
        ParquetFeed(coarse)


def test_facts_can_be_overridden(tmp_path: Path) -> None:
    write_bars(tmp_path / "a.parquet", good_bars(20), FACTS)
    feed = ParquetFeed(tmp_path / "a.parquet", symbol="OTHER", tick=0.5, lot=0.0)
    assert feed.instrument == Instrument("OTHER", QUARTER_MS, 0.5, 0.0, 0.01)
    assert feed.facts.source == "a test"


def test_unknown_tick_is_asked_for_only_when_needed(tmp_path: Path) -> None:
    feed = ParquetFeed(saved(tmp_path, table_of(good_bars(20))))
    assert feed.read().size == 20
    assert feed.timeframe_ms == QUARTER_MS
    with pytest.raises(ConfigError, match="does not state its price tick; give it"):
        _ = feed.instrument
    assert ParquetFeed(feed.path, tick=0.01).instrument == Instrument("bars", QUARTER_MS, 0.01)


def test_slice_is_start_inclusive_end_exclusive_and_hides_what_is_outside(tmp_path: Path) -> None:
    bars = good_bars(100)
    spoiled = bars.copy()
    spoiled["close"][[3, 70]] = np.nan
    path = saved(tmp_path, table_of(spoiled))
    times = bars["time_ms"]
    feed = ParquetFeed(path, start_ms=int(times[10]), end_ms=int(times[60]), block_bars=7)
    assert np.concatenate(list(feed.blocks())).tobytes() == bars[10:60].tobytes()
    with pytest.raises(DataError) as caught:
        ParquetFeed(path, start_ms=int(times[10]), block_bars=7).read()
    assert caught.value.row == 70
    with pytest.raises(DataError, match="no bars from 2026-01-01T00:00:00Z; the file has 100 rows"):
        ParquetFeed(path, start_ms=1_767_225_600_000).read()
    with pytest.raises(ConfigError, match="not after start"):
        ParquetFeed(path, start_ms=5, end_ms=5)


def test_blocks_are_contiguous_aligned_and_writeable(tmp_path: Path) -> None:
    path = saved(tmp_path, table_of(good_bars(100)), row_group_size=33)
    for options in ({}, {"start_ms": START_MS + 5 * QUARTER_MS}, {"block_bars": 10}):
        for block in ParquetFeed(path, **options).blocks():
            assert block.dtype == BAR
            assert block.flags.c_contiguous
            assert block.flags.aligned
            block["close"] = 1.0


def bad(
    folder: Path, bars: np.ndarray | None = None, table: pa.Table | None = None, **options: object
) -> str:
    path = saved(folder, table if table is not None else table_of(bars))
    with pytest.raises(DataError) as caught:
        ParquetFeed(path, **options).read()
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(str(path))
    return message.removeprefix(str(path))


def test_every_bad_file_gets_one_line(tmp_path: Path) -> None:
    bars = good_bars(30)
    table = table_of(bars)
    assert "no column for close (such as close, closeprice, c); it has 'time'" in bad(
        tmp_path, table=table.drop_columns("close")
    )
    assert "no column for time" in bad(tmp_path, table=table.drop_columns("time"))
    assert "columns 'close', 'Close' all look like close" in bad(
        tmp_path, table=table.append_column("Close", table["close"])
    )
    assert "gap: 1 15m bar is missing" in bad(tmp_path, np.delete(bars, 4))
    assert "duplicate" in bad(tmp_path, np.insert(bars, 4, bars[4]))
    assert "newest first" in bad(tmp_path, bars[::-1])
    assert "too few times to tell the timeframe" in bad(tmp_path, bars[:1])
    assert "no bars" in bad(tmp_path, bars[:0], timeframe_ms=QUARTER_MS)
    assert "bars are 15m, asked for 60m" in bad(tmp_path, bars, timeframe_ms=4 * QUARTER_MS)
    assert "bars are 15m, asked for 5m" in bad(tmp_path, bars, timeframe_ms=300_000)
    missing = pa.array([None, *bars["close"][1:]])
    assert "row 0, 2025-01-01T00:00:00Z (1735689600000 ms): close is nan" in bad(
        tmp_path, table=table_of(bars, close=missing)
    )
    no_time = pa.array(
        [*bars["time_ms"][:9].tolist(), None, *bars["time_ms"][10:].tolist()], pa.timestamp("ms")
    )
    assert "row 9: no time in column 'time'" in bad(tmp_path, table=table_of(bars, time=no_time))
    seconds = pa.array(bars["time_ms"] // 1000, pa.timestamp("ms"))
    assert "seconds taken for milliseconds" in bad(tmp_path, table=table_of(bars, time=seconds))
    assert "seconds taken for milliseconds" in bad(
        tmp_path, table=table_of(bars, time=seconds), timeframe_ms=QUARTER_MS
    )
    named = table_of(bars, {"time": "time_ms"}, time=pa.array(bars["time_ms"] // 1000))
    assert "seconds taken for milliseconds" in bad(tmp_path, table=named)
    finer = pa.array(bars["time_ms"] * 1000 + 1, pa.timestamp("us"))
    assert "is not a whole millisecond" in bad(tmp_path, table=table_of(bars, time=finer))
    words = pa.array(["soon"] * 30)
    assert "column 'time' (string) does not hold times" in bad(tmp_path, table=table_of(bars, time=words))
    assert "column 'low' (string) does not hold numbers" in bad(tmp_path, table=table_of(bars, low=words))
    assert "times must be timestamps or integers" in bad(
        tmp_path, table=table_of(bars, time=pa.array([True] * 30))
    )
    odd = table.replace_schema_metadata({"kwin.tick": "cheap"})
    assert "metadata kwin.tick is 'cheap', not a number" in bad(tmp_path, table=odd)


def test_stated_timeframe_that_the_bars_contradict(tmp_path: Path) -> None:
    write_bars(tmp_path / "a.parquet", good_bars(20, timeframe_ms=3_600_000), FACTS)
    with pytest.raises(DataError, match="bars are 60m, asked for 15m"):
        ParquetFeed(tmp_path / "a.parquet")


def test_no_file_no_parquet_no_permission(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        ParquetFeed(tmp_path / "none.parquet")
    with pytest.raises(DataError, match="not a file"):
        ParquetFeed(tmp_path)
    text = tmp_path / "text.parquet"
    text.write_text("time,open\n1,2\n")
    with pytest.raises(DataError, match="not a Parquet file, or cut short"):
        ParquetFeed(text)
    empty = tmp_path / "empty.parquet"
    empty.touch()
    with pytest.raises(DataError, match="not a Parquet file"):
        ParquetFeed(empty)


def test_a_file_cut_short_or_damaged_is_refused(tmp_path: Path) -> None:
    write_bars(tmp_path / "a.parquet", good_bars(5_000), FACTS)
    content = (tmp_path / "a.parquet").read_bytes()
    cut = tmp_path / "cut.parquet"
    cut.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match="cut short"):
        ParquetFeed(cut)
    damaged = bytearray(content)
    damaged[len(content) // 2 : len(content) // 2 + 200] = bytes(200)
    cut.write_bytes(damaged)
    with pytest.raises(DataError):
        ParquetFeed(cut).read()


def test_gaps_can_be_allowed(tmp_path: Path) -> None:
    bars = np.delete(good_bars(50), [20, 21])
    path = saved(tmp_path, table_of(bars))
    assert ParquetFeed(path, allow_gaps=True).read().tobytes() == bars.tobytes()


@pytest.mark.slow
def test_reading_streams_and_imports_no_pandas(tmp_path: Path) -> None:
    """Five million bars in ONE row group are read in far less memory than their 253 MB."""
    path = tmp_path / "long.parquet"
    pq.write_table(table_of(good_bars(5_260_000, timeframe_ms=60_000)), path, row_group_size=6_000_000)
    code = f"""
import resource, sys
from feeds.parquet import ParquetFeed
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
feed = ParquetFeed({str(path)!r}, tick=0.01)
before = peak()
count = sum(block.size for block in feed.blocks())
print(count, peak() - before, "pandas" in sys.modules)
"""
    shown = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    mapped_mb = path.stat().st_size // 2**20  # pages of the file itself, which the system may drop
    assert shown[0] == "5260000"
    assert int(shown[1]) < mapped_mb + 60
    assert shown[2] == "False"


@pytest.mark.golden
def test_golden_market_data_loads() -> None:
    """The bars TradingView's exports were made on: 53 928, no gaps, first and last as documented."""
    bars = ParquetFeed(golden_path("tradingview", "data", "ETHUSDT_15m.parquet"), tick=0.01).read()
    first, last = (dt.datetime.fromtimestamp(bars["time_ms"][at] / 1000, dt.UTC) for at in (0, -1))
    assert bars.size == 53_928
    assert first == dt.datetime(2024, 10, 19, 21, 0, tzinfo=dt.UTC)
    assert last == dt.datetime(2026, 5, 4, 14, 45, tzinfo=dt.UTC)
    assert bars[0].item()[1:] == (2644.02, 2648.02, 2643.4, 2647.98, 3399.375)
