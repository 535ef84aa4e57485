"""Rows of Bybit's REST and private stream, normalised once: the words of `engines.live.venue` and nothing else.

A required field that is missing is an error, never a default. An optional number may be ``""``, ``"0"``, ``"0.00"``,
null or absent, and is then None. Enumerations are open: an unknown word is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from engines.live.venue import ExecutionReport, OrderReport, PositionReport, PriceReport, Side, WalletReport
from feeds.bybit_payloads import shorten
from kwin_core.errors import VenueError

_OPEN = frozenset({"New", "PartiallyFilled", "Untriggered", "Triggered", "Created", "Active"})
_CLOSED = frozenset({"Rejected", "PartiallyFilledCanceled", "Filled", "Cancelled", "Deactivated"})
_UNSET = ("", "UNKNOWN")


class PayloadError(VenueError):
    """A row that cannot be understood; the message shows it."""


def execution_report(row: Mapping[str, Any], category: str = "") -> ExecutionReport:
    """A row of ``execution`` (stream) or ``execution/list`` (REST, whose rows do not name the category)."""
    return ExecutionReport(
        category=_category(row, category),
        symbol=_text(row, "symbol"),
        exec_id=_text(row, "execId"),
        order_id=_text(row, "orderId"),
        order_link_id=_optional(row, "orderLinkId"),
        side=_side(row),
        price=_number(row, "execPrice"),
        qty=_number(row, "execQty"),
        closed_qty=_level(row, "closedSize") or Decimal(0),
        fee=_number(row, "execFee"),
        fee_currency=_optional(row, "feeCurrency"),
        exec_type=_text(row, "execType"),
        stop_order_type=_word(row, "stopOrderType"),
        create_type=_word(row, "createType"),
        exec_time_ms=_time(row, "execTime"),
        seq=_whole(row, "seq"),
        raw=dict(row),
    )


def order_report(row: Mapping[str, Any], category: str = "") -> OrderReport:
    """A row of ``order`` (stream), ``order/realtime`` or ``order/history``."""
    status = _text(row, "orderStatus")
    qty, executed = _number(row, "qty"), _level(row, "cumExecQty") or Decimal(0)
    return OrderReport(
        category=_category(row, category),
        symbol=_text(row, "symbol"),
        order_id=_text(row, "orderId"),
        order_link_id=_optional(row, "orderLinkId"),
        side=_side(row),
        status=status,
        reject_reason=_optional(row, "rejectReason"),
        cancel_type=_word(row, "cancelType"),
        stop_order_type=_word(row, "stopOrderType"),
        reduce_only=bool(row.get("reduceOnly", False)),
        qty=qty,
        executed_qty=executed,
        average_price=_level(row, "avgPrice") if executed else None,
        trigger_price=_level(row, "triggerPrice"),
        created_ms=_time(row, "createdTime"),
        updated_ms=_time(row, "updatedTime"),
        closed=status in _CLOSED,
        rejected=status == "Rejected" or (status in _CLOSED and executed == 0),
        raw=dict(row),
    )


def position_report(row: Mapping[str, Any], category: str = "") -> PositionReport:
    """A row of ``position`` (stream: ``entryPrice``) or ``position/list`` (REST: ``avgPrice``)."""
    qty = _number(row, "size")
    side = _optional(row, "side")
    if qty != 0 and side not in (Side.BUY, Side.SELL):
        raise PayloadError(f"position of {qty} without a side: {shorten(row)}")
    entry = "entryPrice" if "entryPrice" in row else "avgPrice"
    if qty != 0 and _level(row, entry) is None:
        raise PayloadError(f"position of {qty} without {entry}: {shorten(row)}")
    return PositionReport(
        category=_category(row, category),
        symbol=_text(row, "symbol"),
        side=Side(side) if qty != 0 else None,
        qty=qty,
        entry_price=_level(row, entry) if qty != 0 else None,
        stop_loss=_level(row, "stopLoss"),
        take_profit=_level(row, "takeProfit"),
        trailing_stop=_level(row, "trailingStop"),
        active_price=_level(row, "activePrice"),
        leverage=_level(row, "leverage"),
        position_idx=_whole(row, "positionIdx", default=0),
        status=_optional(row, "positionStatus"),
        created_ms=_time(row, "createdTime"),
        updated_ms=_time(row, "updatedTime"),
        seq=_whole(row, "seq"),
        raw=dict(row),
    )


def wallet_report(row: Mapping[str, Any], coin: str = "USDT") -> WalletReport:
    """A row of ``wallet`` or ``wallet-balance``: the coin that positions settle in.

    ``totalAvailableBalance`` may be empty and the coin's ``availableToWithdraw`` too: what is available is the
    coin's balance without what positions and orders hold of it.
    """
    coins = row.get("coin")
    if not isinstance(coins, list):
        raise PayloadError(f"wallet without coins: {shorten(row)}")
    found = next((one for one in coins if isinstance(one, Mapping) and one.get("coin") == coin), None)
    if found is None:
        zero = Decimal(0)
        return WalletReport(coin, zero, zero, zero, dict(row))
    balance = _number(found, "walletBalance")
    taken = sum(
        (
            _level(found, name) or Decimal(0)
            for name in ("totalPositionIM", "totalOrderIM", "locked", "bonus")
        ),
        Decimal(0),
    )
    equity = _level(found, "equity")
    return WalletReport(coin, balance, balance if equity is None else equity, balance - taken, dict(row))


def price_report(row: Mapping[str, Any], time_ms: int) -> PriceReport:
    """A row of ``market/tickers``."""
    return PriceReport(_text(row, "symbol"), _number(row, "lastPrice"), _number(row, "markPrice"), time_ms)


def _category(row: Mapping[str, Any], given: str) -> str:
    told = row.get("category")
    if given and told not in (None, "", given):
        raise PayloadError(f"a row of {told} where {given} was asked for: {shorten(row)}")
    category = str(told or given)
    if not category:
        raise PayloadError(f"a row without its category: {shorten(row)}")
    return category


def _text(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not value:
        raise PayloadError(f"{name} is {value!r} in {shorten(row)}")
    return value


def _optional(row: Mapping[str, Any], name: str) -> str:
    value = row.get(name)
    return value if isinstance(value, str) else ""


def _word(row: Mapping[str, Any], name: str) -> str:
    value = _optional(row, name)
    return "" if value in _UNSET else value


def _side(row: Mapping[str, Any]) -> Side:
    value = row.get("side")
    if value not in (Side.BUY.value, Side.SELL.value):
        raise PayloadError(f"side is {value!r} in {shorten(row)}")
    return Side(value)


def _number(row: Mapping[str, Any], name: str) -> Decimal:
    value = row.get(name)
    number = _decimal(value)
    if number is None:
        raise PayloadError(f"{name} is {value!r}, not a number, in {shorten(row)}")
    return number


def _level(row: Mapping[str, Any], name: str) -> Decimal | None:
    """An optional number; zero in any spelling is none."""
    value = row.get(name)
    if value in (None, ""):
        return None
    number = _decimal(value)
    if number is None:
        raise PayloadError(f"{name} is {value!r}, not a number, in {shorten(row)}")
    return number or None


def _decimal(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _time(row: Mapping[str, Any], name: str) -> int:
    value = row.get(name)
    if isinstance(value, str | int) and not isinstance(value, bool) and str(value).isdigit():
        return int(value)
    raise PayloadError(f"{name} is {value!r}, not a time in ms, in {shorten(row)}")


def _whole(row: Mapping[str, Any], name: str, default: int = -1) -> int:
    value = row.get(name)
    try:
        return default if value in (None, "") else int(value)
    except (TypeError, ValueError):
        raise PayloadError(f"{name} is {value!r}, not a whole number, in {shorten(row)}") from None
