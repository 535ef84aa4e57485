"""Two series of bars next to each other: which bars only one of them has, and where the others differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kwin_core.errors import DataError

FIELDS = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True)
class FieldDifference:
    """How one field differs over the common bars.

    Attributes
    ----------
    count
        Bars on which it differs by more than the tolerance.
    largest
        Largest absolute difference, in the unit of the field.
    largest_time_ms
        Where that is; ``None`` when the field is the same everywhere.
    """

    count: int
    largest: float
    largest_time_ms: int | None


@dataclass(frozen=True)
class Difference:
    """Result of :func:`compare`.

    Attributes
    ----------
    common, only_first, only_second
        Number of bars in both, in one only.
    fields
        By field of the bar.
    differing
        Number of common bars with any difference.
    times_ms
        Open times (int64, ms) of these bars, in order.
    first, second
        Those bars (``BAR``), row by row.
    only_first_ms, only_second_ms
        Open times (int64, ms) of bars in one only.
    """

    common: int
    only_first: int
    only_second: int
    fields: dict[str, FieldDifference]
    differing: int
    times_ms: np.ndarray
    first: np.ndarray
    second: np.ndarray
    only_first_ms: np.ndarray
    only_second_ms: np.ndarray

    @property
    def same(self) -> bool:
        """Whether both series have the same bars with the same values."""
        return self.only_first == self.only_second == self.differing == 0


def compare(
    first: np.ndarray, second: np.ndarray, *, tolerance: float = 0.0, fields: tuple[str, ...] = FIELDS
) -> Difference:
    """Compare two series bar by bar, matched by open time.

    Parameters
    ----------
    first, second
        ``BAR``, in order, without duplicates.
    tolerance
        Absolute difference of a price (quote currency) that still counts as the same; volumes must be equal.
    fields
        Fields to compare.

    Raises
    ------
    DataError
        When a series is not in order.
    """
    for series in (first, second):
        if (np.diff(series["time_ms"]) <= 0).any():
            raise DataError("bars are not in order; check the file first (kwin-data check)")
    _, at_first, at_second = np.intersect1d(
        first["time_ms"], second["time_ms"], assume_unique=True, return_indices=True
    )
    left, right = first[at_first], second[at_second]
    details: dict[str, FieldDifference] = {}
    any_differs = np.zeros(left.size, dtype=bool)
    for name in fields:
        apart = np.abs(left[name] - right[name])
        differs = ~(apart <= (0.0 if name == "volume" else tolerance))
        any_differs |= differs
        at = int(np.argmax(apart)) if differs.any() else -1
        details[name] = FieldDifference(
            int(differs.sum()),
            float(apart[at]) if at >= 0 else 0.0,
            int(left["time_ms"][at]) if at >= 0 else None,
        )
    return Difference(
        common=left.size,
        only_first=first.size - left.size,
        only_second=second.size - left.size,
        fields=details,
        differing=int(any_differs.sum()),
        times_ms=left["time_ms"][any_differs],
        first=left[any_differs],
        second=right[any_differs],
        only_first_ms=np.setdiff1d(first["time_ms"], second["time_ms"], assume_unique=True),
        only_second_ms=np.setdiff1d(second["time_ms"], first["time_ms"], assume_unique=True),
    )
