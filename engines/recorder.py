"""Keeps in memory what a run produced."""

from __future__ import annotations

import numpy as np

from engines.drive import Chunk
from kwin_core.bars import BAR
from kwin_core.engine import MARK, Strategy
from kwin_core.records import copy_rows, join_rows
from kwin_core.state import EVENT, TRADE


class Recorder:
    """A sink that keeps everything.

    Parameters
    ----------
    strategy
        Decides the dtype of the signals.
    keep_bars
        Also keep what there is a row a bar of: bars, signals and marks (some 270 bytes a bar for KWIN).
    """

    def __init__(self, strategy: Strategy, *, keep_bars: bool) -> None:
        self.keeps_bars = keep_bars
        self._kinds = {
            "bars": BAR,
            "signals": strategy.signals,
            "marks": MARK,
            "trades": TRADE,
            "events": EVENT,
        }
        self._parts: dict[str, list[np.ndarray]] = {name: [] for name in self._kinds}

    def take(self, chunk: Chunk) -> None:
        """Keep a chunk."""
        for name in ("trades", "events"):
            self._parts[name].append(getattr(chunk, name))
        if self.keeps_bars:
            for name in ("bars", "signals", "marks"):
                self._parts[name].append(copy_rows(getattr(chunk, name)))

    def all(self, name: str) -> np.ndarray:
        """Everything of one kind (``bars``, ``signals``, ``marks``, ``trades``, ``events``) as one array."""
        parts = self._parts[name]
        if len(parts) != 1:
            parts = [join_rows(parts, self._kinds[name])]
            self._parts[name] = parts
        return parts[0]
