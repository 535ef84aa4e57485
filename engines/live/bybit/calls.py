"""Each request as pybit's call, and its answer as rows: what the gateway's threads do with one request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from engines.journal import Outcome
from engines.live.bybit.payloads import (
    PayloadError,
    execution_report,
    order_report,
    position_report,
    price_report,
    wallet_report,
)
from engines.live.bybit.session import BybitSession, Reply
from engines.live.venue import (
    CancelOrder,
    MarketOrder,
    Protect,
    ReadExecutions,
    ReadOpenOrders,
    ReadOrder,
    ReadPosition,
    ReadPrice,
    ReadWallet,
    Request,
)
from feeds.bybit_payloads import shorten

_WEEK_MS = 7 * 86_400_000 - 1
_PAGE = 50
_FILLS_PAGE = 100
_MOST_PAGES = 1_000

Rows = tuple[Reply, tuple[Any, ...]]


def plain(value: Decimal) -> str:
    """A number as the exchange wants it: no exponent."""
    return format(value, "f")


def perform(session: BybitSession, request: Request, now_ms: Callable[[], int]) -> Rows:
    """Send a request; the last reply, and the rows of a read."""
    match request:
        case MarketOrder():
            return _create(session, request), ()
        case Protect():
            return _protect(session, request), ()
        case CancelOrder():
            reply = session.call(
                "cancel_order",
                **_where(request),
                orderId=request.order_id or None,
                orderLinkId=request.order_link_id or None,
            )
            return reply, ()
        case _:
            try:
                return _read(session, request, now_ms)
            except PayloadError as error:
                return Reply(Outcome.UNKNOWN, {}, text=str(error)), ()


def _create(session: BybitSession, request: MarketOrder) -> Reply:
    stop = None if request.stop_loss is None else plain(request.stop_loss)
    return session.call(
        "place_order",
        **_where(request),
        side=request.side.value,
        orderType="Market",
        qty=plain(request.qty),
        positionIdx=0,
        orderLinkId=request.order_link_id,
        reduceOnly=request.reduce_only,
        stopLoss=stop,
        slTriggerBy=None if stop is None else "LastPrice",
        tpslMode=None if stop is None else "Full",
    )


def _protect(session: BybitSession, request: Protect) -> Reply:
    fields: dict[str, Any] = {}
    if request.stop_loss is not None:
        fields |= {"stopLoss": plain(request.stop_loss), "slTriggerBy": "LastPrice"}
    if request.take_profit is not None:
        fields |= {"takeProfit": plain(request.take_profit), "tpTriggerBy": "LastPrice"}
    if request.trailing_stop is not None:
        fields |= {"trailingStop": plain(request.trailing_stop)}
    if request.active_price is not None:
        fields |= {"activePrice": plain(request.active_price)}
    return session.call("set_trading_stop", **_where(request), tpslMode="Full", positionIdx=0, **fields)


def _read(session: BybitSession, request: Request, now_ms: Callable[[], int]) -> Rows:
    category = request.stream.category
    match request:
        case ReadOrder():
            for method in ("get_open_orders", "get_order_history"):
                reply = session.call(method, **_where(request), orderLinkId=request.order_link_id)
                if reply.outcome is not Outcome.CONFIRMED or _list(reply):
                    break
            return reply, tuple(order_report(row, category) for row in _list(reply))
        case ReadOpenOrders():
            reply, rows = _pages(
                session, "get_open_orders", {**_where(request), "openOnly": 0, "limit": _PAGE}
            )
            return reply, tuple(order_report(row, category) for row in rows)
        case ReadPosition():
            reply = session.call("get_positions", **_where(request))
            return reply, tuple(position_report(row, category) for row in _list(reply))
        case ReadExecutions():
            return _executions(session, request, now_ms())
        case ReadWallet():
            reply = session.call("get_wallet_balance", accountType="UNIFIED", coin="USDT")
            return reply, tuple(wallet_report(row) for row in _list(reply)[:1])
        case ReadPrice():
            reply = session.call("get_tickers", **_where(request))
            return reply, tuple(price_report(row, reply.server_ms) for row in _list(reply))
    raise TypeError(f"no such request: {type(request).__name__}")


def _executions(session: BybitSession, request: ReadExecutions, now_ms: int) -> Rows:
    """Week by week, page by page; oldest first, ties by sequence and id, as the journal numbers them."""
    found: list[Any] = []
    start_ms = request.since_ms
    while True:
        end_ms = start_ms + _WEEK_MS
        query = {**_where(request), "startTime": start_ms, "endTime": end_ms, "limit": _FILLS_PAGE}
        reply, rows = _pages(session, "get_executions", query)
        if reply.outcome is not Outcome.CONFIRMED:
            return reply, ()
        found += rows
        if end_ms >= now_ms:
            break
        start_ms = end_ms + 1
    reports = [execution_report(row, request.stream.category) for row in found]
    reports.sort(key=lambda one: (one.exec_time_ms, one.seq, one.exec_id))
    return reply, tuple(reports)


def _pages(session: BybitSession, method: str, query: dict[str, Any]) -> tuple[Reply, list[Any]]:
    rows: list[Any] = []
    cursor: str | None = None
    for _ in range(_MOST_PAGES):
        reply = session.call(method, **query, cursor=cursor)
        if reply.outcome is not Outcome.CONFIRMED:
            return reply, []
        page = _list(reply)
        rows += page
        cursor = reply.result.get("nextPageCursor") or None
        if cursor is None or not page:
            return reply, rows
    return Reply(Outcome.UNKNOWN, {}, text=f"{method}: more than {_MOST_PAGES} pages"), []


def _where(request: Request) -> dict[str, str]:
    return {"category": request.stream.category, "symbol": request.stream.symbol}


def _list(reply: Reply) -> list[Any]:
    """Rows of a confirmed read.

    Raises
    ------
    PayloadError
        The answer has no list, or something else than rows in it: it is no answer.
    """
    if reply.outcome is not Outcome.CONFIRMED:
        return []
    rows = reply.result.get("list")
    if not isinstance(rows, list):
        raise PayloadError("an answer without its list")
    strange = [row for row in rows if not isinstance(row, Mapping)]
    if strange:
        raise PayloadError(f"an answer with {shorten(strange[0])} in its list")
    return rows
