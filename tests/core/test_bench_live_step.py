"""What one bar costs when it comes alone from Python, and what the full digest after it costs; reported as ratios."""

from __future__ import annotations

from time import perf_counter

import numpy as np
import pytest

from kwin_core.engine import Buffers
from kwin_core.snapshot import full_digest, snapshot
from tests.core.kwin_runs import fixture_bars, setup, start

pytestmark = pytest.mark.bench


def test_one_bar_a_call_next_to_a_block(capsys: pytest.CaptureFixture[str]) -> None:
    """Same bars, same end; a bar alone costs a call, so a block is cheaper a bar."""
    made = setup("dual-sfp")
    bars = fixture_bars()
    engine, warm = start(made)
    buffers = Buffers(made.strategy, 0, rows=200_000)
    engine.run(warm, bars, made.params, buffers)
    blocks = []
    for _ in range(5):
        _, states = start(made)
        buffers.counts[:] = 0
        begin = perf_counter()
        engine.run(states, bars, made.params, buffers)
        blocks.append((perf_counter() - begin) / bars.size)
    _, states = start(made)
    buffers.counts[:] = 0
    singles = [bars[k : k + 1] for k in range(bars.size)]
    begin = perf_counter()
    for single in singles:
        engine.run(states, single, made.params, buffers)
    alone = (perf_counter() - begin) / bars.size
    begin = perf_counter()
    for _ in range(2_000):
        full_digest(states)
    digest = (perf_counter() - begin) / 2_000
    begin = perf_counter()
    for _ in range(1_000):
        snapshot(engine, states, made.params, made.params_hash)
    taken = (perf_counter() - begin) / 1_000
    block = min(blocks)
    with capsys.disabled():
        print(  # noqa: T201
            f"\none bar: {block * 1e9:.0f} ns in a block ({1e-6 / block:.1f} M bars/s), {alone * 1e6:.1f} us alone "
            f"({alone / block:.0f} times); full digest {digest * 1e6:.1f} us, snapshot {taken * 1e6:.1f} us"
        )
    assert alone > block
    assert np.isfinite(states[0]["core"]["equity"])
    assert full_digest(states) == full_digest(states)
