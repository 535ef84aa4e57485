"""Instants as people give them: text, milliseconds, datetimes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from feeds.instants import looks_like_seconds, parse_instant
from kwin_core.errors import ConfigError

Moment = str | int | date
"""Text (ISO 8601, UTC without offset), ms since the UNIX epoch, or a date or datetime (UTC without zone)."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment_ms(value: Moment | None, name: str) -> int | None:
    """Milliseconds since the UNIX epoch of an instant; ``None`` stays ``None``.

    Parameters
    ----------
    value
        What the user gave.
    name
        Name of the option, for the error.

    Raises
    ------
    ConfigError
        When it is not an instant, or a number that must be seconds.
    """
    if value is None:
        return None
    if isinstance(value, str):
        try:
            return parse_instant(value)
        except ConfigError as error:
            raise ConfigError(f"{name}: {error}") from None
    if isinstance(value, datetime):
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        return (moment - _EPOCH) // timedelta(milliseconds=1)
    if isinstance(value, date):
        return (datetime(value.year, value.month, value.day, tzinfo=UTC) - _EPOCH) // timedelta(
            milliseconds=1
        )
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise ConfigError(f"{name} = {value!r}: give a time as text (2025-04-20T21:00Z), a datetime, or ms")
    number = int(value)
    if looks_like_seconds(number):
        raise ConfigError(f"{name} = {number}: seconds taken for milliseconds; multiply by 1000")
    return number
