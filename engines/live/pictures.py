"""Pictures of a symbol: the position before a bar, and the whole of it from time to time, compared with the ledger."""

from __future__ import annotations

from engines.journal import Execution, Reconciled
from engines.live.books import Books, fills_wanted
from engines.live.entries import Entries
from engines.live.guesses import ADOPTED, ESTIMATED
from engines.live.inbox import BarClosed, Inbox
from engines.live.levels import Levels
from engines.live.protector import Protector
from engines.live.reconcile import Action, Desired, Orphans, Reported, Step, reconcile, signed
from engines.live.seat import Look, Seat
from engines.live.turn import Turn
from engines.live.venue import PositionReport, ReadPosition, ReadPrice, ReadWallet, Request, Urgency
from engines.live.working import FLATTEN
from kwin_core.state import BY_HAND

_LOOK_AGAIN_MS = 2_000
_MOST_DIFFERING = 30  # pictures, a minute of them


class Pictures:
    """Takes pictures, and does what follows from them.

    Parameters
    ----------
    entries, protector, books
        Who acts.
    inbox
        Where a bar that waited is posted again.
    orphans
        Policy for what the ledger does not know.
    """

    def __init__(
        self, entries: Entries, protector: Protector, books: Books, inbox: Inbox, orphans: Orphans
    ) -> None:
        self._entries = entries
        self._protector = protector
        self._books = books
        self._inbox = inbox
        self._orphans = orphans

    def settled(self, turn: Turn, *, good: bool) -> None:
        """The position before a bar is known: decide it, or read the executions that explain a difference first."""
        seat = turn.seat
        if seat.held is None:
            return
        seq = -1 if seat.position is None else seat.position.seq
        if (
            good
            and seat.settle_key != "settle-fills"
            and (seat.there_qty != seat.held_qty or seq > seat.fills_seq)
        ):
            seat.settle_key = "settle-fills"
            turn.send(fills_wanted(turn, seat.settle_key))
            return
        if good and seat.there_qty == seat.held_qty:
            seat.fills_seq = max(seat.fills_seq, seq)
        self.release(turn, unsettled=not good or seat.there_qty != seat.held_qty)

    def release(self, turn: Turn, *, unsettled: bool) -> None:
        seat = turn.seat
        held, seat.held, seat.settle_key = seat.held, None, None
        if held is None:
            return
        seat.settled_ms, seat.unsettled = held.time_ms, unsettled
        if unsettled:
            turn.drift("unsettled", bar_ms=held.time_ms)
        self._inbox.post(BarClosed(held))

    def look(self, turn: Turn, why: str) -> None:
        """Take a picture: position, executions, price, wallet."""
        seat, stream = turn.seat, turn.lane.stream
        if seat.look is not None:
            return
        reads: list[Request] = [
            fills_wanted(turn, turn.key("look")),
            ReadPosition(key=turn.key("look"), stream=stream, urgency=Urgency.EXIT),
            ReadPrice(key=turn.key("look"), stream=stream),
            ReadWallet(key=turn.key("look"), stream=stream),
        ]
        seat.look = Look(why, frozenset(one.key for one in reads))
        for one in reads:
            turn.send(one)

    def compare(self, turn: Turn, look: Look) -> None:
        """All reads of a picture are in: reconcile."""
        seat = turn.seat
        position = None if look.failed else seat.position
        desired = Desired(seat.held_qty, self._levels(seat), bool(turn.lane.working))
        reported = Reported(position, not look.failed, seat.is_current, seat.agreed)
        actions = reconcile(desired, reported, self._orphans, step=seat.rules.qty_step)
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
        self._note(turn, position, desired)
        for action in actions:
            self._do(turn, action)
        for link_id, sent in list(seat.sent.items()):
            if link_id in turn.lane.working and sent.sent_ms is not None and not sent.looks:
                self._entries.look_up(turn, link_id)

    def _note(self, turn: Turn, position: PositionReport | None, desired: Desired) -> None:
        """Agreement proves that executions are known until they were read; lasting difference is someone's business."""
        seat = turn.seat
        if position is None:
            return
        if signed(position) == desired.position:
            seat.differing = 0
            seat.fills_seq = max(seat.fills_seq, position.seq)
            if seat.is_current:
                seat.fills_until_ms = max(seat.fills_until_ms, seat.fills_read_ms)
        elif desired.working:
            seat.differing += 1
            if seat.differing == _MOST_DIFFERING:
                words = f"holds {signed(position)}, the ledger {desired.position}, and an order of ours still works"
                turn.halt("reconcile", words)

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
        kind = ADOPTED if opens else ESTIMATED
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
            exec_time_ms=report.updated_ms,
        )
        closed = "0" if opens else str(abs(action.qty))
        body = {"provenance": "estimate", "reason": action.reason, "closedSize": closed, "by": BY_HAND}
        if turn.message.execution(execution, turn.now_ms, body) is None:
            return
        lane.fill(execution, body)
        turn.numbered().drift("adopted" if opens else "phantom", qty=str(action.qty), price=str(price))
        self._books.changed(turn)
