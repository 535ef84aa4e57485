"""Snapshots and the full digest: the state of a run as canonical bytes.

Canonical means: equal states give equal bytes, and nothing else counts. Of the broker's record only what is
in use is taken (its slots in use, no outbox, no wish of the caller); of the strategy's memory everything.
Padding is zero, every ``nan`` has one bit pattern, ``-0.0`` stays what it is. The digest is the SHA-256 of
the names and types of all fields and of these bytes; a snapshot is the same bytes behind a header that says
whose they are.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kwin_core.engine import Engine
from kwin_core.errors import SnapshotError

SCHEMA_VERSION = 1
"""Of the snapshot's layout and of what the digest covers; a change makes old snapshots foreign."""

_MAGIC = b"KWIN snapshot\n"
_NOT_STATE = ("keep_signals", "outbox")  # what the caller wants to see, and what it was handed
_SLOTS = {"orders": "order_count", "lots": "lot_count"}
_CANONICAL_NAN = {4: np.uint32(0x7FC00000), 8: np.uint64(0x7FF8000000000000)}
_HEADER_NUMBERS = ("order_count", "lot_count", "bar_index")


@dataclass(frozen=True)
class _Cut:
    """How canonical bytes are taken from a state with so many orders and lots in use."""

    ranges: list[tuple[int, int]]
    floats: list[
        tuple[Any, Any, Any]
    ]  # float type, mask over the canonical bytes seen as such, canonical nan
    padding: Any  # positions in the canonical bytes

    @property
    def size(self) -> int:
        return sum(end - start for start, end in self.ranges)


@dataclass(frozen=True)
class _Layout:
    """A state dtype, worked out once."""

    prefix: Any  # SHA-256 that has seen schema version and field names
    schema: str
    ranges: list[tuple[int, int, str]]  # kept bytes; a slot array has its name
    is_float: dict[int, Any]  # float size -> mask over the bytes of the state
    is_padding: Any
    counts_at: tuple[int, int]  # of orders and lots
    cuts: dict[tuple[int, int], _Cut] = field(default_factory=dict)


_LAYOUTS: dict[Any, _Layout] = {}


def _offset(dtype: np.dtype[Any], name: str) -> int:
    """Where a field begins, bytes."""
    fields = dtype.fields
    assert fields is not None, dtype
    return int(fields[name][1])


def _leaves(dtype: np.dtype[Any], at: int, path: str) -> list[tuple[str, int, np.dtype[Any]]]:
    """Every plain field of a dtype, at any depth: path, byte offset, dtype (an array of numbers is one)."""
    base = dtype.base
    if base.names is None:
        return [(path, at, dtype)]
    found = []
    for index in range(int(np.prod(dtype.shape, dtype=np.int64))):
        inner = f"{path}[{index}]" if dtype.shape else path
        for name in base.names:
            start = at + index * base.itemsize + _offset(base, name)
            found += _leaves(base[name], start, f"{inner}.{name}")
    return found


def _layout(dtype: np.dtype[Any]) -> _Layout:
    known = _LAYOUTS.get(dtype)
    if known is not None:
        return known
    core, user = dtype["core"], dtype["user"]
    ranges: list[tuple[int, int, str]] = []
    used = np.zeros(dtype.itemsize, np.bool_)
    is_float = {width: np.zeros(dtype.itemsize, np.bool_) for width in _CANONICAL_NAN}
    names = []
    parts = [(name, core[name], _offset(core, name)) for name in core.names or () if name not in _NOT_STATE]
    for name, kind, at in [*parts, ("user", user, _offset(dtype, "user"))]:
        end = dtype.itemsize if name == "user" else at + kind.itemsize
        slots = name if name in _SLOTS else ""
        if ranges and not slots and not ranges[-1][2] and ranges[-1][1] == at:
            ranges[-1] = (ranges[-1][0], end, "")
        else:
            ranges.append((at, end, slots))
        for path, offset, leaf in _leaves(kind, at, name):
            names.append(f"{path} {leaf.base.str} {leaf.shape}")
            used[offset : offset + leaf.itemsize] = True
            if leaf.base.kind == "f":
                if leaf.base.itemsize not in is_float:
                    raise SnapshotError(f"state field {path} is {leaf.base}: use float64 or float32")
                is_float[leaf.base.itemsize][offset : offset + leaf.itemsize] = True
    text = "\n".join([f"KWIN state {SCHEMA_VERSION}", *names]).encode()
    counts_at = (_offset(core, "order_count"), _offset(core, "lot_count"))
    prefix = hashlib.sha256(text)
    layout = _Layout(prefix, prefix.hexdigest()[:20], ranges, is_float, ~used, counts_at)
    _LAYOUTS[dtype] = layout
    return layout


def _cut(layout: _Layout, dtype: np.dtype[Any], orders: int, lots: int) -> _Cut:
    known = layout.cuts.get((orders, lots))
    if known is not None:
        return known
    core = dtype["core"]
    in_use = {"orders": orders, "lots": lots}
    ranges = []
    for start, end, slots in layout.ranges:
        stop = start + in_use[slots] * core[slots].base.itemsize if slots else end
        if stop > start:
            ranges.append((start, stop))
    floats = []
    for width, mask in layout.is_float.items():
        taken = np.concatenate([mask[a:b] for a, b in ranges]).reshape(-1, width).all(axis=1)
        if taken.any():
            floats.append((np.dtype(f"f{width}"), taken, _CANONICAL_NAN[width]))
    padding = np.flatnonzero(np.concatenate([layout.is_padding[a:b] for a, b in ranges]))
    cut = _Cut(ranges, floats, padding)
    layout.cuts[(orders, lots)] = cut
    return cut


def _canonical(states: np.ndarray, layout: _Layout) -> Any:
    """Canonical bytes of a state, as a uint8 array of its own."""
    raw = states.view(np.uint8)
    orders_at, lots_at = layout.counts_at
    orders = int(raw[orders_at : orders_at + 8].view(np.int64)[0])
    lots = int(raw[lots_at : lots_at + 8].view(np.int64)[0])
    cut = layout.cuts.get((orders, lots)) or _cut(layout, states.dtype, orders, lots)
    data = np.concatenate([raw[start:end] for start, end in cut.ranges])
    for kind, mask, canonical in cut.floats:
        values = data.view(kind)
        missing = values != values
        missing &= mask
        np.putmask(data.view(canonical.dtype), missing, canonical)
    if cut.padding.size:
        data[cut.padding] = 0
    return data


def _check_states(states: np.ndarray) -> None:
    if states.shape != (1,) or states.dtype.names != ("core", "user") or not states.flags.c_contiguous:
        raise SnapshotError(
            f"a state comes from Engine.new_state, shape (1,); this is {states.shape} of {states.dtype.names}"
        )


def full_digest(states: np.ndarray) -> str:
    """SHA-256 of everything the run remembers, 64 hex digits.

    Equal for equal states, however they came about: in blocks or bar by bar, compiled or not, restored.

    Parameters
    ----------
    states
        State of one run, shape (1,), as `kwin_core.engine.Engine.new_state` makes it, between two bars.
    """
    _check_states(states)
    layout = _layout(states.dtype)
    digest = layout.prefix.copy()
    digest.update(_canonical(states, layout))
    return str(digest.hexdigest())


def snapshot(engine: Engine, states: np.ndarray, params: np.ndarray, params_hash: str) -> bytes:
    """The state as bytes that say what they belong to; take it between two bars.

    Parameters
    ----------
    engine
        The engine that ran the state; the snapshot can be restored into the same engine only.
    states
        State of shape (1,).
    params
        Parameter record of shape (1,) the state was run with.
    params_hash
        Fingerprint of the complete setting, for people and journals.
    """
    _check_states(states)
    layout = _layout(states.dtype)
    core = states[0]["core"]
    header = {
        "schema_version": SCHEMA_VERSION,
        "schema": layout.schema,
        "strategy": engine.strategy.name,
        "engine_hash": engine.hash,
        "params_hash": params_hash,
        "params": params.tobytes().hex(),
        "digest": full_digest(states),
        **{name: int(core[name]) for name in _HEADER_NUMBERS},
        "time_ms": int(core["time_ms"]),
    }
    return _MAGIC + json.dumps(header).encode() + b"\n" + bytes(_canonical(states, layout))


def read_header(data: bytes) -> dict[str, Any]:
    """What a snapshot says about itself: strategy, hashes, digest, ``bar_index``, ``time_ms`` of its bar.

    Raises
    ------
    SnapshotError
        The bytes are no snapshot, or one of another schema version.
    """
    if not data.startswith(_MAGIC):
        raise SnapshotError("not a KWIN snapshot: it does not begin with the words of one")
    line = data[len(_MAGIC) :].partition(b"\n")[0]
    try:
        header = json.loads(line)
        version = header["schema_version"]
    except (ValueError, TypeError, KeyError) as error:
        raise SnapshotError("the snapshot's header is damaged: use an older snapshot") from error
    if version != SCHEMA_VERSION:
        raise SnapshotError(
            f"the snapshot has schema version {version}, this program writes and reads {SCHEMA_VERSION}"
        )
    return dict(header)


def restore(engine: Engine, data: bytes, params: np.ndarray, *, params_hash: str | None = None) -> np.ndarray:
    """A state that continues exactly where the snapshot was taken, in any process.

    Parameters
    ----------
    engine
        Must be the engine of the snapshot: same strategy, sources, switches and library versions.
    data
        What `snapshot` returned.
    params
        Parameter record to go on with: must be the snapshot's.
    params_hash
        Where given, must be the snapshot's.

    Returns
    -------
    numpy.ndarray
        Shape (1,); its digest is the one that was stored.

    Raises
    ------
    SnapshotError
        The snapshot is damaged or belongs to something else; the message says what differs.
    """
    header = read_header(data)
    layout = _layout(engine.state_dtype)
    try:
        stored_params = bytes.fromhex(header["params"])
        orders, lots = int(header["order_count"]), int(header["lot_count"])
        stored = {
            name: header[name] for name in ("strategy", "engine_hash", "schema", "params_hash", "digest")
        }
    except (KeyError, TypeError, ValueError) as error:
        raise SnapshotError("the snapshot's header is damaged: use an older snapshot") from error
    wanted = {"strategy": engine.strategy.name, "engine_hash": engine.hash, "schema": layout.schema}
    if params_hash is not None:
        wanted["params_hash"] = params_hash
    for name, value in wanted.items():
        if stored[name] != value:
            raise SnapshotError(
                f"the snapshot's {name.replace('_', ' ')} is {stored[name]}, here it is {value}: "
                "it belongs to another run; replay the bars instead"
            )
    if stored_params != params.tobytes():
        raise SnapshotError(
            f"the snapshot was taken with other parameters: {_difference(stored_params, params)}"
        )
    body = np.frombuffer(data[data.index(b"\n", len(_MAGIC)) + 1 :], np.uint8)
    states = np.zeros(1, engine.state_dtype)
    raw = states.view(np.uint8)
    core_dtype = engine.state_dtype["core"]
    if not all(0 <= n < core_dtype[slots].shape[0] for n, slots in ((orders, "orders"), (lots, "lots"))):
        raise SnapshotError("the snapshot's header is damaged: use an older snapshot")
    cut = _cut(layout, engine.state_dtype, orders, lots)
    if body.size != cut.size:
        raise SnapshotError(f"the snapshot is damaged: {body.size} bytes of state, expected {cut.size}")
    at = 0
    for start, end in cut.ranges:
        raw[start:end] = body[at : at + end - start]
        at += end - start
    core = states[0]["core"]
    same_counts = (int(core["order_count"]), int(core["lot_count"])) == (orders, lots)
    if not same_counts or full_digest(states) != stored["digest"]:
        raise SnapshotError("the snapshot is damaged: its state does not have the digest it names")
    return states


def _difference(stored: bytes, params: np.ndarray) -> str:
    """Names of the parameters that differ, with both values."""
    if len(stored) != params.nbytes:
        return f"{len(stored)} bytes of parameters, here {params.nbytes}"
    then = np.frombuffer(stored, params.dtype)[0]
    now = params[0]
    changed = [
        f"{name} was {then[name]}, is {now[name]}"
        for name in params.dtype.names or ()
        if np.asarray(then[name]).tobytes() != np.asarray(now[name]).tobytes()
    ]
    return "; ".join(changed[:5]) or "only in unused bytes"
