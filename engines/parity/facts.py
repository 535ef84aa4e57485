"""The numbers of an export's trades as arrays, and what they say about the run that made them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from engines.parity.tv_export import Export, ExportRow, read_number
from kwin_core.errors import ParityError


@dataclass(frozen=True)
class TradeTable:
    """One element a trade, in order of number.

    Parameters
    ----------
    number, side
        Number in the export; +1 long, -1 short. int64.
    entry_wall_ms, exit_wall_ms
        Times as printed, read as if they were UTC (UTC itself when the export has offsets), ms, int64.
    entry_price, exit_price, qty
        Quote currency and base currency, float64.
    is_open
        Still open when the export was made.
    """

    number: np.ndarray
    side: np.ndarray
    entry_wall_ms: np.ndarray
    exit_wall_ms: np.ndarray
    entry_price: np.ndarray
    exit_price: np.ndarray
    qty: np.ndarray
    is_open: np.ndarray


def table_of(export: Export) -> TradeTable:
    """Arrays of an export.

    Raises
    ------
    ParityError
        When it has no trades, or a price or quantity is no number.
    """
    trades = export.trades
    if not trades:
        raise ParityError(f"{export.path}: the list has no trades: nothing to compare")

    def numbers(rows: list[ExportRow], name: str) -> np.ndarray:
        return np.array([_number(row, name, export) for row in rows], np.float64)

    entries, exits = [trade.entry for trade in trades], [trade.exit for trade in trades]
    return TradeTable(
        number=np.array([trade.number for trade in trades], np.int64),
        side=np.array([trade.side for trade in trades], np.int64),
        entry_wall_ms=np.array([row.wall_ms for row in entries], np.int64),
        exit_wall_ms=np.array([row.wall_ms for row in exits], np.int64),
        entry_price=numbers(entries, "price"),
        exit_price=numbers(exits, "price"),
        qty=numbers(entries, "qty"),
        is_open=np.array([trade.is_open for trade in trades], bool),
    )


def cell(row: ExportRow, name: str) -> float | None:
    """Number in a cell; ``None`` when the export lacks the column, or the cell is empty or no number."""
    text = row.cells.get(name)
    if text is None:
        return None
    try:
        value = read_number(text)
    except ValueError:
        return None
    return value if value is None or math.isfinite(value) else None


def steps_of(export: Export) -> tuple[float, float]:
    """Smallest decimal step of the prices and of the quantities printed (``0.01``)."""
    price = max(_decimals(row.cells["price"]) for trade in export.trades for row in (trade.entry, trade.exit))
    qty = max(_decimals(trade.entry.cells["qty"]) for trade in export.trades)
    return float(f"1e-{price}"), float(f"1e-{qty}")


def _decimals(text: str) -> int:
    number = read_number(text) or 0.0
    exponent = Decimal(repr(number)).normalize().as_tuple().exponent
    return max(0, -int(exponent))


def _number(row: ExportRow, name: str, export: Export) -> float:
    value = cell(row, name)
    if value is None:
        raise ParityError(f"{export.path}: line {row.line}: {name} {row.cells[name]!r} is not a number")
    return value
