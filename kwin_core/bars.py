"""Bars and time: the record every feed delivers, and the arithmetic of timeframes.

A bar is identified by its **open** time in milliseconds since the UNIX epoch, UTC. It is complete at
``time_ms + timeframe_ms``; a decision made on it belongs to that later instant (X-T9).
"""

from __future__ import annotations

import numpy as np

from kwin_core.errors import ConfigError
from kwin_core.records import record

MINUTE_MS = 60_000
DAY_MS = 86_400_000

BAR = record(
    [
        ("time_ms", np.int64),  # open time, ms since the UNIX epoch, UTC
        ("open", np.float64),  # quote currency
        ("high", np.float64),
        ("low", np.float64),
        ("close", np.float64),
        ("volume", np.float64),  # base currency; may be 0
    ]
)
"""One closed bar. Aligned, 48 bytes; the same bytes from Parquet, socket, journal to compiled code."""

_UNIT_MINUTES = {"m": 1, "h": 60, "d": 1440, "w": 10_080}


def parse_timeframe(text: str | int) -> int:
    """Timeframe in milliseconds.

    Parameters
    ----------
    text
        Minutes as a number or text (``15``, ``"15"``), or with a unit: ``"15m"``, ``"4h"``, ``"1d"``, ``"1w"``.
        Case-insensitive; ``"D"`` and ``"W"`` alone mean one.

    Raises
    ------
    ConfigError
        When the text is none of these or the number is not positive.
    """
    word = str(text).strip().lower()
    number, unit = (word[:-1], word[-1]) if word[-1:] in _UNIT_MINUTES else (word, "m")
    if number == "" and unit in ("d", "w"):
        number = "1"
    if not number.isdigit() or int(number) == 0:
        raise ConfigError(f"timeframe {text!r} is not understood: write minutes (15) or 15m, 4h, 1d, 1w")
    return int(number) * _UNIT_MINUTES[unit] * MINUTE_MS


def timeframe_name(timeframe_ms: int) -> str:
    """Shortest name of a timeframe: ``900_000`` gives ``"15m"``, ``3_600_000`` gives ``"60m"``, a day ``"1d"``.

    Hours stay in minutes, as TradingView and Bybit write them.
    """
    minutes = timeframe_ms // MINUTE_MS
    for unit in ("w", "d"):
        if minutes % _UNIT_MINUTES[unit] == 0:
            return f"{minutes // _UNIT_MINUTES[unit]}{unit}"
    return f"{minutes}m"


_WEEK_ORIGIN_MS = 4 * DAY_MS  # 1970-01-05 was the first Monday: weekly bars open on Mondays


def floor_time(time_ms: int, timeframe_ms: int) -> int:
    """Open time (ms) of the bar that contains an instant.

    Both are milliseconds: 1755309786300 floored to 900 000 ms is 1755309600000 (X-T1). Weeks begin on Monday.
    """
    origin = _WEEK_ORIGIN_MS if timeframe_ms % (7 * DAY_MS) == 0 else 0
    return (time_ms - origin) // timeframe_ms * timeframe_ms + origin


def close_time(time_ms: int, timeframe_ms: int) -> int:
    """Instant (ms) at which the bar that opened at ``time_ms`` is complete: the earliest time to act on it."""
    return time_ms + timeframe_ms
