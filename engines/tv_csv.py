"""Writes TradingView's "List of trades", in the layout of its newest exports.

UTF-8 with byte-order mark, the exit row of a trade before its entry row, times without zone (here UTC) of the bar's
open, no newline at the end. Numbers are printed by TradingView's own rule (:mod:`engines.parity.printing`). A
trade that is still open has an exit row with the signal ``Open`` on the last bar, whose result deducts the fee of
leaving at the last price as well (E17).
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from io import StringIO
from typing import Any, TextIO

import numpy as np

from engines.parity.printing import (
    print_money,
    print_percent,
    print_price,
    print_qty,
    print_value_10_digits,
)
from engines.trade_rows import OPEN_BAR
from kwin_core.engine import Strategy
from kwin_core.state import COMMISSION_PER_CONTRACT, COMMISSION_PERCENT, TRADE

QUOTES = (
    "USDT",
    "USDC",
    "FDUSD",
    "BUSD",
    "TUSD",
    "USDE",
    "DAI",
    "USD",
    "EUR",
    "GBP",
    "JPY",
    "TRY",
    "BRL",
    "BTC",
    "ETH",
)


def quote_currency(symbol: str) -> str:
    """Quote currency at the end of a symbol (``ETHUSDT.P``: ``USDT``); empty when none is known there."""
    name = symbol.upper().partition(".")[0]
    return next((quote for quote in QUOTES if name.endswith(quote) and name != quote), "")


class TradingViewList:
    """A list of trades, written row by row.

    Parameters
    ----------
    file
        Text file opened with ``encoding="utf-8-sig", newline=""``.
    strategy
        Names the signals.
    settings
        Settings of the run, as `Properties.settings` gives them: tick, capital, commission.
    currency
        Quote and account currency, for the headers.
    """

    def __init__(self, file: TextIO, strategy: Strategy, settings: Mapping[str, Any], currency: str) -> None:
        self._file = file
        self._strategy = strategy
        self._settings = settings
        self._number = 0
        self._file.write(_line(_header(currency)))

    def write(self, trades: np.ndarray) -> None:
        """Append closed trades (``TRADE``)."""
        for trade in trades:
            self._write_trade(trade)

    def write_open(self, trades: np.ndarray) -> None:
        """Append the trades that are still open, as :func:`engines.trade_rows.open_trades` gives them."""
        paid = 0.0
        for trade in trades:
            fee = self._leaving_fee(trade)
            paid += fee
            shown = np.array(trade, TRADE)
            shown["net_pnl"] -= fee
            shown["cumulative"] -= paid
            self._write_trade(shown)

    def _leaving_fee(self, trade: np.void) -> float:
        settings = self._settings
        if settings["commission_kind"] == COMMISSION_PERCENT:
            value = trade["exit_price"] * trade["qty"] * settings["point_value"]
            return float(print_value_10_digits(float(value * settings["commission"])))  # R100
        if settings["commission_kind"] == COMMISSION_PER_CONTRACT:
            return float(trade["qty"] * settings["commission"])
        return float(settings["commission"])

    def _write_trade(self, trade: Any) -> None:
        self._number += 1
        is_open = trade["exit_bar"] == OPEN_BAR
        side = "long" if trade["side"] > 0 else "short"
        text = self._strategy.text
        exit_signal = "Open" if is_open else text(int(trade["exit_text"]), int(trade["exit_text_arg"]))
        entry_signal = text(int(trade["entry_text"]), int(trade["entry_text_arg"]))
        shared = self._shared(trade)
        for kind, bar_time, signal, price in (
            ("Exit", trade["exit_time_ms"], exit_signal, trade["exit_price"]),
            ("Entry", trade["entry_time_ms"], entry_signal, trade["entry_price"]),
        ):
            row = [str(self._number), f"{kind} {side}", _clock(int(bar_time)), signal]
            self._file.write("\n" + _line([*row, print_price(float(price), self._tick), *shared]))

    @property
    def _tick(self) -> float:
        return float(self._settings["tick"])

    def _shared(self, trade: Any) -> list[str]:
        """The columns that both rows of a trade repeat (R104 to R106)."""
        capital = float(self._settings["capital"])
        cells = [print_qty(float(trade["qty"]))]
        cells.append(print_value_10_digits(float(trade["entry_price"]) * float(trade["qty"])))
        for name, base in (
            ("net_pnl", float(trade["entry_value"])),
            ("runup", float(trade["runup_base"])),
            ("drawdown", float(trade["drawdown_base"])),
            ("cumulative", capital),
        ):
            value = float(trade[name])
            cells += [print_money(value), print_percent(100.0 * value / base if base else 0.0)]
        return cells


def _header(currency: str) -> list[str]:
    money = f" {currency}" if currency else ""
    names = ["Trade #", "Type", "Date and time", "Signal", f"Price{money}", "Size (qty)", "Size (value)"]
    for name in ("Net P&L", "Favorable excursion", "Adverse excursion", "Cumulative P&L"):
        names += [f"{name}{money}", f"{name} %"]
    return names


def _clock(time_ms: int) -> str:
    return str(np.datetime64(time_ms, "ms"))[:16].replace("T", " ")


def _line(cells: list[str]) -> str:
    text = StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    return text.getvalue()
