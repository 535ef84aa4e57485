"""The matching engine: orders against a scripted price that moves along a path."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from tests.exchange.crossings import Crossing, follow, next_crossing
from tests.exchange.engine_faults import Outcome
from tests.exchange.ledger import Ledger
from tests.exchange.market import Market, Node
from tests.exchange.numbers import ZERO, floor_to, to_decimal
from tests.exchange.orders import Order, opposite, sign_of
from tests.exchange.positions import Position
from tests.exchange.protection import Protection
from tests.exchange.venue import Venue
from tests.exchange.wallet import maintenance, unrealised

FillPrice = Literal["book", "last"]


@dataclass(frozen=True)
class _Part:
    """One execution to come: price and quantity."""

    price: Decimal
    qty: Decimal


class Engine:
    """Accepts, triggers, fills and ends orders.

    Parameters
    ----------
    venue
        Account, prices and clock.
    fill_price
        "book": takers buy at the ask and sell at the bid; "last": both trade at the last price, so that an
        exchange without spread can be compared with a backtest.
    """

    def __init__(self, venue: Venue, fill_price: FillPrice = "book") -> None:
        self._venue = venue
        self._fill_price = fill_price
        self._ledger = Ledger(venue.account)
        self.protection = Protection(venue)

    def submit(self, order: Order, market: Market) -> None:
        """Take an order that has passed the checks: let it wait for its trigger, rest, or match."""
        venue = self._venue
        venue.account.add(order)
        self._note_position_of(order)
        if order.status == "Untriggered":
            venue.note_order(order)
            return
        outcome = venue.faults.eng.next_outcome()
        delay_ms = venue.faults.eng.delay_ms
        if not delay_ms:
            self._match(order, market, outcome)
            return
        order.in_flight = True
        due_ms = venue.clock.now_ms() + delay_ms
        venue.scheduler.at(due_ms, lambda: self._match_late(order, market, outcome))

    def cancel(self, order: Order, cancel_type: str = "CancelByUser") -> None:
        """End an open order; a stop of a position is also taken off the position."""
        status = "Deactivated" if order.status == "Untriggered" else "Cancelled"
        if order.belongs_to_position:
            self.protection.consumed(order)
        self._venue.finish(order, status, cancel_type)
        self._note_position_of(order)
        self._venue.note_wallet()

    def amended(self, order: Order, market: Market) -> None:
        """An order was changed in place: tell it, and match it again if it now crosses the book."""
        order.updated_ms = self._venue.clock.now_ms()
        self._venue.note_order(order)
        self._note_position_of(order)
        if order.rests and self._crosses(order, market):
            self._match(order, market, Outcome(), announce=False)
        self.settle_price(market)

    def move(self, market: Market, node: Node) -> None:
        """Bring the price to a node of the script; everything on the way acts, each as a step of its own."""
        target = to_decimal(node.price)
        origin = self._venue.last[market.key]
        if node.jump:
            self._venue.last[market.key] = target
        self._sweep(market, target, origin)
        if market.instrument.category == "linear":
            self._check_liquidation()
        self._venue.on_price(market, node)

    def settle_price(self, market: Market) -> None:
        """Let orders act whose level the present price has passed already."""
        last = self._venue.last[market.key]
        self._sweep(market, last, last)

    def close_by_exchange(self, position: Position, *, create_type: str, exec_type: str) -> None:
        """Liquidation or auto-deleveraging of a whole position at the mark price."""
        venue = self._venue
        market = venue.market("linear", position.symbol)
        for order in venue.account.open_of("linear", position.symbol):
            if order.position_idx == position.idx:
                self.cancel(order, "CancelByPrepareLiq")
        order = self._own_order(position, create_type)
        venue.account.add(order)
        mark = venue.quote(market).mark
        order.price = mark
        self._fill(order, market, _Part(mark, position.size), maker=False, exec_type=exec_type)

    def own_market_order(self, market: Market, side: str, qty: Decimal, idx: int) -> None:
        """A market order as another client of the same account would send it."""
        now_ms = self._venue.clock.now_ms()
        order = Order(
            order_id=self._venue.new_id(),
            link_id="",
            category="linear",
            symbol=market.symbol,
            side=side,
            order_type="Market",
            qty=qty,
            created_ms=now_ms,
            updated_ms=now_ms,
            time_in_force="IOC",
            position_idx=idx,
            last_on_created=self._venue.last[market.key],
        )
        order.price = self.protective_price(market, order)
        self.submit(order, market)

    def settle_funding(self, market: Market) -> None:
        """Settle funding of every position of a perpetual at the mark price."""
        venue = self._venue
        held = [position for position in venue.account.held() if position.symbol == market.symbol]
        for position in held:
            venue.remember()
            execution = self._ledger.funding(
                position,
                market.instrument,
                rate=to_decimal(market.funding_rate),
                mark=venue.quote(market).mark,
                now_ms=venue.clock.now_ms(),
                seq=venue.next_seq(),
                exec_id=venue.new_id(),
            )
            venue.note_execution(execution)
            venue.note_position(position)
            venue.note_wallet()

    def protective_price(self, market: Market, order: Order) -> Decimal:
        """Limit of a market order: the symbol's price limit around the last price, or its own tolerance."""
        tick = market.instrument.tick
        last, sign = self._venue.last[market.key], sign_of(order.side)
        if order.slippage_type == "TickSize":
            return last + sign * order.slippage * tick
        share = order.slippage / 100 if order.slippage_type == "Percent" else market.instrument.price_limit
        return floor_to(last * (1 + sign * share), tick)

    def _sweep(self, market: Market, target: Decimal, origin: Decimal) -> None:
        venue, key = self._venue, market.key
        offset = to_decimal(market.mark_offset)
        while True:
            orders = venue.account.open_of(*key)
            if not orders:
                break
            found = next_crossing(orders, venue.last[key], target, mark_offset=offset, origin=origin)
            if found is None:
                break
            venue.last[key] = found.price
            follow(orders, found.price)
            venue.remember()
            self._act(found, market)
            venue.flush()
        venue.last[key] = target
        follow(venue.account.open_of(*key), target)

    def _act(self, found: Crossing, market: Market) -> None:
        order = found.order
        if found.arms:
            assert order.trail is not None
            order.trail.best = found.price
            return
        if order.rests:
            self._fill(order, market, _Part(order.price, order.leaves), maker=True)
            return
        self._trigger(order, market)

    def _trigger(self, order: Order, market: Market) -> None:
        venue = self._venue
        order.status, order.updated_ms = "Triggered", venue.clock.now_ms()
        if order.trail is not None and order.trail.best is not None:
            order.last_on_created = venue.last[market.key]
        venue.note_order(order)
        if order.belongs_to_position:
            self.protection.consumed(order)
        order.status = "New"
        if order.order_type == "Market":
            order.price = self.protective_price(market, order)
        outcome = venue.faults.eng.next_outcome()
        slip = venue.faults.eng.stop_slip_ticks
        self._match(order, market, outcome, extra_slip=slip)

    def _match_late(self, order: Order, market: Market, outcome: Outcome) -> None:
        order.in_flight = False
        if order.is_open:
            self._venue.remember()
            self._match(order, market, outcome)

    def _match(
        self, order: Order, market: Market, outcome: Outcome, *, announce: bool = True, extra_slip: int = 0
    ) -> None:
        venue = self._venue
        if outcome.reject_reason:
            order.reject_reason = outcome.reject_reason
            venue.finish(order, "Rejected")
            return
        if order.reduce_only and not self._still_reduces(order, market):
            venue.finish(order, "Cancelled", "CancelByReduceOnly")
            return
        immediate = order.order_type == "Market" or order.time_in_force in ("IOC", "FOK")
        parts = self._taken(order, market, outcome, extra_slip)
        taken = sum((part.qty for part in parts), ZERO)
        if parts and order.time_in_force == "PostOnly":
            order.reject_reason = "EC_PostOnlyWillTakeLiquidity"
            venue.finish(order, "Cancelled")
            return
        if order.time_in_force == "FOK" and taken < order.leaves:
            order.reject_reason = "EC_CancelForNoFullFill"
            venue.finish(order, "Cancelled")
            return
        if not immediate and announce and taken < order.leaves:
            venue.note_order(order)
        for part in parts:
            self._fill(order, market, part, maker=False)
        if order.is_open and immediate:
            self._cancel_rest(order)
        if order.filled_qty and (order.stop_loss or order.take_profit):
            self.settle_price(market)  # a fill can bring a stop that lies behind the price already

    def _taken(self, order: Order, market: Market, outcome: Outcome, extra_slip: int) -> list[_Part]:
        """Executions an order meets on arrival."""
        if order.order_type == "Limit" and not self._crosses(order, market):
            return []
        tick, sign = market.instrument.tick, sign_of(order.side)
        slip = self._venue.faults.eng.slip_ticks + extra_slip
        best = self._best(order.side, market) + sign * slip * tick
        if order.order_type == "Limit":
            best = min(best, order.price) if order.side == "Buy" else max(best, order.price)
        wanted = order.leaves
        if outcome.fractions is not None:
            step = market.instrument.step
            sizes = [floor_to(wanted * share, step) for share in outcome.fractions]
            if sum(outcome.fractions) == 1 and sizes:
                sizes[-1] = wanted - sum(sizes[:-1], ZERO)
            return [_Part(best, size) for size in sizes if size]
        if market.depth_qty is None:
            return [_Part(best, wanted)]
        return self._walk_book(order, best, wanted, sign * tick, market.depth_qty)

    @staticmethod
    def _walk_book(
        order: Order, best: Decimal, wanted: Decimal, step: Decimal, depth: Decimal
    ) -> list[_Part]:
        """Levels of ``depth`` base coins each, one tick apart, up to the order's limit."""
        parts: list[_Part] = []
        price = best
        while wanted and (price <= order.price if step > 0 else price >= order.price):
            parts.append(_Part(price, min(wanted, depth)))
            wanted -= parts[-1].qty
            price += step
        return parts

    def _best(self, side: str, market: Market) -> Decimal:
        quote = self._venue.quote(market)
        if self._fill_price == "last":
            return quote.last
        return quote.ask if side == "Buy" else quote.bid

    def _crosses(self, order: Order, market: Market) -> bool:
        best = self._best(order.side, market)
        return order.price >= best if order.side == "Buy" else order.price <= best

    def _still_reduces(self, order: Order, market: Market) -> bool:
        position = self._venue.account.positions.get((order.symbol, order.position_idx))
        if position is None or not position.size or position.side == order.side:
            return False
        if order.leaves > position.size:
            order.qty = order.filled_qty + floor_to(position.size, market.instrument.step)
        return True

    def _fill(
        self, order: Order, market: Market, part: _Part, *, maker: bool, exec_type: str = "Trade"
    ) -> None:
        venue, one = self._venue, market.instrument
        now_ms, seq = venue.clock.now_ms(), venue.next_seq()
        if one.category == "spot":
            execution = self._ledger.spot_fill(
                order,
                one,
                price=part.price,
                qty=part.qty,
                maker=maker,
                now_ms=now_ms,
                seq=seq,
                exec_id=venue.new_id(),
            )
        else:
            execution = self._ledger.linear_fill(
                order,
                one,
                price=part.price,
                qty=part.qty,
                maker=maker,
                mark=venue.quote(market).mark,
                now_ms=now_ms,
                seq=seq,
                exec_id=venue.new_id(),
                exec_type=exec_type,
            )
        venue.note_execution(execution)
        venue.note_wallet()
        if not order.leaves:
            venue.finish(order, "Filled")
        elif order.order_type == "Limit":
            order.status = "PartiallyFilled"
            venue.note_order(order)
        if one.category == "linear":
            position = venue.account.positions[(order.symbol, order.position_idx)]
            self.protection.sync(position)
            self.protection.attach(order, position, part.qty)
            venue.note_position(position)

    def _cancel_rest(self, order: Order) -> None:
        if not order.filled_qty:
            order.reject_reason = "EC_NoImmediateQtyToFill"
        partly_spot = order.category == "spot" and order.filled_qty
        self._venue.finish(order, "PartiallyFilledCanceled" if partly_spot else "Cancelled")

    def _note_position_of(self, order: Order) -> None:
        """The position topic speaks on every order event, changed or not."""
        if order.category == "linear":
            one = self._venue.market("linear", order.symbol).instrument
            now_ms = self._venue.clock.now_ms()
            self._venue.note_position(self._venue.account.position(one, order.position_idx, now_ms))

    def _check_liquidation(self) -> None:
        venue = self._venue
        while held := venue.account.held():
            equity = venue.account.coin("USDT").wallet + unrealised(venue.account, venue.price_of)
            if equity > maintenance(venue.account, venue.price_of):
                return
            worst = min(held, key=lambda one: one.unrealised(venue.price_of("linear", one.symbol)))
            venue.remember()
            self.close_by_exchange(worst, create_type="CreateByLiq", exec_type="BustTrade")
            venue.flush()

    def _own_order(self, position: Position, create_type: str) -> Order:
        now_ms = self._venue.clock.now_ms()
        return Order(
            order_id=self._venue.new_id(),
            link_id="",
            category="linear",
            symbol=position.symbol,
            side=opposite(position.side),
            order_type="Market",
            qty=position.size,
            created_ms=now_ms,
            updated_ms=now_ms,
            time_in_force="IOC",
            position_idx=position.idx,
            reduce_only=True,
            close_on_trigger=True,
            create_type=create_type,
            last_on_created=self._venue.last[("linear", position.symbol)],
        )
