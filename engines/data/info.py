"""``kwin-data info``: what a file of bars says about itself and what it holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.table import Table

from engines.command_line import GOOD, console, print_json
from feeds.instants import iso
from feeds.parquet import ParquetFeed, open_parquet
from kwin_core.bars import DAY_MS, timeframe_name


def describe(path: Path) -> dict[str, Any]:
    """Facts, range, prices and storage of a file. The bars are not judged; ``kwin-data check`` does that.

    Raises
    ------
    DataError
        When the file is missing, not Parquet or without the columns of bars.
    """
    feed = ParquetFeed(path, allow_gaps=True)
    facts = feed.facts
    first_ms = last_ms = None
    low, high, volume = float("inf"), 0.0, 0.0
    for block, _ in feed.unchecked():
        first_ms = int(block["time_ms"][0]) if first_ms is None else first_ms
        last_ms = int(block["time_ms"][-1])
        low, high = min(low, float(block["low"].min())), max(high, float(block["high"].max()))
        volume += float(block["volume"].sum())
    with open_parquet(path) as file:
        groups = file.num_row_groups
        codec = file.metadata.row_group(0).column(0).compression if groups else None
    return {
        "file": str(path),
        "symbol": facts.symbol,
        "timeframe": timeframe_name(feed.timeframe_ms),
        "tick": facts.tick,
        "lot": facts.lot,
        "min_order": facts.min_order,
        "source": facts.source,
        "fetched": None if facts.fetched_ms is None else iso(facts.fetched_ms),
        "bars": feed.rows,
        "first": None if first_ms is None else iso(first_ms),
        "last": None if last_ms is None else iso(last_ms),
        "days": None if first_ms is None or last_ms is None else round((last_ms - first_ms) / DAY_MS, 2),
        "lowest": low if low < float("inf") else None,
        "highest": high if high > 0.0 else None,
        "volume": round(volume, 8),
        "bytes": path.stat().st_size,
        "row_groups": groups,
        "compression": codec,
    }


def info_command(path: Path, *, as_json: bool) -> int:
    """Print the description; returns the exit code."""
    content = describe(path)
    if as_json:
        print_json(content)
        return GOOD
    table = Table(show_header=False, box=None)
    for name, value in content.items():
        shown = "unknown" if value is None else f"{value:,}" if isinstance(value, (int, float)) else value
        table.add_row(name.replace("_", " "), shown)
    console().print(table)
    return GOOD
