"""Paper trading: the emulator is the exchange. Its fills are numbered and booked as an exchange's would be."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

import numpy as np

from engines.journal import Ack, Drift, Execution, Kind, Message, Outcome
from engines.live.desk import DeskEvent
from engines.live.emulated_fills import emulated_fills
from engines.live.holding import Holding, paper_holding_of
from engines.live.inbox import Control
from engines.live.intents import intent_of, orders_wanted, recorded
from engines.live.lane import Emulated, Lane
from engines.live.venue import Request, Side
from engines.live.working import ENTRY, REVERSAL
from feeds.live.events import ClosedBar
from kwin_core.state import (
    BY_LIMIT,
    BY_LIMIT_CLOSE,
    BY_LIMIT_GAP,
    BY_REVERSAL,
    BY_STOP,
    BY_STOP_CLOSE,
    BY_STOP_GAP,
    BY_TRAIL,
    BY_TRAIL_GAP,
)
from kwin_core.venue import ENTERED

_STOP_TYPES = {
    **dict.fromkeys((BY_STOP, BY_STOP_GAP, BY_STOP_CLOSE), "StopLoss"),
    **dict.fromkeys((BY_TRAIL, BY_TRAIL_GAP), "TrailingStop"),
    **dict.fromkeys((BY_LIMIT, BY_LIMIT_GAP, BY_LIMIT_CLOSE), "TakeProfit"),
}


class PaperDesk:
    """The emulator as the exchange of every lane; it answers inside the same journal message.

    Parameters
    ----------
    deployment
        Of the journal: part of the orders' names.
    """

    def __init__(self, deployment: uuid.UUID) -> None:
        self._deployment = deployment

    def start(self) -> None:
        """Nothing to connect to."""

    def ready(self, lane: Lane, bar: ClosedBar) -> bool:  # noqa: ARG002
        """Always: the emulator has no news of its own."""
        return True

    def before_decision(self, lane: Lane, emulated: Emulated, message: Message, now_ms: int) -> None:
        """Number the fills of the bar's path."""
        fills = emulated_fills(lane.emulator.states, emulated.events, emulated.position_before)
        for number, report in enumerate(fills.on_path):
            self._fill(lane, report, f"p{number}", message, now_ms)

    def after_decision(
        self, lane: Lane, emulated: Emulated, message: Message, now_ms: int
    ) -> Sequence[Request]:
        """Record X's intents, then number the fills of the close."""
        wanted = orders_wanted(lane, self._deployment)
        for order, _wish in wanted:
            number = message.record(intent_of(order, lane))
            message.record(Ack(intent=number, outcome=Outcome.CONFIRMED, code=0, text="paper", body={}))
            lane.expect(recorded(order, number))
        fills = emulated_fills(lane.emulator.states, emulated.events, emulated.position_before)
        for number, report in enumerate(fills.at_close):
            self._fill(lane, report, f"c{number}", message, now_ms)
        if lane.setup.frozen.on_close is not None:
            for order, _wish in wanted:
                self._forget_unfilled(lane, order.link_id, message, now_ms)
        return ()

    def take(self, event: DeskEvent, message: Message, now_ms: int) -> Sequence[Request]:
        """The emulator never speaks by itself; an operator's word is numbered."""
        if isinstance(event, Control):
            message.event(Kind.CONTROL, now_ms, {"command": event.command, **event.detail})
        return ()

    def is_unsettled(self, lane: Lane) -> bool:  # noqa: ARG002
        """Never."""
        return False

    def mark(self) -> None:
        """It remembers nothing."""

    def go_back(self, mark: None) -> None:
        """Nothing to undo."""

    def exposed(self, lane: Lane) -> bool:  # noqa: ARG002
        """No money is at stake."""
        return False

    def holding(self, lane: Lane) -> Holding:
        """The emulator keeps its stop."""
        return paper_holding_of(lane)

    def submit(self, requests: Sequence[Request]) -> None:
        """Nothing is sent."""

    @property
    def idle(self) -> bool:
        """Always."""
        return True

    def close(self, seconds: float) -> bool:  # noqa: ARG002
        """No threads."""
        return True

    def _fill(self, lane: Lane, report: np.void, suffix: str, message: Message, now_ms: int) -> None:
        stream = lane.stream
        bar_ms, by = int(report["time_ms"]), int(report["by"])
        link_id = _link_of(lane, report)
        execution = Execution(
            category=stream.category,
            symbol=stream.symbol,
            exec_id=f"paper-{stream.short_hash}-{bar_ms}-{suffix}",
            order_id=link_id or f"paper-{stream.short_hash}-stop",
            order_link_id=link_id,
            side=Side.of(int(report["side"])).value,
            price=repr(float(report["price"])),
            quantity=repr(float(report["qty"])),
            fee=repr(float(report["fee"])),
            fee_currency="USDT",
            exec_type="Trade",
            stop_order_type="" if link_id else _STOP_TYPES.get(by, ""),
            exec_time_ms=bar_ms + stream.timeframe_ms - 1,
        )
        body = {"by": by}
        if message.execution(execution, now_ms, body) is not None:
            lane.fill(execution, body)

    def _forget_unfilled(self, lane: Lane, link_id: str, message: Message, now_ms: int) -> None:
        """An order of X that the emulator did not fill: the ledgers have parted, which paper never should."""
        order = lane.ended(link_id)
        if order is None:
            return
        body = {"order_link_id": link_id, "ended": True}
        message.event(Kind.ORDER, now_ms, body, category=lane.stream.category, symbol=lane.stream.symbol)
        message.record(
            Drift(
                stream=lane.stream,
                start_ms=lane.exchange.time_ms,
                kind="rejected",
                trade_number=None,
                body={"order_link_id": link_id, "reason": "the emulator did not fill it"},
            )
        )


def _link_of(lane: Lane, report: np.void) -> str:
    """Name of the order of ours that a fill of the emulator belongs to; empty for a stop."""
    side = int(report["side"])
    action = ENTRY if report["kind"] == ENTERED else REVERSAL if report["by"] == BY_REVERSAL else ""
    for order in lane.working.values():
        if order.side == side and order.action == action:
            return order.link_id
        if not action and order.side == side and report["by"] not in _STOP_TYPES and not order.enters:
            return order.link_id
    return ""
