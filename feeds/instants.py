"""Instants between text, integers of any unit and milliseconds since the UNIX epoch, UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from kwin_core.errors import ConfigError, DataError

UNITS_PER_SECOND = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
"""Time units by name, as ticks of the unit in one second."""

MAX_TIME_MS = 10**14  # year 5138: anything later is a time in a finer unit
MIN_TIME_MS = -(10**14)  # NaT and other marks that are no time
_SECONDS_FROM = 10**8  # 1973 in seconds; as milliseconds it is still January 1970
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def iso(time_ms: int) -> str:
    """ISO 8601 text in UTC: ``1755309600000`` gives ``"2025-08-16T02:00:00Z"``; milliseconds when not 0.

    Times outside the years 1 to 9999 are given as the number of ms.
    """
    try:
        instant = _EPOCH + timedelta(milliseconds=int(time_ms))
    except OverflowError:
        return f"{time_ms} ms"
    spec = "milliseconds" if time_ms % 1000 else "seconds"
    return instant.replace(tzinfo=None).isoformat(timespec=spec) + "Z"


def parse_instant(text: str) -> int:
    """Instant in ms from what a person writes.

    Parameters
    ----------
    text
        ISO 8601 date or date and time (``"2025-04-20"``, ``"2025-04-20T21:00Z"``,
        ``"2025-04-20 21:00+08:00"``; without offset it is UTC), or a whole number of s, ms, us or ns since
        1970 (told by its size).

    Raises
    ------
    ConfigError
        When the text is neither.
    """
    word = text.strip()
    if word.isdigit():
        value = int(word)
        return value * 1000 // UNITS_PER_SECOND[guess_unit(value)]
    try:
        instant = datetime.fromisoformat(word)
    except ValueError:
        raise ConfigError(
            f"time {text!r} is not understood: write 2025-04-20, 2025-04-20T21:00Z or milliseconds since 1970"
        ) from None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return (instant - _EPOCH) // timedelta(milliseconds=1)


def guess_unit(value: int) -> str:
    """Unit of an epoch time by its size: ``"s"``, ``"ms"``, ``"us"`` or ``"ns"``; right from 1973 to 5138."""
    size = abs(value)
    if size < 10**11:
        return "s"
    if size < 10**14:
        return "ms"
    return "us" if size < 10**17 else "ns"


def looks_like_seconds(time_ms: int) -> bool:
    """Whether a wrong time in ms would be a sensible one in seconds (the years 1973 to 5138)."""
    return _SECONDS_FROM <= time_ms < 10**11


def to_ms(values: np.ndarray, unit: str, source: str, first_row: int = 0) -> np.ndarray:
    """Epoch times of one unit as ms.

    Parameters
    ----------
    values
        int64, in ``unit``.
    unit
        A key of :data:`UNITS_PER_SECOND`.
    source, first_row
        Name of the source and row of the first value, for the error.

    Returns
    -------
    np.ndarray
        int64 ms.

    Raises
    ------
    DataError
        When a time in us or ns is not a whole number of ms: the bar is not where it says.
    """
    per_second = UNITS_PER_SECOND[unit]
    if per_second <= 1000:
        return values * (1000 // per_second)
    per_ms = per_second // 1000
    whole, rest = np.divmod(values, per_ms)
    if rest.any():
        at = int(np.argmax(rest != 0))
        raise DataError(
            f"{source}: row {first_row + at}: time {int(values[at])} {unit} is not a whole millisecond; "
            "bars open on the grid of their timeframe: correct the times",
            row=first_row + at,
            time_ms=int(whole[at]),
        )
    return np.asarray(whole)
