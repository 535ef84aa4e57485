"""Every kind of bad input of ``kwin-backtest``: how to make it, and what its one line must say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from feeds.facts import Facts
from feeds.write import write_bars
from tests.feeds.bars_of import QUARTER_MS, START_MS, good_bars

Spoil = Callable[[dict[str, np.ndarray]], None]
HOUR_MS = 3_600_000


class BadInput(NamedTuple):
    """Words of the command line, made in a folder, and a regular expression for the error line."""

    make: Callable[[Path], list[str]]
    says: str


def table_of(count: int = 200, timeframe_ms: int = QUARTER_MS) -> dict[str, np.ndarray]:
    """Columns of good bars."""
    bars = good_bars(count, timeframe_ms=timeframe_ms)
    names = ("open", "high", "low", "close", "volume")
    return {"time": bars["time_ms"].copy(), **{name: bars[name].copy() for name in names}}


def write_table(path: Path, columns: dict[str, np.ndarray]) -> Path:
    """Columns as a Parquet file without metadata; times are integers."""
    pq.write_table(pa.table({name: pa.array(values) for name, values in columns.items()}), path)
    return path


def spoilt(spoil: Spoil, *words: str, count: int = 200) -> Callable[[Path], list[str]]:
    """A file of good bars, spoilt."""

    def make(folder: Path) -> list[str]:
        columns = table_of(count)
        spoil(columns)
        return [str(write_table(folder / "bars.parquet", columns)), "--tick", "0.01", *words]

    return make


def good(*words: str) -> Callable[[Path], list[str]]:
    """A good file with wrong words after it."""

    def make(folder: Path) -> list[str]:
        facts = Facts("ETHUSDT", QUARTER_MS, 0.01, 0.01)
        write_bars(folder / "good.parquet", good_bars(200), facts)
        return [str(folder / "good.parquet"), *(word.format(folder=folder) for word in words)]

    return make


def text_file(name: str, text: str, *words: str) -> Callable[[Path], list[str]]:
    """A text file as data, or (with words) beside a good file."""

    def make(folder: Path) -> list[str]:
        (folder / name).write_text(text)
        if not words:
            return [str(folder / name)]
        return [*good()(folder), *(word.format(folder=folder) for word in words)]

    return make


def folder_beside(name: str, *words: str) -> Callable[[Path], list[str]]:
    """A folder beside a good file."""

    def make(folder: Path) -> list[str]:
        (folder / name).mkdir()
        return good(*words)(folder)

    return make


def put(column: str, row: int, value: float) -> Spoil:
    """Write one value into a column."""

    def spoil(columns: dict[str, np.ndarray]) -> None:
        columns[column][row] = value

    return spoil


def swap_rows(columns: dict[str, np.ndarray]) -> None:
    """Bars 50 and 51 in the wrong order."""
    for values in columns.values():
        values[[50, 51]] = values[[51, 50]]


def without_row(columns: dict[str, np.ndarray]) -> None:
    """Bar 50 is missing."""
    for name, values in columns.items():
        columns[name] = np.delete(values, 50)


def keep_rows(count: int) -> Spoil:
    """Only the first bars."""

    def spoil(columns: dict[str, np.ndarray]) -> None:
        for name, values in columns.items():
            columns[name] = values[:count]

    return spoil


def drop(column: str) -> Spoil:
    """A column is missing."""

    def spoil(columns: dict[str, np.ndarray]) -> None:
        del columns[column]

    return spoil


def seconds_as_ms(columns: dict[str, np.ndarray]) -> None:
    """Times in seconds under a name that says milliseconds."""
    columns["open_time_ms"] = columns.pop("time") // 1000


def hourly(columns: dict[str, np.ndarray]) -> None:
    """Bars of an hour."""
    columns["time"] = START_MS + HOUR_MS * np.arange(columns["time"].size)


def high_below_low(columns: dict[str, np.ndarray]) -> None:
    """Bar 50 upside down."""
    columns["high"][50], columns["low"][50] = columns["low"][50] - 1.0, columns["high"][50] + 1.0


def prices_of_zero(columns: dict[str, np.ndarray]) -> None:
    """Bar 50 has no prices."""
    for name in ("open", "high", "low", "close"):
        columns[name][50] = 0.0


BAD_INPUTS: dict[str, BadInput] = {
    "missing file": BadInput(lambda folder: [str(folder / "none.parquet")], "none.parquet: no such file"),
    "a folder": BadInput(lambda folder: [str(folder)], "not a file"),
    "not Parquet": BadInput(text_file("bars.csv", "time,open\n1,2\n"), "bars.csv: not a Parquet file"),
    "missing column": BadInput(spoilt(drop("close")), "no column for close"),
    "unsorted": BadInput(spoilt(swap_rows), "row 50.*gap|row 51.*back in time"),
    "duplicate": BadInput(spoilt(put("time", 51, START_MS + 50 * QUARTER_MS)), "row 51.*duplicate"),
    "misaligned": BadInput(
        spoilt(put("time", 50, START_MS + 50 * QUARTER_MS + 60_000)), "row 50.*off the 15m grid"
    ),
    "gap": BadInput(spoilt(without_row), "row 50.*gap: 1 15m bar is missing.*--allow-gaps"),
    "NaN": BadInput(spoilt(put("low", 50, np.nan)), "row 50.*low is nan"),
    "zero price": BadInput(spoilt(prices_of_zero), "row 50.*open 0.0 is not positive"),
    "negative price": BadInput(spoilt(put("low", 50, -1.0)), "row 50.*low -1.0 is not positive"),
    "high below low": BadInput(spoilt(high_below_low), "row 50.*high below"),
    "seconds for milliseconds": BadInput(spoilt(seconds_as_ms), "seconds taken for milliseconds"),
    "hourly bars": BadInput(spoilt(hourly), "15m bars.*these are 60m"),
    "another timeframe asked": BadInput(
        spoilt(lambda _: None, "--timeframe", "5m"), "bars are 15m, asked for 5m"
    ),
    "one bar": BadInput(spoilt(keep_rows(1)), "too few times to tell the timeframe"),
    "too few bars": BadInput(spoilt(keep_rows(49)), "too few bars: 49, .* needs 50"),
    "no bars in the slice": BadInput(good("--start", "2031-01-01"), "no bars from 2031-01-01"),
    "no tick": BadInput(
        lambda folder: [str(write_table(folder / "bars.parquet", table_of()))], "price tick.*--tick 0.01"
    ),
    "unknown input": BadInput(
        good("--set", "riskPercent=1"), "--set: unknown input 'riskPercent': did you mean riskPct"
    ),
    "input out of range": BadInput(good("--set", "riskPct=51"), "risk_pct = '51': must be at .*most 50"),
    "input of a wrong type": BadInput(good("--set", "use_window=perhaps"), "expected true or false"),
    "input without value": BadInput(good("--set", "riskPct"), "--set 'riskPct': write NAME=VALUE"),
    "input twice": BadInput(good("--set", "len=2", "--set", "swing_len=3"), "swing_len is given twice"),
    "unknown preset": BadInput(good("--preset", "dual"), "unknown preset 'dual'"),
    "unknown profile": BadInput(good("--profile", "literal"), "unknown profile 'literal'"),
    "unknown option": BadInput(good("--no-windows"), "[Nn]o such option.*--help"),
    "not a number": BadInput(good("--tick", "cent"), "'--tick'.*a valid number"),
    "tick of zero": BadInput(good("--tick", "0"), "tick.*positive"),
    "margin out of range": BadInput(good("--margin", "150"), "margin_long = 150.0"),
    "capital of zero": BadInput(good("--capital", "0"), "capital = 0.0"),
    "not a time": BadInput(good("--start", "yesterday"), "--start: time 'yesterday' is not understood"),
    "end before start": BadInput(good("--start", "2025-02-01", "--end", "2025-01-01"), "is not after start"),
    "missing params file": BadInput(good("--params", "{folder}/none.toml"), "none.toml: cannot be read"),
    "params file with a table": BadInput(
        text_file("p.toml", "[kwin]\nlen = 2\n", "--params", "{folder}/p.toml"), r"\[kwin\] is a table"
    ),
    "params file with an unknown input": BadInput(
        text_file("p.toml", "lenn = 2\n", "--params", "{folder}/p.toml"), "p.toml: unknown input 'lenn'"
    ),
    "params file that is no TOML": BadInput(
        text_file("p.toml", "len: 2\n", "--params", "{folder}/p.toml"), "p.toml: not TOML"
    ),
    "unwritable output folder": BadInput(
        text_file("taken", "a file", "--out", "{folder}/taken/result"), "taken/result: cannot write there"
    ),
    "output folder is a file": BadInput(
        text_file("taken", "a file", "--out", "{folder}/taken"), "cannot write there"
    ),
    "report of another kind": BadInput(
        good("--report", "{folder}/run.txt"), r"--report .*run.txt: the name must end in one of .html"
    ),
    "report in no folder": BadInput(
        good("--report", "{folder}/none/run.html"), "--report .*lies in no existing folder"
    ),
    "picture of another kind": BadInput(
        good("--png", "{folder}/run.html"), "--png .*must end in one of .png"
    ),
    "picture is a folder": BadInput(
        folder_beside("run.png", "--png", "{folder}/run.png"), "run.png is a folder"
    ),
    "missing shorter bars": BadInput(
        good("--magnifier", "{folder}/none.parquet"), "none.parquet: no such file"
    ),
    "shorter bars that are not shorter": BadInput(
        lambda folder: [*good()(folder), "--magnifier", good()(folder)[0]],
        "15m bars do not fit into the chart's 15m bars",
    ),
    "no file given": BadInput(lambda _: [], "which bars"),
}
