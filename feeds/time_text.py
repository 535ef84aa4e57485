"""Times written as text: numbers of any unit, ISO 8601, or a pattern; in any zone."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from feeds.arrow import float_values, int_values, null_mask
from feeds.instants import UNITS_PER_SECOND, guess_unit
from kwin_core.errors import ConfigError, DataError

_MICROS = 1_000_000
_DOTTED = re.compile(r"\d{4}\.\d\d\.\d\d \d\d:\d\d")
_ZONED = re.compile(r"(Z|[+-]\d\d:?\d\d)$", re.IGNORECASE)


class TimeText:
    """Reads the time column of a text file. The form is told by the first value, and then kept.

    Parameters
    ----------
    source
        Name of the file, for errors.
    unit
        ``"s"``, ``"ms"``, ``"us"`` or ``"ns"`` for numbers (decimals allowed), or a pattern with percent
        signs (``"%d.%m.%Y %H:%M"``); ``None`` detects numbers of any unit, ``2024.12.31 23:45`` and ISO
        8601.
    zone
        Zone of times that state none: ``"UTC"``, ``"+08:00"``, ``"Europe/Berlin"``.
    """

    def __init__(self, source: str, *, unit: str | None = None, zone: str = "UTC") -> None:
        if unit is not None and unit not in UNITS_PER_SECOND and "%" not in unit:
            units = ", ".join(UNITS_PER_SECOND)
            raise ConfigError(f"time unit {unit!r} is not one of {units}, nor a pattern like %d.%m.%Y %H:%M")
        self.source = source
        self._form = unit
        self._zone = zone
        self._check_zone()

    def micros(self, array: pa.Array, first_row: int) -> np.ndarray:
        """Times as microseconds since the epoch, UTC (int64).

        Parameters
        ----------
        array
            Text.
        first_row
            0-based row of the first value, for errors.

        Raises
        ------
        DataError
            When a value is missing or is not a time of this form.
        """
        if array.null_count:
            row = first_row + int(np.argmax(null_mask(array)))
            raise DataError(f"{self.source}: row {row}: no time; remove the row", row=row)
        if self._form is None and len(array):
            self._form = _form_of(str(array[0]))
        try:
            return self._read(array)
        except pa.ArrowInvalid as error:
            reason = str(error).splitlines()[0]
            raise DataError(
                f"{self.source}: rows from {first_row} on: times are not all of the form {self._form} "
                f"({reason}); name it with --time-unit"
            ) from None

    def _read(self, array: pa.Array) -> np.ndarray:
        form = self._form or "iso"
        if form in UNITS_PER_SECOND:
            return _numbers(array, UNITS_PER_SECOND[form])
        if "%" in form:
            return self._local(pc.strptime(array, format=form, unit="us"))
        if form == "iso with zone":
            return int_values(pc.cast(array, pa.timestamp("us", tz="UTC")).view(pa.int64()))
        return self._local(pc.cast(array, pa.timestamp("us")))

    def _local(self, array: pa.Array) -> np.ndarray:
        """Wall-clock times of the zone as UTC."""
        return int_values(pc.assume_timezone(array, self._zone).view(pa.int64()))

    def _check_zone(self) -> None:
        epoch = pa.array([0], pa.int64()).view(pa.timestamp("us"))
        try:
            pc.assume_timezone(epoch, self._zone)
        except pa.ArrowInvalid:
            raise ConfigError(f"zone {self._zone!r} is unknown; write UTC, +08:00 or Europe/Berlin") from None


def _form_of(text: str) -> str:
    word = text.strip()
    if re.fullmatch(r"-?\d+(\.\d+)?", word):
        return guess_unit(int(float(word)))
    if _DOTTED.fullmatch(word):
        return "%Y.%m.%d %H:%M"
    return "iso with zone" if _ZONED.search(word[10:]) else "iso"


def _numbers(array: pa.Array, per_second: int) -> np.ndarray:
    """Integers exactly, decimals to the microsecond."""
    try:
        whole = int_values(pc.cast(array, pa.int64()))
    except pa.ArrowInvalid:
        seconds = float_values(pc.cast(array, pa.float64())) / per_second
        return np.rint(seconds * _MICROS).astype(np.int64)
    if per_second <= _MICROS:
        return whole * (_MICROS // per_second)
    return whole // (per_second // _MICROS)
