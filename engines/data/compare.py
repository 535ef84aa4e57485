"""``kwin-data compare``: two files bar by bar."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from rich.box import SIMPLE
from rich.table import Table

from engines.command_line import BAD_RESULT, GOOD, Progressed, console, print_json, progress
from feeds.difference import FIELDS, Difference, compare
from feeds.instants import iso
from feeds.parquet import ParquetFeed
from kwin_core.bars import timeframe_name
from kwin_core.errors import ConfigError, DataError


def compare_command(
    first: Path, second: Path, *, tolerance: float, volume: bool, overlap: bool, as_json: bool
) -> int:
    """Compare and print; 0 when the files agree, 1 when not.

    Raises
    ------
    DataError
        When a file is bad, or the two have different timeframes or no bar in common.
    """
    if tolerance < 0.0:
        raise ConfigError(f"--tolerance {tolerance} is negative")
    feeds = [ParquetFeed(path, allow_gaps=True) for path in (first, second)]
    if feeds[0].timeframe_ms != feeds[1].timeframe_ms:
        names = [timeframe_name(feed.timeframe_ms) for feed in feeds]
        raise DataError(f"{first} has {names[0]} bars, {second} has {names[1]}; resample one of them first")
    with progress("comparing", feeds[0].rows, "bars") as progressed:
        found = compare(
            _watched(feeds[0], progressed),
            feeds[1].blocks(),
            tolerance=tolerance,
            fields=FIELDS if volume else FIELDS[:-1],
            overlap=overlap,
        )
    if found.common == 0:
        raise DataError(f"{first} and {second} have no bar in common; see kwin-data info")
    report = _report(first, second, found)
    if as_json:
        print_json(report)
    else:
        _print(report)
    return GOOD if found.same else BAD_RESULT


def _watched(feed: ParquetFeed, progressed: Progressed) -> Iterator[np.ndarray]:
    done = 0
    for block in feed.blocks():
        yield block
        done += block.size
        progressed(done)


def _report(first: Path, second: Path, found: Difference) -> dict[str, Any]:
    return {
        "first": str(first),
        "second": str(second),
        "same": found.same,
        "common": found.common,
        "only_first": found.only_first,
        "only_second": found.only_second,
        "only_first_from": _text(found.only_first_ms),
        "only_second_from": _text(found.only_second_ms),
        "differing": found.differing,
        "fields": {
            name: {
                "count": detail.count,
                "largest": detail.largest,
                "largest_at": _text(detail.largest_time_ms),
            }
            for name, detail in found.fields.items()
        },
        "examples": [
            {
                "time": iso(int(left["time_ms"])),
                "first": dict(zip(FIELDS, left.item()[1:], strict=True)),
                "second": dict(zip(FIELDS, right.item()[1:], strict=True)),
            }
            for left, right in found.examples
        ],
    }


def _text(time_ms: int | None) -> str | None:
    return None if time_ms is None else iso(time_ms)


def _print(report: dict[str, Any]) -> None:
    screen = console()
    screen.print(f"{report['common']:,} bars in both")
    for name in ("first", "second"):
        count = report[f"only_{name}"]
        if count:
            screen.print(f"{count:,} only in {report[name]}, from {report[f'only_{name}_from']} on")
    if report["same"]:
        screen.print("the same, every bar and field")
        return
    table = Table(title=f"{report['differing']:,} of them differ", title_justify="left", box=SIMPLE)
    for name in ("field", "bars", "largest", "at"):
        table.add_column(name, justify="right" if name in ("bars", "largest") else "left")
    for name, detail in report["fields"].items():
        table.add_row(name, f"{detail['count']:,}", f"{detail['largest']:.10g}", detail["largest_at"] or "")
    screen.print(table)
    for example in report["examples"]:
        pairs = [
            f"{name} {example['first'][name]:.10g} / {example['second'][name]:.10g}"
            for name in FIELDS
            if example["first"][name] != example["second"][name]
        ]
        screen.print(f"{example['time']}  {', '.join(pairs)}")
