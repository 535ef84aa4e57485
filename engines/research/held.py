"""Checked bars held in memory once, for as many runs as one likes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np

from engines.source import Cut, Source
from feeds.protocol import Instrument
from kwin_core.bars import BAR
from kwin_core.errors import DataError


class HeldBars:
    """Bars that have passed the gate; a source for any number of runs.

    Attributes
    ----------
    name
        Of the data, as results and errors say it.
    instrument
        Facts of the instrument.
    bars
        Dtype ``BAR``; not to be changed.
    most_bars
        How many there are.
    """

    def __init__(self, name: str, instrument: Instrument, bars: np.ndarray) -> None:
        self.name = name
        self.instrument = instrument
        self.bars = bars
        self.most_bars = int(bars.size)

    def blocks(self) -> Iterator[np.ndarray]:
        """All of them in one block."""
        yield self.bars

    def last_open_ms(self) -> int:
        """Open time (ms) of the last bar."""
        return int(self.bars["time_ms"][-1])

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the bars and the facts that a run depends on."""
        found = hashlib.sha256(
            repr((self.instrument.timeframe_ms, self.instrument.tick, self.instrument.lot)).encode()
        )
        found.update(np.ascontiguousarray(self.bars).view(np.uint8).data)
        return found.hexdigest()

    def __reduce__(self) -> tuple[Any, ...]:
        return _held, (self.name, self.instrument, self.bars.view(np.uint8))

    def part(self, start_ms: int, end_ms: int) -> HeldBars:
        """The bars that open from ``start_ms`` until before ``end_ms``, as a view.

        Raises
        ------
        DataError
            When there are none.
        """
        part = self._between(start_ms, end_ms)
        if part.size == 0:
            raise DataError(f"{self.name}: no bars{Cut(start_ms, end_ms).text()}")
        return HeldBars(self.name, self.instrument, part)

    def has(self, start_ms: int, end_ms: int) -> bool:
        """Whether any bar opens there."""
        return self._between(start_ms, end_ms).size > 0

    def _between(self, start_ms: int, end_ms: int) -> np.ndarray:
        first, last = np.searchsorted(self.bars["time_ms"], (start_ms, end_ms))
        return self.bars[first:last]


def _held(name: str, instrument: Instrument, raw: np.ndarray) -> HeldBars:
    """Bars that arrived from another process; writable, or they would be another type to the compiler."""
    return HeldBars(name, instrument, np.require(raw.view(BAR), requirements=["C", "A", "W"]))


def hold(source: Source) -> HeldBars:
    """Read a source to its end.

    Raises
    ------
    DataError
        On the first bar that cannot be trusted.
    """
    if isinstance(source, HeldBars):
        return source
    blocks = list(source.blocks())
    bars = blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
    return HeldBars(source.name, source.instrument, np.require(bars, requirements=["C", "A", "W"]))
