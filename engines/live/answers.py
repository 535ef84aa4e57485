"""What follows from an answer of the exchange to one of our requests: confirmed, refused or unknown."""

from __future__ import annotations

from collections.abc import Callable

from engines.journal import Kind, Message, Outcome
from engines.live.books import Books
from engines.live.entries import Entries
from engines.live.pictures import Pictures
from engines.live.protector import Protector
from engines.live.seat import Look
from engines.live.turn import Turn
from engines.live.venue import (
    Answer,
    MarketOrder,
    PriceReport,
    Protect,
    ReadExecutions,
    ReadOrder,
    ReadPosition,
    Refusal,
    WalletReport,
)


class Answers:
    """See the module.

    Parameters
    ----------
    entries, protector, books, pictures
        The desk's.
    hear_wallet
        Takes a wallet that was read.
    """

    def __init__(
        self,
        entries: Entries,
        protector: Protector,
        books: Books,
        pictures: Pictures,
        hear_wallet: Callable[[WalletReport, Message, int], None],
    ) -> None:
        self._entries = entries
        self._protector = protector
        self._books = books
        self._pictures = pictures
        self._hear_wallet = hear_wallet

    def take(self, turn: Turn, answer: Answer) -> None:
        """Number the answer, and draw what follows from it."""
        request = answer.request
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

    def _ordered(self, turn: Turn, request: MarketOrder, answer: Answer) -> None:
        link_id = request.order_link_id
        order = turn.lane.working.get(link_id)
        known = order or turn.seat.unanswered.get(link_id)
        if known is None:
            return
        turn.ack(
            known,
            answer.outcome,
            answer.text,
            answer.code,
            order_id=answer.order_id,
            sent_ms=answer.sent_ms,
            received_ms=answer.received_ms,
        )
        if order is None:
            return  # its executions were faster than the answer, or it was given up
        if answer.outcome is Outcome.CONFIRMED:
            self._entries.watch(turn, link_id)
        elif answer.outcome is Outcome.UNKNOWN or answer.kind == Refusal.DUPLICATE:
            if answer.kind == Refusal.DUPLICATE:
                turn.sent(link_id, taken=True)
            self._entries.look_up(turn, link_id)
        elif order.enters:
            self._entry_refused(turn, link_id, answer)
        else:
            self._exit_refused(turn, link_id, answer)

    def _entry_refused(self, turn: Turn, link_id: str, answer: Answer) -> None:
        """Definitely not there: X stays flat, the script's flags stay as it set them, no retry."""
        kinds = {Refusal.EXPIRED.value: "missed", Refusal.RECALLED.value: "denied"}
        kind = kinds.get(answer.kind, "rejected")
        turn.drift(kind, code=answer.code, reason=answer.text)
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

    def _looked_up(self, turn: Turn, request: ReadOrder, answer: Answer) -> None:
        if answer.outcome is not Outcome.CONFIRMED:
            return  # unknown stays unknown: the look-up's timer asks again
        if not answer.rows:
            self._entries.not_found(turn, request.order_link_id)
        for report in answer.rows:
            if self._entries.is_ours(turn, report):
                self._books.order(turn, report)

    def _read(self, turn: Turn, answer: Answer) -> None:
        """Rows of a read are reports like those of the stream; an answer that failed is no answer."""
        seat, request = turn.seat, answer.request
        good = answer.outcome is Outcome.CONFIRMED
        if isinstance(request, ReadPosition) and not answer.rows:
            good = False  # asked for one symbol and got none: that is no answer, and surely not flat (D13)
        if isinstance(request, ReadExecutions) and good and answer.sent_ms is not None:
            seat.fills_read_ms = max(seat.fills_read_ms, answer.sent_ms)
        for report in answer.rows if good else ():
            if isinstance(report, WalletReport):
                self._hear_wallet(report, turn.message, turn.now_ms)
            elif isinstance(report, PriceReport):
                seat.last_price = report.last
            else:
                self._books.take(turn, report)
        if request.key == seat.settle_key:
            self._pictures.settled(turn, good=good)
        look = seat.look
        if look is not None and request.key in look.waiting:
            seat.look = look = Look(look.why, look.waiting - {request.key}, look.failed or not good)
            if not look.waiting:
                seat.look = None
                self._pictures.compare(turn, look)
