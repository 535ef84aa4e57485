"""Volume weighted average price since an anchor: vwap, vwap_bands."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from kwin_core.na import divide
from kwin_core.records import Record, record

VWAP = record(
    [
        ("anchored", np.int64),
        ("volume", np.float64),
        ("traded", np.float64),  # sum of value * volume
        ("squares", np.float64),  # sum of value * value * volume
    ]
)
"""State of `vwap` or `vwap_bands`."""


@njit(error_model="numpy")
def vwap(st: Record, x: float, volume: float, anchor: bool) -> float:
    """``ta.vwap``: average of the value weighted with volume since the last anchor.

    Parameters
    ----------
    st
        `VWAP` record.
    x, volume
        This bar's value and volume; with the value missing the result is ``na`` and nothing is added.
    anchor
        Whether the sums start over with this bar (first bar of a session or period); ``na`` before the first.
    """
    if x != x:
        return np.nan
    if anchor:
        st.anchored = 1
        st.volume = 0.0
        st.traded = 0.0
        st.squares = 0.0
    if st.anchored == 0:
        return np.nan
    st.volume += volume
    st.traded += x * volume
    st.squares += x * x * volume
    return divide(st.traded, st.volume)


@njit(error_model="numpy")
def vwap_bands(st: Record, x: float, volume: float, anchor: bool, mult: float) -> tuple[float, float, float]:
    """``ta.vwap`` with bands ``mult`` volume-weighted standard deviations away: ``(vwap, upper, lower)``."""
    mean = vwap(st, x, volume, anchor)
    if mean != mean:
        return np.nan, np.nan, np.nan
    width = mult * math.sqrt(max(0.0, divide(st.squares, st.volume) - mean * mean))
    return mean, mean + width, mean - width
