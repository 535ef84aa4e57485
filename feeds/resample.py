"""Longer bars from shorter ones, on the grid of the exchange; only whole ones."""

from __future__ import annotations

import numpy as np

from feeds.instants import iso
from kwin_core.bars import BAR, floor_time, timeframe_name
from kwin_core.errors import ConfigError, DataError


class Resampler:
    """Folds blocks of closed bars into bars of a longer timeframe.

    Open is that of the first bar, close that of the last, volume the sum (rounded to 1e-8, so that adding
    leaves no dust). A long bar needs every short bar in it: the first and the last one are left out when
    they are not whole, an unfinished one in between is an error or, with ``allow_gaps``, left out too.

    Parameters
    ----------
    from_ms, to_ms
        Length of the short and of the long bars, ms; the long one a whole multiple.
    allow_gaps
        Leave out long bars that lack short ones instead of refusing.
    source
        Name of the source, for errors.

    Attributes
    ----------
    left_out
        Open times (ms) of long bars that were left out because they are not whole.

    Raises
    ------
    ConfigError
        When the long timeframe is not a multiple of the short one.
    """

    def __init__(self, from_ms: int, to_ms: int, *, allow_gaps: bool = False, source: str = "bars") -> None:
        if to_ms <= from_ms or to_ms % from_ms:
            raise ConfigError(
                f"{source}: {timeframe_name(to_ms)} bars cannot be made of {timeframe_name(from_ms)} bars; "
                "ask for a whole multiple"
            )
        self.from_ms, self.to_ms = from_ms, to_ms
        self.allow_gaps = allow_gaps
        self.source = source
        self.left_out: list[int] = []
        self._held = np.zeros(0, dtype=BAR)  # short bars of a long bar that may go on
        self._any = False

    def add(self, block: np.ndarray) -> np.ndarray:
        """Long bars (``BAR``) that these short bars, checked by the gate, complete."""
        bars = np.concatenate([self._held, block]) if self._held.size else block
        if bars.size == 0:
            return bars
        starts = self._starts(bars["time_ms"])
        ended = int(bars["time_ms"][-1]) + self.from_ms == int(starts[-1]) + self.to_ms
        cut = bars.size if ended else int(np.searchsorted(starts, starts[-1]))
        self._held = bars[cut:].copy()
        return self._folded(bars[:cut], starts[:cut])

    def finish(self) -> None:
        """End of the series: what is held is an unfinished bar and is left out."""
        if self._held.size:
            self.left_out.append(floor_time(int(self._held["time_ms"][0]), self.to_ms))
            self._held = self._held[:0]

    def _starts(self, times_ms: np.ndarray) -> np.ndarray:
        origin = floor_time(0, self.to_ms)
        return np.asarray((times_ms - origin) // self.to_ms * self.to_ms + origin)

    def _folded(self, bars: np.ndarray, starts: np.ndarray) -> np.ndarray:
        if bars.size == 0:
            return bars
        begins = np.flatnonzero(np.diff(starts, prepend=starts[0] - 1))
        counts = np.diff(np.append(begins, bars.size))
        long = np.zeros(begins.size, dtype=BAR)
        long["time_ms"] = starts[begins]
        long["open"] = bars["open"][begins]
        long["close"] = bars["close"][begins + counts - 1]
        long["high"] = np.maximum.reduceat(bars["high"], begins)
        long["low"] = np.minimum.reduceat(bars["low"], begins)
        long["volume"] = np.round(np.add.reduceat(bars["volume"], begins), 8)
        whole = np.asarray(counts == self.to_ms // self.from_ms)
        for at in np.flatnonzero(~whole).tolist():
            self._leave_out(int(long["time_ms"][at]), int(counts[at]), first=at == 0 and not self._any)
        self._any = True
        return np.asarray(long[whole])

    def _leave_out(self, time_ms: int, count: int, *, first: bool) -> None:
        """Note a long bar that is not whole; refuse it unless it is the first of all or gaps are allowed."""
        if not first and not self.allow_gaps:
            wanted = self.to_ms // self.from_ms
            raise DataError(
                f"{self.source}: the {timeframe_name(self.to_ms)} bar of {iso(time_ms)} has {count} of "
                f"{wanted} bars; fill the gap, or allow gaps (--allow-gaps)",
                time_ms=time_ms,
            )
        self.left_out.append(time_ms)
