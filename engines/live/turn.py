"""One message of one lane while it is dealt with: what is numbered, recorded, and to be sent afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engines.journal import Ack, Drift, Failure, Kind, Message, Outcome, parse_order_link_id
from engines.live import leaving
from engines.live.intents import intent_of, recorded
from engines.live.lane import Lane
from engines.live.seat import Seat, Sent
from engines.live.venue import Request
from engines.live.working import Working


class Turn:
    """What the parts of the exchange desk share while they deal with a message.

    Attributes
    ----------
    requests
        To be sent once the message is committed, in this order.
    timers
        ``(time_ms, name, key)`` to be set.
    """

    def __init__(self, seat: Seat, message: Message, now_ms: int) -> None:
        self.seat = seat
        self.message = message
        self.now_ms = now_ms
        self.requests: list[Request] = []
        self.timers: list[tuple[int, str, str]] = []
        self._numbered = False

    @property
    def lane(self) -> Lane:
        """The lane of the seat."""
        return self.seat.lane

    def numbered(self) -> Turn:
        """An event of this message has been numbered by the caller."""
        self._numbered = True
        return self

    def number(self, kind: Kind, body: Mapping[str, Any]) -> None:
        """Number an event of this lane."""
        stream = self.lane.stream
        self.message.event(kind, self.now_ms, body, category=stream.category, symbol=stream.symbol)
        self._numbered = True

    def because(self, why: str) -> None:
        """Make sure that something is numbered that the records can belong to."""
        if not self._numbered:
            self.number(Kind.TIMER, {"why": why})

    def key(self, what: str) -> str:
        """A name for a request, unique in the process; the same one when the message is taken again."""
        self.seat.requests += 1
        return f"{what}-{self.lane.stream}-{self.seat.requests}"

    def send(self, request: Request) -> None:
        """Send it after the commit."""
        self.requests.append(request)

    def at(self, time_ms: int, name: str, key: str = "") -> None:
        """Ring a timer of this lane."""
        self.timers.append((time_ms, name, key))

    def intend(self, order: Working, sent: Sent, extra: Mapping[str, Any] | None = None) -> Working:
        """Write an order down before it is sent; its executions are known from now on."""
        self.because(order.action)
        number = self.message.record(intent_of(order, self.lane, extra))
        order = recorded(order, number)
        self.lane.expect(order)
        self.seat.sent[order.link_id] = sent
        self.seat.unanswered[order.link_id] = order
        link = parse_order_link_id(order.link_id)
        if link is not None:
            bar_ms = link.start_ms(self.lane.stream.timeframe_ms)
            self.seat.attempts[bar_ms, link.action] = link.attempt
        return order

    def sent(self, link_id: str, **changes: Any) -> Sent:
        """Change what is known of an order on its way."""
        changed = replace(self.seat.sent.get(link_id, Sent()), **changes)
        self.seat.sent[link_id] = changed
        return changed

    def ack(self, order: Working, outcome: Outcome, text: str, code: int | None = None, **body: Any) -> None:
        """Record what became of an order's intent."""
        self.because("ack")
        if outcome is not Outcome.UNKNOWN:
            self.seat.unanswered.pop(order.link_id, None)
        self.message.record(Ack(intent=order.intent, outcome=outcome, code=code, text=text, body=body))

    def settle_unanswered(self) -> None:
        """A new connection: what earlier processes or a lost answer left open and the ledger has finished is over."""
        for link_id, order in list(self.seat.unanswered.items()):
            if link_id not in self.lane.working:
                self.ack(order, Outcome.CONFIRMED, "known by what followed, not by its answer")

    def end(self, link_id: str, why: str) -> Working | None:
        """Nothing more will be executed of an order: number that, and let the ledger forget the rest of it."""
        self.seat.sent.pop(link_id, None)
        if self.seat.after_close == link_id:
            self.seat.after_close = None
        if link_id not in self.lane.working:
            return None
        self.number(Kind.ORDER, {"order_link_id": link_id, "ended": True, "why": why})
        order = self.lane.ended(link_id)
        if order is not None and not order.enters and self.seat.leaving is not None:
            self.at(leaving.pause(self.seat, self.now_ms), "leave")
        return order

    def drift(self, kind: str, **body: Any) -> None:
        """Record a difference between the ledgers or to what was asked."""
        self.because("drift")
        self.seat.notes += (kind,)
        self.message.record(
            Drift(
                stream=self.lane.stream,
                start_ms=max(0, self.lane.exchange.time_ms),
                kind=kind,
                trade_number=None,
                body=body,
            )
        )

    def failure(self, place: str, kind: str, text: str, **body: Any) -> None:
        """Record an error that was survived."""
        self.because("failure")
        self.message.record(Failure(place=place, kind=kind, text=text, body=body))

    def halt(self, name: str, reason: str) -> None:
        """No entries on this lane until an operator resumes; exits and stops go on."""
        if name in self.seat.halts:
            return
        self.seat.halts[name] = reason
        self.number(Kind.CONTROL, {"command": "halt", "name": name, "reason": reason, "by": "desk"})
        self.failure("desk", "halt", f"{self.lane.stream}: entries halted: {reason}")
