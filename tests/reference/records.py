"""What goes into a reference run and what comes out of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Bar(NamedTuple):
    """One closed 15-minute bar; ``time_ms`` is its open time in ms since the UNIX epoch, UTC."""

    time_ms: int
    open: float
    high: float
    low: float
    close: float


@dataclass(frozen=True)
class Settings:
    """Properties of the strategy and of the symbol.

    Parameters
    ----------
    tick
        Smallest price step, in quote currency.
    lot
        Smallest quantity step in base currency; 0 means that quantities are not cut.
    margin_percent
        0 (no checks, no margin calls) or 100, both sides.
    commission_percent
        Percent of the notional of each order; ``None`` takes the preset's value.
    initial_capital
        Quote currency; ``None`` takes the preset's value.
    process_orders_on_close
        ``None`` takes the preset's value.
    trade_from_ms
        Order commands of bars that open before it are discarded; ``None`` discards nothing.
    """

    tick: float = 0.01
    lot: float = 0.0
    margin_percent: float = 0.0
    commission_percent: float | None = None
    initial_capital: float | None = None
    process_orders_on_close: bool | None = None
    trade_from_ms: int | None = None


@dataclass(frozen=True)
class ClosedTrade:
    """One closed row. Money in quote currency, ``qty`` in base currency, excursions as in R106."""

    side: str
    entry_bar: int
    exit_bar: int
    entry_time_ms: int
    exit_time_ms: int
    entry_price: float
    exit_price: float
    qty: float
    entry_signal: str
    exit_signal: str
    exit_kind: str
    commission: float
    net_pnl: float
    runup: float
    drawdown: float


@dataclass(frozen=True)
class OpenTrade:
    """The trade still open after the last bar; ``open_profit`` is marked at the last close."""

    side: str
    entry_bar: int
    entry_time_ms: int
    entry_price: float
    qty: float
    entry_signal: str
    commission: float
    open_profit: float
    runup: float
    drawdown: float


@dataclass
class Result:
    """Everything a run produced.

    ``bars`` holds one dictionary a bar with the columns of the per-bar reference files (``time_ms``
    instead of ``time_utc``); ``None`` stands for na.
    """

    trades: list[ClosedTrade] = field(default_factory=list)
    open_trades: list[OpenTrade] = field(default_factory=list)
    bars: list[dict[str, Any]] = field(default_factory=list)
    equity: float = 0.0
