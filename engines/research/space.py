"""Which parameter sets to try: all of a grid, random draws, or quasi-random ones that fill the space evenly."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engines.research.axis import Axis
from engines.research.extras import needs
from kwin_core.errors import ConfigError

METHODS = ("grid", "random", "sobol", "halton")
MOST_SETS = 5_000_000
_PATIENCE = 20
"""Blocks of draws without a new set before the space counts as used up."""


@dataclass(frozen=True)
class ParameterSets(Sequence[dict[str, Any]]):
    """Parameter sets in order: for each input a column of values."""

    columns: Mapping[str, Sequence[Any]]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return ParameterSets({name: column[index] for name, column in self.columns.items()})
        return {name: column[index] for name, column in self.columns.items()}

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for index in range(len(self)):
            yield self[index]


def parameter_sets(axes: Sequence[Axis], method: str, count: int | None, seed: int) -> ParameterSets:
    """The sets to try; the same arguments give the same sets.

    Parameters
    ----------
    axes
        The space.
    method
        One of `METHODS`.
    count
        How many sets; ``None`` only for a grid, which has as many as it has.
    seed
        Of the draws.

    Raises
    ------
    ConfigError
        A grid over a range without a step, more sets than the space has, no count where one is needed.
    """
    if method not in METHODS:
        raise ConfigError(f"method = {method!r}: choose one of {', '.join((*METHODS, 'search'))}")
    if method == "grid":
        if count is not None:
            raise ConfigError(
                f"sets = {count}: a grid has all its sets; leave it out, or choose another method"
            )
        return _grid(axes)
    if count is None:
        raise ConfigError(f"method {method} needs a number of sets, for example sets = 1000")
    if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MOST_SETS:
        raise ConfigError(f"sets = {count!r}: expected a whole number from 1 to {MOST_SETS}")
    if all(axis.is_list for axis in axes):
        most = math.prod(len(axis.values) for axis in axes)
        if count > most:
            raise ConfigError(
                f"sets = {count}: the space has only {most}; take method = 'grid' or fewer sets"
            )
    return _drawn(axes, _draws(method, len(axes), seed), count)


def _grid(axes: Sequence[Axis]) -> ParameterSets:
    for axis in axes:
        if not axis.is_list:
            raise ConfigError(f"{axis.name}: a grid needs a step in this range, or a list of values")
    shape = tuple(len(axis.values) for axis in axes)
    total = math.prod(shape)
    if total > MOST_SETS:
        raise ConfigError(
            f"the grid has {total} sets, at most {MOST_SETS} are run: widen its steps, or take method = 'sobol'"
        )
    places = np.unravel_index(np.arange(total), shape)
    return ParameterSets(
        {
            axis.name: [axis.values[i] for i in where.tolist()]
            for axis, where in zip(axes, places, strict=True)
        }
    )


def _draws(method: str, size: int, seed: int) -> Callable[[int], np.ndarray]:
    """A function that gives the next n points of the unit cube."""
    if method == "random":
        random = np.random.Generator(np.random.PCG64(seed))
        return lambda n: random.random((n, size))
    qmc = needs("scipy.stats.qmc", "research")
    made = qmc.Sobol(size, seed=seed) if method == "sobol" else qmc.Halton(size, seed=seed)
    return lambda n: made.random(n)


def _drawn(axes: Sequence[Axis], draw: Callable[[int], np.ndarray], count: int) -> ParameterSets:
    """The first ``count`` different sets of a stream of points."""
    seen: set[tuple[Any, ...]] = set()
    found: list[tuple[Any, ...]] = []
    block = 1 << max(6, (count - 1).bit_length())  # Sobol points are even in blocks of a power of two
    fruitless = 0
    while len(found) < count:
        before = len(found)
        for point in draw(block).tolist():
            one = tuple(axis.at(share) for axis, share in zip(axes, point, strict=True))
            if one not in seen and len(found) < count:
                seen.add(one)
                found.append(one)
        fruitless = 0 if len(found) > before else fruitless + 1
        if fruitless == _PATIENCE:
            raise ConfigError(
                f"only {len(found)} different sets were drawn of the {count} asked for: take a grid"
            )
    return ParameterSets({axis.name: [one[i] for one in found] for i, axis in enumerate(axes)})
