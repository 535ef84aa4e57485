"""A Parquet file that grows at both ends, and is at every moment whole and without a hole."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from feeds.facts import Facts
from feeds.gate import Gate
from feeds.instants import iso
from feeds.parquet import ParquetFeed
from feeds.write import BarWriter
from kwin_core.bars import BAR, timeframe_name
from kwin_core.errors import ConfigError

SHARE = 20  # saving may take one part in so many of the time
_SOONEST_S = 0.2


class Shelf:
    """The stored bars of one market, and what was added since the last save.

    Parameters
    ----------
    path
        The file; it need not exist.
    facts
        Facts to store. An existing file must be of the same symbol, timeframe and source.
    allow_gaps
        Accept missing bars.

    Attributes
    ----------
    first_ms, last_ms
        Open times (ms) of the oldest and the newest bar, unsaved ones included; ``None`` while empty.
    bars
        Number of bars, unsaved ones included.

    Raises
    ------
    ConfigError
        When the file holds another market.
    DataError
        When the file is damaged or has bad bars.
    """

    def __init__(self, path: Path, facts: Facts, *, allow_gaps: bool = False) -> None:
        self.path = path
        self.facts = facts
        self.allow_gaps = allow_gaps
        self.first_ms: int | None = None
        self.last_ms: int | None = None
        self.bars = 0
        self._stored = path.exists()
        self._older: list[np.ndarray] = []  # newest page first
        self._newer: list[np.ndarray] = []
        self._newer_from_ms: int | None = None  # stored bars from here on are replaced by the newer ones
        self._saved_at = time.monotonic()
        self._save_s = 0.0
        if self._stored:
            self._look()

    def tail(self, count: int) -> np.ndarray:
        """The newest stored bars, at most ``count``."""
        if not self._stored or self.last_ms is None:
            return np.zeros(0, dtype=BAR)
        start_ms = self.last_ms - (count - 1) * (self.facts.timeframe_ms or 0)
        return ParquetFeed(self.path, start_ms=start_ms, allow_gaps=self.allow_gaps).read()

    def add_older(self, page: np.ndarray) -> None:
        """Put a page before everything; it must end where the oldest bar begins."""
        self._older.append(page)
        self.bars += page.size
        self.first_ms = int(page["time_ms"][0])
        if self.last_ms is None:
            self.last_ms = int(page["time_ms"][-1])

    def add_newer(self, page: np.ndarray) -> None:
        """Put a page after everything; where it overlaps the stored bars it replaces them."""
        first_ms, last_ms = int(page["time_ms"][0]), int(page["time_ms"][-1])
        if not self._newer and self._stored and self.last_ms is not None and first_ms <= self.last_ms:
            self._newer_from_ms = first_ms
            self.bars -= self._count_from(first_ms)
        self._newer.append(page)
        self.bars += page.size
        self.last_ms = last_ms
        if self.first_ms is None:
            self.first_ms = first_ms

    def save_if_due(self) -> None:
        """Save when the last save is long enough ago for saving to stay cheap."""
        if time.monotonic() - self._saved_at >= max(_SOONEST_S, SHARE * self._save_s):
            self.save()

    @property
    def unsaved(self) -> bool:
        """Whether bars were added since the last save."""
        return bool(self._older or self._newer)

    def save(self) -> None:
        """Write everything as one new file in place of the old one."""
        begun = time.monotonic()
        facts = replace(self.facts, fetched_ms=int(time.time() * 1000))
        gate = Gate(facts.timeframe_ms or 0, allow_gaps=self.allow_gaps, source=str(self.path))
        with BarWriter(self.path, facts) as writer:
            for page in reversed(self._older):
                gate.check(page)
                writer.write(page)
            if self._stored:
                feed = ParquetFeed(self.path, end_ms=self._newer_from_ms, allow_gaps=self.allow_gaps)
                for block, _ in feed.unchecked():
                    gate.check(block)
                    writer.write(block)
            for page in self._newer:
                gate.check(page)
                writer.write(page)
        self._stored, self._older, self._newer, self._newer_from_ms = True, [], [], None
        self._saved_at = time.monotonic()
        self._save_s = self._saved_at - begun

    def _look(self) -> None:
        """Check the stored file and learn its ends."""
        feed = ParquetFeed(self.path, timeframe_ms=self.facts.timeframe_ms, allow_gaps=self.allow_gaps)
        for name in ("symbol", "source"):
            held, wanted = getattr(feed.facts, name), getattr(self.facts, name)
            if held != wanted:
                raise ConfigError(
                    f"{self.path} holds {held or 'bars of unknown origin'}, not {wanted}; give another --out"
                )
        for block in feed.blocks():
            if self.first_ms is None:
                self.first_ms = int(block["time_ms"][0])
            self.last_ms = int(block["time_ms"][-1])
            self.bars += block.size

    def _count_from(self, start_ms: int) -> int:
        feed = ParquetFeed(self.path, start_ms=start_ms, allow_gaps=self.allow_gaps)
        return sum(block.size for block, _ in feed.unchecked())

    def __str__(self) -> str:
        if self.first_ms is None or self.last_ms is None:
            return f"{self.path}: empty"
        name = timeframe_name(self.facts.timeframe_ms or 0)
        return f"{self.path}: {self.bars} {name} bars, {iso(self.first_ms)} to {iso(self.last_ms)}"
