"""``kwin-data compare``: two files bar by bar."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rich.box import SIMPLE
from rich.table import Table

from engines.command_line import BAD_RESULT, GOOD, console, print_json
from feeds.difference import FIELDS, Difference, compare
from feeds.instants import iso
from feeds.parquet import ParquetFeed
from kwin_core.bars import timeframe_name
from kwin_core.errors import ConfigError, DataError

EXAMPLES = 10


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
    series = [feed.read() for feed in feeds]
    if overlap:
        start_ms = max(int(bars["time_ms"][0]) for bars in series)
        end_ms = min(int(bars["time_ms"][-1]) for bars in series)
        series = [bars[(bars["time_ms"] >= start_ms) & (bars["time_ms"] <= end_ms)] for bars in series]
    fields = FIELDS if volume else FIELDS[:-1]
    found = compare(series[0], series[1], tolerance=tolerance, fields=fields)
    if found.common == 0:
        raise DataError(f"{first} and {second} have no bar in common; see kwin-data info")
    report = _report(first, second, found)
    if as_json:
        print_json(report)
    else:
        _print(report)
    return GOOD if found.same else BAD_RESULT


def _report(first: Path, second: Path, found: Difference) -> dict[str, Any]:
    return {
        "first": str(first),
        "second": str(second),
        "same": found.same,
        "common": found.common,
        "only_first": found.only_first,
        "only_second": found.only_second,
        "only_first_from": _first_time(found.only_first_ms),
        "only_second_from": _first_time(found.only_second_ms),
        "differing": found.differing,
        "fields": {
            name: {
                "count": detail.count,
                "largest": detail.largest,
                "largest_at": None if detail.largest_time_ms is None else iso(detail.largest_time_ms),
            }
            for name, detail in found.fields.items()
        },
        "examples": [
            {
                "time": iso(int(found.times_ms[at])),
                "first": dict(zip(FIELDS, found.first[at].item()[1:], strict=True)),
                "second": dict(zip(FIELDS, found.second[at].item()[1:], strict=True)),
            }
            for at in range(min(EXAMPLES, found.differing))
        ],
    }


def _first_time(times_ms: np.ndarray) -> str | None:
    return iso(int(times_ms[0])) if times_ms.size else None


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
