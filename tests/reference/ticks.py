"""From prices to whole ticks and quantities to whole lots. All arithmetic on ticks is on integers."""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Context, Decimal

GRID_TOLERANCE_TICKS = 1e-4  # R27: closer to a tick than this is on it
TEN_DIGITS = Context(prec=10, rounding=ROUND_HALF_UP)


def snap(price: float, tick: float) -> int:
    """A bar price as ticks, to the nearest, halves up (R3, R23)."""
    return math.floor(price / tick + 0.5)


def round_up(level_ticks: float) -> int:
    """The tick at or above a level; a level within 1e-4 tick of the grid is on it (R27)."""
    nearest = math.floor(level_ticks + 0.5)
    return nearest if abs(level_ticks - nearest) <= GRID_TOLERANCE_TICKS else math.ceil(level_ticks)


def round_down(level_ticks: float) -> int:
    """The tick at or below a level, with the same tolerance."""
    return -round_up(-level_ticks)


def floor_to_lot(qty: float, lot: float) -> float:
    """Cut an explicit quantity to whole lots on its shortest decimal text (R36); lot 0 leaves it."""
    if lot == 0:
        return qty
    return int(Decimal(repr(qty)) / Decimal(repr(lot))) * lot


def round_money(value: float) -> float:
    """Ten significant digits, halves away from zero (R100)."""
    return float(TEN_DIGITS.plus(Decimal(repr(value))))
