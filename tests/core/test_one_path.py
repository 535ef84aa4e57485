"""However the bars arrive, the same happens: in one block, one by one, in random blocks, with or without rows."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kwin_core.engine import Buffers
from kwin_core.snapshot import full_digest
from tests.core.kwin_runs import BUSY, feed, fixture_bars, setup, start

COUNT = 1_500
CASES = [
    pytest.param("dual-sfp", "tv-literal", id="dual-sfp"),
    pytest.param("dual-sfp", "intent", id="dual-sfp-intent"),
    pytest.param("classic", "tv-literal", id="classic"),
]


def inputs(preset: str) -> dict[str, object]:
    return {"use_window": False} if preset == "classic" else BUSY


@cache
def one_by_one(preset: str, profile: str) -> tuple[list[int], bytes, bytes, str]:
    """Chain after every bar, trades, events and the digest at the end, one bar a call."""
    made = setup(preset, profile, inputs(preset))
    engine, states = start(made)
    chains, trades, events = feed(engine, states, made, fixture_bars()[:COUNT], range(1, COUNT + 1))
    assert trades.size > 20  # a run on which nothing happens would prove nothing
    return chains, trades.tobytes(), events.tobytes(), full_digest(states)


@pytest.mark.parametrize(("preset", "profile"), CASES)
@given(cuts=st.sets(st.integers(1, COUNT - 1), max_size=40))
@settings(max_examples=25)
def test_chain_and_digest_do_not_depend_on_blocks(preset: str, profile: str, cuts: set[int]) -> None:
    """All at once is the case without cuts."""
    expected_chains, expected_trades, expected_events, expected_digest = one_by_one(preset, profile)
    made = setup(preset, profile, inputs(preset))
    engine, states = start(made)
    ends = [*sorted(cuts), COUNT]
    chains, trades, events = feed(engine, states, made, fixture_bars()[:COUNT], ends)
    assert chains == [expected_chains[end - 1] for end in ends]
    assert trades.tobytes() == expected_trades
    assert events.tobytes() == expected_events
    assert full_digest(states) == expected_digest


@pytest.mark.parametrize(("preset", "profile"), CASES)
def test_chain_differs_after_every_bar(preset: str, profile: str) -> None:
    """Equal chains would make the comparison above an empty one."""
    chains = one_by_one(preset, profile)[0]
    assert len(set(chains)) == COUNT


def test_keeping_rows_changes_nothing() -> None:
    """Signals and marks are for the caller: with and without them the digests agree."""
    made = setup("dual-sfp", given=BUSY)
    bars = fixture_bars()[:COUNT]
    engine, states = start(made)
    kept = Buffers(made.strategy, bars.size)
    engine.run(states, bars, made.params, kept)
    chains, _, _, digest = one_by_one("dual-sfp", "tv-literal")
    assert int(states[0]["core"]["chain"]) == chains[-1]
    assert full_digest(states) == digest
    assert kept.marks["equity"][-1] == states[0]["core"]["equity"]


def test_full_buffers_stop_the_run_and_lose_nothing() -> None:
    """A run that stops because a buffer is nearly full goes on after `take` with the same result."""
    made = setup("dual-sfp", given=BUSY)
    bars = fixture_bars()[:COUNT]
    engine, states = start(made)
    buffers = Buffers(made.strategy, 0, rows=1)
    taken, stops, trades, events = 0, 0, [], []
    while taken < bars.size:
        taken += engine.run(states, bars[taken:], made.params, buffers)
        stops += 1
        new_trades, new_events = buffers.take()
        trades.append(new_trades)
        events.append(new_events)
    _, expected_trades, expected_events, digest = one_by_one("dual-sfp", "tv-literal")
    assert stops > 2
    assert np.concatenate(trades).tobytes() == expected_trades
    assert np.concatenate(events).tobytes() == expected_events
    assert full_digest(states) == digest


@pytest.mark.parametrize(("preset", "profile"), CASES)
@given(count=st.integers(1, COUNT))
@settings(max_examples=15)
def test_first_bars_do_not_know_the_later_ones(preset: str, profile: str, count: int) -> None:
    """No look-ahead, no repainting: a run on N bars is the first N bars of a longer run, rows and trades."""
    made = setup(preset, profile, inputs(preset))
    runs = []
    for length in (count, COUNT):
        engine, states = start(made)
        buffers = Buffers(made.strategy, length)
        assert engine.run(states, fixture_bars()[:length], made.params, buffers) == length
        runs.append((buffers.signals[:count].tobytes(), buffers.marks[:count].tobytes(), buffers.take()[0]))
    short, long = runs
    assert short[0] == long[0]
    assert short[1] == long[1]
    closed_then = long[2][long[2]["exit_bar"] < count]
    assert short[2].tobytes() == closed_then.tobytes()


def test_later_bars_cannot_change_the_past_even_when_they_are_absurd() -> None:
    """The same with other bars after the cut: prices times ten."""
    made = setup("dual-sfp", given=BUSY)
    count = 700
    bars = fixture_bars()[:COUNT].copy()
    for name in ("open", "high", "low", "close"):
        bars[name][count:] *= 10
    rows = []
    for source in (fixture_bars()[:COUNT], bars):
        engine, states = start(made)
        buffers = Buffers(made.strategy, COUNT)
        engine.run(states, source, made.params, buffers)
        rows.append(buffers.signals)  # a copy would not copy padding
    assert rows[0][:count].tobytes() == rows[1][:count].tobytes()
    assert rows[0][count:].tobytes() != rows[1][count:].tobytes()


@pytest.mark.parametrize("preset", ["dual-sfp", "classic"])
@pytest.mark.parametrize("first_bar", [0, 1, 400, COUNT])
def test_no_order_before_trade_from(preset: str, first_bar: int) -> None:
    """Warm-up computes and cannot order (X-L5): no event before the bar, and the market memory is the same."""
    bars = fixture_bars()[:COUNT]
    from_ms = int(bars["time_ms"][0]) + first_bar * 900_000
    made = setup(preset, given=inputs(preset), trade_from_ms=from_ms)
    engine, states = start(made)
    _, trades, events = feed(engine, states, made, bars, [COUNT])
    assert events.size == 0 if first_bar == COUNT else events["time_ms"].min() >= from_ms
    assert trades.size == 0 if first_bar == COUNT else trades["entry_time_ms"].min() >= from_ms
    if first_bar == COUNT:
        assert states[0]["core"]["equity"] == made.settings["capital"]
        assert states[0]["core"]["position_size"] == 0.0


MARKET_MEMORY = ("swing", "failure", "pivot", "pivot15")


@pytest.mark.parametrize("first_bar", [300, 900])
def test_warm_up_leaves_the_market_memory_of_a_full_run(first_bar: int) -> None:
    """Pivots, swings, sweeps, history and closes do not depend on whether orders were allowed (SP-46, SP-47)."""
    bars = fixture_bars()[:COUNT]
    memories = []
    for from_ms in (None, int(bars["time_ms"][0]) + first_bar * 900_000):
        made = setup("dual-sfp", given=BUSY, trade_from_ms=from_ms)
        engine, states = start(made)
        feed(engine, states, made, bars[:first_bar], [first_bar])
        user = states[0]["user"]
        sides = [user[side][name].tobytes() for side in ("long", "short") for name in MARKET_MEMORY]
        memories.append(
            [*sides, *(user[name].tobytes() for name in ("lows", "highs", "close15", "pl15", "ph15"))]
        )
    assert memories[0] == memories[1]
