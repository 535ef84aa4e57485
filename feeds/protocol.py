"""What a feed is: closed bars in blocks, and the facts of the instrument they belong to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from kwin_core.bars import timeframe_name
from kwin_core.errors import ConfigError


@dataclass(frozen=True)
class Instrument:
    """What a strategy must know about the market it trades.

    Attributes
    ----------
    symbol
        Name, e.g. ``"ETHUSDT"``.
    timeframe_ms
        Length of a bar in ms.
    tick
        Smallest price step, quote currency; greater than 0.
    lot
        Smallest quantity step, base currency; 0 means that quantities are not rounded.
    min_order
        Smallest order, base currency; 0 means none is known.

    Raises
    ------
    ConfigError
        When a number is not finite or out of range.
    """

    symbol: str
    timeframe_ms: int
    tick: float
    lot: float = 0.0
    min_order: float = 0.0

    def __post_init__(self) -> None:
        if self.timeframe_ms <= 0:
            raise ConfigError(f"{self.symbol}: timeframe {self.timeframe_ms} ms is not positive")
        if not 0.0 < self.tick < np.inf:
            raise ConfigError(f"{self.symbol}: tick {self.tick} must be a positive number of quote currency")
        for name, value in (("lot", self.lot), ("min_order", self.min_order)):
            if not 0.0 <= value < np.inf:
                raise ConfigError(f"{self.symbol}: {name} {value} must be 0 or a positive number")

    def __str__(self) -> str:
        return f"{self.symbol} {timeframe_name(self.timeframe_ms)}"


@runtime_checkable
class Feed(Protocol):
    """A source of closed bars that have passed the gate (:mod:`feeds.gate`).

    A feed can be read more than once when its source can (a file); each call of :meth:`blocks` starts over.
    """

    @property
    def instrument(self) -> Instrument:
        """Facts of the instrument; known before the first bar."""
        ...

    def blocks(self) -> Iterator[np.ndarray]:
        """Closed bars in order: one-dimensional arrays of ``kwin_core.bars.BAR``, never empty.

        Arrays are C-contiguous, aligned, writeable and belong to the caller.
        """
        ...
