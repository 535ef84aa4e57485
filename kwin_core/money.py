"""Numbers as TradingView's broker rounds them: ticks, lots, and ten significant digits."""

from __future__ import annotations

import numpy as np

from kwin_core.jit import compiled

GRID_TOLERANCE = 1e-4  # ticks: a level this close to the grid counts as on it (R27)
LOT_TOLERANCE = 1e-9  # lots: internal sizes this close below a whole lot count as whole (R42)


@compiled
def nearest_tick(price: float, tick: float) -> float:
    """Price as a whole number of ticks, halves up: how bars and fills reach the grid (R3, R23)."""
    return np.floor(price / tick + 0.5)


@compiled
def tick_up(price: float, tick: float) -> float:
    """Smallest grid level not below the price, in ticks; ``nan`` stays ``nan`` (R24, R27)."""
    return np.ceil(price / tick - GRID_TOLERANCE)


@compiled
def tick_down(price: float, tick: float) -> float:
    """Largest grid level not above the price, in ticks; ``nan`` stays ``nan`` (R24, R27)."""
    return np.floor(price / tick + GRID_TOLERANCE)


@compiled
def floor_explicit(qty: float, lot: float, lots_per_unit: float) -> float:
    """Quantity argument cut to the lot on its shortest decimal (R36).

    A double is at or above k lots exactly when it is not below the double nearest to k lots, which is what its
    shortest decimal shows; so 0.0010899999999999998 with a lot of 0.00001 is 108 lots. Lot 0 keeps the value.
    """
    if lot <= 0.0:
        return qty
    if lots_per_unit > 0.0:
        lots = np.floor(qty * lots_per_unit + 0.5)
        if qty < lots / lots_per_unit:
            lots -= 1.0
        return lots / lots_per_unit
    lots = np.floor(qty / lot + 0.5)
    if qty < lots * lot:
        lots -= 1.0
    return lots * lot


@compiled
def floor_internal(qty: float, lot: float, lots_per_unit: float) -> float:
    """Quantity the broker computed itself, cut to the lot; a few ULP below a lot count as whole (R42)."""
    if lot <= 0.0:
        return qty
    if lots_per_unit > 0.0:
        return np.floor(qty * lots_per_unit + LOT_TOLERANCE) / lots_per_unit
    return np.floor(qty / lot + LOT_TOLERANCE) * lot


@compiled
def clean_size(qty: float) -> float:
    """Size on the 1e-8 grid on which lots add up without dust (R44)."""
    return np.floor(qty * 1e8 + 0.5) / 1e8


_POWERS = np.array(
    [1e-12, 1e-11, 1e-10, 1e-9, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1] + [10.0**k for k in range(20)]
)


@compiled
def round_money(value: float) -> float:
    """Half up at ten significant digits: commissions and size budgets (R40, R100). Table driven: no libm."""
    size = abs(value)
    if not size >= 1e-12:  # nan and dust
        return 0.0 if size == size else value
    k = 12
    while k < _POWERS.size - 1 and size >= _POWERS[k + 1]:
        k += 1
    while k > 0 and size < _POWERS[k]:
        k -= 1
    exponent = k - 12  # 10**exponent <= size
    if exponent <= 9:
        scale = _POWERS[12 + 9 - exponent] if exponent >= -10 else _POWERS[31]
        rounded = np.floor(size * scale + 0.5) / scale
    else:
        scale = _POWERS[12 + exponent - 9]
        rounded = np.floor(size / scale + 0.5) * scale
    return rounded if value >= 0.0 else -rounded
