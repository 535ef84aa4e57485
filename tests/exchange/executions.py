"""One execution and how the exchange shows it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.exchange.numbers import money, plain


@dataclass(frozen=True)
class Execution:
    """One fill, or one funding settlement. Quantities in base, money in ``fee_coin`` or quote, times in ms.

    ``fee`` is positive when paid. ``closed_qty`` is the part that reduced a position, ``pnl`` its result
    before fees.
    """

    exec_id: str
    category: str
    symbol: str
    side: str
    order_id: str
    link_id: str
    order_type: str
    stop_order_type: str
    create_type: str
    order_price: Decimal
    order_qty: Decimal
    leaves: Decimal
    price: Decimal
    qty: Decimal
    fee: Decimal
    fee_rate: Decimal
    fee_coin: str
    maker: bool
    exec_type: str
    closed_qty: Decimal
    pnl: Decimal
    mark: Decimal
    time_ms: int
    seq: int

    def row(self) -> dict[str, Any]:
        """The execution as ``/v5/execution/list`` shows it."""
        return {
            "symbol": self.symbol,
            "orderType": self.order_type,
            "underlyingPrice": "",
            "orderLinkId": self.link_id,
            "side": self.side,
            "indexPrice": "",
            "orderId": self.order_id,
            "stopOrderType": self.stop_order_type or "UNKNOWN",
            "leavesQty": plain(self.leaves),
            "execTime": str(self.time_ms),
            "feeCurrency": self.fee_coin,
            "isMaker": self.maker,
            "execFee": money(self.fee),
            "feeRate": plain(self.fee_rate),
            "execId": self.exec_id,
            "tradeIv": "",
            "blockTradeId": "",
            "markPrice": plain(self.mark),
            "execPrice": plain(self.price),
            "markIv": "",
            "orderQty": plain(self.order_qty),
            "orderPrice": plain(self.order_price),
            "execValue": money(self.price * self.qty),
            "execType": self.exec_type,
            "execQty": plain(self.qty),
            "closedSize": plain(self.closed_qty),
            "extraFees": "",
            "seq": self.seq,
            "createType": self.create_type,
        }

    def push(self) -> dict[str, Any]:
        """The execution as the ``execution`` topic shows it."""
        return {
            "category": self.category,
            **self.row(),
            "execPnl": money(self.pnl),
            "isLeverage": "0",
            "marketUnit": "",
        }

    def fast(self) -> dict[str, Any]:
        """The execution as ``execution.fast`` shows it; a maker's link id is left out there."""
        return {
            "category": self.category,
            "symbol": self.symbol,
            "execId": self.exec_id,
            "execPrice": plain(self.price),
            "execQty": plain(self.qty),
            "orderId": self.order_id,
            "isMaker": self.maker,
            "orderLinkId": "" if self.maker else self.link_id,
            "side": self.side,
            "execTime": str(self.time_ms),
            "seq": self.seq,
        }
