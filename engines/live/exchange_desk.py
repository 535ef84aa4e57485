"""The exchange as the broker of every X: orders out, reports in, stops kept, pictures compared.

All methods run in the runner's thread, inside a journal message; what they return is sent after its commit. The parts
that decide are rooms of their own: `entries`, `protector`, `reconcile`, `follow`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any

from engines.journal import Execution, Kind, Message, OrderMessage, Outcome, PositionMessage, Reconciled
from engines.live.desk import DeskEvent
from engines.live.entries import Entries, EntryPolicy
from engines.live.follow import Follow
from engines.live.inbox import Answered, BarClosed, Control, Inbox, LinkChanged, TimerRang, Told
from engines.live.lane import Emulated, Lane
from engines.live.levels import Levels
from engines.live.protector import Protector, ProtectPolicy
from engines.live.reconcile import Action, Desired, Orphans, Reported, Step, reconcile, signed
from engines.live.seat import Look, Seat, Sent
from engines.live.turn import Turn
from engines.live.venue import (
    Answer,
    ExecutionReport,
    MarketOrder,
    OrderReport,
    PositionReport,
    PriceReport,
    Protect,
    ReadExecutions,
    ReadOrder,
    ReadPosition,
    ReadPrice,
    ReadWallet,
    Refusal,
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
from kwin_core.state import BY_HAND, BY_LIQUIDATION, BY_SETTLEMENT
from kwin_core.venue import ENTERED, LEFT

_OVERLAP_MS = 60_000  # executions are read again this far back: duplicates are dropped by their id
_LOOK_AGAIN_MS = 2_000
_SOON_MS = 1_500  # a report that differs: the executions may be on their way


@dataclass(frozen=True)
class DeskPolicy:
    """How the desk behaves; see the settings of the same names.

    Attributes
    ----------
    entries, protection
        Of the parts.
    orphans
        For positions that the ledger does not know.
    shadow
        Follow the emulator's trades instead of sending X's decisions.
    equity_from_wallet
        Size by the wallet's share instead of the book.
    allocation
        Share of the wallet by stream.
    settle_ms
        So long a bar waits for its position to be confirmed.
    look_ms
        Pause between two pictures while exposed; ten times that while flat.
    """

    entries: EntryPolicy
    protection: ProtectPolicy
    orphans: Orphans
    shadow: bool
    equity_from_wallet: bool
    allocation: Mapping[Stream, Decimal]
    settle_ms: int = 1_000
    look_ms: int = 60_000


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
    halts
        Reasons by stream that the journal says are in force.
    seen_until_ms
        When the last process still heard the exchange (ms); 0 for a new deployment.
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
        halts: Mapping[Stream, Mapping[str, str]] | None = None,
        seen_until_ms: int = 0,
        connect: Callable[[], None] = lambda: None,
    ) -> None:
        self.seats = {stream: Seat(lane, rules[stream]) for stream, lane in lanes.items()}
        for seat in self.seats.values():
            seat.fills_until_ms = seen_until_ms
            seat.sent.update({link_id: Sent() for link_id in seat.lane.working})
        for stream, reasons in (halts or {}).items():
            self.seats[stream].halts.update(reasons)
        self.wallet: WalletReport | None = None
        self.link_up = False
        self._venue = venue
        self._inbox = inbox
        self._clock = clock
        self._policy = policy
        self._connect = connect
        self._entries = Entries(deployment, policy.entries, lambda: self.wallet, self._blocked)
        self._follow = Follow(self._entries) if policy.shadow else None
        self._protector = Protector(
            policy.protection,
            self._entries.exit_now,
            self._follow.wanted if self._follow is not None else None,
        )

    # -- the runner's protocol ---------------------------------------------------------------------------

    def start(self) -> None:
        """Connect; the first picture is taken when the private stream is up."""
        self._connect()

    def ready(self, lane: Lane, bar: ClosedBar) -> bool:
        """Settle first when something is at stake: the position has to be confirmed before the bar is decided."""
        seat = self.seats[lane.stream]
        if bar.phase is not Phase.LIVE or not seat.exposed or seat.settled_ms == bar.time_ms:
            return True
        if seat.held is None or seat.held.time_ms != bar.time_ms:
            seat.held = bar
            seat.settle_key = f"settle-{bar.time_ms}"
            seat.unsettled = False
            request = ReadPosition(key=seat.settle_key, stream=lane.stream, urgency=Urgency.EXIT)
            self._venue.submit(request)
            self._ring(self._clock.now_ms() + self._policy.settle_ms, "settle", lane.stream, str(bar.time_ms))
        return False

    def before_decision(self, lane: Lane, emulated: Emulated, message: Message, now_ms: int) -> None:  # noqa: ARG002
        """With the wallet as equity: X sizes by its share of it, as long as it is flat."""
        seat = self.seats[lane.stream]
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
        seat.last_price = Decimal(repr(float(lane.exchange.core["close"])))
        if self._follow is not None:
            self._follow.decide(turn, emulated)
        else:
            self._entries.decide(turn)
        self._protector.refresh(turn)
        return self._finish(turn)

    def take(self, event: DeskEvent, message: Message, now_ms: int) -> Sequence[Request]:
        """Dispatch."""
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
        return {stream: seat.copy() for stream, seat in self.seats.items()}, self.wallet, self.link_up

    def go_back(self, mark: Any) -> None:
        """Undo everything since."""
        seats, self.wallet, self.link_up = mark
        self.seats = {stream: seat.copy() for stream, seat in seats.items()}

    def exposed(self, lane: Lane) -> bool:
        """Whether money is at stake."""
        return self.seats[lane.stream].exposed

    def submit(self, requests: Sequence[Request]) -> None:
        """Hand over to the gateway."""
        for request in requests:
            self._venue.submit(request)

    @property
    def idle(self) -> bool:
        """Whether the gateway has nothing under way and no bar is held back."""
        return self._venue.idle and all(seat.held is None for seat in self.seats.values())

    def close(self, seconds: float) -> bool:
        """Stop talking; stops on the exchange stay."""
        return self._venue.close(seconds)

    # -- what the exchange tells by itself ---------------------------------------------------------------

    def _on_report(self, report: Any, message: Message, now_ms: int) -> Sequence[Request]:
        if isinstance(report, WalletReport):
            self.wallet = report
            body = {"balance": str(report.wallet_balance), "available": str(report.available)}
            message.event(Kind.WALLET, now_ms, body)
            return ()
        seat = self._seat_of(report.category, report.symbol)
        if seat is None:
            return self._stranger(report, message, now_ms)
        turn = Turn(seat, message, now_ms)
        self._report(turn, report)
        return self._finish(turn)

    def _report(self, turn: Turn, report: ExecutionReport | OrderReport | PositionReport) -> None:
        if isinstance(report, ExecutionReport):
            self._execution(turn, report)
        elif isinstance(report, OrderReport):
            self._order(turn, report)
        else:
            self._position(turn, report)

    def _execution(self, turn: Turn, report: ExecutionReport) -> None:
        """A fill: numbered once, booked, then whatever its kind asks for."""
        seat, lane = turn.seat, turn.lane
        execution = Execution(
            category=report.category,
            symbol=report.symbol,
            exec_id=report.exec_id,
            order_id=report.order_id,
            order_link_id=report.order_link_id,
            side=report.side.value,
            price=str(report.price),
            quantity=str(report.qty),
            fee=str(report.fee),
            fee_currency=report.fee_currency,
            exec_type=report.exec_type,
            stop_order_type=report.stop_order_type,
            exec_time_ms=report.exec_time_ms,
            late=lane.is_late(report.exec_time_ms) and report.order_link_id not in lane.working,
        )
        if turn.message.execution(execution, turn.now_ms, report.raw) is None:
            return
        turn.numbered()
        if report.exec_type != "Funding":
            seat.last_fill_ms = max(seat.last_fill_ms, report.exec_time_ms)
        order = lane.working.get(report.order_link_id) if report.order_link_id else None
        reports = lane.fill(execution, report.raw)
        if execution.late and reports.size:
            turn.drift("late", exec_id=execution.exec_id, exec_time_ms=execution.exec_time_ms)
        for row in reports:
            if row["kind"] == ENTERED and order is not None and order.enters:
                self._protector.entered(seat, order.stop)
            elif row["kind"] == ENTERED:
                self._opened_outside(turn, report)
            elif (
                row["kind"] == LEFT
                and row["by"] in (BY_HAND, BY_LIQUIDATION, BY_SETTLEMENT)
                and order is None
            ):
                self._closed_outside(turn, int(row["by"]), report)
        if report.order_link_id and report.order_link_id not in lane.working:
            seat.sent.pop(report.order_link_id, None)
        else:
            self._maybe_finished(turn, report.order_link_id)
        self._after_change(turn)

    def _after_change(self, turn: Turn) -> None:
        """The ledger's position may be another now."""
        self._protector.refresh(turn)
        if turn.seat.held_qty == 0:
            self._entries.after_close(turn)

    def _opened_outside(self, turn: Turn, report: ExecutionReport) -> None:
        turn.drift("external_open", exec_id=report.exec_id, qty=str(report.qty), price=str(report.price))
        turn.halt("external", f"{report.qty} of {report.symbol} were bought or sold outside")
        if self._policy.orphans is Orphans.CLOSE:
            self._entries.exit_now(turn, FLATTEN, "opened outside")

    def _closed_outside(self, turn: Turn, by: int, report: ExecutionReport) -> None:
        kind = {BY_LIQUIDATION: "liquidation", BY_SETTLEMENT: "settlement"}.get(by, "manual_close")
        turn.drift(kind, exec_id=report.exec_id, qty=str(report.qty), price=str(report.price))
        if by != BY_HAND:
            turn.halt(kind, f"{kind} of {report.qty} {report.symbol} at {report.price}")

    def _order(self, turn: Turn, report: OrderReport) -> None:
        """An order's state: ends what will not be executed any more, once its executions are all here."""
        link_id = report.order_link_id
        ours = turn.lane.working.get(link_id) if link_id else None
        body = {"order_link_id": link_id, "status": report.status, "executed": str(report.executed_qty)}
        turn.number(Kind.ORDER, {**body, "reason": report.reject_reason, "stop": report.stop_order_type})
        turn.message.record(
            OrderMessage(
                category=report.category,
                symbol=report.symbol,
                order_id=report.order_id,
                order_link_id=link_id,
                status=report.status,
                executed=str(report.executed_qty),
                updated_ms=report.updated_ms,
            )
        )
        if ours is None:
            return
        if report.closed:
            turn.sent(link_id, confirmed=True, finished_at=report.executed_qty)
            self._maybe_finished(turn, link_id)
            if link_id in turn.lane.working:
                turn.send(self._fills(turn, turn.key("fills")))
        elif not turn.sent(link_id).confirmed:
            self._entries.watch(turn, link_id)

    def _maybe_finished(self, turn: Turn, link_id: str) -> None:
        """The exchange called an order finished and every execution of it is booked: the rest is gone."""
        order, sent = turn.lane.working.get(link_id), turn.seat.sent.get(link_id)
        if order is None or sent is None or sent.finished_at is None or order.executed < sent.finished_at:
            return
        if order.executed == 0 and order.enters:
            turn.drift("rejected", order_link_id=link_id, reason="the exchange ended it without a fill")
        elif order.executed < order.qty:
            turn.drift("partial", order_link_id=link_id, executed=str(order.executed), wanted=str(order.qty))
        turn.end(link_id, "finished")
        self._after_change(turn)

    def _position(self, turn: Turn, report: PositionReport) -> None:
        """A position as the exchange has it; older ones than the newest known are recorded and ignored."""
        seat = turn.seat
        turn.number(Kind.POSITION, {"size": str(signed(report)), "stop": _text(report.stop_loss)})
        turn.message.record(
            PositionMessage(
                category=report.category,
                symbol=report.symbol,
                side="" if report.side is None else report.side.value,
                size=str(report.qty),
                entry_price=_text(report.entry_price),
                stop_loss=_text(report.stop_loss),
                trailing_stop=_text(report.trailing_stop),
                exchange_seq=report.seq,
                updated_ms=report.updated_ms,
            )
        )
        newest = seat.position
        if newest is not None and (report.updated_ms, report.seq) < (newest.updated_ms, newest.seq):
            return
        same = newest is not None and signed(newest) == signed(report)
        seat.agreed = seat.agreed + 1 if same else 1
        seat.position = report
        if signed(report) == seat.held_qty:
            self._protector.seen(turn, report)
        else:
            turn.at(turn.now_ms + _SOON_MS, "look", "sizes differ")

    def _stranger(self, report: Any, message: Message, now_ms: int) -> Sequence[Request]:
        """Of a symbol that nobody here trades: recorded, never skipped."""
        kinds = {ExecutionReport: Kind.SIGNAL, OrderReport: Kind.ORDER, PositionReport: Kind.POSITION}
        body = {"stranger": type(report).__name__, "raw": dict(report.raw)}
        message.event(kinds[type(report)], now_ms, body, category=report.category, symbol=report.symbol)
        return ()

    # -- answers -----------------------------------------------------------------------------------------

    def _on_answer(self, answer: Answer, message: Message, now_ms: int) -> Sequence[Request]:
        request = answer.request
        turn = Turn(self.seats[request.stream], message, now_ms)
        turn.number(
            Kind.REPLY,
            {
                "to": type(request).__name__,
                "order_link_id": getattr(request, "order_link_id", ""),
                "outcome": answer.outcome.value,
                "code": answer.code,
                "text": answer.text,
                "kind": str(answer.kind),
                "sent_ms": answer.sent_ms,
                "received_ms": answer.received_ms,
            },
        )
        match request:
            case MarketOrder():
                self._ordered(turn, request, answer)
            case Protect():
                self._protector.answered(turn, answer)
            case ReadOrder():
                self._looked_up(turn, request, answer)
            case _:
                self._read(turn, answer)
        return self._finish(turn)

    def _ordered(self, turn: Turn, request: MarketOrder, answer: Answer) -> None:
        link_id = request.order_link_id
        order = turn.lane.working.get(link_id)
        if order is None:
            return  # its executions were faster than the answer, or it was given up
        turn.ack(
            order,
            answer.outcome,
            answer.text,
            answer.code,
            order_id=answer.order_id,
            sent_ms=answer.sent_ms,
            received_ms=answer.received_ms,
        )
        if answer.outcome is Outcome.CONFIRMED:
            self._entries.watch(turn, link_id)
        elif answer.outcome is Outcome.UNKNOWN or answer.kind == Refusal.DUPLICATE:
            self._entries.look_up(turn, link_id)
        elif order.enters:
            self._entry_refused(turn, link_id, answer)
        else:
            self._exit_refused(turn, link_id, answer)

    def _entry_refused(self, turn: Turn, link_id: str, answer: Answer) -> None:
        """Definitely not there: X stays flat, the script's flags stay as it set them, no retry."""
        expired = answer.kind == Refusal.EXPIRED
        turn.drift("missed" if expired else "rejected", code=answer.code, reason=answer.text)
        if answer.kind in (Refusal.ACCOUNT, Refusal.ROUTING, Refusal.UNTRADABLE, Refusal.UNKNOWN_WORDS):
            turn.halt(str(answer.kind), answer.text)
        turn.failure("entry", str(answer.kind) or "rejected", answer.text, code=answer.code)
        turn.end(link_id, answer.text)

    def _exit_refused(self, turn: Turn, link_id: str, answer: Answer) -> None:
        """An exit has to get out: flat already, or a further attempt under the next name."""
        order = turn.end(link_id, answer.text)
        turn.at(turn.now_ms, "look", "exit refused")
        if answer.kind == Refusal.ALREADY_FLAT or order is None:
            return
        turn.failure("exit", str(answer.kind) or "rejected", answer.text, code=answer.code)
        if answer.kind in (Refusal.ACCOUNT, Refusal.ROUTING):
            turn.halt(str(answer.kind), answer.text)
        turn.at(turn.now_ms + _LOOK_AGAIN_MS, "leave", order.action)

    def _looked_up(self, turn: Turn, request: ReadOrder, answer: Answer) -> None:
        if answer.outcome is not Outcome.CONFIRMED:
            return  # unknown stays unknown: the look-up's timer asks again
        if not answer.rows:
            self._entries.not_found(turn, request.order_link_id)
        for report in answer.rows:
            self._order(turn, report)

    def _read(self, turn: Turn, answer: Answer) -> None:
        """Rows of a read are reports like those of the stream; an answer that failed is no answer."""
        seat, request = turn.seat, answer.request
        good = answer.outcome is Outcome.CONFIRMED
        if isinstance(request, ReadPosition) and not answer.rows:
            good = False  # asked for one symbol and got none: that is no answer, and surely not flat (D13)
        if isinstance(request, ReadExecutions) and good and answer.sent_ms is not None:
            seat.fills_until_ms = max(seat.fills_until_ms, answer.sent_ms)
        for report in answer.rows if good else ():
            if isinstance(report, WalletReport):
                self.wallet = report
            elif isinstance(report, PriceReport):
                seat.last_price = report.last
            else:
                self._report(turn, report)
        if request.key == seat.settle_key:
            self._settled(turn, good=good)
        look = seat.look
        if look is not None and request.key in look.waiting:
            seat.look = look = Look(look.why, look.waiting - {request.key}, look.failed or not good)
            if not look.waiting:
                seat.look = None
                self._compare(turn, look)

    # -- settling and pictures ---------------------------------------------------------------------------

    def _settled(self, turn: Turn, *, good: bool) -> None:
        """The position before a bar is known: decide it, or read the executions that explain a difference first."""
        seat = turn.seat
        if seat.held is None:
            return
        if good and seat.there_qty != seat.held_qty and seat.settle_key != "settle-fills":
            seat.settle_key = "settle-fills"
            turn.send(self._fills(turn, seat.settle_key))
            return
        self._release(turn, unsettled=not good or seat.there_qty != seat.held_qty)

    def _release(self, turn: Turn, *, unsettled: bool) -> None:
        seat = turn.seat
        held, seat.held, seat.settle_key = seat.held, None, None
        if held is None:
            return
        seat.settled_ms, seat.unsettled = held.time_ms, unsettled
        if unsettled:
            turn.drift("unsettled", bar_ms=held.time_ms)
        self._inbox.post(BarClosed(held))

    def _look(self, turn: Turn, why: str) -> None:
        """Take a picture: position, executions, price, wallet."""
        seat, stream = turn.seat, turn.lane.stream
        if seat.look is not None:
            return
        reads: list[Request] = [
            self._fills(turn, turn.key("look")),
            ReadPosition(key=turn.key("look"), stream=stream, urgency=Urgency.EXIT),
            ReadPrice(key=turn.key("look"), stream=stream),
            ReadWallet(key=turn.key("look"), stream=stream),
        ]
        seat.look = Look(why, frozenset(one.key for one in reads))
        for one in reads:
            turn.send(one)

    def _fills(self, turn: Turn, key: str) -> ReadExecutions:
        """Executions since the last instant up to which they are known, with an overlap."""
        since_ms = max(0, (turn.seat.fills_until_ms or turn.now_ms) - _OVERLAP_MS)
        return ReadExecutions(key=key, stream=turn.lane.stream, urgency=Urgency.EXIT, since_ms=since_ms)

    def _compare(self, turn: Turn, look: Look) -> None:
        """All reads of a picture are in: reconcile."""
        seat = turn.seat
        position = None if look.failed else seat.position
        desired = Desired(seat.held_qty, self._levels(seat), bool(turn.lane.working))
        reported = Reported(position, not look.failed, seat.is_current, seat.agreed)
        actions = reconcile(desired, reported, self._policy.orphans, step=seat.rules.qty_step)
        turn.message.record(
            Reconciled(
                stream=turn.lane.stream,
                outcome="agree" if not actions else "differ",
                desired={"position": str(desired.position), "levels": str(desired.levels), "why": look.why},
                reported={"position": None if position is None else str(signed(position))},
                actions=[
                    {"step": one.step.value, "qty": str(one.qty), "reason": one.reason} for one in actions
                ],
            )
        )
        for action in actions:
            self._do(turn, action)
        for link_id, sent in list(seat.sent.items()):
            if link_id in turn.lane.working and sent.sent_ms is not None and not sent.looks:
                self._entries.look_up(turn, link_id)

    def _levels(self, seat: Seat) -> Levels:
        return self._protector.wanted(seat) if seat.held_qty != 0 else Levels()

    def _do(self, turn: Turn, action: Action) -> None:
        match action.step:
            case Step.LOOK_AGAIN | Step.READ_FILLS:
                turn.at(turn.now_ms + _LOOK_AGAIN_MS, "look", action.reason)
            case Step.PROTECT:
                report = turn.seat.position
                if report is not None:
                    self._protector.seen(turn, report)
            case Step.HALT:
                turn.halt("reconcile", action.reason)
            case Step.BOOK_CLOSE | Step.BOOK_OPEN:
                self._book(turn, action)
            case Step.CLOSE:
                self._entries.exit_now(turn, FLATTEN, action.reason)

    def _book(self, turn: Turn, action: Action) -> None:
        """What the exchange holds and no execution explains: booked with its provenance, so that it can be told."""
        seat, lane = turn.seat, turn.lane
        report = seat.position
        assert report is not None
        opens = action.step is Step.BOOK_OPEN
        price = report.entry_price if opens else seat.last_price
        if price is None:
            turn.at(turn.now_ms + _LOOK_AGAIN_MS, "look", "no price")
            return
        grows = action.qty > 0 if opens else action.qty < 0
        kind = "Adopted" if opens else "Estimated"
        execution = Execution(
            category=lane.stream.category,
            symbol=lane.stream.symbol,
            exec_id=f"{kind.lower()}-{report.seq}-{report.updated_ms}-{abs(action.qty)}",
            order_id="",
            order_link_id="",
            side="Buy" if grows else "Sell",
            price=str(price),
            quantity=str(abs(action.qty)),
            fee="0",
            fee_currency="USDT",
            exec_type=kind,
            stop_order_type="",
            exec_time_ms=turn.now_ms,
        )
        closed = "0" if opens else str(abs(action.qty))
        body = {"provenance": "estimate", "reason": action.reason, "closedSize": closed, "by": BY_HAND}
        if turn.message.execution(execution, turn.now_ms, body) is None:
            return
        lane.fill(execution, body)
        turn.numbered().drift("adopted" if opens else "phantom", qty=str(action.qty), price=str(price))
        self._after_change(turn)

    # -- the link, timers, the operator ------------------------------------------------------------------

    def _on_link(self, up: bool, reason: str, message: Message, now_ms: int) -> Sequence[Request]:
        self.link_up = up
        message.event(Kind.SIGNAL, now_ms, {"private_stream": "up" if up else "down", "reason": reason})
        requests: list[Request] = []
        if up:
            for seat in self.seats.values():
                turn = Turn(seat, message, now_ms).numbered()
                seat.look = None  # what was under way before belongs to another connection
                self._look(turn, "private stream up")
                for link_id in list(turn.lane.working):
                    if link_id != seat.after_close:
                        self._entries.look_up(turn, link_id)
                requests += self._finish(turn)
                self._ring_next_look(seat, now_ms)
        return requests

    def _ring_next_look(self, seat: Seat, now_ms: int) -> None:
        pause_ms = self._policy.look_ms if seat.exposed else 10 * self._policy.look_ms
        self._ring(now_ms + pause_ms, "picture", seat.lane.stream, "")

    def _on_timer(self, seat: Seat, name: str, key: str, message: Message, now_ms: int) -> Sequence[Request]:
        turn = Turn(seat, message, now_ms)
        match name:
            case "settle":
                if seat.held is not None and str(seat.held.time_ms) == key:
                    turn.because("settle")
                    self._release(turn, unsettled=True)
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
            case "naked":
                self._protector.naked_too_long(turn)
            case "leave":
                self._entries.exit_now(turn, key, "the exit was refused")
            case "look":
                self._look(turn, key)
            case "picture":
                self._look(turn, "timer")
                self._ring_next_look(seat, now_ms)
        return self._finish(turn)

    def _on_control(self, control: Control, message: Message, now_ms: int) -> Sequence[Request]:
        """``halt`` and ``resume`` concern entries; ``flatten`` leaves every position at market, reduce-only."""
        symbol = control.detail.get("symbol")
        body = {"command": control.command, "by": "operator", **control.detail}
        message.event(Kind.CONTROL, now_ms, body)
        requests: list[Request] = []
        for seat in self.seats.values():
            if symbol not in (None, seat.lane.stream.symbol):
                continue
            turn = Turn(seat, message, now_ms).numbered()
            match control.command:
                case "halt":
                    seat.halts["operator"] = str(control.detail.get("reason", "by the operator"))
                case "resume":
                    seat.halts.clear()
                case "flatten":
                    seat.halts["operator"] = "flattened by the operator"
                    self._entries.exit_now(turn, FLATTEN, "flatten")
            requests += self._finish(turn)
        return requests

    # -- helpers -----------------------------------------------------------------------------------------

    def _finish(self, turn: Turn) -> Sequence[Request]:
        for time_ms, name, key in turn.timers:
            self._ring(time_ms, name, turn.lane.stream, key)
        return turn.requests

    def _ring(self, time_ms: int, name: str, stream: Stream, key: str) -> None:
        self._clock.call_at(time_ms, partial(self._inbox.post, TimerRang(name, stream, key)))

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


def _text(value: Decimal | None) -> str:
    return "" if value is None else str(value)
