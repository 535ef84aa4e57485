"""Windows that walk through time: choose on one stretch, trade the next."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from kwin_core.bars import DAY_MS
from kwin_core.errors import ConfigError


@dataclass(frozen=True)
class Window:
    """One step; instants in ms since the UNIX epoch, UTC.

    Parameters
    ----------
    start_ms
        First bar of the in-sample stretch, by open time.
    split_ms
        Where it ends and the out-of-sample stretch begins.
    end_ms
        End of the out-of-sample stretch, exclusive.
    """

    start_ms: int
    split_ms: int
    end_ms: int


def days_of(value: Any, name: str) -> int:
    """A length in days as ms, from a number of days or text such as ``"180d"`` or ``"12h"``.

    Raises
    ------
    ConfigError
        When it is neither, or not positive.
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([dhw]?)\s*", str(value).lower())
    hours = {"": 24.0, "d": 24.0, "h": 1.0, "w": 168.0}
    length = (
        0
        if match is None or isinstance(value, bool)
        else round(float(match[1]) * hours[match[2]] * DAY_MS / 24)
    )
    if length <= 0:
        raise ConfigError(f"{name} = {value!r}: write a number of days, 180 or 180d, or 12h, 4w")
    return length


def windows(
    first_ms: int, end_ms: int, in_sample_ms: int, out_of_sample_ms: int, *, anchored: bool
) -> Iterator[Window]:
    """Windows whose out-of-sample stretches follow each other without a gap; the last one may be shorter.

    Parameters
    ----------
    first_ms, end_ms
        First bar, and the end of the last one.
    in_sample_ms, out_of_sample_ms
        Lengths.
    anchored
        Every in-sample stretch begins at the first bar and grows; else it rolls.

    Raises
    ------
    ConfigError
        When the data is shorter than one window.
    """
    if first_ms + in_sample_ms >= end_ms:
        have, need = (end_ms - first_ms) / DAY_MS, in_sample_ms / DAY_MS
        raise ConfigError(
            f"{have:.4g} days of bars are not more than in_sample = {need:.4g} days: nothing is left to test"
        )
    split = first_ms + in_sample_ms
    while split < end_ms:
        yield Window(
            first_ms if anchored else split - in_sample_ms, split, min(split + out_of_sample_ms, end_ms)
        )
        split += out_of_sample_ms
