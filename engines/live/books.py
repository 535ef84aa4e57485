"""What the exchange tells of a symbol, by stream or by read: numbered, recorded, and booked in the ledger."""

from __future__ import annotations

from decimal import Decimal

from engines.journal import Execution, Kind, OrderMessage, PositionMessage
from engines.live.entries import Entries
from engines.live.protector import Protector
from engines.live.reconcile import Orphans, signed
from engines.live.turn import Turn
from engines.live.venue import ExecutionReport, OrderReport, PositionReport, ReadExecutions, Urgency
from engines.live.working import FLATTEN
from kwin_core.state import BY_HAND, BY_LIQUIDATION, BY_SETTLEMENT
from kwin_core.venue import ENTERED, LEFT

_OVERLAP_MS = 60_000  # executions are read again this far back: duplicates are dropped by their id
_SOON_MS = 1_500  # a report that differs: the executions may be on their way


class Books:
    """Applies reports to a seat.

    Parameters
    ----------
    entries, protector
        What a changed position leads to.
    orphans
        Policy for what was opened outside.
    """

    def __init__(self, entries: Entries, protector: Protector, orphans: Orphans) -> None:
        self._entries = entries
        self._protector = protector
        self._orphans = orphans

    def take(self, turn: Turn, report: ExecutionReport | OrderReport | PositionReport) -> None:
        if isinstance(report, ExecutionReport):
            self.execution(turn, report)
        elif isinstance(report, OrderReport):
            self.order(turn, report)
        else:
            self.position(turn, report)

    def execution(self, turn: Turn, report: ExecutionReport) -> None:
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
        seat.fills_seq = max(seat.fills_seq, report.seq)
        if report.exec_type != "Funding":
            seat.last_fill_ms = max(seat.last_fill_ms, report.exec_time_ms)
        order = lane.working.get(report.order_link_id) if report.order_link_id else None
        before = seat.held_qty
        reports = lane.fill(execution, report.raw)
        if before * seat.held_qty < 0:
            self._protector.turned(turn)
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
        self.changed(turn)

    def changed(self, turn: Turn) -> None:
        """The ledger's position may be another now."""
        self._protector.refresh(turn)
        if turn.seat.held_qty == 0:
            self._entries.after_close(turn)

    def _opened_outside(self, turn: Turn, report: ExecutionReport) -> None:
        turn.drift("external_open", exec_id=report.exec_id, qty=str(report.qty), price=str(report.price))
        turn.halt("external", f"{report.qty} of {report.symbol} were bought or sold outside")
        if self._orphans is Orphans.CLOSE:
            self._entries.exit_now(turn, FLATTEN, "opened outside")

    def _closed_outside(self, turn: Turn, by: int, report: ExecutionReport) -> None:
        kind = {BY_LIQUIDATION: "liquidation", BY_SETTLEMENT: "settlement"}.get(by, "manual_close")
        turn.drift(kind, exec_id=report.exec_id, qty=str(report.qty), price=str(report.price))
        if by != BY_HAND:
            turn.halt(kind, f"{kind} of {report.qty} {report.symbol} at {report.price}")

    def order(self, turn: Turn, report: OrderReport) -> None:
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
            if report.closed and report.stop_order_type and turn.seat.held_qty != 0:
                turn.at(
                    turn.now_ms, "look", "a stop has ended"
                )  # by its fill, or without: then nothing protects
            return
        if report.closed:
            turn.sent(link_id, confirmed=True, finished_at=report.executed_qty)
            self._maybe_finished(turn, link_id)
            if link_id in turn.lane.working:
                turn.send(fills_wanted(turn, turn.key("fills")))
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
        self.changed(turn)

    def position(self, turn: Turn, report: PositionReport) -> None:
        """A position as the exchange has it; older ones than the newest known are recorded and ignored."""
        seat = turn.seat
        turn.number(Kind.POSITION, {"size": str(signed(report)), "stop": text_of(report.stop_loss)})
        turn.message.record(
            PositionMessage(
                category=report.category,
                symbol=report.symbol,
                side="" if report.side is None else report.side.value,
                size=str(report.qty),
                entry_price=text_of(report.entry_price),
                stop_loss=text_of(report.stop_loss),
                trailing_stop=text_of(report.trailing_stop),
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


def fills_wanted(turn: Turn, key: str) -> ReadExecutions:
    """Executions since the last instant up to which they are known, or since the oldest order at work was decided."""
    known_ms = turn.seat.fills_until_ms or turn.now_ms
    oldest_ms = min((order.bar_ms for order in turn.lane.working.values()), default=known_ms)
    since_ms = max(0, min(known_ms, oldest_ms) - _OVERLAP_MS)
    return ReadExecutions(key=key, stream=turn.lane.stream, urgency=Urgency.EXIT, since_ms=since_ms)


def text_of(value: Decimal | None) -> str:
    """As the journal keeps it; empty for none."""
    return "" if value is None else str(value)
