"""Runs of KWIN on the committed bars, for tests of how bars get in and states come out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from kwin_core.bars import BAR
from kwin_core.engine import Buffers, Engine, make_engine
from kwin_core.kwin.setup import Setup, build

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "ethusdt_like_15m.parquet"
BAR_MS = 900_000

BUSY: dict[str, Any] = {
    "use_window": False,
    "trailing_perc": 30.0,
    "trailing_offset": 20.0,
    "use_dir_lock": False,
}
"""Inputs under which positions live for many bars, so that every part of the state is in use."""


@cache
def fixture_bars() -> np.ndarray:
    """The committed ETHUSDT-like 15-minute bars as the record array every feed delivers; do not change it."""
    table = pq.read_table(FIXTURE)
    bars = np.zeros(table.num_rows, BAR)
    for name, column in zip(BAR.names or (), table.columns, strict=True):
        values = column.cast("int64") if name == "time_ms" else column
        bars[name] = values.to_numpy()
    bars.flags.writeable = False
    return bars


def setup(
    preset: str, profile: str = "tv-literal", given: Mapping[str, Any] | None = None, **facts: Any
) -> Setup:
    """A run with the fixture's facts; the quantities of classic are below a lot of 0.01 (rules of classic)."""
    lot = 0.0 if preset == "classic" else 0.01
    inputs = {"use_window": False, **(given or {})}
    return build(
        preset, profile, inputs, **{"tick": 0.01, "timeframe_ms": BAR_MS, "now_ms": 0, "lot": lot, **facts}
    )


def start(made: Setup) -> tuple[Engine, np.ndarray]:
    """Engine and fresh state."""
    engine = make_engine(made.strategy, made.frozen)
    return engine, engine.new_state(made.settings, made.params)


def feed(
    engine: Engine, states: np.ndarray, made: Setup, bars: np.ndarray, ends: Sequence[int]
) -> tuple[list[int], np.ndarray, np.ndarray]:
    """Run the bars in the blocks that end at ``ends``; the chain after each block, all trades, all events."""
    chains = []
    trades, events = [], []
    begin = 0
    for end in ends:
        buffers = Buffers(made.strategy, 0)
        assert engine.run(states, bars[begin:end], made.params, buffers) == end - begin
        new_trades, new_events = buffers.take()
        trades.append(new_trades)
        events.append(new_events)
        chains.append(int(states[0]["core"]["chain"]))
        begin = end
    return chains, np.concatenate(trades), np.concatenate(events)
