"""Leaving is a state, not an event: an exit that did not get all out is followed by another one, until all is out."""

from __future__ import annotations

from dataclasses import dataclass

from engines.live.seat import Seat

_PAUSES_MS = (2_000, 2_000, 5_000, 15_000, 60_000)


@dataclass(frozen=True)
class LastExit:
    """What the journal says of it: action, the bar it was decided on (open time, ms), side (+1 buys, 0 for any)."""

    action: str
    bar_ms: int
    side: int


def begin(seat: Seat, action: str) -> None:
    """The whole position is to go, and what an entry on its way will open."""
    seat.leaving = action


def end(seat: Seat) -> None:
    """Nothing is left of it."""
    seat.leaving, seat.leave_tries, seat.leave_after_ms = None, 0, 0


def pause(seat: Seat, now_ms: int) -> int:
    """An exit has ended; when the next one may go, if one is needed (ms)."""
    seat.leave_after_ms = now_ms + _PAUSES_MS[min(seat.leave_tries, len(_PAUSES_MS) - 1)]
    seat.leave_tries += 1
    return seat.leave_after_ms


def is_due(seat: Seat, now_ms: int) -> bool:
    """Whether another exit has to go out now; ends the state once nothing is left and nothing can open any more."""
    if seat.leaving is None:
        return False
    comes = any(order.enters and not order.waits for order in seat.lane.working.values())
    if seat.held_qty == 0:
        if seat.there_qty == 0 and not comes:
            end(seat)
        return False
    if any(not order.enters for order in seat.lane.working.values()):
        return False
    if seat.is_current and seat.there_qty == 0:
        return False  # it has gone: its executions are on their way
    return now_ms >= seat.leave_after_ms


def restore(seat: Seat, last: LastExit | None) -> None:
    """An earlier process was leaving: its last word was an exit, in the open position's life and against its side."""
    comes = any(order.enters and not order.waits for order in seat.lane.working.values())
    if last is None or not (comes or seat.held_qty != 0):
        return
    of_it = last.bar_ms >= seat.lane.exchange.entered_ms and last.side * seat.held_qty <= 0
    if comes or of_it:
        seat.leaving = last.action
