"""The one gate that every bar passes, from a file, a socket, a journal or an archive alike."""

from __future__ import annotations

import numpy as np

from feeds.instants import MAX_TIME_MS, MIN_TIME_MS, iso, looks_like_seconds
from feeds.timeframe import SECONDS_TAKEN, common_step, wrong_timeframe
from kwin_core.bars import BAR, MINUTE_MS, floor_time, timeframe_name
from kwin_core.errors import ConfigError, DataError

TIMEFRAME_EVIDENCE = 8
"""With gaps allowed, so many steps without a single one of the asked length mean another timeframe."""


class Gate:
    """Refuses the first bar that cannot be trusted.

    Open times must lie on the grid of the timeframe, strictly increase, and follow each other without a gap
    unless gaps are declared; prices must be finite and positive with ``low <= open, close <= high``; volume
    finite and not negative. The gate remembers the last bar, so a stream may be cut into blocks anywhere: the
    same row is refused.

    Parameters
    ----------
    timeframe_ms
        Length of a bar in ms; a whole number of minutes.
    allow_gaps
        Accept missing bars; they are counted in :attr:`gaps` and :attr:`missing_bars`.
    source
        Name of the source, for errors.

    Attributes
    ----------
    bars
        Bars passed so far.
    last_ms
        Open time (ms) of the last bar passed; ``None`` before the first.
    gaps, missing_bars
        Number of gaps passed, and of the bars missing in them.
    """

    def __init__(self, timeframe_ms: int, *, allow_gaps: bool = False, source: str = "bars") -> None:
        if timeframe_ms <= 0 or timeframe_ms % MINUTE_MS:
            raise ConfigError(f"{source}: timeframe of {timeframe_ms} ms is not a whole number of minutes")
        self.timeframe_ms = timeframe_ms
        self.allow_gaps = allow_gaps
        self.source = source
        self.bars = 0
        self.gaps = 0
        self.missing_bars = 0
        self.last_ms: int | None = None
        self._steps_seen = 0  # counted up to TIMEFRAME_EVIDENCE
        self._timeframe_seen = False  # one step of the asked length was met

    def check(self, block: np.ndarray, rows: np.ndarray | None = None) -> None:
        """Pass a block or raise on its first bad bar; a refused block leaves the gate unchanged.

        Parameters
        ----------
        block
            One-dimensional array of ``BAR``.
        rows
            int64 rows of these bars in the source, 0-based, when they are not simply the next ones.

        Raises
        ------
        DataError
            With row, time, values and what to do.
        """
        if block.dtype != BAR or block.ndim != 1:
            raise DataError(f"{self.source}: a block must be a one-dimensional array of kwin_core.bars.BAR")
        if block.size == 0:
            return
        times = block["time_ms"]
        steps = self._steps(times)
        bad_time = self._bad_times(times, steps) | self._never_the_timeframe(steps)
        bad = bad_time | bad_values(block)
        if bad.any():
            at = int(np.argmax(bad))
            row, time_ms = self.bars + at if rows is None else int(rows[at]), int(times[at])
            reason = self._describe_time(time_ms, steps, at) if bad_time[at] else describe_values(block[at])
            raise DataError(
                f"{self.source}: row {row}, {iso(time_ms)} ({time_ms} ms): {reason}", row=row, time_ms=time_ms
            )
        self._remember(times, steps)

    def _steps(self, times: np.ndarray) -> np.ndarray:
        """Distance (ms) of every bar to the one before; one timeframe for the very first bar."""
        before = (
            self.last_ms if self.last_ms is not None else max(int(times[0]), MIN_TIME_MS) - self.timeframe_ms
        )
        return np.asarray(np.diff(times, prepend=before))

    def _bad_times(self, times: np.ndarray, steps: np.ndarray) -> np.ndarray:
        bad = (times >= MAX_TIME_MS) | (times <= MIN_TIME_MS) | (steps <= 0)
        bad |= (times - floor_time(0, self.timeframe_ms)) % self.timeframe_ms != 0
        if not self.allow_gaps:
            bad |= steps != self.timeframe_ms
        return np.asarray(bad)

    def _never_the_timeframe(self, steps: np.ndarray) -> np.ndarray:
        """Marks the bar on which it is certain that no two bars are one timeframe apart."""
        bad = np.zeros(steps.size, dtype=bool)
        at = TIMEFRAME_EVIDENCE - self._steps_seen - (self.last_ms is not None)
        if self._timeframe_seen or not 0 <= at < steps.size:
            return bad
        first = 0 if self.last_ms is not None else 1  # the first step of all is made up
        bad[at] = not (steps[first : at + 1] == self.timeframe_ms).any()
        return bad

    def _remember(self, times: np.ndarray, steps: np.ndarray) -> None:
        real = steps if self.last_ms is not None else steps[1:]
        wide = real[real != self.timeframe_ms]
        self.gaps += int(wide.size)
        self.missing_bars += int(wide.sum() // self.timeframe_ms) - int(wide.size)
        self._steps_seen = min(TIMEFRAME_EVIDENCE + 1, self._steps_seen + int(real.size))
        self._timeframe_seen = self._timeframe_seen or wide.size < real.size
        self.bars += int(times.size)
        self.last_ms = int(times[-1])

    def _describe_time(self, time_ms: int, steps: np.ndarray, at: int) -> str:
        if not MIN_TIME_MS < time_ms < MAX_TIME_MS:
            return "not a time in milliseconds (micro- or nanoseconds taken for them?); convert the times"
        step = int(steps[at])
        off_grid = floor_time(time_ms, self.timeframe_ms) != time_ms
        if looks_like_seconds(time_ms) and (off_grid or 0 < step < self.timeframe_ms):
            return SECONDS_TAKEN
        real = steps if self.last_ms is not None else steps[1:]
        length = common_step(real)
        if length and (real > 0).all() and not (real == self.timeframe_ms).any():
            return wrong_timeframe(length, self.timeframe_ms)
        return self._describe_step(time_ms, step, real)

    def _describe_step(self, time_ms: int, step: int, real: np.ndarray) -> str:
        if step == 0:
            return "duplicate: the bar before has the same open time; remove one of them"
        if step < 0:
            if (real < 0).all():
                return "newest first: reverse the bars so that times increase"
            return f"back in time, after {iso(time_ms - step)}; sort the bars by open time"
        off = time_ms - floor_time(time_ms, self.timeframe_ms)
        name = timeframe_name(self.timeframe_ms)
        if off:
            return f"{off / 1000:g} s off the {name} grid in UTC; bars are identified by their open time"
        missing = step // self.timeframe_ms - 1
        bars = "bar is" if missing == 1 else "bars are"
        return (
            f"gap: {missing} {name} {bars} missing after {iso(time_ms - step)}; fetch them, or allow gaps "
            "(--allow-gaps, allow_gaps=True)"
        )


def bad_values(block: np.ndarray) -> np.ndarray:
    """Mask (bool) of bars whose prices or volume are impossible; ``nan`` fails every comparison."""
    low, high, volume = block["low"], block["high"], block["volume"]
    good = (low > 0.0) & (high < np.inf) & (volume >= 0.0) & (volume < np.inf)
    for name in ("open", "close"):
        good &= (low <= block[name]) & (block[name] <= high)
    return np.asarray(~good)


def describe_values(bar: np.void) -> str:
    """One phrase: what is wrong with the prices or the volume of a bar, its values, and what to do."""
    prices = {name: float(bar[name]) for name in ("open", "high", "low", "close")}
    shown = ", ".join(f"{name} {value!r}" for name, value in prices.items())
    for name, value in prices.items():
        if not np.isfinite(value):
            return f"{name} is {value}, not a price ({shown}); remove or refetch the bar"
    for name, value in prices.items():
        if value <= 0.0:
            return f"{name} {value!r} is not positive ({shown}); remove or refetch the bar"
    if prices["high"] < prices["low"]:
        return f"high below low ({shown}); refetch the bar"
    if prices["high"] < max(prices["open"], prices["close"]):
        return f"high below open or close ({shown}); refetch the bar"
    if prices["low"] > min(prices["open"], prices["close"]):
        return f"low above open or close ({shown}); refetch the bar"
    return f"volume {float(bar['volume'])!r} is not a finite number of 0 or more; correct the bar"
