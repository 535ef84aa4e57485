"""One position and how the exchange shows it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.exchange.numbers import ZERO, money, plain
from tests.exchange.orders import sign_of


@dataclass
class Position:
    """Position of one symbol and index (0 one-way, 1 long and 2 short in hedge mode).

    Size in base, prices and money in quote, times in ms. ``side`` is "" when flat. ``seq`` is -1 until the
    first trade, then shared with the execution that changed it. ``entry_fees`` are opening fees that no close
    has taken yet.
    """

    symbol: str
    idx: int
    leverage: Decimal
    maintenance_rate: Decimal
    risk_limit: Decimal
    created_ms: int
    side: str = ""
    size: Decimal = ZERO
    entry_value: Decimal = ZERO
    entry_fees: Decimal = ZERO
    realised: Decimal = ZERO
    realised_all: Decimal = ZERO
    take_profit: Decimal = ZERO
    stop_loss: Decimal = ZERO
    tp_trigger_by: str = ""
    sl_trigger_by: str = ""
    trailing: Decimal = ZERO
    active_price: Decimal = ZERO
    tpsl_mode: str = "Full"
    opened_ms: int = 0
    updated_ms: int = 0
    seq: int = -1

    @property
    def average(self) -> Decimal:
        """Average entry price; 0 when flat."""
        return self.entry_value / self.size if self.size else ZERO

    def unrealised(self, mark: Decimal) -> Decimal:
        """Open result at a mark price."""
        return (mark - self.average) * self.size * sign_of(self.side) if self.size else ZERO

    @property
    def initial_margin(self) -> Decimal:
        """Margin the position binds."""
        return self.entry_value / self.leverage

    def maintenance_margin(self, mark: Decimal) -> Decimal:
        """Margin below which it is liquidated."""
        return self.size * mark * self.maintenance_rate

    def row(self, mark: Decimal) -> dict[str, Any]:
        """The position as ``/v5/position/list`` shows it."""
        return {**self._shared(mark), "avgPrice": money(self.average), "liqPrice": "", "bustPrice": ""}

    def push(self, mark: Decimal) -> dict[str, Any]:
        """The position as the ``position`` topic shows it: ``entryPrice`` instead of ``avgPrice``."""
        return {
            **self._shared(mark),
            "entryPrice": money(self.average),
            "liqPrice": "",
            "bustPrice": "",
            "category": "linear",
            "openTime": str(self.opened_ms) if self.size else "0",
        }

    def _shared(self, mark: Decimal) -> dict[str, Any]:
        value = self.entry_value
        maintenance = money(self.maintenance_margin(mark))
        return {
            "positionIdx": self.idx,
            "riskId": 1,
            "riskLimitValue": plain(self.risk_limit),
            "symbol": self.symbol,
            "side": self.side,
            "size": plain(self.size),
            "positionValue": money(value),
            "tradeMode": 0,
            "positionStatus": "Normal",
            "autoAddMargin": 0,
            "adlRankIndicator": 2 if self.size else 0,
            "leverage": plain(self.leverage),
            "breakEvenPrice": money(self._break_even()) if self.size else "",
            "positionBalance": money(self.initial_margin),
            "markPrice": plain(mark),
            "positionMM": maintenance,
            "positionMMByMp": maintenance,
            "positionIM": money(self.initial_margin),
            "positionIMByMp": money(self.size * mark / self.leverage),
            "tpslMode": self.tpsl_mode,
            "takeProfit": plain(self.take_profit) if self.take_profit else "",
            "stopLoss": plain(self.stop_loss) if self.stop_loss else "",
            "trailingStop": plain(self.trailing),
            "unrealisedPnl": money(self.unrealised(mark)) if self.size else "",
            "curRealisedPnl": money(self.realised),
            "cumRealisedPnl": money(self.realised_all),
            "seq": self.seq,
            "isReduceOnly": False,
            "mmrSysUpdatedTime": "",
            "leverageSysUpdatedTime": "",
            "sessionAvgPrice": "",
            "createdTime": str(self.created_ms),
            "updatedTime": str(self.updated_ms),
        }

    def _break_even(self) -> Decimal:
        return self.average - self.realised / self.size * sign_of(self.side)
