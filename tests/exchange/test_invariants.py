"""Random orders on random markets: the books must always agree; random requests: never a crash."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest

from tests.exchange import Exchange, Market, linear
from tests.exchange.driver import Driver
from tests.exchange.orders import sign_of
from tests.exchange.parameters import Parameters
from tests.exchange.replies import RefusedError
from tests.exchange.routes import build_routes
from tests.exchange.sample import walk
from tests.exchange.venue import Event

START = Decimal(100_000)
STEP = Decimal("0.001")


class Desk:
    """An exchange without wires: handlers called directly, messages collected."""

    def __init__(self, seed: int) -> None:
        instrument = linear("TESTUSDT", tick="0.1", step="0.001")
        bars = walk(400, timeframe="1m", first_price=1_000.0, seed=seed)
        market = Market(instrument, bars, "1m", funding_rate=0.0003)
        self.exchange = Exchange([market], start_ms=int(bars["time_ms"][0]), balance=str(START), seed=seed)
        self.venue = self.exchange.venue
        self.driver = Driver(self.venue, self.exchange.engine, self.exchange.hub)
        self.events: list[Event] = []
        self.venue.publish = self.events.extend
        self.routes = build_routes(self.venue, self.exchange.engine)
        self.codes: Counter[int] = Counter()

    def call(self, method: str, endpoint: str, **words: Any) -> Any:
        """Run a handler; a refusal is counted and gives None."""
        try:
            result = self.routes[(method, endpoint)].handler(Parameters(words))
        except RefusedError as refusal:
            self.codes[refusal.code] += 1
            return None
        self.codes[0] += 1
        self.venue.flush()
        json.dumps(result)
        return result

    def advance(self, milliseconds: int) -> None:
        """Let the market run."""
        asyncio.run(self.driver.advance_to(self.venue.clock.now_ms() + milliseconds))


def random_action(desk: Desk, dice: random.Random) -> None:
    """One order, change, cancellation, stop or fault, with prices around the market."""
    words: dict[str, Any] = {"category": "linear", "symbol": "TESTUSDT"}
    last = desk.venue.last[("linear", "TESTUSDT")]

    def near(width: int = 80) -> str:
        return str(last + Decimal(dice.randint(-width, width)) / 10)

    kind = dice.random()
    if kind < 0.45:
        order = {"side": dice.choice(("Buy", "Sell")), "qty": str(dice.randint(1, 4_000) * STEP)}
        order["orderType"] = dice.choice(("Market", "Limit"))
        if order["orderType"] == "Limit":
            order |= {"price": near(), "timeInForce": dice.choice(("GTC", "IOC", "FOK", "PostOnly"))}
        more: dict[str, Any] = {}
        if dice.random() < 0.3:
            more |= {"stopLoss": near(), "tpslMode": dice.choice(("Full", "Partial"))}
        if dice.random() < 0.2:
            more |= {"takeProfit": near()}
        if dice.random() < 0.2:
            more |= {"reduceOnly": True}
        if dice.random() < 0.2:
            more |= {"triggerPrice": near(), "triggerDirection": dice.choice((1, 2))}
        desk.call("POST", "order/create", **words, **order, **more)
    elif kind < 0.65:
        stop = {name: near(60) for name in ("stopLoss", "takeProfit") if dice.random() < 0.5}
        if dice.random() < 0.4:
            stop["trailingStop"] = dice.choice(("0", "1.5", "4"))
        mode = dice.choice(("Full", "Full", "Partial"))
        desk.call("POST", "position/trading-stop", **words, tpslMode=mode, positionIdx=0, **stop)
    elif kind < 0.75 and desk.venue.account.open_orders:
        order_id = dice.choice(list(desk.venue.account.open_orders))
        desk.call("POST", "order/amend", **words, orderId=order_id, price=near())
    elif kind < 0.82 and desk.venue.account.open_orders:
        desk.call("POST", "order/cancel", **words, orderId=dice.choice(list(desk.venue.account.open_orders)))
    elif kind < 0.84:
        desk.call("POST", "order/cancel-all", **words)
    elif kind < 0.9:
        desk.venue.faults.eng.partial([dice.randint(1, 80) / 100, 0.2][: dice.randint(1, 2)])
    else:
        desk.venue.faults.eng.slippage(dice.randint(0, 3))
    desk.venue.flush()


def check_books(desk: Desk) -> None:
    """Wallet, executions, orders and positions tell one story."""
    account = desk.venue.account
    changes = sum((Decimal(row["change"]) for row in account.transactions), Decimal(0))
    assert abs(account.coin("USDT").wallet - START - changes) < Decimal("0.0001")
    trades = [one for one in account.executions if one.exec_type != "Funding"]
    held = sum((one.qty * sign_of(one.side) for one in trades), Decimal(0))
    position = account.positions.get(("TESTUSDT", 0))
    if position is not None:
        assert held == (position.size * sign_of(position.side) if position.size else 0)
        assert (position.side == "") == (position.size == 0)
    by_order: Counter[str] = Counter()
    for one in trades:
        by_order[one.order_id] += one.qty  # type: ignore[assignment]
        assert one.qty > 0
        assert one.qty % STEP == 0
    for order_id, order in account.orders.items():
        assert by_order[order_id] == order.filled_qty <= order.qty
        assert order.is_open == (order_id in account.open_orders)
        assert not (order.status == "Filled" and order.filled_qty != order.qty)
    stops = [one for one in account.open_orders.values() if one.belongs_to_position]
    if position is None or not position.size:
        assert stops == []
    else:
        full = {one.stop_order_type: one for one in stops if one.tpsl_mode == "Full"}
        assert all(one.qty == position.size and one.side != position.side for one in full.values())
        assert ("StopLoss" in full) == bool(position.stop_loss)
        assert ("TrailingStop" in full) == bool(position.trailing)


@pytest.mark.parametrize("seed", range(12))
def test_books_agree_after_every_step(seed: int) -> None:
    """A few hundred random actions between random market moves."""
    desk, dice = Desk(seed), random.Random(seed)
    for _ in range(300):
        random_action(desk, dice)
        check_books(desk)
        desk.advance(dice.choice((0, 500, 20_000, 60_000)))
        check_books(desk)
    assert desk.codes[0] > 50
    assert len(desk.codes) > 4
    executed = [event for event in desk.events if event.topic == "execution"]
    assert len(executed) == len(desk.venue.account.executions) > 20
    last_told = {
        event.row["orderId"]: event.row["orderStatus"] for event in desk.events if event.topic == "order"
    }
    assert last_told == {key: order.status for key, order in desk.venue.account.orders.items()}


def test_random_requests_never_crash() -> None:
    """Mutated parameters of every endpoint: a result or a refusal, and the books still agree."""
    desk, dice = Desk(99), random.Random(99)
    names = [
        "category",
        "symbol",
        "side",
        "orderType",
        "qty",
        "price",
        "positionIdx",
        "orderLinkId",
        "reduceOnly",
        "triggerPrice",
        "triggerDirection",
        "triggerBy",
        "takeProfit",
        "stopLoss",
        "trailingStop",
        "activePrice",
        "tpslMode",
        "slSize",
        "tpSize",
        "interval",
        "start",
        "end",
        "limit",
        "cursor",
        "startTime",
        "endTime",
        "buyLeverage",
        "sellLeverage",
        "mode",
        "accountType",
        "coin",
        "orderId",
        "openOnly",
        "settleCoin",
        "baseCoin",
        "closeOnTrigger",
        "timeInForce",
        "slippageToleranceType",
        "slippageTolerance",
        "setMarginMode",
        "marketUnit",
    ]
    values: list[Any] = [
        *("linear", "spot", "TESTUSDT", "NOPE", "Buy", "Sell", "Market", "Limit", "Full", "Partial"),
        *("1", "0", "-1", "1e400", "NaN", "1e-9", "999999999999", "USDT", "", None, True, False, 3, 0.5),
        *("UNIFIED", "15", "D", "M", "2", "1000.1", "\ud7ff", [], {}, "Percent", "TickSize", "10"),
    ]
    base = {"category": "linear", "symbol": "TESTUSDT", "side": "Buy", "orderType": "Market", "qty": "1"}
    endpoints = sorted(desk.routes)
    for _ in range(20_000):
        method, endpoint = dice.choice(endpoints)
        words: dict[str, Any] = dict(base) if dice.random() < 0.7 else {}
        for name in dice.sample(names, dice.randint(0, 5)):
            words[name] = dice.choice(values)
        desk.call(method, endpoint, **words)
    assert desk.codes[0] > 1_000
    account = desk.venue.account
    assert account.coin("USDT").wallet.is_finite()
