"""The list of trades as TradingView would print it: closed trades of a run, and those open at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from engines.parity.printing import (
    print_money,
    print_percent,
    print_price,
    print_qty,
    print_small_money,
    print_value_10_digits,
    shortest,
)
from engines.parity.tv_export import OPEN_SIGNAL
from kwin_core.engine import Strategy
from kwin_core.money import round_money
from kwin_core.state import COMMISSION_PER_CONTRACT, COMMISSION_PERCENT, TRADE


@dataclass(frozen=True)
class Style:
    """How one generation of exports prints.

    Parameters
    ----------
    money, percent, value
        Printers of amounts, percentages and the size in money.
    cumulative_of_printed
        The cumulative result is the plain float sum of the results as printed.
    """

    money: Callable[[float], str]
    percent: Callable[[float], str]
    value: Callable[[float], str]
    cumulative_of_printed: bool = False


NEW_STYLE = Style(print_money, print_percent, print_value_10_digits)
"""Exports with the exit row first."""

OLD_STYLE = Style(print_small_money, print_percent, shortest)
"""Exports with the entry row first: small amounts keep their digits, sizes in money are raw doubles."""

RAW_STYLE = Style(print_value_10_digits, print_percent, shortest, cumulative_of_printed=True)
"""Exports with results at ten significant digits."""


@dataclass(frozen=True)
class PrintedTrade:
    """One trade as text; both rows show ``shared``."""

    number: int
    side: int
    entry_time_ms: int
    exit_time_ms: int
    entry: dict[str, str]
    exit: dict[str, str]
    shared: dict[str, str]


def open_trades(states: np.ndarray, time_ms: int, price: float) -> np.ndarray:
    """Trades still open after a run, as rows closed at a price without being closed (E17).

    Parameters
    ----------
    states
        State of the engine after its last bar.
    time_ms
        Time to show, ms.
    price
        Price to mark them at, quote currency.

    Returns
    -------
    numpy.ndarray of TRADE
        In order of entry; the result deducts an exit commission at that price.
    """
    core = states[0]["core"]
    settings = core["settings"]
    rate = float(core["rate"])
    lots = [lot for lot in core["lots"][: core["lot_count"]] if lot["qty"] > 0.0]
    rows = np.zeros(len(lots), TRADE)
    total = float(sum(lot["qty"] for lot in lots))
    cumulative = float(core["net_profit"])
    for row, lot in zip(rows, lots, strict=True):
        qty = float(lot["qty"])
        kind = int(settings["commission_kind"])
        fee = float(settings["commission"])
        if kind == COMMISSION_PERCENT:
            fee = round_money(price * qty * settings["point_value"] * fee * rate)
        elif kind == COMMISSION_PER_CONTRACT:
            fee = round_money(qty * fee)
        else:
            fee = round_money(fee * qty / total)
        move = (price - lot["price"]) * lot["side"] * rate
        best, best_rate = max((lot["best_move"], lot["best_rate"]), (move, rate))
        worst, worst_rate = min((lot["worst_move"], lot["worst_rate"]), (move, rate))
        contracts = qty * settings["point_value"]
        entry_fee = float(lot["commission"])
        net = contracts * ((price - lot["price"]) * lot["side"]) * rate - entry_fee - fee
        cumulative += net + entry_fee  # the net profit holds the entry commission already (R102)
        row["side"] = lot["side"]
        row["entry_bar"] = lot["bar"]
        row["exit_bar"] = core["bar_index"]
        row["entry_time_ms"] = lot["time_ms"]
        row["exit_time_ms"] = time_ms
        row["entry_price"] = lot["price"]
        row["exit_price"] = price
        row["qty"] = qty
        row["entry_text"] = lot["text"]
        row["entry_text_arg"] = lot["text_arg"]
        row["commission"] = entry_fee + fee
        row["net_pnl"] = net
        row["runup"] = max(0.0, best * contracts - entry_fee)
        row["drawdown"] = min(0.0, worst * contracts - entry_fee)
        row["cumulative"] = cumulative
        row["entry_value"] = lot["price"] * qty * rate + entry_fee
        row["runup_base"] = lot["price"] * qty * best_rate + entry_fee
        row["drawdown_base"] = lot["price"] * qty * worst_rate + entry_fee
    return rows


def printed_trades(
    trades: np.ndarray,
    strategy: Strategy,
    *,
    tick: float,
    capital: float,
    style: Style,
    first_number: int = 1,
    open_rows: int = 0,
) -> Iterator[PrintedTrade]:
    """Print trades; the last ``open_rows`` of them show the signal of an open trade.

    Parameters
    ----------
    trades
        Array of TRADE in order of number.
    tick
        Price step, quote currency.
    capital
        Initial capital, account currency: base of the cumulative percentage (R105).
    """
    running = 0.0
    for index, trade in enumerate(trades):
        net = float(trade["net_pnl"])
        is_open = index >= trades.size - open_rows
        money = style.money(net)
        running += float(money)
        cumulative = float(trade["cumulative"])
        qty = float(trade["qty"])
        shared = {
            "qty": print_qty(qty),
            "value": style.value(qty * round_to_tick(float(trade["entry_price"]), tick)),
            "net": money,
            "net_percent": style.percent(percent_of(net, trade["entry_value"])),
            "runup": style.money(float(trade["runup"])),
            "runup_percent": style.percent(percent_of(trade["runup"], trade["runup_base"])),
            "drawdown": style.money(float(trade["drawdown"])),
            "drawdown_percent": style.percent(percent_of(trade["drawdown"], trade["drawdown_base"])),
            "cumulative": shortest(running) if style.cumulative_of_printed else style.money(cumulative),
            "cumulative_percent": style.percent(percent_of(cumulative, capital)),
        }
        yield PrintedTrade(
            first_number + index,
            int(trade["side"]),
            int(trade["entry_time_ms"]),
            int(trade["exit_time_ms"]),
            {
                "signal": strategy.text(int(trade["entry_text"]), int(trade["entry_text_arg"])),
                "price": print_price(float(trade["entry_price"]), tick),
            },
            {
                "signal": OPEN_SIGNAL
                if is_open
                else strategy.text(int(trade["exit_text"]), int(trade["exit_text_arg"])),
                "price": print_price(float(trade["exit_price"]), tick),
            },
            shared,
        )


def round_to_tick(price: float, tick: float) -> float:
    """The double nearest to the decimal price: what an export multiplies a size with."""
    return float(print_price(price, tick))


def percent_of(part: Any, base: Any) -> float:
    """``part`` as percent of ``base``; 0 without a base."""
    return float(part) / float(base) * 100.0 if base else 0.0
