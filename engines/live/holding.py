"""What a lane holds, as plain figures: for those who look and decide nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from engines.live.lane import Lane
from engines.live.seat import Seat


@dataclass(frozen=True)
class Holding:
    """A copy: nothing in it changes later.

    Attributes
    ----------
    position
        Of the exchange's ledger, signed, base currency.
    stop
        That rests for it, quote currency; None without one.
    naked_since_ms
        Since when the position is without a stop (ms); None while it has one or is flat.
    unknown_since_ms
        Close of the bar that decided on the oldest order whose outcome is unknown (ms); None without any.
    unknown
        How many such orders there are: sent, asked for, and no answer yet.
    working
        Orders of ours that may still execute.
    halts
        Reasons why no entry may be sent, by name.
    """

    position: float
    stop: Decimal | None = None
    naked_since_ms: int | None = None
    unknown_since_ms: int | None = None
    unknown: int = 0
    working: int = 0
    halts: Mapping[str, str] = field(default_factory=dict)


def holding_of(seat: Seat) -> Holding:
    """Of a seat at the exchange."""
    flat = seat.held_qty == 0
    lane = seat.lane
    open_ends = [
        lane.working[link_id].bar_ms + lane.stream.timeframe_ms
        for link_id, sent in seat.sent.items()
        if sent.looks and not sent.confirmed and link_id in lane.working
    ]
    return Holding(
        position=lane.exchange.position,
        stop=None if flat else seat.there.stop,
        naked_since_ms=None if flat else seat.naked_since_ms,
        unknown_since_ms=min(open_ends, default=None),
        unknown=len(open_ends),
        working=len(lane.working),
        halts=dict(seat.halts),
    )


def paper_holding_of(lane: Lane, halts: Mapping[str, str]) -> Holding:
    """On paper the emulator keeps the stop: nothing can be without one."""
    return Holding(position=lane.exchange.position, working=len(lane.working), halts=dict(halts))
