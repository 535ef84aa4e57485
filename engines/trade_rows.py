"""Trades and orders as tables: names and texts instead of codes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from engines.arrow_columns import bool_column, number_column, text_column, time_column
from kwin_core.engine import Strategy
from kwin_core.state import (
    CANCELLED,
    CLOSE,
    CLOSE_ALL,
    ENTRY,
    EXIT,
    EXIT_KIND_NAMES,
    FILLED,
    PLACED,
    RAW,
    REFUSED,
    REPLACED,
    TRADE,
)

OPEN_BAR = -1
"""``exit_bar`` of a trade that is still open."""

EVENT_NAMES = {
    PLACED: "placed",
    REPLACED: "replaced",
    CANCELLED: "cancelled",
    FILLED: "filled",
    REFUSED: "refused",
}
ORDER_NAMES = {ENTRY: "entry", RAW: "order", EXIT: "exit", CLOSE: "close", CLOSE_ALL: "close_all"}


def open_trades(core: np.void) -> np.ndarray:
    """Trades still open after the last bar, as ``TRADE`` rows marked at its close.

    ``exit_bar`` is :data:`OPEN_BAR`, the exit price is the last close, the commission is what the entry cost,
    and the net result deducts it, so that capital plus all net results is the last equity.
    """
    lots = core["lots"][: int(core["lot_count"])]
    lots = lots[lots["qty"] > 0.0]
    rows = np.zeros(lots.size, TRADE)
    close = core["close_tick"] * core["settings"]["tick"]
    contracts = lots["qty"] * core["settings"]["point_value"]
    gross = contracts * (close - lots["price"]) * lots["side"] * core["rate"]
    for name, source in (
        ("side", "side"),
        ("entry_bar", "bar"),
        ("entry_time_ms", "time_ms"),
        ("entry_price", "price"),
        ("qty", "qty"),
        ("entry_text", "text"),
        ("entry_text_arg", "text_arg"),
        ("commission", "commission"),
    ):
        rows[name] = lots[source]
    fee = lots["commission"]
    rows["exit_bar"] = OPEN_BAR
    rows["exit_time_ms"] = core["time_ms"]
    rows["exit_price"] = close
    rows["net_pnl"] = gross - fee
    rows["runup"] = np.maximum(0.0, lots["best_move"] * contracts - fee)
    rows["drawdown"] = np.minimum(0.0, lots["worst_move"] * contracts - fee)
    rows["cumulative"] = core["net_profit"] + np.cumsum(gross)
    rows["entry_value"] = lots["price"] * lots["qty"] * core["rate"] + fee
    rows["runup_base"] = lots["price"] * lots["qty"] * lots["best_rate"] + fee
    rows["drawdown_base"] = lots["price"] * lots["qty"] * lots["worst_rate"] + fee
    return rows


def trade_table(trades: np.ndarray, strategy: Strategy, first_number: int = 1) -> pa.RecordBatch:
    """Trades (``TRADE``) with full precision: the columns of ``trades.parquet`` and of ``Result.trades``.

    ``trade`` counts from ``first_number``; bars are 0-based from the first bar used; times are bar opens. Money
    is in account currency, after commissions; exit columns of an open trade are null.
    """
    is_open = trades["exit_bar"] == OPEN_BAR
    kinds = [None if code == 0 else EXIT_KIND_NAMES[code] for code in range(max(EXIT_KIND_NAMES) + 1)]
    columns = {
        "trade": number_column(np.arange(first_number, first_number + trades.size)),
        "side": text_column((trades["side"] < 0).astype(np.int32), ("long", "short")),
        "entry_bar": number_column(trades["entry_bar"]),
        "exit_bar": number_column(trades["exit_bar"], is_open),
        "entry_time": time_column(trades["entry_time_ms"]),
        "exit_time": time_column(trades["exit_time_ms"], is_open),
        "entry_price": number_column(trades["entry_price"]),
        "exit_price": number_column(trades["exit_price"], is_open),
        "qty": number_column(trades["qty"]),
        "entry_signal": signal_column(trades["entry_text"], trades["entry_text_arg"], strategy.text),
        "exit_signal": signal_column(trades["exit_text"], trades["exit_text_arg"], strategy.text, is_open),
        "exit_kind": text_column(trades["exit_kind"], kinds),
        **{name: number_column(trades[name]) for name in ("commission", "net_pnl", "runup", "drawdown")},
        "is_open": bool_column(is_open),
    }
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def order_table(events: np.ndarray, strategy: Strategy) -> pa.RecordBatch:
    """Order commands and fills (``EVENT``) in the order they happened: the columns of ``Result.orders``.

    Prices in quote currency, ``trail_offset`` in ticks; levels that an order does not have are ``nan``.
    """
    kinds = [EXIT_KIND_NAMES.get(code) for code in range(max(EXIT_KIND_NAMES) + 1)]
    none = np.zeros(events.size, np.int64)
    columns = {
        "bar": number_column(events["bar"]),
        "time": time_column(events["time_ms"]),
        "event": text_column(events["kind"], [EVENT_NAMES.get(code) for code in range(REFUSED + 1)]),
        "order": text_column(events["order_kind"], [ORDER_NAMES.get(code) for code in range(CLOSE_ALL + 1)]),
        "id": signal_column(events["id"], none, strategy.text, events["id"] == 0),
        "from_entry": signal_column(events["entry"], none, strategy.text, events["entry"] == 0),
        "side": text_column(events["side"] + 1, ("sell", None, "buy")),
        **{
            name: number_column(events[name])
            for name in ("qty", "price", "limit", "stop", "activation", "trail_offset")
        },
        "by": text_column(events["by"], kinds),
    }
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def signal_column(
    codes: np.ndarray,
    arguments: np.ndarray,
    text: Callable[[int, int], str],
    missing: np.ndarray | None = None,
) -> pa.Array:
    """Column of signal texts; null where ``missing``."""
    pairs = np.stack([codes, arguments], axis=1)
    known, positions = np.unique(pairs, axis=0, return_inverse=True)
    texts: list[str | None] = [text(int(code), int(argument)) for code, argument in known]
    positions = positions.reshape(-1)
    if missing is not None and missing.any():
        positions = np.where(missing, len(texts), positions)
        texts.append(None)
    return text_column(positions, texts)
