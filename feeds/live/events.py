"""What the live feed hands out: closed bars, and notices of everything that is not a bar."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from feeds.instants import iso
from feeds.stream import Stream


class Phase(StrEnum):
    """When a bar closed, seen from the start of the feed."""

    WARM_UP = "warm-up"  # before the start: history only, no order may come from it
    CATCH_UP = "catch-up"  # before the start, but after the bar the caller resumed from
    LIVE = "live"  # after the start; late when it had to be fetched, see ClosedBar.delay_ms


class Origin(StrEnum):
    """Who told of a bar."""

    STREAM = "stream"
    REST = "rest"


@dataclass(frozen=True)
class ClosedBar:
    """A closed bar that passed the gate, with its predecessor released before it.

    Attributes
    ----------
    stream
        The series it belongs to.
    record
        The bar, ``kwin_core.bars.BAR``, shape (1,); belongs to the receiver.
    phase
        Whether it may be acted on.
    origin
        The socket, or REST.
    released_ms
        The clock when it was released (ms).
    """

    stream: Stream
    record: np.ndarray
    phase: Phase
    origin: Origin
    released_ms: int

    @property
    def time_ms(self) -> int:
        """Open time (ms since the UNIX epoch, UTC)."""
        return int(self.record["time_ms"][0])

    @property
    def close_ms(self) -> int:
        """Instant at which the bar was complete (ms)."""
        return self.time_ms + self.stream.timeframe_ms

    @property
    def delay_ms(self) -> int:
        """How long after its close the bar was released (ms)."""
        return self.released_ms - self.close_ms

    def __str__(self) -> str:
        bar = self.record[0]
        prices = " ".join(f"{name[0]} {float(bar[name]):g}" for name in ("open", "high", "low", "close"))
        return f"{self.stream} {iso(self.time_ms)} {prices} v {float(bar['volume']):g} {self.phase.value}"


class NoticeKind(StrEnum):
    """What a notice is about."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    STALE = "stale"  # a topic without data although a bar has rolled
    REFUSED = "refused"  # the exchange refused a subscription
    STRANGE = "strange"  # a message that is not understood
    BAD_BAR = "bad bar"  # a bar that the gate refused; it will be fetched
    DRIFT = "drift"  # a released bar was told differently later
    READ_FAILED = "read failed"
    LISTED_LATE = "listed late"  # the exchange has less history than asked for
    CONSUMER_FAILED = "consumer failed"  # a callback raised
    FEED_FAILED = "feed failed"  # a defect of the feed itself; it has stopped


@dataclass(frozen=True)
class Notice:
    """Something an operator or a journal wants to know.

    Attributes
    ----------
    kind
        What it is about.
    time_ms
        The clock (ms).
    text
        One line for people.
    stream
        The series concerned, or ``None``.
    bar_ms
        Open time of the bar concerned (ms), or ``None``.
    """

    kind: NoticeKind
    time_ms: int
    text: str
    stream: Stream | None = None
    bar_ms: int | None = None
