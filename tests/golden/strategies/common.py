"""What the reference strategies share: the clock of the bar's open, New York time, and an empty record."""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.strategy import compiled, record

NONE = record([("none", np.int64)])
"""For a strategy without memory, parameters or per-bar output."""

TICK = 0.01
"""Price step of ETHUSDT, quote currency."""

CHART_MS = 900_000
"""The chart of these cases: 15 minutes."""

HOUR_MS = 3_600_000
EURUSD_TICK = 0.00001
"""Price step of EURUSD, quote currency."""

_DAY_MS = 86_400_000


@compiled
def clock(ctx: Any) -> int:
    """UTC clock time of the bar's open as a number: 815 is 08:15."""
    minutes = ctx.time_ms // 60_000 % 1440
    return minutes // 60 * 100 + minutes % 60


@compiled
def weekday(ctx: Any) -> int:
    """UTC weekday of the bar's open, Monday is 0."""
    return (ctx.time_ms // _DAY_MS + 3) % 7


@compiled
def nth_sunday_ms(year: int, month: int, nth: int) -> int:
    """Midnight UTC of the nth Sunday of a month, ms since the UNIX epoch."""
    y = year - 1 if month <= 2 else year
    m = month + 9 if month <= 2 else month - 3
    days = 365 * y + y // 4 - y // 100 + y // 400 + (153 * m + 2) // 5 - 719_468
    to_sunday = (6 - (days + 3) % 7) % 7
    return (days + to_sunday + 7 * (nth - 1)) * _DAY_MS


@compiled
def year_of(time_ms: int) -> int:
    """Calendar year (UTC) of an instant."""
    z = time_ms // _DAY_MS + 719_468
    era = z // 146_097
    day_of_era = z - era * 146_097
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    return year_of_era + era * 400 + (1 if day_of_year >= 306 else 0)


@compiled
def new_york_minute(time_ms: int) -> int:
    """Minute of the day in New York; summer time from the 2nd Sunday of March to the 1st of November, 2 a.m."""
    year = year_of(time_ms)
    starts = nth_sunday_ms(year, 3, 2) + 7 * HOUR_MS
    ends = nth_sunday_ms(year, 11, 1) + 6 * HOUR_MS
    offset_hours = 4 if starts <= time_ms < ends else 5
    return (time_ms - offset_hours * HOUR_MS) // 60_000 % 1440
