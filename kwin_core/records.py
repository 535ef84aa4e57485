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
"""Type of a parameter that takes one record: compiled, or a ``StateRecord`` without the compiler."""

_KINDS = "iufbSV"  # fixed-size plain bytes: integers, floats, bools, byte text, nested records
_NUMPY_NEEDS = ("dtype", "getfield", "setfield")


class StateRecord(np.record):  # type: ignore[misc]  # numpy allows what its stubs forbid
    """One value of a record dtype, for uncompiled code: its fields hide numpy's attributes of the same name.

    A plain ``numpy.record`` answers ``lot.size`` with its own size, 1, where compiled code reads the field.
    """

    def __getattribute__(self, name: str) -> Any:
        if name in np.void.__getattribute__(self, "dtype").names:
            return np.void.__getitem__(self, name)
        return np.record.__getattribute__(self, name)


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
        With `StateRecord` as scalar type, at every level.

    Raises
    ------
    StrategyError
        When a field is of a type that cannot be part of a flat state (object, str, date), or its name is
        not an identifier or one that numpy itself needs (``dtype``, ``getfield``, ``setfield``).

    Examples
    --------
    >>> inner = record([("count", np.int64), ("values", np.float64, (4,))])
    >>> outer = record([("fast", inner), ("slow", inner)])
    >>> state = np.zeros(1, outer)[0]
    >>> state.slow.values[2] = 1.5
    >>> float(state["slow"]["values"].sum())
    1.5
    """
    return np.dtype((StateRecord, np.dtype([_field(*field) for field in fields], align=True)))


def _field(name: str, kind: Any, shape: tuple[int, ...] | None = None) -> tuple[Any, ...]:
    if name in _NUMPY_NEEDS or not name.isidentifier():
        raise StrategyError(f"field {name!r} could not be read as an attribute: rename it")
    dtype = np.dtype(kind)
    if dtype.names is not None and dtype.type is not StateRecord:
        dtype = record([(inner, dtype.fields[inner][0]) for inner in dtype.names])
    elif dtype.base.kind not in _KINDS:
        raise StrategyError(f"field {name!r} is of type {dtype}: a state holds numbers and records only")
    return (name, dtype) if shape is None else (name, dtype, shape)


def copy_rows(rows: np.ndarray) -> np.ndarray:
    """Copy of a contiguous array of records, as plain bytes: numpy copies them field by field, ten times slower."""
    return rows.view(np.uint8).copy().view(rows.dtype) if rows.size else rows.copy()


def join_rows(parts: Sequence[np.ndarray], dtype: np.dtype[Any]) -> np.ndarray:
    """The arrays one after the other, as plain bytes; an empty array of ``dtype`` when there are none."""
    filled = [part.view(np.uint8) for part in parts if part.size]
    return np.concatenate(filled).view(dtype) if filled else np.zeros(0, dtype)
