"""Records: the flat structured dtypes that hold everything the core remembers.

A dtype built here can be a field of another one, keeps attribute access (``state.fast.count``) when numba's
compiler is switched off, and is valid when all its bytes are zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from kwin_core.errors import StrategyError

Record: TypeAlias = Any
"""Type of a parameter that takes one record: compiled, or a ``numpy.record`` without the compiler."""

_KINDS = "iufbSV"  # fixed-size plain bytes: integers, floats, bools, byte text, nested records


def record(fields: Sequence[tuple[Any, ...]]) -> np.dtype[Any]:
    """Aligned record dtype whose values, and whose nested values, allow attribute access.

    Parameters
    ----------
    fields
        ``(name, dtype)`` or ``(name, dtype, shape)`` as for ``numpy.dtype``; a dtype may itself be a record
        or any structured dtype, at any depth.

    Returns
    -------
    numpy.dtype
        With ``numpy.record`` as scalar type, at every level.

    Raises
    ------
    StrategyError
        When a field is of a type that cannot be part of a flat state (object, str, date).

    Examples
    --------
    >>> inner = record([("count", np.int64), ("values", np.float64, (4,))])
    >>> outer = record([("fast", inner), ("slow", inner)])
    >>> state = np.zeros(1, outer)[0]
    >>> state.slow.values[2] = 1.5
    >>> float(state["slow"]["values"].sum())
    1.5
    """
    return _as_record(np.dtype([_field(*field) for field in fields], align=True))


def _field(name: str, kind: Any, shape: tuple[int, ...] | None = None) -> tuple[Any, ...]:
    dtype = np.dtype(kind)
    if dtype.names is not None and dtype.type is not np.record:
        dtype = record([(inner, dtype.fields[inner][0]) for inner in dtype.names])
    elif dtype.base.kind not in _KINDS:
        raise StrategyError(f"field {name!r} is of type {dtype}: a state holds numbers and records only")
    return (name, dtype) if shape is None else (name, dtype, shape)


def _as_record(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return np.dtype((np.record, dtype))
