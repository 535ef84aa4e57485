"""An order and how the exchange shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.exchange.numbers import ZERO, money, plain

OPEN_STATUSES = ("New", "PartiallyFilled", "Untriggered")
STOP_KINDS = (
    "TakeProfit",
    "StopLoss",
    "TrailingStop",
    "PartialTakeProfit",
    "PartialStopLoss",
)
"""``stopOrderType`` of orders that belong to a position and vanish with it."""

RISING, FALLING = 1, 2


@dataclass
class Trail:
    """State of a trailing stop.

    Attributes
    ----------
    distance
        Absolute price distance, quote currency.
    active_price
        The trail starts only when the price touches this; 0 means at once.
    best
        Most favourable price since it started; ``None`` before.
    """

    distance: Decimal
    active_price: Decimal = ZERO
    best: Decimal | None = None


@dataclass
class Order:
    """One order from acceptance to its end. Quantities in base, prices in quote, times in ms.

    ``price`` of a market order is the protective limit of its immediate-or-cancel order. Zero prices mean
    "not set".
    """

    order_id: str
    link_id: str
    category: str
    symbol: str
    side: str
    order_type: str
    qty: Decimal
    created_ms: int
    price: Decimal = ZERO
    time_in_force: str = "GTC"
    position_idx: int = 0
    reduce_only: bool = False
    close_on_trigger: bool = False
    status: str = "New"
    updated_ms: int = 0
    create_type: str = "CreateByUser"
    cancel_type: str = "UNKNOWN"
    reject_reason: str = "EC_NoError"
    stop_order_type: str = ""
    trigger_price: Decimal = ZERO
    trigger_direction: int = 0
    trigger_by: str = ""
    take_profit: Decimal = ZERO
    stop_loss: Decimal = ZERO
    tp_trigger_by: str = ""
    sl_trigger_by: str = ""
    tpsl_mode: str = ""
    tp_limit_price: Decimal = ZERO
    sl_limit_price: Decimal = ZERO
    market_unit: str = ""
    slippage_type: str = "UNKNOWN"
    slippage: Decimal = ZERO
    last_on_created: Decimal = ZERO
    filled_qty: Decimal = ZERO
    filled_value: Decimal = ZERO
    fee: Decimal = ZERO
    fee_coin: str = "USDT"
    closed_pnl: Decimal = ZERO
    trail: Trail | None = None
    in_flight: bool = field(default=False)

    @property
    def is_open(self) -> bool:
        """Whether it can still fill."""
        return self.status in OPEN_STATUSES

    @property
    def rests(self) -> bool:
        """Whether it is a limit order in the book."""
        waits = self.status in ("New", "PartiallyFilled") and not self.in_flight
        return waits and self.order_type == "Limit"

    @property
    def belongs_to_position(self) -> bool:
        """Whether it is a take profit, stop loss or trailing stop of a position."""
        return self.stop_order_type in STOP_KINDS

    @property
    def leaves(self) -> Decimal:
        """Quantity still to fill; 0 once the order is finished."""
        return self.qty - self.filled_qty if self.is_open else ZERO

    @property
    def average(self) -> Decimal:
        """Average fill price; 0 before the first fill."""
        return self.filled_value / self.filled_qty if self.filled_qty else ZERO

    def row(self) -> dict[str, Any]:
        """The order as the REST lists show it."""
        return {
            "symbol": self.symbol,
            "orderType": self.order_type,
            "orderLinkId": self.link_id,
            "slLimitPrice": plain(self.sl_limit_price),
            "orderId": self.order_id,
            "cancelType": self.cancel_type,
            "avgPrice": money(self.average) if self.filled_qty else "",
            "stopOrderType": self.stop_order_type,
            "lastPriceOnCreated": _price(self.last_on_created),
            "orderStatus": self.status,
            "createType": self.create_type,
            "takeProfit": _price(self.take_profit),
            "cumExecValue": money(self.filled_value),
            "tpslMode": self.tpsl_mode,
            "smpType": "None",
            "triggerDirection": self.trigger_direction,
            "blockTradeId": "",
            "cumFeeDetail": {self.fee_coin: money(self.fee)} if self.filled_qty else {},
            "rejectReason": self.reject_reason,
            "isLeverage": "0" if self.category == "spot" else "",
            "price": plain(self.price),
            "orderIv": "",
            "createdTime": str(self.created_ms),
            "tpTriggerBy": self.tp_trigger_by,
            "positionIdx": self.position_idx,
            "timeInForce": self.time_in_force,
            "leavesValue": money(self.leaves * self.price),
            "updatedTime": str(self.updated_ms),
            "side": self.side,
            "smpGroup": 0,
            "triggerPrice": _price(self.trigger_price),
            "tpLimitPrice": plain(self.tp_limit_price),
            "cumExecFee": money(self.fee),
            "slTriggerBy": self.sl_trigger_by,
            "leavesQty": plain(self.leaves),
            "closeOnTrigger": self.close_on_trigger,
            "slippageToleranceType": self.slippage_type,
            "placeType": "",
            "cumExecQty": plain(self.filled_qty),
            "reduceOnly": self.reduce_only,
            "qty": plain(self.qty),
            "stopLoss": _price(self.stop_loss),
            "marketUnit": self.market_unit,
            "smpOrderId": "",
            "slippageTolerance": plain(self.slippage),
            "triggerBy": self.trigger_by,
            "extraFees": "",
            "rpiTakerAccess": False,
            "rpiMatchedQty": "0",
        }

    def push(self) -> dict[str, Any]:
        """The order as the ``order`` topic shows it."""
        return {
            "category": self.category,
            **self.row(),
            "parentOrderLinkId": "",
            "closedPnl": money(self.closed_pnl),
            "feeCurrency": self.fee_coin if self.filled_qty else "",
            "ocoTriggerBy": "",
            "brokerOrderPrice": "",
        }


def _price(value: Decimal) -> str:
    """A price that may be unset: genuine rows write "" then."""
    return plain(value) if value else ""


def opposite(side: str) -> str:
    """The other side: "Buy" for "Sell"."""
    return "Sell" if side == "Buy" else "Buy"


def sign_of(side: str) -> int:
    """+1 for "Buy", -1 for "Sell"; any other word is a mistake of the simulator."""
    return {"Buy": 1, "Sell": -1}[side]
