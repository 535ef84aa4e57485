"""Reads TradingView's "List of trades": every generation of it, as CSV.

The generations differ in the order of the two rows of a trade (exit first or entry first), in column names,
in the form of the time (wall clock of the chart's zone, or with UTC offset) and in the byte-order mark. Cells
stay texts: what TradingView printed is compared with what this project prints, not with rounded numbers.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kwin_core.errors import ParityError

FIELDS = (
    "number",
    "type",
    "time",
    "signal",
    "price",
    "qty",
    "value",
    "net",
    "net_percent",
    "runup",
    "runup_percent",
    "drawdown",
    "drawdown_percent",
    "cumulative",
    "cumulative_percent",
)
"""Columns by the name used here; ``value`` is size times entry price, the results are of the whole trade."""

REQUIRED = ("number", "type", "time", "signal", "price", "qty")

OPEN_SIGNAL = "Open"
"""Signal text of the exit row of a trade that is still open (E17)."""

_PATTERNS = {
    "number": r"trade (#|number|no\.?)$",
    "type": r"type$",
    "time": r"date",
    "signal": r"signal$",
    "price": r"price\b",
    "qty": r"(position size|size) \(qty\)$|(contracts|quantity|qty)$",
    "value": r"(position size|size) \(value\)$",
    "net": r"(net )?(p&l|pnl|profit)\b(?!.*%)",
    "net_percent": r"(net )?(p&l|pnl|profit) %$",
    "runup": r"(run-?up|favou?rable excursion|mfe)\b(?!.*%)",
    "runup_percent": r"(run-?up|favou?rable excursion|mfe) %$",
    "drawdown": r"(drawdown|adverse excursion|mae)\b(?!.*%)",
    "drawdown_percent": r"(drawdown|adverse excursion|mae) %$",
    "cumulative": r"cum(ulative|\.)? (p&l|pnl|profit)\b(?!.*%)",
    "cumulative_percent": r"cum(ulative|\.)? (p&l|pnl|profit) %$",
}

_TIME_FORMATS = ("%Y-%m-%d %H:%M", "%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%b %d, %Y, %H:%M")


@dataclass(frozen=True)
class ExportRow:
    """One row of the export.

    Parameters
    ----------
    cells
        Text of each field of `FIELDS` the export has.
    wall_ms
        Its time read as if it were UTC, ms since the UNIX epoch; with an offset in the text, true UTC.
    line
        1-based line of the file.
    """

    cells: dict[str, str]
    wall_ms: int
    line: int


@dataclass(frozen=True)
class ExportTrade:
    """The two rows of one trade."""

    number: int
    side: int
    entry: ExportRow
    exit: ExportRow

    @property
    def is_open(self) -> bool:
        """Whether the trade was still open when the export was made (E17)."""
        return self.exit.cells["signal"] == OPEN_SIGNAL


@dataclass(frozen=True)
class Export:
    """A list of trades as read.

    Parameters
    ----------
    path
        The file.
    trades
        In ascending order of number.
    columns
        Header text by field.
    exit_first
        Whether the exit row comes first.
    has_zone
        Whether times carry a UTC offset; without one they are wall-clock times of the chart's zone.
    as_printed
        Whether the texts are those TradingView printed; a workbook's numbers may have more digits.
    """

    path: Path
    trades: tuple[ExportTrade, ...]
    columns: dict[str, str]
    exit_first: bool
    has_zone: bool
    as_printed: bool = True


def read_export(path: Path | str) -> Export:
    """Read a list of trades.

    Raises
    ------
    ParityError
        When the file is missing, is no list of trades, or a trade lacks a row.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ParityError(f"{file}: no such file") from None
    except UnicodeDecodeError:
        raise ParityError(
            f"{file}: not a text file; export the list of trades from TradingView as CSV"
        ) from None
    try:
        lines = [line for line in csv.reader(text.splitlines()) if line]
    except csv.Error as error:
        raise ParityError(f"{file}: not a TradingView list of trades: no CSV file ({error})") from None
    if not lines:
        raise ParityError(f"{file}: empty; export the list of trades from TradingView as CSV")
    return export_of_table(lines, file)


def export_of_table(lines: list[list[str]], file: Path) -> Export:
    """A list of trades from the texts of its cells, header first.

    Raises
    ------
    ParityError
        When it is no list of trades, or a trade lacks a row.
    """
    columns = find_export_columns(lines[0])
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        raise ParityError(f"{file}: not a TradingView list of trades: no column for {', '.join(missing)}")
    rows = []
    zones = set()
    for at, line in enumerate(lines[1:], start=2):
        if len(line) < len(lines[0]):
            raise ParityError(f"{file}: line {at} has {len(line)} cells, the header {len(lines[0])}")
        cells = {name: line[index].strip() for name, index in columns.items()}
        wall_ms, zoned = read_time(cells["time"], f"{file}: line {at}")
        zones.add(zoned)
        rows.append(ExportRow(cells, wall_ms, at))
    if len(zones) > 1:
        raise ParityError(f"{file}: some times carry a UTC offset and some do not")
    trades = _pair(rows, file)
    names = {name: lines[0][index] for name, index in columns.items()}
    exit_first = bool(trades) and trades[0].exit.line < trades[0].entry.line
    return Export(file, trades, names, exit_first, has_zone=True in zones)


def find_export_columns(header: list[str]) -> dict[str, int]:
    """Index of the column of each field, by its name in any generation of the export."""
    found: dict[str, int] = {}
    for name, pattern in _PATTERNS.items():
        for index, title in enumerate(header):
            if re.match(pattern, title.strip().lower()) and index not in found.values():
                found[name] = index
                break
    return found


def read_time(text: str, where: str) -> tuple[int, bool]:
    """Time of a row in ms, and whether it carried a UTC offset (then it is UTC).

    Raises
    ------
    ParityError
        When the text is no time.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        for form in _TIME_FORMATS:
            try:
                moment = datetime.strptime(text, form)
            except ValueError:
                continue
            break
        else:
            raise ParityError(f"{where}: {text!r} is not a time") from None
    zoned = moment.tzinfo is not None
    if not zoned:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000), zoned


def read_number(text: str) -> float | None:
    """Number in a cell, thousands separators and typographic minus allowed; None when the cell is empty."""
    plain = text.replace(",", "").replace("\u2212", "-").replace("\u00a0", "").replace("%", "").strip()
    return float(plain) if plain else None


def _pair(rows: list[ExportRow], file: Path) -> tuple[ExportTrade, ...]:
    """Join the two rows of every trade."""
    sides: dict[int, dict[str, ExportRow]] = {}
    direction: dict[int, int] = {}
    for row in rows:
        kind = re.fullmatch(r"(entry|exit|margin call) ?(long|short)?", row.cells["type"].lower())
        if kind is None or not row.cells["number"].isdigit():
            raise ParityError(f"{file}: line {row.line} is no row of a trade: {row.cells['type']!r}")
        number = int(row.cells["number"])
        role = "entry" if kind[1] == "entry" else "exit"
        if role in sides.setdefault(number, {}):
            raise ParityError(f"{file}: line {row.line}: trade {number} has two {role} rows")
        sides[number][role] = row
        if kind[2]:
            direction[number] = 1 if kind[2] == "long" else -1
    trades = []
    for number in sorted(sides):
        pair = sides[number]
        if len(pair) != 2:
            lacking = "an exit" if "entry" in pair else "an entry"
            raise ParityError(f"{file}: trade {number} lacks {lacking} row")
        trades.append(ExportTrade(number, direction.get(number, 0), pair["entry"], pair["exit"]))
    return tuple(trades)
