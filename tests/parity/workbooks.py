"""Workbooks laid out as TradingView's strategy report: five sheets, Properties as name and value."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from openpyxl import Workbook

from tests.parity.listing import TIME, Listing

PROPERTIES: tuple[tuple[str, object], ...] = (
    ("Trading range", "Jan 1, 2025, 15:00 — Sep 8, 2025, 01:45"),
    ("Backtesting range", "Jan 1, 2025, 03:00 — Sep 8, 2025, 02:45"),
    ("Symbol", "BYBIT:ETHUSDT.P"),
    ("Timeframe", "15 minutes"),
    ("Point value", 1),
    ("Chart type", "Candles"),
    ("Currency", "USDT"),
    ("Tick size", 0.01),
    ("Precision", "Default"),
    ("🔍 Swings", 2),
    ("Use window", "Off"),
    ("Cycle Start Time", "Aug 12, 2025, 21:00"),
    ("Backtest Period (days from today)", 30),
    ("Risk % per trade", 3),
    ("Limit Max Position Qty", "On"),
    ("Max Qty", 50),
    ("Enable Smart Trailing", "On"),
    ("Trailing %", 0.5),
    ("Trailing Offset %", 0.4),
    ("Arm after RR≥X", "On"),
    ("Arm RR (R)", 0.5),
    ("Use Bar-Low/High Smart Trail", "On"),
    ("Trail lookback bars", 50),
    ("Trail buffer (ticks)", 40),
    ("Filter by net profit (1R must beat fees)", "On"),
    ("Taker fee rate", 0.00055),
    ("Min expected net PnL", 2),
    ("One trade per swing", "On"),
    ("One signal per bar", "On"),
    ("When both on same bar", "Skip"),
    ("Direction lock", "On"),
    ("Initial capital", 300),
    ("Order size", "1 contracts"),
    ("Pyramiding", "0 orders"),
    ("Commission", "0.055%"),
    ("Slippage", "0 ticks"),
    ("Verify price for limit orders", "0 ticks"),
    ("Margin for long positions", "0%"),
    ("Margin for short positions", "0%"),
    ("Recalculate after order is filled", "Off"),
    ("Recalculate on every tick", "Off"),
    ("Recalculate on bar close", "On"),
    ("Backtesting precision. Use bar magnifier", "Off"),
)
"""Of a chart in UTC+3, all inputs at the values of the fixtures' list."""


def changed(**values: object) -> tuple[tuple[str, object], ...]:
    """The properties with some lines changed, by name with ``_`` for spaces; ``None`` leaves a line out."""
    wanted = {name.replace("_", " "): value for name, value in values.items()}
    lines = [(name, wanted.get(name, value)) for name, value in PROPERTIES]
    return tuple(line for line in lines if line[1] is not None)


def write_workbook(
    path: Path,
    listing: Listing,
    properties: tuple[tuple[str, object], ...] = PROPERTIES,
    *,
    dates: bool = True,
    header: bool = True,
    trades_sheet: str = "List of trades",
) -> Path:
    """Write a report; ``dates`` makes times real dates, ``header`` gives Properties its first line."""
    book = Workbook()
    sheet = book.active
    sheet.title = "Performance"
    for line in (("", "All USDT", "All %"), ("Net profit", 18157.77, 6052.59), ("Initial capital", 300)):
        sheet.append(line)
    book.create_sheet("Trades analysis").append(("Total trades", len(listing.numbers())))
    book.create_sheet("Risk performance ratios").append(("Sharpe ratio", 1.234))
    trades = book.create_sheet(trades_sheet)
    trades.append(listing.header)
    for row in listing.rows:
        trades.append([_cell(text, at, dates) for at, text in enumerate(row)])
    sheet = book.create_sheet("Properties")
    if header:
        sheet.append(("name", "value"))
    for line in properties:
        sheet.append(line)
    book.save(path)
    return path


def _cell(text: str, at: int, dates: bool) -> object:
    if at == TIME:
        return datetime.fromisoformat(text) if dates else text
    try:
        return float(text)
    except ValueError:
        return text
