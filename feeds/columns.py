"""Which column of a table holds what: names as exchanges, charts and people write them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from kwin_core.errors import ConfigError, DataError

FIELDS = ("time", "open", "high", "low", "close", "volume")

SYNONYMS: dict[str, tuple[str, ...]] = {
    "time": (
        *(
            "timems",
            "time",
            "opentime",
            "opentimems",
            "starttime",
            "start",
            "startat",
            "timestamp",
            "timestampms",
        ),
        *(
            "opents",
            "ts",
            "datetime",
            "date",
            "dateandtime",
            "datetimeutc",
            "times",
            "timens",
            "timeus",
            "unix",
        ),
        *("timestamps", "timestampus", "timestampns", "t", "indexlevel0"),
    ),
    "open": ("open", "openprice", "o"),
    "high": ("high", "highprice", "h"),
    "low": ("low", "lowprice", "l"),
    "close": ("close", "closeprice", "c"),
    "volume": ("volume", "vol", "basevolume", "volumebase", "v"),
}
"""Names of a field, best first; compared in lower case without spaces and signs."""

_NAMED_UNITS = re.compile(r"[_ (\[](s|sec|seconds|ms|us|ns)[)\]]?$")


def plain(name: str) -> str:
    """Column name in lower case, letters and digits only: ``"Open time"`` gives ``"opentime"``."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def find_columns(
    names: Sequence[str],
    source: str,
    *,
    chosen: Mapping[str, str] | None = None,
    optional: Sequence[str] = (),
) -> dict[str, str]:
    """Column of every field.

    Parameters
    ----------
    names
        Columns of the table.
    source
        Name of the table, for errors.
    chosen
        Columns named by the user, by field; they are taken as they are.
    optional
        Fields that may be missing; they are then absent from the result.

    Returns
    -------
    dict
        Field to column name, in the order of :data:`FIELDS`.

    Raises
    ------
    ConfigError
        When a chosen field does not exist.
    DataError
        When a column is missing, or when two columns fit a field equally well.
    """
    chosen = dict(chosen or {})
    unknown = [field for field in chosen if field not in FIELDS]
    if unknown:
        raise ConfigError(f"field {unknown[0]!r} is not one of {', '.join(FIELDS)}")
    found: dict[str, str] = {}
    for field in FIELDS:
        column = chosen.get(field) or _find(field, names, source)
        if column is not None and column not in names:
            raise DataError(f"{source}: no column {column!r} for {field}; it has {_listed(names)}")
        if column is not None:
            found[field] = column
        elif field not in optional:
            tried = ", ".join(SYNONYMS[field][:4])
            raise DataError(f"{source}: no column for {field} (such as {tried}); it has {_listed(names)}")
    return found


def unit_in_name(column: str) -> str | None:
    """Time unit that a column's name states (``"open_time_ms"``: ``"ms"``), or ``None``."""
    match = _NAMED_UNITS.search(column.lower())
    if match is None:
        return None
    return {"sec": "s", "seconds": "s"}.get(match[1], match[1])


def _find(field: str, names: Sequence[str], source: str) -> str | None:
    for synonym in SYNONYMS[field]:
        fitting = [name for name in names if plain(name) == synonym]
        if len(fitting) > 1:
            raise DataError(f"{source}: columns {_listed(fitting)} all look like {field}; keep one of them")
        if fitting:
            return fitting[0]
    return None


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name) for name in names) if names else "no columns"
