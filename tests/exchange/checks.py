"""What ``order/create`` refuses, with the exchange's codes and texts."""

from __future__ import annotations

import re
from decimal import Decimal

from tests.exchange.account import LONG_SIDE, Account
from tests.exchange.instruments import Instrument
from tests.exchange.numbers import ZERO, floor_to, is_multiple, plain
from tests.exchange.orders import Order
from tests.exchange.parameters import Parameters
from tests.exchange.positions import Position
from tests.exchange.replies import RefusedError
from tests.exchange.tickers import Quote

MAX_ACTIVE = 500
MAX_CONDITIONAL = 10
MAX_PARTIAL_TPSL = 20
_LINK_ID = re.compile(r"[A-Za-z0-9_-]+")
_LINK_ID_LENGTH = 36
_SCALE = Decimal(10) ** 8


def check_link_id(account: Account, link_id: str) -> None:
    """Length, alphabet and uniqueness of an orderLinkId."""
    if not link_id:
        return
    if len(link_id) > _LINK_ID_LENGTH:
        raise RefusedError(10001, "params error: order link id is longer than 45")
    if not _LINK_ID.fullmatch(link_id):
        raise RefusedError(10001, "params error: OrderLinkId invalid")
    if link_id in account.link_ids:
        raise RefusedError(110072)


def check_position_idx(account: Account, symbol: str, idx: int) -> None:
    """0 in one-way mode, 1 or 2 in hedge mode."""
    if idx not in account.indexes(symbol):
        raise RefusedError(10001, "position idx not match position mode")


def check_qty(instrument: Instrument, qty: Decimal, *, market: bool, closing: bool) -> None:
    """Quantity grid and bounds; a closing order may be smaller than the minimum."""
    if qty <= 0 or (qty < instrument.min_qty and not closing):
        raise RefusedError(10001, "The number of contracts exceeds minimum limit allowed")
    if not is_multiple(qty, instrument.step):
        raise RefusedError(10001, "Qty invalid")
    if qty > (instrument.max_market_qty if market else instrument.max_qty):
        raise RefusedError(10001, "The number of contracts exceeds maximum limit allowed")


def check_price(instrument: Instrument, price: Decimal, side: str, band: tuple[Decimal, Decimal]) -> None:
    """Price grid and the exchange's price band (lowest sell, highest buy)."""
    if price <= 0:
        raise RefusedError(10001, "params error: price invalid")
    if not is_multiple(price, instrument.tick):
        raise RefusedError(10001, "Price invalid")
    low, high = band
    if side == "Buy" and price > high:
        raise RefusedError(30208)
    if side == "Sell" and price < low:
        raise RefusedError(30209)


def check_notional(instrument: Instrument, value: Decimal) -> None:
    """Smallest order value."""
    if value < instrument.min_notional:
        raise RefusedError(
            110094, f"Order does not meet minimum order value {plain(instrument.min_notional)}USDT"
        )


def check_tradable(instrument: Instrument, reduce_only: bool) -> None:
    """Status of the symbol: a delisting one still lets positions be closed."""
    if instrument.status == "Delivering" and not reduce_only:
        raise RefusedError(30228)
    if instrument.status in ("PreLaunch", "Closed"):
        raise RefusedError(110074)


def check_counts(account: Account, order: Order) -> None:
    """Active and conditional orders a symbol may have."""
    mine = account.open_of(order.category, order.symbol)
    if order.trigger_price:
        waiting = [one for one in mine if one.status == "Untriggered" and not one.belongs_to_position]
        if len(waiting) >= MAX_CONDITIONAL:
            raise RefusedError(110009)
    elif sum(one.rests for one in mine) >= MAX_ACTIVE:
        raise RefusedError(110020)


def check_trigger(order: Order, current: Decimal) -> None:
    """A conditional order must lie ahead of the price in its direction."""
    if order.trigger_direction not in (1, 2):
        raise RefusedError(10001, "params error: TriggerDirection invalid")
    trigger = order.trigger_price
    if order.trigger_direction == 1 and trigger <= current:
        text = f"expect Rising, but trigger_price[{_scaled(trigger)}] <= current[{_scaled(current)}]"
        raise RefusedError(110092, text + "??LastPrice")
    if order.trigger_direction == 2 and trigger >= current:
        text = f"expect Falling, but trigger_price[{_scaled(trigger)}] >= current[{_scaled(current)}]"
        raise RefusedError(110093, text + "??LastPrice")


def check_protection(side: str, name: str, price: Decimal, base: Decimal, source: str, tick: Decimal) -> None:
    """A stop loss lies on the losing side of the price, a take profit on the winning side.

    Parameters
    ----------
    side
        Side of the position, "Buy" or "Sell".
    name
        "StopLoss" or "TakeProfit".
    base
        Current price of the trigger's source; 1e8-scaled in the text, as on the exchange.
    """
    if not price:
        return
    if not is_multiple(price, tick):
        raise RefusedError(10001, f"{name} price invalid")
    below = (name == "StopLoss") == (side == "Buy")
    if below and price >= base:
        word = "should lower than"
    elif not below and price <= base:
        word = "should greater"
    else:
        return
    raise RefusedError(
        10001, f"{name}:{_scaled(price)} set for {side} position {word} base_price:{_scaled(base)}??{source}"
    )


def reduced_qty(position: Position, order: Order, instrument: Instrument) -> Decimal:
    """Quantity a reduce-only order may have.

    Raises
    ------
    RefusedError
        110017 when there is nothing to reduce on that side.
    """
    if not position.size:
        raise RefusedError(110017)
    if position.side == order.side:
        raise RefusedError(110017, "Reduce-only rule not satisfied")
    return min(order.qty, floor_to(position.size, instrument.step))


def check_hedge_side(position: Position, order: Order) -> None:
    """In hedge mode the side opposite to the index only closes, up to the position."""
    opening = "Buy" if order.position_idx == LONG_SIDE else "Sell"
    if order.position_idx and order.side != opening and order.qty > position.size:
        raise RefusedError(110017, "Reduce-only rule not satisfied")


def trigger_base(quote: Quote, source: str) -> Decimal:
    """Price a trigger compares with."""
    return quote.last if source in ("", "LastPrice") else quote.mark


def check_spot_parameters(parameters: Parameters) -> None:
    """Spot knows none of the derivative's parameters."""
    for name in ("reduceOnly", "closeOnTrigger", "positionIdx", "triggerDirection"):
        if name in parameters and parameters.text(name) not in ("0", "False", "false"):
            raise RefusedError(170003)


def check_margin(required: Decimal, free: Decimal) -> None:
    """Money for an opening order."""
    if required > free:
        raise RefusedError(110007)


def check_spot_balance(required: Decimal, owned: Decimal) -> None:
    """Coins for a spot order."""
    if required > owned or owned <= ZERO:
        raise RefusedError(170131)


def _scaled(price: Decimal) -> int:
    return int(price * _SCALE)
