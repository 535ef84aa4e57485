"""What a ledger wants of its exchange: entries to send, market exits, and the protection of what is open.

Read off the state after a bar or a report; nothing here depends on what was sent before. Levels are whole ticks as
the core computed them, ``nan`` where there is none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kwin_core.errors import StrategyError
from kwin_core.legs import leg_stop
from kwin_core.state import CLOSE, CLOSE_ALL, ENTRY, EXIT


@dataclass(frozen=True)
class EntryWish:
    """A market entry that the script placed on the last bar.

    Attributes
    ----------
    id
        Code of the entry's id.
    side
        +1 buys, -1 sells.
    qty
        Its own quantity, base currency; without the position that it reverses.
    stop_ticks
        Stop of its exit, to be attached; ``nan`` when it has none yet.
    reverses
        Whether a position of the other side has to go first.
    """

    id: int
    side: int
    qty: float
    stop_ticks: float
    reverses: bool


@dataclass(frozen=True)
class CloseWish:
    """A market exit: side of the order (+1 buys) and quantity, base currency."""

    side: int
    qty: float


@dataclass(frozen=True)
class Protection:
    """What must rest on the exchange for the open position.

    Attributes
    ----------
    side
        Of the position: +1 long, -1 short.
    qty
        Base currency.
    stop_ticks, limit_ticks
        Stop and target, ticks.
    activation_ticks
        Price that wakes the trail, ticks.
    trail_ticks
        Distance of the trail, whole ticks; ``nan`` when there is none.
    covered
        Whether an exit of the script covers the position; without one no level is the script's word.
    """

    side: int
    qty: float
    stop_ticks: float
    limit_ticks: float
    activation_ticks: float
    trail_ticks: float
    covered: bool = True


def entries_wanted(states: np.ndarray) -> list[EntryWish]:
    """Market entries placed on the last bar, in the order of the script.

    Raises
    ------
    StrategyError
        The script placed a limit or stop entry, or a raw order: the exchange side takes market entries only.
    """
    core = states[0]["core"]
    wishes = []
    for order in _orders(core):
        if order.kind >= EXIT:
            continue
        if order.kind != ENTRY or order.market == 0:
            raise StrategyError(
                "the script placed a priced or raw entry order: live trading takes market entries"
                " (strategy.entry without limit and stop)"
            )
        if order.placed_bar != core["bar_index"]:
            continue
        position = float(core["position_size"])
        wishes.append(
            EntryWish(
                int(order.id),
                int(order.side),
                float(order.own_qty),
                _pending_stop(core, order),
                position * float(order.side) < 0.0,
            )
        )
    return wishes


def closes_wanted(states: np.ndarray) -> list[CloseWish]:
    """Market closes that wait, in the order of the script."""
    core = states[0]["core"]
    return [
        CloseWish(int(order.side), float(order.qty))
        for order in _orders(core)
        if order.kind in (CLOSE, CLOSE_ALL)
    ]


def protection_wanted(states: np.ndarray) -> Protection | None:
    """Protection of the open position as its exit legs ask for; None when flat.

    Raises
    ------
    StrategyError
        Several exits split the position: the exchange side takes one exit for all of it.
    """
    core = states[0]["core"]
    size = float(core["position_size"])
    if size == 0.0:
        return None
    legs = [order for order in _orders(core) if order.kind == EXIT and order.lot != 0 and order.spent == 0]
    levels = {_levels(leg) for leg in legs}
    if len(levels) > 1:
        raise StrategyError(
            "several exits with different levels protect one position: live trading takes one strategy.exit"
        )
    stop, limit, activation, trail = levels.pop() if levels else (None, None, None, None)
    return Protection(
        1 if size > 0.0 else -1,
        abs(size),
        _level(stop),
        _level(limit),
        _level(activation),
        _level(trail),
        covered=bool(legs),
    )


def _levels(leg: Any) -> tuple[float | None, ...]:
    """Stop, target, activation and distance; None for nan, so that equal levels are equal."""
    values = (float(leg[name]) for name in ("stop", "limit", "activation", "trail_offset"))
    return tuple(None if np.isnan(value) else value for value in values)


def _level(value: float | None) -> float:
    return np.nan if value is None else value


def _orders(core: Any) -> list[Any]:
    return [core["orders"][i] for i in range(int(core["order_count"]))]


def _pending_stop(core: Any, order: Any) -> float:
    """Stop of the exit that waits for this entry, worked out as if it filled at the close."""
    settings = core["settings"]
    for leg in _orders(core):
        if leg.kind == EXIT and leg.lot == 0 and leg.entry == order.id:
            return float(
                leg_stop(
                    leg,
                    float(core["close_tick"]),
                    float(settings["tick"]),
                    int(settings["pine_version"]),
                )
            )
    return np.nan
