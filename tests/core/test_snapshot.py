"""Digest and snapshot: equal states, equal bytes; restored runs go on exactly; nothing foreign is restored."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kwin_core.engine import Engine
from kwin_core.errors import SnapshotError
from kwin_core.kwin.setup import Setup
from kwin_core.snapshot import full_digest, read_header, restore, snapshot
from tests.core.kwin_runs import BUSY, feed, fixture_bars, setup, start

COUNT = 900
HALF = 450


@cache
def half_way() -> tuple[Setup, Engine, np.ndarray]:
    """A run stopped with a position open and an exit resting."""
    made = setup("dual-sfp", given=BUSY)
    engine, states = start(made)
    feed(engine, states, made, fixture_bars(), [HALF])
    assert states[0]["core"]["lot_count"] == 1
    assert states[0]["core"]["order_count"] == 1
    return made, engine, states


def copy_of_half_way() -> tuple[Setup, Engine, np.ndarray]:
    made, engine, states = half_way()
    twin = np.zeros_like(states)
    twin.view(np.uint8)[:] = states.view(np.uint8)
    return made, engine, twin


# ---- the digest


def test_digest_is_the_same_for_the_same_state() -> None:
    """And 64 hex digits."""
    _, _, states = half_way()
    _, _, twin = copy_of_half_way()
    assert full_digest(states) == full_digest(twin)
    assert len(bytes.fromhex(full_digest(states))) == 32


def test_every_nan_counts_as_the_same_and_minus_zero_does_not() -> None:
    """Run-time and folded nan differ in their bits; -0.0 is another state than 0.0."""
    _, _, states = copy_of_half_way()
    long = states[0]["user"]["long"]
    long["entry"] = np.nan
    digest = full_digest(states)
    for pattern in (0x7FF8000000000001, 0xFFF8000000000000, 0x7FF4000000000000):
        long["entry"] = np.array([pattern], np.uint64).view(np.float64)[0]
        assert full_digest(states) == digest
    long["entry"] = 0.0
    zero = full_digest(states)
    long["entry"] = -0.0
    assert len({digest, zero, full_digest(states)}) == 3


def test_integers_that_look_like_nan_are_not_touched() -> None:
    """-1 has the bits of a nan; so has -2: they are different states."""
    _, _, states = copy_of_half_way()
    digests = set()
    for value in (-1, -2, -(2**51) + 5):
        states[0]["user"]["long"]["traded_swing"] = value
        digests.add(full_digest(states))
    assert len(digests) == 3


def test_digest_leaves_out_what_is_no_state() -> None:
    """Slots not in use, the outbox, the wish for rows."""
    _, _, states = copy_of_half_way()
    digest = full_digest(states)
    core = states[0]["core"]
    core["orders"][int(core["order_count"])]["stop"] = 123.0
    core["orders"][-1]["qty"] = 5.0
    core["lots"][int(core["lot_count"])]["price"] = 7.0
    core["outbox"]["closed"][3]["net_pnl"] = 1.0
    core["outbox"]["event_count"] = 4
    core["keep_signals"] = 1 - core["keep_signals"]
    assert full_digest(states) == digest


def leaves(dtype: np.dtype[Any], at: int = 0, path: str = "") -> list[tuple[str, int, int]]:
    """First number of every plain field: (path, byte offset, size)."""
    if dtype.base.names is None:
        return [(path, at, dtype.base.itemsize)]
    found = []
    for name in dtype.base.names:
        inner, offset = dtype.base.fields[name][:2]  # type: ignore[index]
        found += leaves(inner, at + offset, f"{path}.{name}")
    return found


def test_every_field_of_the_state_is_in_the_digest() -> None:
    """One bit turned in any number (first slot of arrays) gives another digest."""
    _, _, states = copy_of_half_way()
    digest = full_digest(states)
    raw = states.view(np.uint8)
    checked = 0
    for path, offset, _ in leaves(states.dtype):
        if path in (".core.order_count", ".core.lot_count", ".core.keep_signals") or ".outbox" in path:
            continue
        raw[offset] ^= 1
        changed = full_digest(states) != digest
        raw[offset] ^= 1
        value = raw[offset : offset + 8].copy().view(np.float64)[0]
        assert changed or np.isnan(value), path
        checked += 1
    assert checked > 200
    assert full_digest(states) == digest


def test_digest_refuses_what_is_no_state() -> None:
    with pytest.raises(SnapshotError, match=r"Engine\.new_state"):
        full_digest(np.zeros(2, half_way()[2].dtype))
    with pytest.raises(SnapshotError, match="shape"):
        full_digest(np.zeros(1))


# ---- snapshots


@given(at=st.integers(0, COUNT))
@settings(max_examples=30)
@pytest.mark.parametrize("preset", ["dual-sfp", "classic"])
def test_restored_at_any_bar_a_run_goes_on_exactly(preset: str, at: int) -> None:
    """Same chains, trades, events and digest as without the interruption; the bytes of both states agree."""
    made = setup(preset, given=BUSY if preset != "classic" else None)
    engine, states = start(made)
    feed(engine, states, made, fixture_bars(), [at])
    data = snapshot(engine, states, made.params, made.params_hash)
    restored = restore(engine, data, made.params, params_hash=made.params_hash)
    assert full_digest(restored) == full_digest(states)
    rest = fixture_bars()[at:COUNT]
    ends = [rest.size // 2, rest.size] if rest.size > 1 else [rest.size]
    expected = feed(engine, states, made, rest, ends)
    got = feed(engine, restored, made, rest, ends)
    assert got[0] == expected[0]
    assert got[1].tobytes() == expected[1].tobytes()
    assert got[2].tobytes() == expected[2].tobytes()
    assert full_digest(restored) == full_digest(states)


IN_A_NEW_PROCESS = """
import sys
from pathlib import Path
from kwin_core.snapshot import full_digest, restore
from tests.core.kwin_runs import BUSY, feed, fixture_bars, setup, start

for path in sys.argv[1:]:
    made = setup("dual-sfp", given=BUSY)
    engine, _ = start(made)
    states = restore(engine, Path(path).read_bytes(), made.params, params_hash=made.params_hash)
    rest = fixture_bars()[int(states[0]["core"]["bar_index"]) + 1 : {count}]
    chains, _, _ = feed(engine, states, made, rest, [rest.size])
    print(chains[-1], full_digest(states))
"""


def test_restored_in_a_new_process_a_run_goes_on_exactly(tmp_path: Path) -> None:
    """At several bars, each from a file, in a process that never saw the run."""
    made = setup("dual-sfp", given=BUSY)
    engine, states = start(made)
    paths = []
    begin = 0
    for at in (1, 3, 77, HALF, 800, COUNT - 1):
        feed(engine, states, made, fixture_bars()[begin:at], [at - begin])
        begin = at
        path = tmp_path / f"{at}.snapshot"
        path.write_bytes(snapshot(engine, states, made.params, made.params_hash))
        paths.append(str(path))
    chains, _, _ = feed(engine, states, made, fixture_bars()[begin:COUNT], [COUNT - begin])
    script = IN_A_NEW_PROCESS.replace("{count}", str(COUNT))
    done = subprocess.run(
        [sys.executable, "-c", script, *paths],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout.split("\n")[:-1] == [f"{chains[-1]} {full_digest(states)}"] * len(paths)


def test_header_says_what_it_is() -> None:
    made, engine, states = half_way()
    header = read_header(snapshot(engine, states, made.params, made.params_hash))
    assert header["strategy"] == "kwin dual-sfp"
    assert header["params_hash"] == made.params_hash
    assert header["engine_hash"] == engine.hash
    assert header["digest"] == full_digest(states)
    assert header["bar_index"] == HALF - 1
    assert header["time_ms"] == fixture_bars()["time_ms"][HALF - 1]


def taken() -> tuple[Setup, Engine, bytes]:
    made, engine, states = half_way()
    return made, engine, snapshot(engine, states, made.params, made.params_hash)


def with_header(data: bytes, **changes: object) -> bytes:
    """The snapshot with other words in its header."""
    magic, line, body = data.split(b"\n", 2)
    return b"\n".join([magic, json.dumps({**json.loads(line), **changes}).encode(), body])


def test_other_parameters_are_refused_and_named() -> None:
    _, engine, data = taken()
    other = setup("dual-sfp", given={**BUSY, "risk_pct": 2.5})
    with pytest.raises(SnapshotError, match=r"risk_pct was 3\.0, is 2\.5"):
        restore(engine, data, other.params)
    with pytest.raises(SnapshotError, match="params hash is"):
        restore(engine, data, other.params, params_hash=other.params_hash)


def test_another_engine_is_refused() -> None:
    made, engine, data = taken()
    with pytest.raises(SnapshotError, match=f"engine hash is {engine.hash}, here it is 0123"):
        restore(replace(engine, hash="0123"), data, made.params)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"schema_version": 99}, "schema version 99"),
        ({"strategy": "macd"}, "strategy is macd"),
        ({"schema": "x"}, "schema is x"),
        ({"digest": "00"}, "damaged"),
        ({"order_count": 2}, "damaged"),
        ({"order_count": -1}, "damaged"),
        ({"lot_count": 10**9}, "damaged"),
        ({"order_count": "many"}, "damaged"),
        ({"params": "zz"}, "damaged"),
    ],
)
def test_a_header_that_lies_is_refused(changes: dict[str, object], word: str) -> None:
    made, engine, data = taken()
    with pytest.raises(SnapshotError, match=word):
        restore(engine, with_header(data, **changes), made.params)


@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
@settings(max_examples=60)
def test_any_turned_bit_is_noticed(where: float, bit: int) -> None:
    """In the state or in the header: an error of this kind, or (a bit in a word no one reads) the same state."""
    made, engine, data = taken()
    damaged = bytearray(data)
    damaged[int(where * len(data))] ^= 1 << bit
    try:
        states = restore(engine, bytes(damaged), made.params, params_hash=made.params_hash)
    except SnapshotError:
        return
    assert full_digest(states) == read_header(data)["digest"]


@pytest.mark.parametrize("keep", [0, 5, 14, 40, -1, -8])
def test_a_cut_file_is_refused(keep: int) -> None:
    made, engine, data = taken()
    with pytest.raises(SnapshotError):
        restore(engine, data[:keep], made.params)
    with pytest.raises(SnapshotError):
        restore(engine, data + b"\0" * 8, made.params)
