"""The matching engine: what fills, at which price, as maker or taker, and what it costs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from tests.exchange import Market, bars_from_prices, linear
from tests.exchange.conftest import MINUTE_MS, Rig

Build = Callable[..., Rig]


@dataclass
class Case:
    """Orders sent at the first price, then the whole path is walked; ``fills`` is what must come out."""

    name: str
    prices: list[float]
    orders: list[dict[str, Any]]
    fills: list[tuple[str, str, str, bool]]
    statuses: list[str] = field(default_factory=list)


CASES = [
    Case(
        "market order takes the price",
        [100, 101],
        [{"side": "Buy", "qty": "1"}],
        [("Buy", "100", "1", False)],
    ),
    Case(
        "a resting buy fills at its limit as maker when touched",
        [100, 95],
        [{"side": "Buy", "qty": "1", "price": "95"}],
        [("Buy", "95", "1", True)],
        ["Filled"],
    ),
    Case(
        "a resting order one tick away stays",
        [100, 95],
        [{"side": "Buy", "qty": "1", "price": "94.99"}],
        [],
        ["New"],
    ),
    Case(
        "a limit beyond the price takes the better price",
        [100, 101],
        [{"side": "Buy", "qty": "1", "price": "105"}],
        [("Buy", "100", "1", False)],
    ),
    Case(
        "PostOnly that would take is cancelled",
        [100, 101],
        [{"side": "Buy", "qty": "1", "price": "105", "timeInForce": "PostOnly"}],
        [],
        ["Cancelled"],
    ),
    Case(
        "IOC away from the price is cancelled",
        [100, 90],
        [{"side": "Buy", "qty": "1", "price": "95", "timeInForce": "IOC"}],
        [],
        ["Cancelled"],
    ),
    Case(
        "two levels fill in the order the price meets them",
        [100, 90],
        [{"side": "Buy", "qty": "1", "price": "92"}, {"side": "Buy", "qty": "2", "price": "97"}],
        [("Buy", "97", "2", True), ("Buy", "92", "1", True)],
    ),
    Case(
        "a conditional order waits for its trigger and then takes",
        [100, 110],
        [{"side": "Buy", "qty": "1", "triggerPrice": "105", "triggerDirection": 1}],
        [("Buy", "105", "1", False)],
        ["Filled"],
    ),
    Case(
        "a conditional limit rests after its trigger",
        [100, 110, 104],
        [{"side": "Buy", "qty": "1", "price": "104.5", "triggerPrice": "105", "triggerDirection": 1}],
        [("Buy", "104.5", "1", True)],
    ),
    Case(
        "attached stop and target: the one met first closes, the other vanishes",
        [100, 110, 90],
        [{"side": "Buy", "qty": "1", "takeProfit": "108", "stopLoss": "95"}],
        [("Buy", "100", "1", False), ("Sell", "108", "1", False)],
    ),
    Case(
        "a short's stop lies above",
        [100, 110],
        [{"side": "Sell", "qty": "1", "stopLoss": "103"}],
        [("Sell", "100", "1", False), ("Buy", "103", "1", False)],
    ),
    Case(
        "the stop attached to a resting entry guards it from the fill on, within the same bar",
        [100, 90],
        [{"side": "Buy", "qty": "1", "price": "97", "stopLoss": "95"}],
        [("Buy", "97", "1", True), ("Sell", "95", "1", False)],
    ),
    Case(
        "reduce-only rests and never turns the position",
        [100, 110],
        [{"side": "Buy", "qty": "1"}, {"side": "Sell", "qty": "5", "price": "105", "reduceOnly": True}],
        [("Buy", "100", "1", False), ("Sell", "105", "1", True)],
    ),
    Case(
        "a larger opposite order turns a one-way position in one execution",
        [100, 101],
        [{"side": "Buy", "qty": "1"}, {"side": "Sell", "qty": "3"}],
        [("Buy", "100", "1", False), ("Sell", "100", "3", False)],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_fills(rig: Build, case: Case) -> None:
    """Table of orders and the executions they must give."""
    one = rig(case.prices)
    ids = [one.order(**order) for order in case.orders]
    one.minutes(len(case.prices))
    assert one.fills() == case.fills
    if case.statuses:
        assert [one.shown(order_id)["orderStatus"] for order_id in ids] == case.statuses


def test_trail_follows_and_fills_on_the_retrace(rig: Build) -> None:
    """Distance 2 from the best price of the path, the same bar included; the stop behind it is cleared."""
    one = rig([100, 104, 103, 107, 90])
    one.order("Buy", "1")
    one.stop(trailingStop="2", stopLoss="92")
    one.minutes(5)
    assert one.fills()[-1] == ("Sell", "105", "1", False)
    assert one.position()["size"] == "0"
    assert one.open_orders() == []


def test_trail_waits_for_its_activation_price(rig: Build) -> None:
    """A dip deeper than the distance before the activation does nothing."""
    one = rig([100, 96, 106, 90])
    one.order("Buy", "1")
    one.stop(trailingStop="3", activePrice="105")
    one.minutes(1)
    assert len(one.fills()) == 1
    one.minutes(3)
    assert one.fills()[-1] == ("Sell", "103", "1", False)


def test_gap_fills_at_the_new_price(rig: Build) -> None:
    """A bar that opens beyond a stop fills it at the open; a resting limit keeps its own price."""

    def jump(bars: np.ndarray) -> None:
        for name in ("open", "high", "low", "close"):
            bars[name][1:] = 80

    one = rig([100, 100, 100, 100], spoil=jump)
    one.order("Buy", "1", stopLoss="95")
    one.order("Buy", "1", price="90")
    one.minutes(3)
    assert one.fills()[1:] == [("Sell", "80", "1", False), ("Buy", "90", "1", True)]


def test_an_order_on_the_closing_message_still_trades_at_the_close(rig: Build) -> None:
    """The jump to a new open comes two seconds after the boundary, the closing message within 1.005 s."""

    def jump(bars: np.ndarray) -> None:
        for name in ("open", "high", "low", "close"):
            bars[name][1:] = 80

    one = rig([100, 100, 100], spoil=jump)
    one.exchange.advance(MINUTE_MS + 1_005)
    one.order("Buy", "1")
    one.exchange.advance(1_000)
    one.order("Buy", "1")
    assert [fill[1] for fill in one.fills()] == ["100", "80"]


def test_reduce_only_orders_shrink_with_the_position(rig: Build) -> None:
    """A resting reduce-only order is cut to the position and goes with it."""
    one = rig([100, 100])
    one.order("Buy", "3")
    resting = one.order("Sell", "3", price="110", reduceOnly=True)
    one.order("Sell", "2")
    assert (one.shown(resting)["qty"], one.shown(resting)["orderStatus"]) == ("1", "New")
    one.order("Sell", "1")
    assert (one.shown(resting)["orderStatus"], one.shown(resting)["cancelType"]) == (
        "Cancelled",
        "CancelByReduceOnly",
    )


def test_market_order_is_an_ioc_limit_in_a_thin_book(rig: Build) -> None:
    """It walks the book up to its protective price; what is left is cancelled; price shows the limit."""
    one = rig([100, 100], depth_qty=Decimal(1), price_limit=Decimal("0.0002"))
    order = one.shown(one.order("Buy", "5"))
    assert one.fills() == [(("Buy"), price, "1", False) for price in ("100", "100.01", "100.02")]
    assert (order["price"], order["orderStatus"], order["cumExecQty"]) == ("100.02", "Cancelled", "3")
    assert order["avgPrice"] == "100.01"
    assert one.position()["size"] == "3"
    killed = one.shown(one.order("Buy", "5", price="100.02", timeInForce="FOK"))
    assert (killed["orderStatus"], killed["rejectReason"]) == ("Cancelled", "EC_CancelForNoFullFill")


def test_money_adds_up(rig: Build) -> None:
    """Wallet = start + results - fees; fee is rate x value; closed-pnl includes both fees."""
    one = rig([100, 110])
    one.order("Buy", "2")
    one.minutes(2)
    one.order("Sell", "2", reduceOnly=True)
    fees = Decimal("0.00055") * (200 + 220)
    assert one.balance() == Decimal(10_000) + 20 - fees
    reply: Any = one.session.get_closed_pnl(category="linear", symbol="TESTUSDT")
    assert Decimal(reply["result"]["list"][0]["closedPnl"]) == 20 - fees
    log: Any = one.session.get_transaction_log()
    rows = log["result"]["list"]
    assert sum(Decimal(row["change"]) for row in rows) == 20 - fees
    assert Decimal(rows[0]["cashBalance"]) == one.balance()


def test_resting_order_pays_the_maker_rate(rig: Build) -> None:
    """0.02 percent instead of 0.055."""
    one = rig([100, 90])
    one.order("Buy", "1", price="95")
    one.minutes(2)
    assert one.balance() == Decimal(10_000) - 95 * Decimal("0.0002")


def test_partial_close_keeps_the_average(rig: Build) -> None:
    """Adding averages, reducing does not; the stop order's quantity follows the position."""
    one = rig([100, 110])
    one.order("Buy", "1", stopLoss="90")
    one.minutes(2)
    one.order("Buy", "1")
    assert one.position()["avgPrice"] == "105"
    assert one.open_orders()[0]["qty"] == "2"
    one.order("Sell", "0.5", reduceOnly=True)
    assert (one.position()["avgPrice"], one.position()["size"]) == ("105", "1.5")
    assert one.open_orders()[0]["qty"] == "1.5"


def test_hedge_mode_keeps_two_positions(rig: Build) -> None:
    """Long and short side by side; each closes by its own index only."""
    one = rig([100, 110])
    one.session.switch_position_mode(category="linear", symbol="TESTUSDT", mode=3)
    one.order("Buy", "1", positionIdx=1)
    one.order("Sell", "2", positionIdx=2)
    assert [one.position(row)["size"] for row in (0, 1)] == ["1", "2"]
    one.minutes(2)
    one.order("Sell", "1", positionIdx=1)
    assert [(one.position(row)["side"], one.position(row)["size"]) for row in (0, 1)] == [
        ("", "0"),
        ("Sell", "2"),
    ]
    too_much = one.refused(lambda: one.order("Buy", "3", positionIdx=2))
    assert too_much[0] == 110017


def test_funding_is_an_execution(rig: Build) -> None:
    """At the funding time a long pays rate x size x mark; the row is execType Funding, orderType UNKNOWN."""
    eight_hours = 28_800_000
    start = 1_700_006_400_000 // eight_hours * eight_hours + eight_hours - 120_000
    one = rig([100, 100, 100, 100, 100], start_ms=start, funding_rate=0.001)
    one.order("Buy", "1")
    one.minutes(4)
    reply: Any = one.session.get_executions(category="linear", symbol="TESTUSDT", execType="Funding")
    rows = reply["result"]["list"]
    assert [(row["execFee"], row["orderType"], row["execType"]) for row in rows] == [
        ("0.1", "UNKNOWN", "Funding")
    ]
    assert int(rows[0]["execTime"]) % eight_hours == 0
    assert one.balance() == Decimal(10_000) - Decimal("0.055") - Decimal("0.1")


def test_a_loss_beyond_the_margin_is_liquidated(rig: Build) -> None:
    """The position goes by BustTrade, its stop order with it."""
    one = rig([100, 60], balance="1000")
    one.order("Buy", "50", stopLoss="61")
    one.stop(stopLoss="0", takeProfit="200")
    one.minutes(2)
    assert one.position()["size"] == "0"
    reply: Any = one.session.get_executions(category="linear", symbol="TESTUSDT")
    assert reply["result"]["list"][0]["execType"] == "BustTrade"
    assert one.open_orders() == []


def test_mark_and_last_triggers_differ(rig: Build) -> None:
    """A stop by mark price fires where mark, not last, meets it."""
    one = rig([100, 90], mark_offset=2.0)
    one.order("Buy", "1", stopLoss="97", slTriggerBy="MarkPrice")
    one.minutes(2)
    assert one.fills()[-1] == ("Sell", "95", "1", False)


def test_amend_moves_an_order(rig: Build) -> None:
    """Price and quantity; an order amended across the price takes at once."""
    one = rig([100, 100])
    order_id = one.order("Buy", "1", price="95")
    words: dict[str, Any] = {"category": "linear", "symbol": "TESTUSDT", "orderId": order_id}
    one.session.amend_order(**words, qty="2", price="96")
    assert (one.shown(order_id)["qty"], one.shown(order_id)["price"]) == ("2", "96")
    one.session.amend_order(**words, price="101")
    assert one.fills() == [("Buy", "100", "2", False)]
    assert one.refused(lambda: one.session.amend_order(**words, price="99"))[0] == 110001


def test_cancel_all_takes_stops_too(rig: Build) -> None:
    """Without a filter everything goes; with orderFilter only that kind."""
    one = rig([100, 100])
    one.order("Buy", "1", stopLoss="90")
    one.order("Buy", "1", price="95")
    words: dict[str, Any] = {"category": "linear", "symbol": "TESTUSDT"}
    one.session.cancel_all_orders(**words, orderFilter="Order")
    assert [order["stopOrderType"] for order in one.open_orders()] == ["StopLoss"]
    one.session.cancel_all_orders(**words)
    assert one.open_orders() == []
    assert one.position()["stopLoss"] == ""


def test_partial_stops_add_up(rig: Build) -> None:
    """Partial mode: each call adds an order over its own size."""
    one = rig([100, 110, 90])
    one.order("Buy", "2")
    one.stop(tpslMode="Partial", takeProfit="104", tpSize="0.5")
    one.stop(tpslMode="Partial", takeProfit="106", tpSize="0.5")
    one.stop(tpslMode="Partial", stopLoss="95", slSize="1")
    one.minutes(3)
    assert [fill[1:3] for fill in one.fills()] == [("100", "2"), ("104", "0.5"), ("106", "0.5"), ("95", "1")]


def test_margin_in_use_is_not_free(rig: Build) -> None:
    """A position and a resting order bind value / leverage; cancelling frees it."""
    one = rig([100, 100], balance="1000")
    one.order("Buy", "50")
    resting = one.order("Buy", "40", price="100.5", timeInForce="PostOnly")
    assert one.shown(resting)["orderStatus"] == "Cancelled"
    resting = one.order("Buy", "40", price="99")
    assert one.refused(lambda: one.order("Buy", "20"))[0] == 110007
    one.session.cancel_order(category="linear", symbol="TESTUSDT", orderId=resting)
    one.order("Buy", "20")
    assert one.position()["size"] == "70"


@pytest.mark.parametrize(
    ("bar", "expected"),
    [
        ((100, 103, 95, 101), [100, 103, 95, 101]),  # the high is strictly nearer: first
        ((100, 105, 97, 101), [100, 97, 105, 101]),
        ((100, 104, 96, 101), [100, 96, 104, 101]),  # a tie goes low first
    ],
)
def test_path_of_a_bar(bar: tuple[float, ...], expected: list[float]) -> None:
    """R4: open, the nearer extreme, the other, close; ties go to the low; volumes add up."""
    bars = bars_from_prices([100, 100], start_ms=0)
    bars["open"], bars["high"], bars["low"], bars["close"] = bar
    bars["volume"] = 2.0
    market = Market(linear("TESTUSDT", tick="0.01", step="0.001"), bars, "1m")
    assert [node.price for node in market.nodes(0)] == expected
    assert sum(node.volume for node in market.nodes(0)) == 2.0
    assert [market.price_at(at) for at in market.node_times(0)] == expected
