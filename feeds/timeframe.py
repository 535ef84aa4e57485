"""The timeframe of a series, told by its times; and the words for a wrong one."""

from __future__ import annotations

import numpy as np

from feeds.instants import iso, looks_like_seconds
from kwin_core.bars import MINUTE_MS, timeframe_name
from kwin_core.errors import DataError

SECONDS_TAKEN = "seconds taken for milliseconds: multiply the times by 1000"


def settle_timeframe(times_ms: np.ndarray, asked_ms: int | None, source: str) -> int:
    """Timeframe (ms) of a series: what was asked for or stated, else what its first times show.

    Parameters
    ----------
    times_ms
        Some of the first open times, int64 ms, as the source has them.
    asked_ms
        Timeframe that was asked for or that the source states; ``None`` finds it.
    source
        Name of the source, for errors.

    Raises
    ------
    DataError
        When the times show another timeframe than asked for, none at all, or are in seconds.
    """
    steps = np.diff(times_ms)
    found = common_step(steps) or common_step(-steps)  # newest first is the gate's to refuse
    if found % MINUTE_MS and looks_like_seconds(int(times_ms[0])):
        first_ms = int(times_ms[0])
        raise DataError(
            f"{source}: row 0, {iso(first_ms)} ({first_ms} ms): {SECONDS_TAKEN}", row=0, time_ms=first_ms
        )
    if asked_ms is not None:
        if found and (steps > 0).all() and not (steps == asked_ms).any():
            raise DataError(f"{source}: {wrong_timeframe(found, asked_ms)}")
        return asked_ms
    if found == 0:
        raise DataError(f"{source}: too few times to tell the timeframe; give it (--timeframe 15m)")
    if found % MINUTE_MS:
        raise DataError(f"{source}: bars are {found} ms apart, not whole minutes; give their timeframe")
    return found


def common_step(steps: np.ndarray) -> int:
    """Most frequent positive step (ms), the smaller one on a tie; 0 when there is none."""
    values, counts = np.unique(steps[steps > 0], return_counts=True)
    return int(values[np.argmax(counts)]) if values.size else 0


def wrong_timeframe(found_ms: int, asked_ms: int) -> str:
    """The phrase for bars of another timeframe than asked for."""
    whole = found_ms % MINUTE_MS == 0
    found = timeframe_name(found_ms) if whole else f"{found_ms} ms apart"
    asked = timeframe_name(asked_ms)
    return f"bars are {found}, asked for {asked}; ask for their own timeframe, or resample them"
