"""Protection as prices: what must rest on the exchange, what rests there, and the one call between the two."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from decimal import Decimal

from kwin_core.wishes import Protection

ZERO = Decimal(0)


@dataclass(frozen=True)
class Levels:
    """Stop, target and trail of a position, quote currency; None where there is none.

    ``trail`` is a distance, ``active`` the price that wakes it. ``bare``: an exit of the script covers the position,
    and asks for no stop.
    """

    stop: Decimal | None = None
    target: Decimal | None = None
    trail: Decimal | None = None
    active: Decimal | None = None
    bare: bool = field(default=False, compare=False)

    def __str__(self) -> str:
        parts = (("stop", self.stop), ("target", self.target), ("trail", self.trail), ("from", self.active))
        return " ".join(f"{name} {value}" for name, value in parts if value is not None) or "none"


@dataclass(frozen=True)
class Change:
    """Fields of one trading-stop call: None leaves a level, zero removes it."""

    stop: Decimal | None = None
    target: Decimal | None = None
    trail: Decimal | None = None
    active: Decimal | None = None

    @property
    def empty(self) -> bool:
        """Whether there is nothing to send."""
        return self == Change()


def price_of(ticks: float, tick: Decimal, grid: Decimal | None = None) -> Decimal | None:
    """A level in whole ticks as a price; None for ``nan``.

    Parameters
    ----------
    ticks, tick
        Of the ledger, which keeps the tick that it began with.
    grid
        The exchange's tick now, which may be another one; by default the same.
    """
    if math.isnan(ticks):
        return None
    price = Decimal(int(ticks)) * tick
    if grid is None or not price % grid:
        return price
    return max((price / grid).to_integral_value(), Decimal(1)) * grid


def levels_of(wanted: Protection, tick: Decimal, grid: Decimal | None = None) -> Levels:
    """The core's levels as prices, see `price_of`; a trail without a distance is none."""
    trail = price_of(wanted.trail_ticks, tick, grid)
    active = price_of(wanted.activation_ticks, tick, grid)
    if trail is None or active is None:
        trail = active = None
    stop = price_of(wanted.stop_ticks, tick, grid)
    return Levels(
        stop, price_of(wanted.limit_ticks, tick, grid), trail, active, bare=wanted.covered and stop is None
    )


def change_between(there: Levels, wanted: Levels, *, side: int, last: Decimal | None) -> Change:
    """What to send so that ``wanted`` rests where ``there`` rests now.

    Parameters
    ----------
    there
        What the exchange has confirmed; a level that it does not tell back (``active``) as it was sent.
    wanted
        What the ledger wants.
    side
        Of the position: +1 long, -1 short.
    last
        Last price, quote currency: past the activation already, the trail starts without one.
    """
    change = Change()
    if wanted.stop is not None and wanted.stop != there.stop:
        change = replace(change, stop=wanted.stop)
    elif wanted.stop is None and wanted.bare and there.stop is not None:
        change = replace(change, stop=ZERO)
    if wanted.target != there.target:
        change = replace(change, target=ZERO if wanted.target is None else wanted.target)
    if (wanted.trail, wanted.active) != (there.trail, there.active):
        if wanted.trail is None:
            if there.trail is not None:
                change = replace(change, trail=ZERO)
        else:
            past = last is not None and wanted.active is not None and side * (last - wanted.active) >= 0
            change = replace(change, trail=wanted.trail, active=None if past else wanted.active)
    return change


def loosens(there: Decimal | None, wanted: Decimal | None, side: int) -> bool:
    """Whether a stop would move away from the price: down for a long position, up for a short one."""
    return there is not None and wanted is not None and side * (wanted - there) < 0


def crossed(stop: Decimal | None, last: Decimal | None, side: int) -> bool:
    """Whether the market is at or beyond a stop already."""
    return stop is not None and last is not None and side * (last - stop) <= 0
