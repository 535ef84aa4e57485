"""Whatever holds bars, as one thing a run can read: a Parquet file, a feed, a pandas frame, an array."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from engines.source_arrays import bars_of_frame, timeframe_of
from engines.source_files import last_open_ms
from feeds.facts import Facts
from feeds.gate import Gate
from feeds.instants import iso
from feeds.parquet import BLOCK_BARS, ParquetFeed
from feeds.protocol import Feed, Instrument
from feeds.timeframe import wrong_timeframe
from kwin_core.bars import BAR
from kwin_core.errors import ConfigError, DataError

if TYPE_CHECKING:
    import pandas as pd

    BarData = str | Path | Feed | pd.DataFrame | np.ndarray


@dataclass(frozen=True)
class Cut:
    """Which bars of the data a run takes.

    Parameters
    ----------
    start_ms, end_ms
        By open time, ms: start inclusive, end exclusive; the strategy starts cold on the first bar inside.
    allow_gaps
        Accept missing bars.

    Raises
    ------
    ConfigError
        When the end is not after the start.
    """

    start_ms: int | None = None
    end_ms: int | None = None
    allow_gaps: bool = False

    def __post_init__(self) -> None:
        if self.start_ms is not None and self.end_ms is not None and self.end_ms <= self.start_ms:
            raise ConfigError(f"end {iso(self.end_ms)} is not after start {iso(self.start_ms)}")

    def of(self, bars: np.ndarray) -> np.ndarray:
        """The bars inside; a copy when that is not all of them."""
        inside = np.ones(bars.size, dtype=bool)
        if self.start_ms is not None:
            inside &= bars["time_ms"] >= self.start_ms
        if self.end_ms is not None:
            inside &= bars["time_ms"] < self.end_ms
        return bars if inside.all() else bars[inside]

    def text(self) -> str:
        """The range as errors say it; empty for everything."""
        words = (("from", self.start_ms), ("before", self.end_ms))
        return "".join(f" {word} {iso(time_ms)}" for word, time_ms in words if time_ms is not None)


class Source(Protocol):
    """Bars for one run, sliced; each call of :meth:`blocks` starts over.

    Attributes
    ----------
    name
        What to call it in results and errors: a path as given, or ``"frame"``, ``"array"``, ``"feed"``.
    instrument
        Facts of the instrument, complete.
    most_bars
        Not fewer than there are, for progress; 0 when unknown.
    """

    name: str
    instrument: Instrument
    most_bars: int

    def blocks(self) -> Iterator[np.ndarray]:
        """Checked bars in order, one-dimensional arrays of ``BAR``."""
        ...

    def last_open_ms(self) -> int | None:
        """Open time (ms) of the last bar in the slice, as cheaply as possible; ``None`` without any."""
        ...


class FileSource:
    """A Parquet file, streamed."""

    def __init__(self, feed: ParquetFeed) -> None:
        self.name = str(feed.path)
        self.instrument = feed.instrument
        self.most_bars = feed.rows
        self._feed = feed

    def blocks(self) -> Iterator[np.ndarray]:
        """Checked bars in order."""
        return self._feed.blocks()

    def last_open_ms(self) -> int | None:
        """Open time (ms) of the last bar in the slice; reads the end of one column."""
        return last_open_ms(self._feed.path, self._feed.end_ms)


class FeedSource:
    """Any feed, sliced by open time."""

    def __init__(self, feed: Feed, given: Facts, cut: Cut) -> None:
        facts = feed.instrument
        if given.timeframe_ms not in (None, facts.timeframe_ms):
            raise ConfigError(f"feed: {wrong_timeframe(facts.timeframe_ms, given.timeframe_ms or 0)}")
        self.name = "feed"
        self.instrument = replace(
            facts,
            symbol=given.symbol or facts.symbol,
            tick=facts.tick if given.tick is None else given.tick,
            lot=facts.lot if given.lot is None else given.lot,
        )
        self.most_bars = 0
        self._feed = feed
        self._cut = cut

    def blocks(self) -> Iterator[np.ndarray]:
        """Bars of the feed inside the slice."""
        seen = 0
        for block in self._feed.blocks():
            part = self._cut.of(block)
            seen += part.size
            if part.size:
                yield part
        if seen == 0:
            raise DataError(f"{self.name}: no bars{self._cut.text()}")

    def last_open_ms(self) -> int | None:
        """Open time (ms) of the last bar in the slice; reads the whole feed."""
        last = None
        for block in self.blocks():
            last = int(block["time_ms"][-1])
        return last


class ArraySource:
    """Bars in memory; they pass the gate like any others."""

    def __init__(self, bars: np.ndarray, name: str, facts: Facts, cut: Cut) -> None:
        if facts.tick is None:
            raise ConfigError(f"{name}: nothing states its price tick; give it, for example tick=0.01")
        self._bars = cut.of(bars)
        if self._bars.size == 0:
            raise DataError(f"{name}: no bars{cut.text()}")
        length_ms = facts.timeframe_ms or timeframe_of(bars, name)
        self.name = name
        self.instrument = Instrument(facts.symbol or name, length_ms, facts.tick, facts.lot or 0.0)
        self.most_bars = int(self._bars.size)
        self._allow_gaps = cut.allow_gaps

    def blocks(self) -> Iterator[np.ndarray]:
        """Checked bars in order."""
        gate = Gate(self.instrument.timeframe_ms, allow_gaps=self._allow_gaps, source=self.name)
        for first in range(0, self._bars.size, BLOCK_BARS):
            block = self._bars[first : first + BLOCK_BARS]
            gate.check(block)
            yield block

    def last_open_ms(self) -> int | None:
        """Open time (ms) of the last bar."""
        return int(self._bars["time_ms"][-1])


def open_source(data: BarData, given: Facts, cut: Cut) -> Source:
    """Make a source of what the user has.

    Parameters
    ----------
    data
        Path of a Parquet file, a feed, a pandas frame (open times in the index or a column), or an array of
        ``BAR``.
    given
        Facts that replace those of the data; ``None`` where nothing is given.
    cut
        Which bars to take.

    Raises
    ------
    ConfigError
        When nothing states the tick, or ``data`` is none of these.
    DataError
        When the data cannot be read or has no bars in the slice.
    """
    if isinstance(data, str | Path):
        facts = {name: getattr(given, name) for name in ("symbol", "timeframe_ms", "tick", "lot")}
        return FileSource(
            ParquetFeed(data, start_ms=cut.start_ms, end_ms=cut.end_ms, allow_gaps=cut.allow_gaps, **facts)
        )
    if isinstance(data, np.ndarray):
        if data.dtype != BAR or data.ndim != 1:
            raise ConfigError(
                f"array of {data.dtype}: bars are a one-dimensional array of kwin_core.bars.BAR"
            )
        return ArraySource(data, "array", given, cut)
    if isinstance(data, Feed):
        return FeedSource(data, given, cut)
    if hasattr(data, "columns") and hasattr(data, "attrs"):
        stated = {name: data.attrs.get(name) for name in ("symbol", "timeframe_ms", "tick", "lot")}
        return ArraySource(bars_of_frame(data, "frame"), "frame", merged(given, Facts(**stated)), cut)
    raise ConfigError(
        f"{type(data).__name__}: data must be a path, a feed, a pandas frame or an array of BAR"
    )


def merged(first: Facts, second: Facts) -> Facts:
    """The first facts, and the second where the first say nothing."""
    return replace(
        second,
        **{field.name: value for field in fields(Facts) if (value := getattr(first, field.name)) is not None},
    )
