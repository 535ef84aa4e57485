"""Replies of Bybit's market endpoints as numbers; whatever is not as documented is refused by type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kwin_core.bars import BAR, DAY_MS, MINUTE_MS, timeframe_name
from kwin_core.errors import ConfigError, VenueError

INTERVALS: dict[int, str] = {
    **{minutes * MINUTE_MS: str(minutes) for minutes in (1, 3, 5, 15, 30, 60, 120, 240, 360, 720)},
    DAY_MS: "D",
    7 * DAY_MS: "W",
}
"""Timeframe (ms) to Bybit's name of it. Months have no fixed length and are left out."""

_EARLIEST_MS = 10**12  # 2001: before it there was nothing to trade; an earlier time is not in ms


@dataclass(frozen=True)
class Listing:
    """A symbol as ``instruments-info`` describes it.

    Attributes
    ----------
    symbol, category
        Names as Bybit spells them.
    tick
        Price step, quote currency.
    lot
        Quantity step, base currency.
    min_order
        Smallest order, base currency.
    launch_ms
        Announced start of trading, ms; 0 when not stated. The first kline may be later.
    status
        ``"Trading"``, ``"PreLaunch"``, ``"Delivering"``, ``"Closed"``.
    """

    symbol: str
    category: str
    tick: float
    lot: float
    min_order: float
    launch_ms: int
    status: str


def interval_of(timeframe_ms: int) -> str:
    """Bybit's name of a timeframe.

    Raises
    ------
    ConfigError
        When Bybit has no klines of that length.
    """
    if timeframe_ms not in INTERVALS:
        known = ", ".join(timeframe_name(length) for length in INTERVALS)
        raise ConfigError(
            f"Bybit has no {timeframe_name(timeframe_ms)} klines; fetch one of {known}, then resample"
        )
    return INTERVALS[timeframe_ms]


def parse_klines(result: Any) -> np.ndarray:
    """Rows of ``/v5/market/kline`` as bars.

    Parameters
    ----------
    result
        The reply's ``result``: ``list`` holds ``[start, open, high, low, close, volume, turnover]`` as text,
        newest first. The forming bar is among them, unmarked.

    Returns
    -------
    np.ndarray
        ``BAR``, oldest first, not yet checked by the gate.

    Raises
    ------
    VenueError
        When the reply is not of this shape.
    """
    rows = _listed(result, "klines")
    bars = np.zeros(len(rows), dtype=BAR)
    for at, row in enumerate(rows):
        try:
            time, *prices = row[:6]
            values = (int(time), *(float(price) for price in prices))
            if len(values) != 6 or isinstance(row, (str, bytes)):
                raise ValueError("not six values")
            bars[len(rows) - 1 - at] = values
        except (TypeError, ValueError, KeyError, IndexError, OverflowError) as error:
            raise VenueError(f"kline row {at} of the reply is {shorten(row)}: {error}") from None
    return bars


def parse_listing(result: Any, category: str, symbol: str) -> Listing | None:
    """One symbol of ``/v5/market/instruments-info``; ``None`` when it is not in the list.

    Raises
    ------
    VenueError
        When its filters are not of the documented shape.
    """
    rows = _listed(result, "instruments")
    found = [row for row in rows if isinstance(row, Mapping) and row.get("symbol") == symbol]
    if not found:
        return None
    row = found[0]
    try:
        filters, prices = row["lotSizeFilter"], row["priceFilter"]
        tick = float(prices["tickSize"])
        lot = float(filters["qtyStep"] if "qtyStep" in filters else filters["basePrecision"])
        min_order = float(filters["minOrderQty"])
        launch_ms = int(row.get("launchTime") or 0)
        status = str(row.get("status", ""))
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise VenueError(f"instrument {symbol} has no usable filters ({error!r}): {shorten(row)}") from None
    if not (0.0 < tick < np.inf and 0.0 <= lot < np.inf and 0.0 <= min_order < np.inf):
        raise VenueError(
            f"instrument {symbol} has impossible filters: tick {tick}, lot {lot}, minimum {min_order}"
        )
    return Listing(symbol, category, tick, lot, min_order, launch_ms, status)


def parse_envelope(reply: Any) -> tuple[Any, int]:
    """``result`` and server time (ms) of a reply.

    Raises
    ------
    VenueError
        When either is missing.
    """
    if not isinstance(reply, Mapping) or not isinstance(reply.get("result"), Mapping):
        raise VenueError(f"reply without a result: {shorten(reply)}")
    time_ms = reply.get("time")
    if not isinstance(time_ms, int) or isinstance(time_ms, bool) or not _EARLIEST_MS <= time_ms < 10**14:
        raise VenueError(f"reply without the server's time: {shorten(time_ms)}")
    return reply["result"], time_ms


def shorten(value: Any) -> str:
    """A value for an error line, at most 120 characters."""
    text = repr(value)
    return text if len(text) <= 120 else text[:117] + "..."


def _listed(result: Any, what: str) -> list[Any]:
    rows = result.get("list") if isinstance(result, Mapping) else None
    if not isinstance(rows, list):
        raise VenueError(f"reply without a list of {what}: {shorten(result)}")
    return rows
