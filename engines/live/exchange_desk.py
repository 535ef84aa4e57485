"""The exchange as the broker of every X: orders out, reports in, stops kept, pictures compared.

All methods run in the runner's thread, inside a journal message; what they return is sent after its commit. The parts
that decide are rooms of their own: `entries`, `protector`, `books`, `pictures`, `reconcile`, `follow`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from engines.journal import Kind, Message
from engines.live import leaving
from engines.live.answers import Answers
from engines.live.books import Books
from engines.live.desk import DeskEvent
from engines.live.desk_policy import DeskPolicy
from engines.live.entries import Entries
from engines.live.follow import Follow
from engines.live.guard import AccountView, Guard
from engines.live.holding import Holding, holding_of
from engines.live.inbox import Answered, BarClosed, Control, Inbox, LinkChanged, TimerRang, Told
from engines.live.lane import Emulated, Lane
from engines.live.memory import LEFT, Memory, lift
from engines.live.pictures import Pictures
from engines.live.protector import Protector
from engines.live.seat import Seat, Sent
from engines.live.turn import Turn
from engines.live.venue import (
    Answer,
    ExecutionReport,
    MarketOrder,
    OrderReport,
    PositionReport,
    ReadPosition,
    ReadWallet,
    Recall,
    Request,
    TradingRules,
    Urgency,
    Venue,
    WalletReport,
)
from engines.live.working import FLATTEN
from feeds.live.clock import Clock
from feeds.live.events import ClosedBar, Phase
from feeds.stream import Stream

_FLAT_ROUNDS = 10  # while flat a picture is taken this much more seldom


class ExchangeDesk:
    """See the module.

    Parameters
    ----------
    lanes, rules
        By stream.
    venue
        Takes the requests.
    inbox, clock
        Of the runner.
    deployment
        Of the journal.
    policy
        See `DeskPolicy`.
    memory
        Of the process before.
    connect
        Starts the private stream, once everything is ready to hear it.
    """

    def __init__(
        self,
        lanes: Mapping[Stream, Lane],
        rules: Mapping[Stream, TradingRules],
        venue: Venue,
        inbox: Inbox,
        clock: Clock,
        deployment: uuid.UUID,
        policy: DeskPolicy,
        *,
        memory: Memory = Memory(),  # noqa: B008  # nobody changes it
        connect: Callable[[], None] = lambda: None,
    ) -> None:
        self.seats = {stream: Seat(lane, rules[stream]) for stream, lane in lanes.items()}
        for stream, seat in self.seats.items():
            seat.sent.update({link_id: Sent() for link_id in seat.lane.working})
            seat.halts.update(memory.halts.get(stream, {}))
            seat.attempts.update(memory.attempts.get(stream, {}))
            seat.fills_until_ms = memory.fills_until_ms.get(stream, 0)
            leaving.restore(seat, memory.last_exit.get(stream))
            seat.unanswered.update(memory.unanswered.get(stream, {}))
        self.wallet: WalletReport | None = None
        self.link_up = False
        self._venue = venue
        self._inbox = inbox
        self._clock = clock
        self._policy = policy
        self._connect = connect
        self._guard = Guard(
            lambda: self.seats,
            lambda: self.wallet,
            policy.limits,
            policy.canary,
            memory.tally,
            policy.allocation,
        )
        self._entries = Entries(deployment, policy.entries, lambda: self.wallet, self._blocked, self._guard)
        self._follow = Follow(self._entries) if policy.shadow else None
        self._protector = Protector(
            policy.protection,
            self._entries.exit_now,
            self._follow.wanted if self._follow is not None else None,
        )

        self._books = Books(self._entries, self._protector, policy.orphans)
        self._pictures = Pictures(self._entries, self._protector, self._books, inbox, policy.orphans)
        self._answers = Answers(
            self._entries, self._protector, self._books, self._pictures, self._hear_wallet
        )

    # -- the runner's protocol ---------------------------------------------------------------------------

    def start(self) -> None:
        """Connect; the first picture is taken when the private stream is up."""
        for seat in self.seats.values():
            self._ring_stale(seat, self._clock.now_ms() + seat.lane.stream.timeframe_ms)
        self._connect()

    def ready(self, lane: Lane, bar: ClosedBar) -> bool:
        """Settle first when something is at stake: the position has to be confirmed before the bar is decided."""
        seat = self.seats[lane.stream]
        if seat.coming_ms is not None and bar.time_ms > seat.coming_ms:
            # an earlier one is being confirmed: several come at once when a gap was filled
            seat.queued += (bar,)
            return False
        if bar.phase is not Phase.LIVE or not seat.exposed or seat.settled_ms == bar.time_ms:
            return True
        if seat.held is None or seat.held.time_ms != bar.time_ms:
            seat.held, seat.coming_ms = bar, bar.time_ms
            seat.settle_key = f"settle-{bar.time_ms}"
            seat.unsettled = False
            request = ReadPosition(key=seat.settle_key, stream=lane.stream, urgency=Urgency.EXIT)
            self._venue.submit(request)
            self._ring(self._clock.now_ms() + self._policy.settle_ms, "settle", lane.stream, str(bar.time_ms))
        return False

    def before_decision(self, lane: Lane, emulated: Emulated, message: Message, now_ms: int) -> None:  # noqa: ARG002
        """With the wallet as equity: X sizes by its share of it, as long as it is flat."""
        seat = self.seats[lane.stream]
        self._guard.fresh_bar(seat, message, now_ms)
        if self._policy.equity_from_wallet and self.wallet is not None and seat.held_qty == 0:
            equity = float(self.wallet.wallet_balance * self._policy.allocation[lane.stream])
            if equity != float(lane.exchange.core["equity"]):
                stream = lane.stream
                body = {"rebased": equity}
                message.event(Kind.WALLET, now_ms, body, category=stream.category, symbol=stream.symbol)
                lane.rebase(equity)

    def after_decision(
        self, lane: Lane, emulated: Emulated, message: Message, now_ms: int
    ) -> Sequence[Request]:
        """X has decided: its orders, then its stops."""
        seat = self.seats[lane.stream]
        turn = Turn(seat, message, now_ms).numbered()
        seat.last_price = Decimal(repr(lane.exchange.close))
        free = self._not_halted()
        self._guard.judge_trades(turn)
        if self._follow is not None:
            self._follow.decide(turn, emulated)
        else:
            self._entries.decide(turn)
        self._protector.refresh(turn)
        self._guard.after(message, now_ms, (seat,))
        self._ring_stale(seat, now_ms)
        self._next_bar(seat)
        return self._held_back(self._finish(turn), free, message, now_ms)

    def take(self, event: DeskEvent, message: Message, now_ms: int) -> Sequence[Request]:
        """Dispatch; then the account is judged."""
        free = self._not_halted()
        requests = self._dispatch(event, message, now_ms)
        self._guard.after(message, now_ms, self._concerned(event), event)
        return self._held_back(requests, free, message, now_ms)

    def _concerned(self, event: DeskEvent) -> Iterable[Seat]:
        """Seats that an event can have changed; the wallet's is the account's, as links and operators are."""
        match event:
            case Answered(answer) if not isinstance(answer.request, ReadWallet):
                return (self.seats[answer.request.stream],)
            case TimerRang(_, stream) if stream is not None:
                return (self.seats[stream],)
            case Told(report) if not isinstance(report, WalletReport):
                seat = self._seat_of(report.category, report.symbol)
                return () if seat is None else (seat,)
        return self.seats.values()

    def _dispatch(self, event: DeskEvent, message: Message, now_ms: int) -> Sequence[Request]:
        match event:
            case Told(report):
                return self._on_report(report, message, now_ms)
            case Answered(answer):
                return self._on_answer(answer, message, now_ms)
            case LinkChanged(state):
                return self._on_link(state.up, state.reason, message, now_ms)
            case TimerRang(name, stream, key) if stream is not None:
                return self._on_timer(self.seats[stream], name, key, message, now_ms)
            case Control():
                return self._on_control(event, message, now_ms)
        return ()

    def is_unsettled(self, lane: Lane) -> bool:
        """Whether the bar goes on without a confirmed position."""
        return self.seats[lane.stream].unsettled

    def mark(self) -> Any:
        """All seats and what is known of the account."""
        seats = {stream: seat.copy() for stream, seat in self.seats.items()}
        return seats, self.wallet, self.link_up, self._guard.mark()

    def go_back(self, mark: Any) -> None:
        """Undo everything since."""
        seats, self.wallet, self.link_up, guard = mark
        self.seats = {stream: seat.copy() for stream, seat in seats.items()}
        self._guard.go_back(guard)

    def exposed(self, lane: Lane) -> bool:
        """Whether money is at stake."""
        return self.seats[lane.stream].exposed

    def holding(self, lane: Lane) -> Holding:
        """A copy of what the seat knows."""
        return holding_of(self.seats[lane.stream])

    def submit(self, requests: Sequence[Request]) -> None:
        """Hand over to the gateway."""
        for request in requests:
            self._venue.submit(request)

    def account(self) -> AccountView:
        """What the limits have counted and halted, for those who watch; in the runner's thread."""
        return self._guard.view(self._clock.now_ms())

    @property
    def idle(self) -> bool:
        """Whether the gateway has nothing under way; what is held back then waits for an instant."""
        return self._venue.idle

    def close(self, seconds: float) -> bool:
        """Stop talking; stops on the exchange stay."""
        return self._venue.close(seconds)

    # -- what the exchange tells by itself ---------------------------------------------------------------

    def _on_report(self, report: Any, message: Message, now_ms: int) -> Sequence[Request]:
        if isinstance(report, WalletReport):
            body = {"balance": str(report.wallet_balance), "available": str(report.available)}
            message.event(Kind.WALLET, now_ms, body)
            self._hear_wallet(report, message, now_ms)
            return ()
        seat = self._seat_of(report.category, report.symbol)
        if seat is None:
            return self._stranger(report, message, now_ms)
        turn = Turn(seat, message, now_ms)
        self._books.take(turn, report)
        if isinstance(report, ExecutionReport):
            self._guard.judge_trades(turn)
        return self._finish(turn)

    def _hear_wallet(self, report: WalletReport, message: Message, now_ms: int) -> None:
        self.wallet = report
        self._guard.compare_wallet(message, now_ms, report)

    def _stranger(self, report: Any, message: Message, now_ms: int) -> Sequence[Request]:
        """Of a symbol that nobody here trades: recorded, never skipped."""
        kinds = {ExecutionReport: Kind.SIGNAL, OrderReport: Kind.ORDER, PositionReport: Kind.POSITION}
        body = {"stranger": type(report).__name__, "raw": dict(report.raw)}
        message.event(kinds[type(report)], now_ms, body, category=report.category, symbol=report.symbol)
        return ()

    def _on_answer(self, answer: Answer, message: Message, now_ms: int) -> Sequence[Request]:
        turn = Turn(self.seats[answer.request.stream], message, now_ms)
        self._answers.take(turn, answer)
        return self._finish(turn)

    # -- the link, timers, the operator ------------------------------------------------------------------

    def _on_link(self, up: bool, reason: str, message: Message, now_ms: int) -> Sequence[Request]:
        self.link_up = up
        message.event(Kind.SIGNAL, now_ms, {"private_stream": "up" if up else "down", "reason": reason})
        requests: list[Request] = []
        if up:
            for seat in self.seats.values():
                turn = Turn(seat, message, now_ms).numbered()
                turn.settle_unanswered()
                seat.look = None  # what was under way before belongs to another connection
                self._pictures.look(turn, "private stream up")
                for link_id in list(turn.lane.working):
                    if link_id != seat.after_close:
                        self._entries.look_up(turn, link_id)
                requests += self._finish(turn)
                self._ring_next_look(seat, now_ms)
        return requests

    def _ring_next_look(self, seat: Seat, now_ms: int) -> None:
        seat.look_round += 1
        self._ring(now_ms + self._policy.look_ms, "picture", seat.lane.stream, str(seat.look_round))

    def _on_timer(self, seat: Seat, name: str, key: str, message: Message, now_ms: int) -> Sequence[Request]:
        turn = Turn(seat, message, now_ms)
        match name:
            case "settle":
                if seat.held is not None and str(seat.held.time_ms) == key:
                    turn.because("settle")
                    self._pictures.release(turn, unsettled=True)
            case "order":
                if key in turn.lane.working and key != seat.after_close:
                    turn.because("look-up")
                    self._entries.look_up(turn, key)
            case "waiting":
                self._entries.give_up_waiting(turn, key)
            case "protect" | "verify" if seat.held_qty != 0:
                if name == "verify":
                    turn.send(
                        ReadPosition(key=turn.key("verify"), stream=turn.lane.stream, urgency=Urgency.EXIT)
                    )
                else:
                    self._protector.refresh(turn)
            case "stale":
                self._guard.judge_age(turn)
            case "naked":
                self._protector.naked_too_long(turn)
            case "look":
                self._pictures.look(turn, key)
            case "picture" if key == str(seat.look_round):
                turn.settle_unanswered()
                if seat.exposed or seat.look_round % _FLAT_ROUNDS == 0:
                    self._pictures.look(turn, "timer")
                self._ring_next_look(seat, now_ms)
        return self._finish(turn)

    def _on_control(self, control: Control, message: Message, now_ms: int) -> Sequence[Request]:
        """``halt`` and ``resume`` concern entries; ``flatten`` leaves every position at market, reduce-only."""
        symbol = control.detail.get("symbol")
        body = {"command": control.command, "by": "operator", **control.detail}
        message.event(Kind.CONTROL, now_ms, body)
        requests: list[Request] = []
        wanted = control.detail.get("name")
        if control.command == "resume" and symbol is None:
            self._guard.resumed(wanted)
        for seat in self.seats.values():
            if symbol not in (None, seat.lane.stream.symbol):
                continue
            turn = Turn(seat, message, now_ms).numbered()
            match control.command:
                case "halt":
                    name = str(control.detail.get("name") or "operator")
                    seat.halts[name] = str(control.detail.get("reason") or "by the operator")
                case "resume":
                    lift(seat.halts, wanted, whole=symbol is None)
                case "flatten":
                    seat.halts["operator"] = "flattened by the operator"
                    self._entries.exit_now(turn, FLATTEN, "flatten")
            requests += self._finish(turn)
        return requests

    # -- helpers -----------------------------------------------------------------------------------------

    def _finish(self, turn: Turn) -> Sequence[Request]:
        was_leaving = turn.seat.leaving is not None
        if leaving.is_due(turn.seat, turn.now_ms):
            self._entries.exit_now(turn, turn.seat.leaving or FLATTEN, "not all of it is out")
        elif was_leaving and turn.seat.leaving is None:
            turn.number(Kind.CONTROL, {"command": LEFT, "by": "desk"})  # what is opened now is not to be left
        for time_ms, name, key in turn.timers:
            self._ring(time_ms, name, turn.lane.stream, key)
        return turn.requests

    def _ring(self, time_ms: int, name: str, stream: Stream, key: str) -> None:
        self._clock.call_at(time_ms, partial(self._inbox.post, TimerRang(name, stream, key)))

    def _next_bar(self, seat: Seat) -> None:
        """A bar has been decided: the one that waited behind it is next."""
        seat.coming_ms = None
        if seat.queued:
            first, seat.queued = seat.queued[0], seat.queued[1:]
            seat.coming_ms = first.time_ms
            self._inbox.post(BarClosed(first))

    def _not_halted(self) -> set[Stream]:
        return {stream for stream, seat in self.seats.items() if not seat.halts}

    def _held_back(
        self, requests: Sequence[Request], free_before: set[Stream], message: Message, now_ms: int
    ) -> list[Request]:
        """What was halted by this message sends no entry any more: none of its own, none that waits for its turn."""
        halted = free_before - self._not_halted()
        kept: list[Request] = []
        for request in requests:
            if isinstance(request, MarketOrder) and not request.reduce_only and request.stream in halted:
                turn = Turn(self.seats[request.stream], message, now_ms).numbered()
                order = turn.lane.working[request.order_link_id]
                self._entries.deny(turn, order, "entries were halted in the same instant")
            else:
                kept.append(request)
        kept += [
            Recall(key=f"recall-{stream}", stream=stream, urgency=Urgency.STOP)
            for stream in sorted(halted, key=str)
            if any(order.enters for order in self.seats[stream].lane.working.values())
        ]
        return kept

    def _ring_stale(self, seat: Seat, not_before_ms: int) -> None:
        due_ms = self._guard.stale_at_ms(seat)
        if due_ms is not None and max(due_ms, not_before_ms) > self._clock.now_ms():
            self._ring(max(due_ms, not_before_ms), "stale", seat.lane.stream, "")

    def _seat_of(self, category: str, symbol: str) -> Seat | None:
        return next(
            (
                seat
                for stream, seat in self.seats.items()
                if (stream.category, stream.symbol) == (category, symbol)
            ),
            None,
        )

    def _blocked(self) -> str:
        return "" if self.link_up else "the private stream is down"
