"""Two series of bars next to each other: which bars only one of them has, and where the others differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np

from kwin_core.bars import BAR

FIELDS = ("open", "high", "low", "close", "volume")
EXAMPLES = 10


@dataclass
class FieldDifference:
    """How one field differs over the common bars.

    Attributes
    ----------
    count
        Bars on which it differs by more than the tolerance.
    largest
        Largest difference, in the unit of the field.
    largest_time_ms
        Where that is; ``None`` when the field is the same everywhere.
    """

    count: int = 0
    largest: float = 0.0
    largest_time_ms: int | None = None


@dataclass
class Difference:
    """What :func:`compare` found.

    Attributes
    ----------
    common, only_first, only_second
        Number of bars in both, in one only.
    differing
        Number of common bars with any difference.
    fields
        By field of the bar.
    examples
        The first differing bars, as pairs of ``BAR`` scalars of the first and the second series.
    only_first_ms, only_second_ms
        Open time (ms) of the first bar that only one of them has.
    """

    common: int = 0
    only_first: int = 0
    only_second: int = 0
    differing: int = 0
    fields: dict[str, FieldDifference] = field(default_factory=dict)
    examples: list[tuple[np.void, np.void]] = field(default_factory=list)
    only_first_ms: int | None = None
    only_second_ms: int | None = None

    @property
    def same(self) -> bool:
        """Whether both series have the same bars with the same values."""
        return self.only_first == self.only_second == self.differing == 0


def compare(
    first: Iterable[np.ndarray],
    second: Iterable[np.ndarray],
    *,
    tolerance: float = 0.0,
    fields: tuple[str, ...] = FIELDS,
    overlap: bool = False,
) -> Difference:
    """Compare two series bar by bar, matched by open time, in the memory of a few blocks.

    Parameters
    ----------
    first, second
        Blocks of ``BAR`` that have passed the gate: in order, without duplicates.
    tolerance
        Difference of a price (quote currency) that still counts as the same; volumes must be equal.
    fields
        Fields to compare.
    overlap
        Leave out bars before the later beginning and after the earlier end of the two.
    """
    found = Difference(fields={name: FieldDifference() for name in fields})
    for left, right, both in _side_by_side(iter(first), iter(second)):
        if both:
            _compare_parts(found, left, right, tolerance)
        if not both and not overlap:
            _count_only(found, left["time_ms"], right["time_ms"])
    return found


def _side_by_side(
    first: Iterator[np.ndarray], second: Iterator[np.ndarray]
) -> Iterator[tuple[np.ndarray, np.ndarray, bool]]:
    """Parts of the same stretch of time, and whether both series cover it; one part may be empty."""
    nothing = np.zeros(0, dtype=BAR)
    left, right = next(first, nothing), next(second, nothing)
    if left.size and right.size:
        begin_ms = max(int(left["time_ms"][0]), int(right["time_ms"][0]))
        while left.size and left["time_ms"][-1] < begin_ms:
            yield left, nothing, False
            left = next(first, nothing)
        while right.size and right["time_ms"][-1] < begin_ms:
            yield nothing, right, False
            right = next(second, nothing)
        at_left, at_right = (int(np.searchsorted(part["time_ms"], begin_ms)) for part in (left, right))
        yield left[:at_left], right[:at_right], False
        left, right = left[at_left:], right[at_right:]
    while left.size and right.size:
        end_ms = min(int(left["time_ms"][-1]), int(right["time_ms"][-1]))
        at_left, at_right = (
            int(np.searchsorted(part["time_ms"], end_ms, side="right")) for part in (left, right)
        )
        yield left[:at_left], right[:at_right], True
        left, right = left[at_left:], right[at_right:]
        left = left if left.size else next(first, nothing)
        right = right if right.size else next(second, nothing)
    while left.size or right.size:
        yield left, right, False
        left, right = next(first, nothing), next(second, nothing)


def _compare_parts(found: Difference, left: np.ndarray, right: np.ndarray, tolerance: float) -> None:
    in_both = np.isin(left["time_ms"], right["time_ms"], assume_unique=True)
    if not in_both.all() or left.size != right.size:
        also = np.isin(right["time_ms"], left["time_ms"], assume_unique=True)
        _count_only(found, left["time_ms"][~in_both], right["time_ms"][~also])
        left, right = left[in_both], right[also]
    found.common += left.size
    any_differs = np.zeros(left.size, dtype=bool)
    for name, detail in found.fields.items():
        apart = np.abs(left[name] - right[name])
        differs = apart > (0.0 if name == "volume" else tolerance)
        if differs.any():
            at = int(np.argmax(apart))
            detail.count += int(differs.sum())
            if apart[at] > detail.largest:
                detail.largest, detail.largest_time_ms = float(apart[at]), int(left["time_ms"][at])
            any_differs |= differs
    found.differing += int(any_differs.sum())
    for at in np.flatnonzero(any_differs)[: EXAMPLES - len(found.examples)].tolist():
        found.examples.append((left[at].copy(), right[at].copy()))


def _count_only(found: Difference, first_ms: np.ndarray, second_ms: np.ndarray) -> None:
    if first_ms.size and found.only_first == 0:
        found.only_first_ms = int(first_ms[0])
    if second_ms.size and found.only_second == 0:
        found.only_second_ms = int(second_ms[0])
    found.only_first += first_ms.size
    found.only_second += second_ms.size
