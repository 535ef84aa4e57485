"""Authority *shadow*: the exchange follows the emulator's trades, as TradingView's alerts would.

E's trade k is followed only from the bar on which E opened it; its hard stop rests on the exchange; when E has left,
the position leaves at market, up to one bar late. An exchange that is flat while E holds k has spent k.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from engines.live.entries import Entries
from engines.live.feasibility import floor_step
from engines.live.intents import orders_wanted
from engines.live.lane import Emulated
from engines.live.levels import Levels, levels_of
from engines.live.seat import Seat, Sent
from engines.live.turn import Turn
from engines.live.working import ENTRY, FOLLOW, REVERSAL, Working
from kwin_core.state import FILLED
from kwin_core.wishes import protection_wanted


@dataclass(frozen=True)
class Opened:
    """A trade that E opened on its last bar: side, quantity (base currency) and code of its id."""

    side: int
    qty: float
    entry_id: int


class Follow:
    """Decides for a seat whose ledger X only keeps the books.

    Parameters
    ----------
    entries
        Sends what is decided here.
    scale
        E's quantity times this is the exchange's; fixed at go-live.
    """

    def __init__(self, entries: Entries, scale: Decimal = Decimal(1)) -> None:
        self._entries = entries
        self._scale = scale

    def wanted(self, seat: Seat) -> Levels | None:
        """E's hard stop for the position, without its trail; none when E holds nothing of that side."""
        wanted = protection_wanted(seat.lane.emulator.states)
        if wanted is None or wanted.side * seat.held_qty <= 0:
            return None
        return Levels(stop=levels_of(wanted, seat.tick, seat.rules.tick).stop)

    def decide(self, turn: Turn, emulated: Emulated) -> None:
        """The difference between E and the exchange after a bar."""
        seat, lane = turn.seat, turn.lane
        opened = opened_now(lane.emulator.states, emulated.events)
        wishes = orders_wanted(lane, self._entries.deployment)
        follows = next(
            (order for order, wish in wishes if wish is not None and opened and order.side == opened.side),
            None,
        )
        for order, wish in wishes:
            if wish is not None and order is not follows:
                denied = turn.intend(order, Sent(), {"shadow": True})
                self._entries.deny(turn, denied, "shadow: the emulator did not open it")
        held = seat.held_qty
        e_position = lane.emulator.position
        if opened is not None:
            self._enter(turn, opened, follows, held)
        elif held != 0 and e_position * float(held) <= 0.0:
            turn.drift("late_exit", held=str(held))
            self._entries.exit_now(turn, FOLLOW, "the emulator has left")

    def _enter(self, turn: Turn, opened: Opened, follows: Working | None, held: Decimal) -> None:
        """E has opened a trade on this bar: the same side and quantity there, after what is in the way has gone."""
        seat, lane = turn.seat, turn.lane
        qty = floor_step(Decimal(repr(opened.qty)) * self._scale, seat.rules.qty_step)
        order = follows or self._entries.named(turn, ENTRY, opened.side, qty, opened.entry_id)
        order = replace(order, qty=qty)
        against = held * opened.side < 0
        if held * opened.side > 0:
            return  # it holds that side already: nothing is added
        if against:
            self._entries.leave(turn, self._entries.named(turn, REVERSAL, opened.side, abs(held), 0))
        wanted = protection_wanted(lane.emulator.states)
        stop = None if wanted is None else levels_of(wanted, seat.tick, seat.rules.tick).stop
        close = Decimal(repr(lane.exchange.close))
        close_ms = lane.exchange.time_ms + lane.stream.timeframe_ms
        self._entries.enter(turn, order, stop, close, close_ms, waits=against)


def opened_now(states: np.ndarray, events: np.ndarray) -> Opened | None:
    """The trade that E opened on its last bar and still holds; None without any."""
    core = states[0]["core"]
    count = int(core["lot_count"])
    if count == 0 or not (events["kind"] == FILLED).any():
        return None
    lot = core["lots"][count - 1]
    if lot["bar"] != core["bar_index"]:
        return None
    return Opened(int(lot["side"]), float(lot["qty"]), int(lot["entry"]))
