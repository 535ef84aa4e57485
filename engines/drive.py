"""The loop of a run: bars in, through the one path, and what they produced handed on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from kwin_core.bars import BAR
from kwin_core.engine import Buffers, Engine
from kwin_core.errors import ConfigError

if TYPE_CHECKING:
    from engines.paths.sub_bars import SubBars

CHUNK_BARS = 16_384
"""Bars a call of the engine: few enough that what they produce stays in the processor's cache."""


@dataclass(frozen=True)
class Chunk:
    """What a stretch of bars produced.

    Parameters
    ----------
    first_bar
        Number of the first bar, 0-based from the start of the run.
    bars, signals, marks
        One row a bar: ``BAR``, the strategy's signals, ``MARK``. Views that the next chunk overwrites.
    trades, events
        Rows of ``TRADE`` and ``EVENT`` in the order they happened; a sink may keep them.
    """

    first_bar: int
    bars: np.ndarray
    signals: np.ndarray
    marks: np.ndarray
    trades: np.ndarray
    events: np.ndarray


class Sink(Protocol):
    """Takes what a run produces, chunk by chunk."""

    def take(self, chunk: Chunk) -> None:
        """Take a chunk; arrays other than trades and events must be copied to be kept."""
        ...


@dataclass(frozen=True)
class Clock:
    """How long the core took, without compilation, input and output: ``seconds`` for ``bars``."""

    bars: int
    seconds: float

    @property
    def bars_per_second(self) -> float:
        """Speed of the core loop."""
        return self.bars / self.seconds if self.seconds > 0.0 else 0.0


def drive(
    engine: Engine,
    states: np.ndarray,
    params: np.ndarray,
    blocks: Iterable[np.ndarray],
    sinks: Sequence[Sink],
    *,
    rates: np.ndarray | None = None,
    subs: SubBars | None = None,
    on_bars: Callable[[int], None] | None = None,
) -> Clock:
    """Run blocks of bars through an engine.

    Memory does not grow with the number of bars. The state is left as it is after the last bar.

    Parameters
    ----------
    engine, states, params
        As `kwin_core.engine.make_engine` and `Engine.new_state` give them.
    blocks
        Bars that have passed the gate, in order.
    sinks
        Who takes the results, in this order.
    rates
        Account currency per quote currency, one a bar of the whole run, float64; ``None`` is 1.
    subs
        Shorter bars inside these, for an engine with the magnifier.
    on_bars
        Called with the number of bars done after every chunk.

    Raises
    ------
    ConfigError
        When there are fewer rates than bars.
    CapacityError
        When a fixed limit of the core is reached.
    """
    buffers = Buffers(engine.strategy, CHUNK_BARS)
    nothing = np.zeros(0, BAR)
    inner = (None, None) if subs is None else (nothing, np.zeros(1, np.int64))
    engine.run(states, nothing, params, buffers, None, *inner)  # compiles, or loads what was compiled
    done, seconds = 0, 0.0
    for block in blocks:
        for first in range(0, block.size, CHUNK_BARS):
            rest = np.require(block[first : first + CHUNK_BARS], requirements=["C", "A", "W"])
            while rest.size:
                part = None if rates is None else _rates(rates, done, rest.size)
                inner = (None, None) if subs is None else subs.inside(rest)
                begun = time.perf_counter()
                taken = engine.run(states, rest, params, buffers, part, *inner)
                seconds += time.perf_counter() - begun
                trades, events = buffers.take()
                chunk = Chunk(
                    done, rest[:taken], buffers.signals[:taken], buffers.marks[:taken], trades, events
                )
                for sink in sinks:
                    sink.take(chunk)
                done += taken
                rest = rest[taken:]
                if on_bars is not None:
                    on_bars(done)
    return Clock(done, seconds)


def _rates(rates: np.ndarray, first: int, count: int) -> np.ndarray:
    if rates.size < first + count:
        raise ConfigError(f"{rates.size} conversion rates for more bars than that: one a bar is needed")
    return np.require(rates[first : first + count], np.float64, ["C", "A", "W"])
