"""Rows and refusals of Bybit, normalised at one place: documented shapes, awkward ones, what must be refused."""

from __future__ import annotations

import heapq
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.journal import Outcome
from engines.live.bybit.bucket import Bucket
from engines.live.bybit.payloads import (
    PayloadError,
    execution_report,
    order_report,
    position_report,
    wallet_report,
)
from engines.live.bybit.refusals import judge, parse_base_price
from engines.live.venue import Refusal, Side, Urgency

EXECUTION: dict[str, Any] = {
    "category": "linear",
    "symbol": "ETHUSDT",
    "execId": "e1",
    "orderId": "o1",
    "orderLinkId": "",
    "side": "Sell",
    "execPrice": "4500.10",
    "execQty": "0.5",
    "closedSize": "",
    "execFee": "1.2375",
    "execType": "Trade",
    "stopOrderType": "UNKNOWN",
    "execTime": "1700000000000",
    "seq": 7,
}
ORDER: dict[str, Any] = {
    "category": "linear",
    "symbol": "ETHUSDT",
    "orderId": "o1",
    "orderLinkId": "k1",
    "side": "Buy",
    "orderStatus": "Filled",
    "qty": "1",
    "cumExecQty": "1",
    "avgPrice": "4500",
    "createdTime": "1",
    "updatedTime": "2",
}
POSITION: dict[str, Any] = {
    "category": "linear",
    "symbol": "ETHUSDT",
    "side": "Buy",
    "size": "1",
    "entryPrice": "4500",
    "stopLoss": "4400",
    "takeProfit": "",
    "trailingStop": "0.00",
    "positionIdx": 0,
    "createdTime": "1",
    "updatedTime": "2",
    "seq": 9,
}


def test_an_execution_is_read_whole() -> None:
    report = execution_report(EXECUTION)
    assert (report.side, report.price, report.qty, report.fee) == (
        Side.SELL,
        Decimal("4500.10"),
        Decimal("0.5"),
        Decimal("1.2375"),
    )
    assert report.closed_qty == 0
    assert report.stop_order_type == ""


@pytest.mark.parametrize("unset", ["", "0", "0.00", None])
def test_unset_levels_in_every_spelling_are_none(unset: Any) -> None:
    """G23: empty text, zero in any form, null, absent."""
    report = position_report({**POSITION, "stopLoss": unset, "takeProfit": unset, "trailingStop": unset})
    assert (report.stop_loss, report.take_profit, report.trailing_stop) == (None, None, None)
    row = {name: value for name, value in POSITION.items() if name != "stopLoss"}
    assert position_report(row).stop_loss is None


def test_stream_and_rest_name_the_entry_differently() -> None:
    """G24: entryPrice there, avgPrice here; without either a position is no position."""
    rest = {**POSITION, "avgPrice": POSITION["entryPrice"]}
    del rest["entryPrice"]
    assert position_report(rest).entry_price == position_report(POSITION).entry_price == Decimal(4500)
    with pytest.raises(PayloadError, match="without avgPrice"):
        position_report({name: value for name, value in POSITION.items() if name != "entryPrice"})


def test_a_flat_row_is_flat() -> None:
    """D05: rows of symbols that were traded once."""
    report = position_report({**POSITION, "size": "0", "side": "", "entryPrice": "0"})
    assert (report.side, report.qty, report.entry_price) == (None, Decimal(0), None)


@pytest.mark.parametrize(
    ("parse", "row", "field"),
    [
        (execution_report, EXECUTION, "execId"),
        (execution_report, EXECUTION, "execPrice"),
        (execution_report, EXECUTION, "execTime"),
        (execution_report, EXECUTION, "side"),
        (order_report, ORDER, "orderStatus"),
        (order_report, ORDER, "qty"),
        (position_report, POSITION, "size"),
        (position_report, POSITION, "updatedTime"),
    ],
)
@pytest.mark.parametrize("value", [None, "", "abc", [], {}])
def test_a_required_field_is_never_defaulted(parse: Any, row: dict[str, Any], field: str, value: Any) -> None:
    if field in ("execId", "orderStatus") and value == "abc":
        return  # any word may be an id or a status
    with pytest.raises(PayloadError):
        parse({**row, field: value})
    with pytest.raises(PayloadError):
        parse({name: one for name, one in row.items() if name != field})


@pytest.mark.parametrize("side", ["buy", "BUY", "long", "sell", "SHORT", ""])
def test_sides_have_no_default_branch(side: str) -> None:
    """B07."""
    with pytest.raises(PayloadError):
        execution_report({**EXECUTION, "side": side})


def test_a_row_of_another_category_is_refused() -> None:
    """A05, D13."""
    with pytest.raises(PayloadError, match="spot where linear"):
        order_report({**ORDER, "category": "spot"}, "linear")
    rest = {name: value for name, value in ORDER.items() if name != "category"}
    assert order_report(rest, "linear").category == "linear"
    with pytest.raises(PayloadError):
        order_report(rest)


@pytest.mark.parametrize(
    ("status", "executed", "closed", "rejected"),
    [
        ("New", "0", False, False),
        ("PartiallyFilled", "0.5", False, False),
        ("Filled", "1", True, False),
        ("Cancelled", "0", True, True),
        ("Cancelled", "0.4", True, False),
        ("PartiallyFilledCanceled", "0.4", True, False),
        ("Rejected", "", True, True),
        ("Deactivated", "0", True, True),
        ("SomethingNew", "0", False, False),
    ],
)
def test_states_of_an_order(status: str, executed: str, closed: bool, rejected: bool) -> None:
    """A08: unknown words are neither closed nor failed."""
    report = order_report({**ORDER, "orderStatus": status, "cumExecQty": executed})
    assert (report.closed, report.rejected) == (closed, rejected)


def test_what_is_available_of_a_unified_account() -> None:
    """I05: 50.79 less 47.42 in positions."""
    coin = {
        "coin": "USDT",
        "walletBalance": "50.79",
        "totalPositionIM": "47.42",
        "totalOrderIM": "0",
        "locked": "",
        "bonus": None,
        "availableToWithdraw": "",
        "equity": "51",
    }
    report = wallet_report({"totalAvailableBalance": "", "coin": [coin]})
    assert report.available == Decimal("3.37")
    assert wallet_report({"coin": []}).available == 0
    with pytest.raises(PayloadError):
        wallet_report({})


TABLE = [
    (10003, "API key is invalid.", Refusal.ACCOUNT),
    (10004, "error sign!", Refusal.ACCOUNT),
    (10005, "Permission denied", Refusal.ACCOUNT),
    (10010, "Unmatched IP", Refusal.ACCOUNT),
    (33004, "apikey expired", Refusal.ACCOUNT),
    (10006, "Too many visits!", Refusal.RATE),
    (10002, "invalid request, please check your server timestamp", Refusal.CLOCK),
    (10001, "can not set tp/sl/ts for zero position", Refusal.ALREADY_FLAT),
    (110017, "current position is zero, cannot fix reduce-only order qty", Refusal.ALREADY_FLAT),
    (
        10001,
        "StopLoss:174000000 set for Buy position should lower than base_price:170000000??LastPrice",
        Refusal.STOP_CROSSED,
    ),
    (10001, "The number of contracts exceeds minimum limit allowed", Refusal.SIZE),
    (10001, "position idx not match position mode", Refusal.ACCOUNT),
    (10001, "accountType only support UNIFIED", Refusal.ACCOUNT),
    (10001, "order link id is longer than 45", Refusal.ROUTING),
    (10001, "params error: something nobody has seen", Refusal.UNKNOWN_WORDS),
    (110072, "OrderLinkedID is duplicate", Refusal.DUPLICATE),
    (34040, "not modified", Refusal.UNCHANGED),
    (110001, "Order does not exist", Refusal.GONE),
    (110007, "ab not enough for new order", Refusal.MONEY),
    (110094, "Order does not meet minimum order value 5USDT", Refusal.SIZE),
    (30209, "price is lower than the minimum selling price", Refusal.PRICE),
    (30228, "No new positions during delisting", Refusal.UNTRADABLE),
    (110074, "contract is not live", Refusal.UNTRADABLE),
    (170003, "An unknown parameter was sent", Refusal.ROUTING),
    (170131, "Insufficient balance", Refusal.ROUTING),
    (181001, "category only support linear or option", Refusal.ROUTING),
    (999_999, "a code of the future", Refusal.UNKNOWN_WORDS),
]


@pytest.mark.parametrize(
    ("code", "text", "kind"), TABLE, ids=[f"{code} {text[:20]}" for code, text, _ in TABLE]
)
def test_what_a_refusal_means(code: int, text: str, kind: Refusal) -> None:
    assert judge(code, text) == (Outcome.REJECTED, kind)


@pytest.mark.parametrize("code", [10000, 10016, 110079, 10019])
def test_a_server_error_decides_nothing(code: int) -> None:
    """The order may be there all the same."""
    assert judge(code, "Server Timeout")[0] is Outcome.UNKNOWN


def test_the_numbers_of_a_refused_stop() -> None:
    """B05, K04: scaled by 1e8; the side and the trigger's source are the exchange's."""
    words = "StopLoss:68870000 set for Buy position should lower than base_price:68500000??LastPrice"
    found = parse_base_price(words)
    assert found is not None
    assert (found.side, found.level, found.base, found.source) == (
        Side.BUY,
        Decimal("0.6887"),
        Decimal("0.685"),
        "LastPrice",
    )
    assert parse_base_price("not modified") is None


def test_protection_goes_first_and_something_is_kept_for_it() -> None:
    """I09: entries wait at the reserve, stops do not; a place is free a second after its answer."""
    now = [0]
    bucket = Bucket(10, lambda: now[0], reserve=3)
    for _ in range(7):
        assert bucket.wait_ms(Urgency.ENTRY) == 0
        bucket.take()
    assert bucket.wait_ms(Urgency.ENTRY) > 0
    for _ in range(3):
        assert bucket.wait_ms(Urgency.STOP) == 0
        bucket.take()
    assert bucket.wait_ms(Urgency.STOP) == 1_000
    now[0] = 200
    for _ in range(10):
        bucket.answered()
    now[0] = 1_199
    assert bucket.wait_ms(Urgency.STOP) == 1
    now[0] = 1_200
    assert bucket.wait_ms(Urgency.ENTRY) == 0
    bucket.close_until(now[0] + 500)
    assert bucket.wait_ms(Urgency.STOP) == 500


@given(
    ways_ms=st.lists(st.tuples(st.integers(0, 900), st.integers(0, 900)), min_size=30, max_size=60),
    urgent=st.lists(st.booleans(), min_size=60, max_size=60),
)
def test_no_second_ever_holds_more_than_the_exchange_allows(
    ways_ms: list[tuple[int, int]], urgent: list[bool]
) -> None:
    """A burst on a road of changing length: at most 10 arrive within any second, at most 7 that protect nothing."""
    now = [0]
    bucket = Bucket(10, lambda: now[0], reserve=3)
    arrivals: list[tuple[int, bool]] = []
    answers: list[int] = []
    for (there_ms, back_ms), stop in zip(ways_ms, urgent, strict=False):
        urgency = Urgency.STOP if stop else Urgency.ENTRY
        while bucket.wait_ms(urgency):
            now[0] += 1
            while answers and answers[0] <= now[0]:
                heapq.heappop(answers)
                bucket.answered()
        bucket.take()
        arrivals.append((now[0] + there_ms, stop))
        heapq.heappush(answers, now[0] + there_ms + back_ms)
    for at_ms, _ in arrivals:
        inside = [stop for other, stop in arrivals if at_ms <= other < at_ms + 1_000]
        assert len(inside) <= 10
    entries = sorted(at_ms for at_ms, stop in arrivals if not stop)
    for first in entries:
        assert sum(first <= other < first + 1_000 for other in entries) <= 7


def test_recorded_documentation_rows_are_understood() -> None:
    """A position row as Bybit's documentation prints it, with its empty texts."""
    row = json.loads(
        '{"positionIdx":2,"tradeMode":0,"riskId":41,"riskLimitValue":"200000","symbol":"XRPUSDT","side":"Buy",'
        '"size":"75","entryPrice":"0.3615","leverage":"10","positionValue":"27.1125","positionBalance":"0",'
        '"markPrice":"0.3374","stopLoss":"0.00","takeProfit":"0.00","trailingStop":"0.00","tpslMode":"Full",'
        '"liqPrice":"","bustPrice":"","category":"linear","positionStatus":"Normal","adlRankIndicator":2,'
        '"createdTime":"1658899146441","updatedTime":"1664391600000","seq":8172241025}'
    )
    assert position_report(row).qty == 75
