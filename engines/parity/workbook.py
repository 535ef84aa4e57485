"""Reads TradingView's strategy report as a workbook (XLSX): its list of trades and its sheet Properties.

The report has the sheets Performance, Trades analysis, Risk performance ratios (a sheet name cannot hold the slash
of the page's title), List of trades and Properties. Properties lists name and value in two columns, with or
without a header and with or without headings between: range, symbol, the script's inputs by their labels, and what
the Properties dialog sets. Only the last two sheets are needed; the others repeat sums of the trades.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, replace
from datetime import date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any

from engines.parity.printing import shortest
from engines.parity.tv_export import (
    REQUIRED,
    Export,
    export_of_table,
    find_export_columns,
    read_export,
)
from kwin_core.errors import ConfigError, ParityError

TRADES_SHEETS = ("list of trades", "trades")
PROPERTIES_SHEET = "properties"


@dataclass(frozen=True)
class Report:
    """A list of trades and what came with it.

    Parameters
    ----------
    export
        The trades.
    properties
        (name, value) of every line of the sheet Properties, as texts; empty for CSV.
    sheets
        Names of the workbook's sheets; empty for CSV.
    """

    export: Export
    properties: tuple[tuple[str, str], ...] = ()
    sheets: tuple[str, ...] = ()

    @property
    def is_workbook(self) -> bool:
        """Whether it was an XLSX file."""
        return bool(self.sheets)


def read_report(path: Path | str) -> Report:
    """Read an export of either kind: a workbook is told by its content, not by its name.

    Raises
    ------
    ParityError
        When the file is missing or holds no list of trades.
    ConfigError
        When it is a workbook and openpyxl is not installed.
    """
    file = Path(path)
    if not file.is_file() or not zipfile.is_zipfile(file):
        return Report(read_export(file))
    try:
        from openpyxl import load_workbook  # type: ignore[import-untyped]
    except ModuleNotFoundError:
        raise ConfigError(f"{file}: reading a workbook needs openpyxl: pip install 'kwin[parity]'") from None
    try:
        book = load_workbook(BytesIO(file.read_bytes()), read_only=True, data_only=True)
        tables = {sheet.title: _texts(sheet) for sheet in book.worksheets}
        book.close()
    except (KeyError, ValueError, OSError, SyntaxError, zipfile.BadZipFile) as error:
        raise ParityError(f"{file}: not a workbook of TradingView ({error})") from None
    trades = _trades_table(tables, file)
    export = replace(export_of_table(trades, file), as_printed=False)
    return Report(export, _properties(tables), tuple(tables))


def _texts(sheet: Any) -> list[list[str]]:
    """Cells of a sheet as texts, each line as long as the first, empty lines left out."""
    lines = [[_text(cell) for cell in row] for row in sheet.iter_rows()]
    lines = [line for line in lines if any(line)]
    width = len(lines[0]) if lines else 0
    return [line + [""] * (width - len(line)) for line in lines]


def _text(cell: Any) -> str:
    value = cell.value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "On" if value else "Off"
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int | float):
        if "%" in str(cell.number_format):  # a fraction shown as percent
            return f"{shortest(round(value * 100.0, 10))}"
        return shortest(value)
    return str(value).strip()


def _trades_table(tables: dict[str, list[list[str]]], file: Path) -> list[list[str]]:
    named = [table for name, table in tables.items() if name.strip().lower() in TRADES_SHEETS]
    for table in [*named, *tables.values()]:
        if table and all(name in find_export_columns(table[0]) for name in REQUIRED):
            return table
    names = ", ".join(tables) or "none"
    raise ParityError(f"{file}: no sheet of this workbook is a TradingView list of trades (sheets: {names})")


def _properties(tables: dict[str, list[list[str]]]) -> tuple[tuple[str, str], ...]:
    lines: list[list[str]] = []
    for name, table in tables.items():
        head = [cell.lower() for cell in table[0][:2]] if table else []
        if name.strip().lower() == PROPERTIES_SHEET or head == ["name", "value"]:
            lines = table
            break
    pairs = [(line[0].strip(), line[1].strip()) for line in lines if len(line) > 1 and line[0] and line[1]]
    return tuple(pair for pair in pairs if tuple(word.lower() for word in pair) != ("name", "value"))
