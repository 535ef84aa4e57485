"""One axis of a parameter space: the values that one input may take."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np

from kwin_core.errors import ConfigError

_RANGE_KEYS = ("low", "high", "step", "log")
MOST_VALUES = 1_000_000


@dataclass(frozen=True)
class Axis:
    """Values of one input: a list of them, or a continuous range.

    Parameters
    ----------
    name
        Of the input.
    values
        All values, in order; empty for a continuous range.
    low, high
        Ends of a continuous range, both inclusive.
    log
        A draw is uniform in the logarithm.
    """

    name: str
    values: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    log: bool = False

    @property
    def is_list(self) -> bool:
        """Whether the values can be counted."""
        return bool(self.values)

    def at(self, share: float) -> Any:
        """The value at a share (0 inclusive, 1 exclusive) of the axis."""
        if self.values:
            return self.values[min(int(share * len(self.values)), len(self.values) - 1)]
        if self.log:
            return min(
                max(math.exp(_between(math.log(self.low), math.log(self.high), share)), self.low), self.high
            )
        return _between(self.low, self.high, share)


def _between(low: float, high: float, share: float) -> float:
    return low + share * (high - low)


def axis_of(name: str, wish: Any, *, whole: bool) -> Axis:
    """An axis from what a person wrote.

    Parameters
    ----------
    name
        Of the input, for the axis and its errors.
    wish
        A list of values, or a mapping of ``low``, ``high`` and optionally ``step`` and ``log``.
    whole
        The input takes whole numbers: a range without a step then has step 1.

    Raises
    ------
    ConfigError
        An empty list, a range that is none, a key that is unknown.
    """
    if isinstance(wish, np.ndarray):
        wish = wish.tolist()
    if isinstance(wish, range):
        wish = list(wish)
    if isinstance(wish, Mapping):
        return _range(name, wish, whole=whole)
    if isinstance(wish, str) or not isinstance(wish, Sequence):
        raise ConfigError(
            f"{name} = {wish!r}: write a list of values, [1, 2, 3], or a range, {{low = 1, high = 3, step = 1}}"
        )
    if not wish:
        raise ConfigError(f"{name}: the list of values is empty")
    for value in wish:
        if isinstance(value, Mapping | list | tuple):
            raise ConfigError(f"{name}: {value!r} in the list of values is not one value")
    return Axis(name, tuple(wish))


def _range(name: str, wish: Mapping[str, Any], *, whole: bool) -> Axis:
    unknown = [str(key) for key in wish if key not in _RANGE_KEYS]
    if unknown:
        raise ConfigError(f"{name}: unknown key {', '.join(unknown)}; a range has {', '.join(_RANGE_KEYS)}")
    missing = [key for key in ("low", "high") if key not in wish]
    if missing:
        raise ConfigError(f"{name}: a range needs {' and '.join(missing)}")
    numbers = {key: _number(name, key, wish[key]) for key in ("low", "high", "step") if key in wish}
    log = wish.get("log", False)
    if not isinstance(log, bool):
        raise ConfigError(f"{name}: log = {log!r}: expected true or false")
    low, high, step = numbers["low"], numbers["high"], numbers.get("step")
    if low > high:
        raise ConfigError(f"{name}: low {low} is above high {high}: nothing lies between")
    if step is not None and step <= 0:
        raise ConfigError(f"{name}: step = {step}: must be positive")
    if log and step is not None:
        raise ConfigError(f"{name}: a range has a step or is logarithmic, not both")
    if log and low <= 0:
        raise ConfigError(f"{name}: a logarithmic range begins above 0, not at {low}")
    if step is None and whole and not log:
        step = Decimal(1)
    if step is None:
        return Axis(name, (), float(low), float(high), log) if low < high else Axis(name, (float(low),))
    count = int((high - low) / step) + 1
    if count > MOST_VALUES:
        raise ConfigError(f"{name}: {count} values; take a wider step than {step}")
    values = [low + i * step for i in range(count)]  # in decimals: 0.1 + 0.2 is 0.3
    return Axis(
        name, tuple(int(value) if value == int(value) and whole else float(value) for value in values)
    )


def _number(name: str, key: str, value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise ConfigError(f"{name}: {key} = {value!r}: expected a number")
    if not math.isfinite(value):
        raise ConfigError(f"{name}: {key} = {value!r}: must be a finite number")
    return Decimal(str(value))
