"""The journal's bars next to those of a file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from feeds.difference import FIELDS, compare
from feeds.instants import iso
from feeds.parquet import ParquetFeed
from feeds.stream import Stream
from kwin_core.bars import timeframe_name
from kwin_core.errors import ConfigError, DataError


@dataclass(frozen=True)
class History:
    """Bars of one series.

    Attributes
    ----------
    name
        What to call it.
    blocks
        Bars (``BAR``) in order.
    symbol, timeframe_ms
        Which stream they are to be compared with; None for every one.
    """

    name: str
    blocks: tuple[np.ndarray, ...]
    symbol: str | None = None
    timeframe_ms: int | None = None

    def concerns(self, stream: Stream) -> bool:
        """Whether it is that stream's."""
        return self.symbol in (None, stream.symbol) and self.timeframe_ms in (None, stream.timeframe_ms)


def read_history(path: Path) -> History:
    """Bars of a Parquet file; one that does not state its symbol is taken for any.

    Raises
    ------
    DataError
        The file cannot be read, or is bad.
    """
    feed = ParquetFeed(path, allow_gaps=True)
    symbol = None if feed.facts.symbol == path.stem else feed.facts.symbol
    return History(str(path), tuple(feed.blocks()), symbol, feed.timeframe_ms)


def check_concerns(history: History, streams: Iterable[Stream]) -> None:
    """Refuse a file of none of the streams.

    Raises
    ------
    ConfigError
        It is of another symbol or timeframe.
    """
    known = list(streams)
    if not any(history.concerns(stream) for stream in known):
        length = "" if history.timeframe_ms is None else f" {timeframe_name(history.timeframe_ms)}"
        raise ConfigError(
            f"{history.name} has bars of {history.symbol or 'a symbol'}{length}, the journal has "
            f"{', '.join(str(stream) for stream in known)}; give the bars of one of them"
        )


def compare_with_history(bars: np.ndarray, history: History) -> dict[str, Any]:
    """Where the two cover the same time: how many bars differ, and the first.

    Raises
    ------
    DataError
        No bar in common.
    """
    found = compare((bars,), history.blocks, overlap=True)
    if found.common == 0:
        raise DataError(f"{history.name} has no bar in common with the journal; see kwin-data info")
    return {
        "name": history.name,
        "compared": found.common,
        "not_covered": int(bars.size) - found.common - found.only_first,
        "differ": found.differing,
        "missing_in_file": found.only_first,
        "missing_in_journal": found.only_second,
        "first": None if not found.examples else _example(*found.examples[0]),
        "first_missing_in_file": None if found.only_first_ms is None else iso(found.only_first_ms),
        "first_missing_in_journal": None if found.only_second_ms is None else iso(found.only_second_ms),
        "fields": {name: detail.count for name, detail in found.fields.items() if detail.count},
        "good": found.same,
    }


def _example(recorded: np.void, there: np.void) -> dict[str, Any]:
    return {
        "bar": iso(int(recorded["time_ms"])),
        "fields": {
            name: [float(recorded[name]), float(there[name])]
            for name in FIELDS
            if recorded[name] != there[name]
        },
    }
