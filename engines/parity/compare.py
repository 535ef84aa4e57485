"""Compares a run with an export: every row, every printed column, no tolerance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import zip_longest

from engines.parity.rows import PrintedTrade
from engines.parity.tv_export import Export, ExportTrade

TEXT_FIELDS = frozenset({"signal", "type"})


@dataclass(frozen=True)
class Difference:
    """One cell that differs.

    Parameters
    ----------
    number
        Of the trade.
    row
        ``entry`` or ``exit``; empty when the whole trade is missing or extra.
    field
        Name as in `engines.parity.tv_export.FIELDS`; ``missing`` or ``extra`` for a whole trade.
    expected, actual
        Text of the export and of the run.
    """

    number: int
    row: str
    field: str
    expected: str
    actual: str

    def __str__(self) -> str:
        return f"trade {self.number} {self.row} {self.field}: export {self.expected}, here {self.actual}"


def compare_trades(
    export: Export,
    printed: Iterable[PrintedTrade],
    *,
    utc_offset_ms: int = 0,
    ignore: frozenset[str] = frozenset(),
    ignore_open: frozenset[str] = frozenset(),
) -> list[Difference]:
    """Every cell that differs, in order of trades.

    Parameters
    ----------
    export, printed
        What TradingView printed and what the run prints, by number.
    utc_offset_ms
        Added to UTC to get the wall clock of an export without zone, ms.
    ignore
        Fields not compared.
    ignore_open
        Fields not compared on the exit row of an open trade, nor, when they are shared, on its entry row.
    """
    shift = 0 if export.has_zone else utc_offset_ms
    found: list[Difference] = []
    for theirs, ours in zip_longest(export.trades, printed):
        if ours is None:
            found.append(Difference(theirs.number, "", "missing", describe(theirs), "no trade"))
        elif theirs is None:
            found.append(Difference(ours.number, "", "extra", "no trade", f"{ours.entry} {ours.exit}"))
        else:
            open_fields = ignore_open if theirs.is_open else frozenset()
            found.extend(compare_pair(theirs, ours, shift_ms=shift, ignore=ignore, ignore_open=open_fields))
    return found


def describe(trade: ExportTrade) -> str:
    """One line about a trade of the export."""
    cells = trade.entry.cells
    return f"{cells['type']} {cells['time']} {cells['signal']} at {cells['price']}"


def compare_pair(
    theirs: ExportTrade,
    ours: PrintedTrade,
    *,
    shift_ms: int = 0,
    ignore: frozenset[str] = frozenset(),
    ignore_open: frozenset[str] = frozenset(),
) -> list[Difference]:
    """Every cell in which two trades differ, entry row first.

    Parameters
    ----------
    shift_ms
        Subtracted from the export's times, ms.
    ignore, ignore_open
        Fields not compared; those of ``ignore_open`` neither on the exit row nor when both rows share them.
    """
    found = []

    def check(row: str, name: str, expected: str, actual: str) -> None:
        if name in ignore or (name in ignore_open and (row == "exit" or name in ours.shared)):
            return
        if not same_cell(name, expected, actual):
            found.append(Difference(theirs.number, row, name, expected, actual))

    word = "long" if ours.side > 0 else "short"
    if theirs.number != ours.number:
        found.append(Difference(theirs.number, "", "number", str(theirs.number), str(ours.number)))
    rows = (
        ("entry", theirs.entry, ours.entry, ours.entry_time_ms),
        ("exit", theirs.exit, ours.exit, ours.exit_time_ms),
    )
    for row, cells, own, time_ms in rows:
        check(row, "type", cells.cells["type"].lower(), f"{row} {word}")
        check(row, "time", str(cells.wall_ms - shift_ms), str(time_ms))
        for name, text in (own | ours.shared).items():
            if name in cells.cells:
                check(row, name, cells.cells[name], text)
    return found


def same_cell(name: str, expected: str, actual: str) -> bool:
    """Same text or, for numbers, the same decimal (``0.10`` is ``0.1``, ``3e-05`` is ``0.00003``)."""
    if expected == actual:
        return True
    if name in TEXT_FIELDS:
        return False
    try:
        return Decimal(expected) == Decimal(actual)
    except InvalidOperation:
        return False
