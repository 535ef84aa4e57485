"""Paper trading: the emulator is the exchange. Its fills are numbered and booked as an exchange's would be."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np

from engines.journal import Ack, Drift, Execution, Kind, Message, Outcome, order_link_id
from engines.live.desk import DeskEvent
from engines.live.emulated_fills import emulated_fills
from engines.live.holding import Holding, paper_holding_of
from engines.live.inbox import Control
from engines.live.intents import intent_of, orders_wanted, recorded
from engines.live.lane import Emulated, Lane
from engines.live.memory import lift
from engines.live.venue import Request, Side
from engines.live.working import ENTRY, FLATTEN, REVERSAL, Working
from feeds.live.events import ClosedBar
from feeds.stream import Stream
from kwin_core.account import commission_on
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

    While the entries of a lane are halted, what X asks for is denied and E goes on: E's fills then find no order of X,
    or no position, and are not booked (V19). From the next entry on that both take, they hold the same again.

    Parameters
    ----------
    deployment
        Of the journal: part of the orders' names.
    lanes
        By stream.
    halts
        Reasons by stream that the journal says are in force.
    """

    def __init__(
        self,
        deployment: uuid.UUID,
        lanes: Mapping[Stream, Lane],
        halts: Mapping[Stream, Mapping[str, str]] | None = None,
    ) -> None:
        self._deployment = deployment
        self._lanes = dict(lanes)
        self.halts: dict[Stream, dict[str, str]] = {
            stream: dict((halts or {}).get(stream, {})) for stream in lanes
        }
        self._held_at_close = 0.0

    def start(self) -> None:
        """Nothing to connect to."""

    def ready(self, lane: Lane, bar: ClosedBar) -> bool:  # noqa: ARG002
        """Always: the emulator has no news of its own."""
        return True

    def before_decision(self, lane: Lane, emulated: Emulated, message: Message, now_ms: int) -> None:
        """Number the fills of the bar's path."""
        fills = emulated_fills(lane.emulator.states, emulated.events, emulated.position_before)
        held = self._fills(lane, fills.on_path, emulated.position_before, "p", message, now_ms)
        self._held_at_close = held
        if lane.setup.frozen.on_close is None:
            due = [one.link_id for one in lane.working.values() if one.bar_ms <= lane.emulator.time_ms]
            for link_id in due:
                self._forget_unfilled(lane, link_id, message, now_ms)

    def after_decision(
        self, lane: Lane, emulated: Emulated, message: Message, now_ms: int
    ) -> Sequence[Request]:
        """Record X's intents, then number the fills of the close."""
        wanted = orders_wanted(lane, self._deployment)
        reason = next(iter(self.halts[lane.stream].values()), None)
        for order, wish in wanted:
            number = message.record(intent_of(order, lane))
            lane.expect(recorded(order, number))
            if wish is not None and reason is not None:
                self._deny(lane, order.link_id, number, f"entries are halted: {reason}", message, now_ms)
            else:
                message.record(Ack(intent=number, outcome=Outcome.CONFIRMED, code=0, text="paper", body={}))
        fills = emulated_fills(lane.emulator.states, emulated.events, emulated.position_before)
        self._fills(lane, fills.at_close, self._held_at_close, "c", message, now_ms)
        if lane.setup.frozen.on_close is not None:
            for order, _wish in wanted:
                self._forget_unfilled(lane, order.link_id, message, now_ms)
        return ()

    def take(self, event: DeskEvent, message: Message, now_ms: int) -> Sequence[Request]:
        """The emulator never speaks by itself; an operator's word is numbered and obeyed."""
        if not isinstance(event, Control):
            return ()
        message.event(Kind.CONTROL, now_ms, {"command": event.command, "by": "operator", **event.detail})
        for stream, lane in self._lanes.items():
            if event.detail.get("symbol") not in (None, stream.symbol):
                continue
            reasons = self.halts[stream]
            match event.command:
                case "halt":
                    name = str(event.detail.get("name") or "operator")
                    reasons[name] = str(event.detail.get("reason") or "by the operator")
                case "resume":
                    lift(reasons, event.detail.get("name"))
                case "flatten":
                    reasons["operator"] = "flattened by the operator"
                    self._flatten(lane, message, now_ms)
        return ()

    def is_unsettled(self, lane: Lane) -> bool:  # noqa: ARG002
        """Never."""
        return False

    def mark(self) -> Any:
        """The halts."""
        return {stream: dict(reasons) for stream, reasons in self.halts.items()}

    def go_back(self, mark: Any) -> None:
        """Undo everything since."""
        self.halts = {stream: dict(reasons) for stream, reasons in mark.items()}

    def exposed(self, lane: Lane) -> bool:  # noqa: ARG002
        """No money is at stake."""
        return False

    def holding(self, lane: Lane) -> Holding:
        """The emulator keeps its stop."""
        return paper_holding_of(lane, self.halts[lane.stream])

    def account(self) -> None:
        """There is none."""

    def submit(self, requests: Sequence[Request]) -> None:
        """Nothing is sent."""

    @property
    def idle(self) -> bool:
        """Always."""
        return True

    def close(self, seconds: float) -> bool:  # noqa: ARG002
        """No threads."""
        return True

    def _fills(
        self, lane: Lane, reports: np.ndarray, held: float, part: str, message: Message, now_ms: int
    ) -> float:
        """Book E's fills in X as far as X has part in them; E's position behind them, which ``held`` was before."""
        for number, report in enumerate(reports):
            link_id = _link_of(lane, report)
            qty = _part_of_x(lane, report, link_id, held)
            held += int(report["side"]) * float(report["qty"])
            if qty > 0.0:
                self._fill(lane, report, link_id, qty, f"{part}{number}", message, now_ms)
        return held

    def _fill(
        self,
        lane: Lane,
        report: np.void,
        link_id: str,
        qty: float,
        suffix: str,
        message: Message,
        now_ms: int,
    ) -> None:
        stream = lane.stream
        bar_ms, by = int(report["time_ms"]), int(report["by"])
        price, fee = float(report["price"]), float(report["fee"])
        if qty != float(report["qty"]):
            fee = float(commission_on(lane.exchange.core, qty, price))
        execution = Execution(
            category=stream.category,
            symbol=stream.symbol,
            exec_id=f"paper-{stream.short_hash}-{bar_ms}-{suffix}",
            order_id=link_id or f"paper-{stream.short_hash}-stop",
            order_link_id=link_id,
            side=Side.of(int(report["side"])).value,
            price=repr(price),
            quantity=repr(qty),
            fee=repr(fee),
            fee_currency="USDT",
            exec_type="Trade",
            stop_order_type="" if link_id else _STOP_TYPES.get(by, ""),
            exec_time_ms=bar_ms + stream.timeframe_ms - 1,
        )
        body = {"by": by}
        if message.execution(execution, now_ms, body) is not None:
            lane.fill(execution, body)

    def _flatten(self, lane: Lane, message: Message, now_ms: int) -> None:
        """Leave at the last close: paper knows no other price between two bars."""
        stream, held = lane.stream, lane.exchange.position
        if held == 0.0:
            return
        bar_ms, price = lane.exchange.time_ms, float(lane.exchange.close)
        order = Working(
            order_link_id(self._deployment, stream, bar_ms, FLATTEN),
            FLATTEN,
            -1 if held > 0.0 else 1,
            Decimal(repr(abs(held))),
            0,
            lane.exchange.bar_index,
            bar_ms,
            0,
        )
        number = message.record(intent_of(order, lane, {"reason": "flatten"}))
        message.record(Ack(intent=number, outcome=Outcome.CONFIRMED, code=0, text="paper", body={}))
        lane.expect(recorded(order, number))
        fee = float(commission_on(lane.exchange.core, abs(held), price))
        execution = Execution(
            category=stream.category,
            symbol=stream.symbol,
            exec_id=f"paper-{stream.short_hash}-{bar_ms}-f",
            order_id=order.link_id,
            order_link_id=order.link_id,
            side=Side.of(order.side).value,
            price=repr(price),
            quantity=repr(abs(held)),
            fee=repr(fee),
            fee_currency="USDT",
            exec_type="Trade",
            stop_order_type="",
            exec_time_ms=now_ms,
        )
        if message.execution(execution, now_ms, {}) is not None:
            lane.fill(execution, {})

    def _deny(
        self, lane: Lane, link_id: str, intent: int, reason: str, message: Message, now_ms: int
    ) -> None:
        """As for a rejected entry: X forgets it, the script's flags stay as the script set them."""
        message.record(Ack(intent=intent, outcome=Outcome.DENIED, code=None, text=reason, body={}))
        self._end(lane, link_id, "denied", reason, message, now_ms)

    def _forget_unfilled(self, lane: Lane, link_id: str, message: Message, now_ms: int) -> None:
        """An order of X that the emulator did not fill: only after a halt, when the ledgers have parted."""
        self._end(lane, link_id, "rejected", "the emulator did not fill it", message, now_ms)

    def _end(self, lane: Lane, link_id: str, kind: str, reason: str, message: Message, now_ms: int) -> None:
        if lane.ended(link_id) is None:
            return
        body = {"order_link_id": link_id, "ended": True, "why": reason}
        message.event(Kind.ORDER, now_ms, body, category=lane.stream.category, symbol=lane.stream.symbol)
        message.record(
            Drift(
                stream=lane.stream,
                start_ms=lane.exchange.time_ms,
                kind=kind,
                trade_number=None,
                body={"order_link_id": link_id, "reason": reason},
            )
        )


def _part_of_x(lane: Lane, report: np.void, link_id: str, held_by_e: float) -> float:
    """How much of a fill of E is X's too (base currency): all of it, unless a halt or a flatten has parted them."""
    order = lane.working.get(link_id)
    if report["kind"] == ENTERED:
        return 0.0 if order is None else float(order.left)
    qty, position = float(report["qty"]), lane.exchange.position
    if position * int(report["side"]) >= 0.0:
        return 0.0
    if position == held_by_e:
        return qty
    return abs(position) if qty >= abs(held_by_e) else min(qty, abs(position))


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
