"""Entries and exits of ours: what X's decision asks for, sized, named, written down, sent, and followed to its end."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from engines.journal import Outcome, order_link_id
from engines.live import leaving
from engines.live.feasibility import TooLarge, size_entry
from engines.live.guard import Guard
from engines.live.intents import orders_wanted, overtaken
from engines.live.levels import crossed, price_of
from engines.live.seat import Seat, Sent
from engines.live.turn import Turn
from engines.live.venue import (
    MarketOrder,
    OrderReport,
    ReadOrder,
    Refusal,
    Side,
    Urgency,
    WalletReport,
)
from engines.live.working import Working

_LOOK_AFTER_MS = 2_000  # an accepted market order that tells nothing more
_LOOKS_PAUSE_MS = (500, 1_000, 2_000, 4_000, 8_000, 15_000)
_LOOKS_FOR_A_TAKEN_NAME = 8  # about 45 s
NOT_THERE_MS = 5_000
"""So long after it was sent an order may be on the exchange and not be found yet."""


@dataclass(frozen=True)
class EntryPolicy:
    """See the settings of the same names."""

    max_entry_delay_ms: int
    too_large: TooLarge


class Entries:
    """Sends what was decided.

    Parameters
    ----------
    deployment
        Of the journal: part of every order's name.
    policy
        Of entries.
    wallet
        Tells the newest wallet; None is unknown.
    blocked
        Tells why the whole account may not enter now; empty when it may.
    guard
        Of the account: how large an entry may be.
    """

    def __init__(
        self,
        deployment: uuid.UUID,
        policy: EntryPolicy,
        wallet: Callable[[], WalletReport | None],
        blocked: Callable[[], str],
        guard: Guard,
    ) -> None:
        self.deployment = deployment
        self._policy = policy
        self._wallet = wallet
        self._blocked = blocked
        self._guard = guard

    def decide(self, turn: Turn) -> None:
        """What X decided on its last bar; of entries of both sides the last one holds, and the others are denied."""
        lane = turn.lane
        tick, grid = turn.seat.tick, turn.seat.rules.tick
        close = Decimal(repr(lane.exchange.close))
        close_ms = lane.exchange.time_ms + lane.stream.timeframe_ms
        wanted = orders_wanted(lane, self.deployment)
        entries = [order for order, wish in wanted if wish is not None]
        for order, wish in wanted:
            reason = overtaken(order, entries, turn.seat.held_qty)
            if reason and wish is not None:
                self.deny(turn, turn.intend(order, Sent()), reason)
            elif reason:
                continue
            elif wish is None:
                self.leave(turn, order)
            else:
                stop = price_of(wish.stop_ticks, tick, grid)
                self.enter(turn, order, stop, close, close_ms, waits=wish.reverses)

    def enter(
        self,
        turn: Turn,
        order: Working,
        stop: Decimal | None,
        close: Decimal,
        close_ms: int,
        *,
        waits: bool,
    ) -> None:
        """An entry at the decision's close, with its stop attached; ``waits`` for the position it reverses to go."""
        seat = turn.seat
        expires_ms = close_ms + self._policy.max_entry_delay_ms
        ask = self._guard.ask(turn, order.qty, close, waits=waits)
        policy = self._policy.too_large
        sized = size_entry(ask.qty, close, seat.rules, self._wallet(), policy, free=ask.free, caps=ask.caps)
        reason = self._refusal(turn, order, stop, close, expires_ms) or ask.reason or sized.reason
        if not reason:
            self._guard.entered(turn.now_ms)
            order = replace(order, qty=sized.qty)
        order = turn.intend(replace(order, stop=stop, waits=waits), Sent(), {"close": str(close)})
        if reason:
            self.deny(turn, order, reason)
        elif waits:
            seat.after_close = order.link_id
            turn.at(expires_ms + 1, "waiting", order.link_id)
        else:
            self.send(turn, order)

    def leave(self, turn: Turn, order: Working) -> None:
        """A reduce-only market order: never denied; of more than the exchange takes at once, the rest follows."""
        if order.qty >= abs(turn.seat.held_qty):
            leaving.begin(turn.seat, order.action)
        order = replace(order, qty=min(order.qty, turn.seat.rules.max_market_qty))
        self.send(turn, turn.intend(order, Sent()))

    def exit_now(self, turn: Turn, action: str, reason: str) -> None:
        """Leave the whole position at market, and go on until all of it is out; after an exit that is under way.

        A position larger than one market order may be leaves in several.
        """
        seat, lane = turn.seat, turn.lane
        leaving.begin(seat, action)
        held = seat.held_qty
        if held == 0 or any(not order.enters for order in lane.working.values()):
            return
        turn.because(reason)
        bar_ms = max(0, lane.exchange.time_ms)
        attempt = seat.next_attempt(bar_ms, action)
        link = order_link_id(self.deployment, lane.stream, bar_ms, action, attempt)
        qty = min(abs(held), seat.rules.max_market_qty)
        order = Working(
            link, action, -1 if held > 0 else 1, qty, 0, lane.exchange.bar_index, bar_ms, 0, attempt
        )
        self.send(turn, turn.intend(order, Sent(), {"reason": reason}))

    def named(self, turn: Turn, action: str, side: int, qty: Decimal, entry_id: int) -> Working:
        """An order of the lane's last bar that X did not ask for."""
        lane = turn.lane
        bar_ms = lane.exchange.time_ms
        attempt = turn.seat.next_attempt(bar_ms, action)
        link = order_link_id(self.deployment, lane.stream, bar_ms, action, attempt)
        return Working(link, action, side, qty, entry_id, lane.exchange.bar_index, bar_ms, 0, attempt)

    def after_close(self, turn: Turn) -> None:
        """The position is gone: the entry that waited for it goes out now, if it still may."""
        link_id = turn.seat.after_close
        order = turn.lane.working.get(link_id or "")
        if order is None or turn.seat.held_qty != 0:
            return
        turn.seat.after_close = None
        late = turn.now_ms > self.expiry_ms(turn, order)
        reason = "the position it reverses was gone too late" if late else self._changed(turn.seat, order)
        if reason:
            self.deny(turn, order, reason)
        else:
            self.send(turn, order)

    def give_up_waiting(self, turn: Turn, link_id: str) -> None:
        """An entry waited too long for the position it reverses."""
        order = turn.lane.working.get(link_id)
        if order is not None and turn.seat.after_close == link_id:
            self.deny(turn, order, "the position it reverses was not gone in time")

    def expiry_ms(self, turn: Turn, order: Working) -> int:
        """Last instant (ms) at which an entry may be sent."""
        later = 0 if turn.lane.setup.frozen.on_close is not None else turn.lane.stream.timeframe_ms
        close_ms = order.bar_ms - later + turn.lane.stream.timeframe_ms
        return close_ms + self._policy.max_entry_delay_ms

    def deny(self, turn: Turn, order: Working, reason: str) -> None:
        """Not sent, for a reason of ours: X forgets it, the script's flags stay."""
        turn.ack(order, Outcome.DENIED, reason)
        turn.drift("missed" if "late" in reason or "in time" in reason else "denied", reason=reason)
        turn.end(order.link_id, reason)

    def send(self, turn: Turn, order: Working) -> None:
        """Hand it to the gateway; a second time it goes out under the same name and cannot double."""
        if order.enters and turn.seat.held_qty == 0:
            leaving.end(
                turn.seat
            )  # what it opens is another position, whether or not a flat one is ever told
        turn.sent(order.link_id, sent_ms=turn.now_ms)
        turn.send(
            MarketOrder(
                key=turn.key("order"),
                stream=turn.lane.stream,
                urgency=Urgency.ENTRY if order.enters else Urgency.EXIT,
                expires_ms=self.expiry_ms(turn, order) if order.enters else None,
                order_link_id=order.link_id,
                side=Side.of(order.side),
                qty=order.left,
                reduce_only=not order.enters,
                stop_loss=order.stop if order.enters else None,
            )
        )

    def look_up(self, turn: Turn, link_id: str) -> None:
        """Ask the exchange what it knows of an order; again after growing pauses until it is settled."""
        if link_id not in turn.lane.working:
            return
        looks = turn.sent(link_id).looks
        turn.sent(link_id, looks=looks + 1)
        turn.send(ReadOrder(key=turn.key("lookup"), stream=turn.lane.stream, order_link_id=link_id))
        turn.at(turn.now_ms + _LOOKS_PAUSE_MS[min(looks, len(_LOOKS_PAUSE_MS) - 1)], "order", link_id)

    def watch(self, turn: Turn, link_id: str) -> None:
        """The exchange has accepted it: look when it tells nothing more."""
        turn.sent(link_id, confirmed=True)
        turn.at(turn.now_ms + _LOOK_AFTER_MS, "order", link_id)

    def not_found(self, turn: Turn, link_id: str) -> None:
        """A reliable answer without the order: it has not arrived yet, or it never will."""
        order = turn.lane.working.get(link_id)
        if order is None:
            return
        sent = turn.sent(link_id)
        if sent.sent_ms is not None and turn.now_ms - sent.sent_ms < NOT_THERE_MS:
            return  # the timer of the look-up asks again
        if sent.taken and not order.enters and sent.looks >= _LOOKS_FOR_A_TAKEN_NAME:
            # it ended unfilled long ago, which the exchange forgets after a day; reduce-only, so another cannot hurt
            turn.end(link_id, "its name has been used, and no order is found under it any more")
            return
        if order.enters and order.waits and turn.seat.held_qty * order.side < 0:
            turn.seat.after_close = link_id
            turn.at(self.expiry_ms(turn, order) + 1, "waiting", link_id)
            return
        late = "it never reached the exchange, and it is too late now"
        reason = late if turn.now_ms > self.expiry_ms(turn, order) else self._changed(turn.seat, order)
        if order.enters and reason:
            self.deny(turn, order, reason)
        else:
            self.send(turn, order)

    def is_ours(self, turn: Turn, report: OrderReport) -> bool:
        """Whether an order found under one of our names is the one that was asked for; another one ends ours.

        A reduce-only order may have been cut to the position, so only an entry's quantity tells.
        """
        order = turn.lane.working.get(report.order_link_id)
        if order is None or (
            report.side.sign == order.side
            and report.reduce_only != order.enters
            and (not order.enters or report.qty == order.qty)
            and report.created_ms >= order.bar_ms
        ):
            return True
        words = f"{report.side.value} {report.qty} {report.symbol}, made at {report.created_ms} ms"
        reason = f"the name {order.link_id} belongs to another order: {words}"
        turn.failure("order", Refusal.DUPLICATE.value, reason)
        turn.halt(Refusal.DUPLICATE.value, reason)
        if order.enters:
            self.deny(turn, order, reason)
        else:
            turn.end(order.link_id, reason)
        return False

    def _refusal(
        self, turn: Turn, order: Working, stop: Decimal | None, close: Decimal, expires_ms: int
    ) -> str:
        """Why an entry may not be sent; empty when it may."""
        seat = turn.seat
        if turn.now_ms > expires_ms:
            return f"too late: {turn.now_ms - expires_ms} ms after the entry's last instant"
        if stop is None:
            return "it has no stop: live entries carry one"
        if crossed(stop, close, order.side):
            return f"its stop {stop} is beyond the close {close} already"
        unresolved = [one.link_id for one in turn.lane.working.values() if one.enters]
        if unresolved:
            return f"order {unresolved[0]} is not resolved yet"
        return self._halted(seat) or self._blocked() or _mismatch(seat)

    def _changed(self, seat: Seat, order: Working) -> str:
        """Why an entry that was in order when it was decided may not be sent now; empty when it may."""
        if crossed(order.stop, seat.last_price, order.side):
            return f"its stop {order.stop} is beyond the price {seat.last_price} already"
        return self._halted(seat) or self._blocked() or (_mismatch(seat) if seat.is_current else "")

    def _halted(self, seat: Seat) -> str:
        return f"entries are halted: {next(iter(seat.halts.values()))}" if seat.halts else ""


def _mismatch(seat: Seat) -> str:
    """Why the exchange's position does not allow an entry."""
    there = seat.there_qty
    if there is None:
        return "the position on the exchange is unknown"
    if there != seat.held_qty:
        return f"the exchange holds {there}, the ledger {seat.held_qty}"
    return ""
