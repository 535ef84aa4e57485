"""What a script can see and what it asked for: the part of a state in which both ledgers must agree.

Left out is what only the emulator has or needs: whether a trail is armed and its water mark, order bookkeeping, the
excursions of trades, the chain, counters of filled orders. What is left is the *view*.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.state import EXIT

SEEN = (
    "bar_index",
    "time_ms",
    "close",
    "position_size",
    "position_avg_price",
    "equity",
    "net_profit",
    "open_profit",
    "gross_profit",
    "gross_loss",
    "last_profit",
    "closed_trades",
    "won_trades",
    "lost_trades",
)
"""Fields of the broker's record that a script reads."""

ORDERED = ("kind", "id", "entry", "from_entry", "side", "limit", "stop", "activation", "trail_offset")
"""Fields of a live order; its quantity is the position's for an exit, its own for an entry."""


def view(states: np.ndarray) -> dict[str, Any]:
    """The view of a state, shape (1,), between two bars.

    Returns
    -------
    dict
        The fields of `SEEN`, ``user`` (the strategy's memory, bytes with one pattern for ``nan``), ``orders`` (one
        tuple an order, in the order of the book).
    """
    core = states[0]["core"]
    found: dict[str, Any] = {name: core[name].item() for name in SEEN}
    found["orders"] = [
        tuple(core["orders"][i][name].item() for name in ORDERED)
        for i in range(int(core["order_count"]))
        if core["orders"][i]["kind"] != EXIT or core["orders"][i]["spent"] == 0
    ]
    found["user"] = states["user"]
    return found


def first_difference(one: np.ndarray, other: np.ndarray, *, tolerance: float = 0.0) -> str | None:
    """Name and values of the first thing in which two states of one strategy differ for the script; None when equal.

    Parameters
    ----------
    one, other
        States, shape (1,), dtype of the same strategy.
    tolerance
        Relative, for amounts of money only: fees of a reversal are rounded once here and twice there.
    """
    first, second = view(one), view(other)
    for name in SEEN:
        if not _equal(first[name], second[name], tolerance if name not in ("bar_index", "time_ms") else 0.0):
            return f"{name}: {first[name]!r} against {second[name]!r}"
    if len(first["orders"]) != len(second["orders"]):
        return f"orders: {len(first['orders'])} against {len(second['orders'])}"
    for number, (mine, theirs) in enumerate(zip(first["orders"], second["orders"], strict=True)):
        for name, a, b in zip(ORDERED, mine, theirs, strict=True):
            if not _equal(a, b, 0.0):
                return f"orders[{number}].{name}: {a!r} against {b!r}"
    return _memory_difference(first["user"], second["user"], tolerance)


def _equal(a: float, b: float, tolerance: float) -> bool:
    if a == b or (a != a and b != b):
        return True
    return tolerance > 0.0 and abs(a - b) <= tolerance * max(1.0, abs(a), abs(b))


def _memory_difference(one: np.ndarray, other: np.ndarray, tolerance: float) -> str | None:
    """First field of the strategy's memory that differs."""
    if one.tobytes() == other.tobytes():
        return None
    for path, a, b in _leaves("state", one, other):
        same = (a == b) | ((a != a) & (b != b))
        if tolerance > 0.0 and a.dtype.kind == "f":
            same |= np.abs(a - b) <= tolerance * np.maximum(1.0, np.maximum(np.abs(a), np.abs(b)))
        if not same.all():
            at = int(np.argmin(same.reshape(-1)))
            return f"{path}[{at}]: {a.reshape(-1)[at]!r} against {b.reshape(-1)[at]!r}"
    return None


def _leaves(path: str, one: np.ndarray, other: np.ndarray) -> list[tuple[str, np.ndarray, np.ndarray]]:
    if one.dtype.names is None:
        return [(path, np.asarray(one), np.asarray(other))]
    found = []
    for name in one.dtype.names:
        found += _leaves(f"{path}.{name}", one[name], other[name])
    return found
