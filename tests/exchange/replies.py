"""Replies of the exchange: the envelope, the refusals and their texts."""

from __future__ import annotations

from typing import Any


class RefusedError(Exception):
    """The exchange declines a request; becomes a reply with this ``retCode`` and ``retMsg``.

    Parameters
    ----------
    code
        Bybit's retCode.
    message
        retMsg; the usual text of the code when left out.
    """

    def __init__(self, code: int, message: str | None = None) -> None:
        self.code = code
        self.message = TEXTS.get(code, "") if message is None else message
        super().__init__(f"{self.code} {self.message}")


TEXTS: dict[int, str] = {
    10000: "Server Timeout",
    10001: "Request parameter error.",
    10002: "invalid request, please check your server timestamp or recv_window param",
    10003: "API key is invalid.",
    10004: "error sign! please check your signature generation algorithm.",
    10005: "Permission denied, please check your API key permissions.",
    10006: "Too many visits. Exceeded the API Rate Limit.",
    10010: "Unmatched IP, please check your API key's bound IP addresses.",
    10016: "Internal server error.",
    30208: "Failed to submit order(s). The order price is higher than the maximum buying price.",
    30209: "Failed to submit order(s). The order price is lower than the minimum selling price.",
    30228: "No new positions during delisting.",
    33004: "Your api key has expired.",
    34040: "not modified",
    110001: "order not exists or too late to cancel",
    110003: "Order price exceeds the allowable range.",
    110004: "Wallet balance is insufficient",
    110007: "ab not enough for new order",
    110008: "The order has been completed or cancelled.",
    110009: "The number of stop orders exceeds the maximum allowable limit.",
    110013: "Cannot set leverage due to risk limit level.",
    110017: "current position is zero, cannot fix reduce-only order qty",
    110020: "Not allowed to have more than 500 active orders.",
    110024: "You have an existing position, so position mode cannot be switched",
    110025: "Position mode is not modified",
    110026: "Cross/isolated margin mode is not modified",
    110028: "You have existing open orders, so position mode cannot be switched",
    110043: "leverage not modified",
    110061: "Limit of TP/SL orders is exceeded",
    110072: "OrderLinkedID is duplicate",
    110074: "This contract is not live",
    110092: "expect Rising, but trigger_price[%s] <= current[%s]",
    110093: "expect Falling, but trigger_price[%s] >= current[%s]",
    110094: "Order does not meet minimum order value 5USDT",
    110118: "Market order impossible: low liquidity",
    170003: "An unknown parameter was sent.",
    170131: "Insufficient balance.",
    170136: "Order quantity below the lower limit.",
    170137: "Order quantity has too many decimals.",
    170140: "Order value below the lower limit",
    170193: "Buy order price cannot be higher than 0USDT.",
    170209: "This trading pair is only available to certain regions.",
    170213: "Order does not exist.",
    181001: "category only support linear or option",
}
"""Usual text of each code."""


def envelope(
    result: Any, *, time_ms: int, code: int = 0, message: str = "OK", info: Any = None
) -> dict[str, Any]:
    """The outer shape of every REST reply; ``time`` is the server's ms."""
    return {
        "retCode": code,
        "retMsg": message,
        "result": result,
        "retExtInfo": {} if info is None else info,
        "time": time_ms,
    }
