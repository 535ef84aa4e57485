"""What the exchange refuses: code and text, and that nothing happened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.exchange import Exchange, Market, known
from tests.exchange.clients import pybit_http
from tests.exchange.conftest import GENEROUS, Rig
from tests.exchange.sample import walk

Build = Callable[..., Rig]

ORDERS: list[tuple[str, dict[str, Any], int, str]] = [
    ("below the smallest quantity", {"qty": "0.0001"}, 10001, "exceeds minimum limit allowed"),
    ("close sent as quantity 0 without reduceOnly", {"qty": "0"}, 10001, "exceeds minimum limit allowed"),
    ("off the quantity grid", {"qty": "0.1005"}, 10001, "Qty invalid"),
    ("market order above its own maximum", {"qty": "200"}, 10001, "exceeds maximum limit allowed"),
    ("quantity is not a number", {"qty": "many"}, 10001, "params error: qty invalid"),
    ("off the price grid", {"qty": "1", "price": "99.999"}, 10001, "Price invalid"),
    ("buy above the band", {"qty": "1", "price": "151"}, 30208, "higher than the maximum buying price"),
    (
        "sell below the band",
        {"side": "Sell", "qty": "1", "price": "49"},
        30209,
        "lower than the minimum selling",
    ),
    ("order value below five dollars", {"qty": "0.04"}, 110094, "minimum order value 5USDT"),
    ("no money", {"qty": "999", "price": "120"}, 110007, "ab not enough for new order"),
    (
        "hedge index in one-way mode",
        {"qty": "1", "positionIdx": 1},
        10001,
        "position idx not match position mode",
    ),
    ("reduce-only while flat", {"qty": "1", "reduceOnly": True}, 110017, "current position is zero"),
    ("link id too long", {"qty": "1", "orderLinkId": "x" * 37}, 10001, "order link id is longer than 45"),
    ("link id with a space", {"qty": "1", "orderLinkId": "a b"}, 10001, "OrderLinkId invalid"),
    ("unknown side", {"qty": "1", "side": "long"}, 10001, "params error: side invalid"),
    ("unknown symbol", {"qty": "1", "symbol": "NOPEUSDT"}, 10001, "Not supported symbols"),
    (
        "rising trigger below",
        {"qty": "1", "triggerPrice": "99", "triggerDirection": 1},
        110092,
        "expect Rising",
    ),
    (
        "falling trigger above",
        {"qty": "1", "triggerPrice": "101", "triggerDirection": 2},
        110093,
        "expect Falling",
    ),
    ("trigger without direction", {"qty": "1", "triggerPrice": "99"}, 10001, "TriggerDirection invalid"),
    (
        "stop above a long's price",
        {"qty": "1", "stopLoss": "100.5"},
        10001,
        "StopLoss:10050000000 set for Buy position should lower than base_price:10000000000??LastPrice",
    ),
    (
        "stop above a limit order's own price",
        {"qty": "1", "price": "97", "stopLoss": "98"},
        10001,
        "StopLoss:9800000000 set for Buy position should lower than base_price:9700000000??LastPrice",
    ),
    (
        "stop below a short's price",
        {"side": "Sell", "qty": "1", "stopLoss": "99"},
        10001,
        "StopLoss:9900000000 set for Sell position should greater base_price:10000000000??LastPrice",
    ),
]


@pytest.mark.parametrize(("name", "words", "code", "text"), ORDERS, ids=[row[0] for row in ORDERS])
def test_create_refuses(rig: Build, name: str, words: dict[str, Any], code: int, text: str) -> None:
    """Code and text of each rule; afterwards there is no order and no position."""
    one = rig([100, 100])
    answer = one.refused(lambda: one.order(**{"side": "Buy", **words}))
    assert answer[0] == code
    assert text in answer[1]
    assert one.open_orders() == []
    assert one.fills() == []


def test_link_ids_are_single_use(rig: Build) -> None:
    """110072 even after the first order is done; the first order is found by its id."""
    one = rig([100, 100])
    one.order("Buy", "1", orderLinkId="L1")
    assert one.refused(lambda: one.order("Buy", "1", orderLinkId="L1"))[0] == 110072
    assert len(one.fills()) == 1
    found: Any = one.session.get_open_orders(category="linear", symbol="TESTUSDT", orderLinkId="L1")
    assert found["result"]["list"][0]["orderStatus"] == "Filled"


def test_trading_stop_refuses(rig: Build) -> None:
    """Flat, wrong side, unchanged, nothing asked, wrong category; 34040 leaves the stop as it is."""
    one = rig([100, 100])
    zero = (10001, "can not set tp/sl/ts for zero position")
    assert one.refused(lambda: one.stop(stopLoss="90"))[0] == zero[0]
    assert zero[1] in one.refused(lambda: one.stop(stopLoss="90"))[1]
    one.order("Buy", "1")
    assert "should lower than base_price" in one.refused(lambda: one.stop(stopLoss="101"))[1]
    one.stop(stopLoss="90")
    assert one.refused(lambda: one.stop(stopLoss="90"))[0] == 34040
    assert one.refused(lambda: one.stop())[0] == 34040
    assert one.refused(lambda: one.stop(category="option", stopLoss="91"))[0] == 181001
    empty_mode = one.refused(lambda: one.stop(tpslMode="", slOrderType="Market", stopLoss="91"))
    assert "tpSlMode is empty" in empty_mode[1]
    assert one.position()["stopLoss"] == "90"


def test_stop_by_mark_is_checked_against_mark(rig: Build) -> None:
    """Last 100, mark 102: 101 is below mark, above last."""
    one = rig([100, 100], mark_offset=2.0)
    one.order("Buy", "1")
    by_last = one.refused(lambda: one.stop(stopLoss="101", slTriggerBy="LastPrice"))
    assert by_last[1].split("??")[1].startswith("LastPrice")
    one.stop(stopLoss="101", slTriggerBy="MarkPrice")
    assert one.position()["stopLoss"] == "101"


def test_settings_refuse(rig: Build) -> None:
    """Leverage and mode: unchanged, out of range, blocked by orders or a position."""
    one = rig([100, 100])
    words: dict[str, Any] = {"category": "linear", "symbol": "TESTUSDT"}

    def leverage(value: str) -> Any:
        return one.session.set_leverage(**words, buyLeverage=value, sellLeverage=value)

    assert one.refused(lambda: leverage("10"))[0] == 110043
    assert one.refused(lambda: leverage("101"))[0] == 110013
    leverage("20")
    assert one.position()["leverage"] == "20"
    switch = one.session.switch_position_mode
    assert one.refused(lambda: switch(**words, mode=0))[0] == 110025
    one.order("Buy", "1", price="95")
    assert one.refused(lambda: switch(**words, mode=3))[0] == 110028
    one.order("Buy", "1")
    assert one.refused(lambda: switch(**words, mode=3))[0] == 110024


def test_reduce_only_on_the_same_side(rig: Build) -> None:
    """110017; a second close after the position is gone as well (K05: never opens a short)."""
    one = rig([100, 100])
    one.order("Buy", "1")
    assert one.refused(lambda: one.order("Buy", "1", reduceOnly=True))[0] == 110017
    one.order("Sell", "0", reduceOnly=True, closeOnTrigger=True)
    assert one.position()["size"] == "0"
    assert one.refused(lambda: one.order("Sell", "1", reduceOnly=True))[0] == 110017


def test_ten_conditional_orders_and_no_more(rig: Build) -> None:
    """110009 for the eleventh; stops of a position do not count."""
    one = rig([100, 100])
    one.order("Buy", "1", stopLoss="90")
    for _ in range(10):
        one.order("Buy", "1", triggerPrice="105", triggerDirection=1)
    eleventh = one.refused(lambda: one.order("Buy", "1", triggerPrice="105", triggerDirection=1))
    assert eleventh[0] == 110009


def test_delisted_symbols(rig: Build) -> None:
    """Delivering refuses openings and lets closings pass; Closed refuses everything."""
    one = rig([100, 100])
    one.order("Buy", "1")
    one.exchange.faults.eng.delist("TESTUSDT")
    assert one.refused(lambda: one.order("Buy", "1"))[0] == 30228
    one.order("Sell", "1", reduceOnly=True)
    one.exchange.faults.eng.delist("TESTUSDT", "Closed")
    assert one.refused(lambda: one.order("Buy", "1"))[0] == 110074


def test_lists_need_a_filter_and_seven_days(rig: Build) -> None:
    """The refusals of the reading endpoints."""
    one = rig([100, 100])
    assert one.refused(lambda: one.session.get_positions(category="linear"))[0] == 10001
    assert one.refused(lambda: one.session.get_open_orders(category="linear"))[0] == 10001
    assert one.refused(lambda: one.session.get_wallet_balance(accountType="CONTRACT"))[0] == 10001
    week = 7 * 86_400_000
    too_long = one.refused(
        lambda: one.session.get_executions(category="linear", startTime=1, endTime=2 + week)
    )
    assert "cannot exceed 7 days" in too_long[1]


def test_spot_refuses_what_belongs_to_perpetuals() -> None:
    """K18: the same symbol routed to spot: 170003 for foreign parameters, 170131 without coins, size codes."""
    bars = walk(50)
    markets = [Market(known("BTCUSDT", name), bars, "15m") for name in ("linear", "spot")]
    with Exchange(markets, stamps="wall", per_second=GENEROUS) as exchange:
        one = Rig(exchange, pybit_http(exchange, retry_codes={-1}))
        words: dict[str, Any] = {
            "category": "spot",
            "symbol": "BTCUSDT",
            "side": "Sell",
            "orderType": "Market",
        }

        def refused(**more: Any) -> int:
            return one.refused(lambda: one.session.place_order(**{**words, "qty": "0.01", **more}))[0]

        assert refused(reduceOnly=True) == 170003
        assert refused(triggerPrice="1", triggerDirection=1) == 170003
        assert refused() == 170131
        assert refused(qty="0.000001") == 170136
        assert refused(qty="0.0100001") == 170137
        assert refused(qty="0.00002") == 170140
        assert refused(side="Buy", qty="20000") == 170131
