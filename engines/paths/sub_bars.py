"""Shorter bars inside those of the chart: real prices in place of an assumed path (R122)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from engines.drive import Chunk
from feeds.facts import Facts
from feeds.instants import iso
from feeds.parquet import ParquetFeed
from feeds.resample import Resampler
from kwin_core.bars import BAR, timeframe_name
from kwin_core.errors import ConfigError, DataError
from kwin_core.magnifier import sub_bar_offsets


@dataclass(frozen=True)
class SubBars:
    """Bars of a shorter timeframe.

    Parameters
    ----------
    bars
        Array of ``BAR`` in order of time; it may cover more time than the chart, or less.
    timeframe_ms, chart_ms
        Length of these bars and of the chart's, ms; the chart's a whole multiple.
    name
        Where they come from, for results and errors.

    Raises
    ------
    ConfigError
        When they do not fit into the chart's bars.
    """

    bars: np.ndarray
    timeframe_ms: int
    chart_ms: int
    name: str = "sub-bars"

    def __post_init__(self) -> None:
        if self.timeframe_ms >= self.chart_ms or self.chart_ms % self.timeframe_ms:
            raise ConfigError(
                f"{self.name}: {timeframe_name(self.timeframe_ms)} bars do not fit into the chart's "
                f"{timeframe_name(self.chart_ms)} bars; give shorter ones, of which a chart bar holds a whole number"
            )

    def inside(self, chart: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Those inside a block of chart bars, and where those of each begin, as the engine takes them."""
        times_ms = self.bars["time_ms"]
        first, last = np.searchsorted(
            times_ms, (chart["time_ms"][0], chart["time_ms"][-1] + self.chart_ms)
        ).tolist()
        near = self.bars[first:last]
        at = np.searchsorted(chart["time_ms"], near["time_ms"], side="right") - 1
        within = near["time_ms"] < chart["time_ms"][at] + self.chart_ms  # the chart may have gaps
        kept = np.require(near if within.all() else near[within], requirements=["C", "A", "W"])
        return kept, sub_bar_offsets(chart, self.chart_ms, kept)


class Coverage:
    """A sink that counts the chart bars whose path is known, and of these the ones whose prices agree.

    Attributes
    ----------
    bars, covered, agreeing
        Chart bars; those with at least one sub-bar; those whose sub-bars have their open, high, low and close.
    """

    def __init__(self, subs: SubBars) -> None:
        self.bars = self.covered = self.agreeing = 0
        self._subs = subs

    def take(self, chunk: Chunk) -> None:
        """Count a chunk."""
        chart = chunk.bars
        subs, offsets = self._subs.inside(chart)
        has = np.diff(offsets) > 0
        begins, ends = offsets[:-1][has], offsets[1:][has]
        self.bars += chart.size
        self.covered += int(has.sum())
        if begins.size == 0:
            return
        same = (subs["open"][begins] == chart["open"][has]) & (subs["close"][ends - 1] == chart["close"][has])
        same &= np.maximum.reduceat(subs["high"], begins) == chart["high"][has]
        same &= np.minimum.reduceat(subs["low"], begins) == chart["low"][has]
        self.agreeing += int(same.sum())

    def check(self) -> None:
        """Refuse sub-bars that are not those of the chart.

        Raises
        ------
        DataError
            When none lies inside the chart's time, or most have other prices.
        """
        subs = self._subs
        if self.covered == 0:
            span = (
                f"{iso(int(subs.bars['time_ms'][0]))} to {iso(int(subs.bars['time_ms'][-1]))}"
                if subs.bars.size
                else "nothing"
            )
            raise DataError(
                f"{subs.name}: holds {span}, no part of the run's bars; give bars of the same time"
            )
        if 2 * self.agreeing < self.covered:
            raise DataError(
                f"{subs.name}: only {self.agreeing} of {self.covered} chart bars have the prices of the bars inside "
                "them; give bars of the same symbol and exchange, or leave DATA out to make the chart of these"
            )


def read_sub_bars(path: Path | str, chart_ms: int, *, allow_gaps: bool = True) -> SubBars:
    """Sub-bars of a Parquet file; a missing minute leaves its chart bar with the others.

    Raises
    ------
    DataError
        When the file cannot be read or trusted.
    ConfigError
        When its bars do not fit into the chart's.
    """
    feed = ParquetFeed(path, allow_gaps=allow_gaps)
    return SubBars(feed.read(), feed.timeframe_ms, chart_ms, str(path))


def chart_of(path: Path | str, chart_ms: int, *, allow_gaps: bool = False) -> tuple[np.ndarray, Facts]:
    """Chart bars made of a file of shorter ones, and the facts that the file states of them.

    Raises
    ------
    DataError, ConfigError
        As :func:`read_sub_bars`; a chart bar that lacks short bars is refused unless gaps are allowed.
    """
    feed = ParquetFeed(path, allow_gaps=allow_gaps)
    resampler = Resampler(feed.timeframe_ms, chart_ms, allow_gaps=allow_gaps, source=str(path))
    parts = [resampler.add(block) for block in feed.blocks()]
    resampler.finish()
    bars = np.concatenate([*parts, np.zeros(0, BAR)])
    if bars.size == 0:
        raise DataError(f"{path}: not one whole {timeframe_name(chart_ms)} bar in it; give more bars")
    facts = feed.facts
    return bars, Facts(facts.symbol, chart_ms, facts.tick, facts.lot)
