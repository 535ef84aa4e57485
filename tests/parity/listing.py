"""A list of trades that tests can damage, translate to another generation of exports, and write."""

from __future__ import annotations

import copy
import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

NUMBER, TYPE, TIME, SIGNAL, PRICE, QTY, VALUE, NET, NET_PERCENT = range(9)
RUNUP, CUMULATIVE, CUMULATIVE_PERCENT = 9, 13, 14
NEWEST = (
    "Trade number", "Type", "Date and time", "Signal", "Price USDT", "Size (qty)", "Size (value)",
    "Net PnL USDT", "Net PnL %", "Favorable excursion USDT", "Favorable excursion %",
    "Adverse excursion USDT", "Adverse excursion %", "Cumulative PnL USDT", "Cumulative PnL %",
)  # fmt: skip
MIDDLE = (
    "Trade #", "Type", "Date/Time", "Signal", "Price USDT", "Position size (qty)", "Position size (value)",
    "Net P&L USDT", "Net P&L %", "Run-up USDT", "Run-up %", "Drawdown USDT", "Drawdown %",
    "Cumulative P&L USDT", "Cumulative P&L %",
)  # fmt: skip
OLDEST = (
    "Trade #", "Type", "Date/Time", "Signal", "Price USDT", "Contracts", "Position size (value)",
    "Profit USDT", "Profit %", "Run-up USDT", "Run-up %", "Drawdown USDT", "Drawdown %",
    "Cum. Profit USDT", "Cum. Profit %",
)  # fmt: skip


class Listing:
    """Header and rows of a list of trades, exit row first, times in UTC without zone."""

    def __init__(self, header: list[str], rows: list[list[str]]) -> None:
        self.header = header
        self.rows = rows

    @classmethod
    def read(cls, path: Path) -> Listing:
        lines = list(csv.reader(path.read_text(encoding="utf-8-sig").splitlines()))
        return cls(lines[0], lines[1:])

    def copy(self) -> Listing:
        return copy.deepcopy(self)

    def trade(self, number: int) -> tuple[list[str], list[str]]:
        """Exit row and entry row."""
        found = [row for row in self.rows if row[NUMBER] == str(number)]
        return found[0], found[1]

    def numbers(self) -> list[int]:
        return [int(row[NUMBER]) for row in self.rows[::2]]

    def nudge(self, number: int, kind: str, ticks: int = 1) -> Listing:
        """Change one price, as in a file edited by hand; ``kind`` is ``entry`` or ``exit``."""
        new = self.copy()
        row = new.trade(number)[kind == "entry"]
        row[PRICE] = f"{float(row[PRICE]) + 0.01 * ticks:.2f}"
        return new

    def delete(self, number: int, *, renumber: bool = False) -> Listing:
        new = self.copy()
        new.rows = [row for row in new.rows if row[NUMBER] != str(number)]
        for row in new.rows:
            if renumber and int(row[NUMBER]) > number:
                row[NUMBER] = str(int(row[NUMBER]) - 1)
        return new

    def add(self, number: int, *, minutes: int) -> Listing:
        """Repeat a trade some time later, with the next number."""
        new = self.copy()
        for row in new.rows:
            if int(row[NUMBER]) > number:
                row[NUMBER] = str(int(row[NUMBER]) + 1)
        twins = [list(row) for row in new.trade(number)]
        for row in twins:
            row[NUMBER] = str(number + 1)
            row[TIME] = f"{datetime.fromisoformat(row[TIME]) + timedelta(minutes=minutes):%Y-%m-%d %H:%M}"
        at = 2 * new.numbers().index(number) + 2
        new.rows[at:at] = twins
        return new

    def settle(self, number: int, amount: float, capital: float = 300.0) -> Listing:
        """Move the cumulative results from a trade on, so that the books balance again after a change."""
        new = self.copy()
        for row in new.rows:
            if int(row[NUMBER]) >= number:
                total = float(row[CUMULATIVE]) + amount
                row[CUMULATIVE] = f"{total:.2f}"
                row[CUMULATIVE_PERCENT] = f"{100.0 * total / capital:.2f}"
        return new

    def earn(self, number: int, amount: float) -> Listing:
        """Give a trade another result, in all its columns."""
        new = self.copy()
        for row in new.trade(number):
            row[NET] = f"{float(row[NET]) + amount:.2f}"
        return new.settle(number, amount)

    def moved(self, zone: str | timedelta, *, offset: str = "") -> Listing:
        """Times as a chart in another zone shows them; ``offset`` is appended as the text of a UTC offset."""
        new = self.copy()
        for row in new.rows:
            moment = datetime.fromisoformat(row[TIME]).replace(tzinfo=UTC)
            moment = moment + zone if isinstance(zone, timedelta) else moment.astimezone(ZoneInfo(zone))
            row[TIME] = f"{moment:%Y-%m-%dT%H:%M:%S}{offset}" if offset else f"{moment:%Y-%m-%d %H:%M}"
        return new

    def entry_first(self) -> Listing:
        """The older order of rows."""
        new = self.copy()
        new.rows = [row for pair in zip(new.rows[1::2], new.rows[::2], strict=True) for row in pair]
        return new

    def named(self, header: tuple[str, ...]) -> Listing:
        return Listing(list(header), copy.deepcopy(self.rows))

    def lines(self) -> Iterator[list[str]]:
        yield self.header
        yield from self.rows

    def write(self, path: Path, *, mark: bool = True) -> Path:
        """Write as CSV, without newline at the end; ``mark`` is the byte-order mark."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(self.lines())
        path.write_text(text.getvalue().rstrip("\n"), encoding="utf-8-sig" if mark else "utf-8")
        return path
