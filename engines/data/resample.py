"""``kwin-data resample``: a file of longer bars from a file of shorter ones."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from engines.command_line import GOOD, console, print_json, progress
from engines.data.outputs import checked_output
from feeds.instants import iso
from feeds.parquet import ParquetFeed
from feeds.resample import Resampler
from feeds.write import BarWriter
from kwin_core.bars import parse_timeframe, timeframe_name
from kwin_core.errors import DataError


def resample_command(
    path: Path, *, timeframe: str, out: Path | None, allow_gaps: bool, force: bool, as_json: bool
) -> int:
    """Resample a file; returns the exit code.

    Raises
    ------
    DataError
        When the file is bad, has a gap (and gaps are not allowed), or holds no whole long bar.
    ConfigError
        When the timeframe is not a multiple, or the output may not be written.
    """
    to_ms = parse_timeframe(timeframe)
    feed = ParquetFeed(path, allow_gaps=allow_gaps)
    target = out or _usual_file(path, feed.timeframe_ms, to_ms)
    checked_output(target, force=force, inputs=(path,))
    resampler = Resampler(feed.timeframe_ms, to_ms, allow_gaps=allow_gaps, source=str(path))
    facts, read = replace(feed.facts, timeframe_ms=to_ms), 0
    with progress("resampling", feed.rows, "bars") as progressed, BarWriter(target, facts) as writer:
        for block in feed.blocks():
            writer.write(resampler.add(block))
            read += block.size
            progressed(read)
        resampler.finish()
        if writer.total == 0:
            raise DataError(f"{path}: not one whole {timeframe_name(to_ms)} bar in it; fetch more bars")
    report = {
        "file": str(target),
        "from": timeframe_name(feed.timeframe_ms),
        "timeframe": timeframe_name(to_ms),
        "bars": writer.bars,
        "left_out": [iso(time_ms) for time_ms in resampler.left_out],
    }
    if as_json:
        print_json(report)
        return GOOD
    screen = console()
    screen.print(f"{target}: {writer.bars:,} {report['timeframe']} bars from {report['from']} bars")
    if resampler.left_out:
        shown = ", ".join(iso(time_ms) for time_ms in resampler.left_out[:5])
        more = "" if len(resampler.left_out) <= 5 else f" and {len(resampler.left_out) - 5} more"
        screen.print(f"left out because not whole: {shown}{more}")
    return GOOD


def _usual_file(path: Path, from_ms: int, to_ms: int) -> Path:
    """``ETHUSDT_15m.parquet`` becomes ``ETHUSDT_60m.parquet``, next to it."""
    stem = path.stem.removesuffix(f"_{timeframe_name(from_ms)}")
    return path.with_name(f"{stem}_{timeframe_name(to_ms)}.parquet")
