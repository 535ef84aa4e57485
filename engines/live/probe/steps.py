"""The probe's trade: the smallest entry with a stop, a native trail, a stop moved under it, three kinds of exit."""

from __future__ import annotations

import itertools
import time
import uuid
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

from engines.journal import Outcome
from engines.live.bybit.gateway import BybitGateway
from engines.live.probe.record import Record
from engines.live.venue import (
    Answer,
    MarketOrder,
    PositionReport,
    PriceReport,
    Protect,
    ReadOpenOrders,
    ReadPosition,
    ReadPrice,
    Request,
    Side,
    TradingRules,
    Urgency,
)
from feeds.stream import Stream
from kwin_core.errors import VenueError

ANSWER_S = 15.0
DISTANCES_TICKS = (1, 2, 5, 10, 20, 50, 100)
_CLOSE_BY_TICKS = 5
_ABOVE_LEAST = Decimal("1.2")  # the price may fall between the look and the order


@dataclass(frozen=True)
class Pace:
    """How long the probe waits.

    Attributes
    ----------
    patience_s
        For a stop and a trail to be hit (seconds).
    pause_s
        After an answer, for the private rows that belong to it (seconds).
    """

    patience_s: float
    pause_s: float


class Steps:
    """See the module.

    Parameters
    ----------
    gateway, record
        Who sends, who keeps.
    stream, rules
        The symbol.
    pace
        How long it waits.
    """

    def __init__(
        self,
        gateway: BybitGateway,
        record: Record,
        stream: Stream,
        rules: TradingRules,
        pace: Pace,
    ) -> None:
        self._gateway = gateway
        self._record = record
        self._stream = stream
        self._rules = rules
        self._pace = pace
        self._numbers = itertools.count(1)
        self._name = uuid.uuid4().hex[:12]
        self._last = Decimal(0)

    def run(self) -> None:
        """All of them.

        Raises
        ------
        VenueError
            The exchange does not answer, or refuses the entry itself.
        """
        self._begin("subscribe")
        time.sleep(self._pace.pause_s)
        self._price()
        self._first_trade()
        self._begin("flat")
        self._send(self._protect(stop_loss=self._level("0.97")))
        self._send(self._order(Side.SELL, self._quantity(), reduce_only=True))
        self._left_by_the_exchange("stop exit", near=True)
        self._left_by_the_exchange("trail exit", near=False)

    def _first_trade(self) -> None:
        self._begin("entry")
        entry = self._order(Side.BUY, self._quantity(), stop=self._level("0.97"))
        answer = self._send(entry)
        if answer.outcome is not Outcome.CONFIRMED:
            raise VenueError(f"{self._stream.symbol}: the entry was not accepted: {answer.text}")
        self._look()
        self._begin("same name")
        self._send(replace(entry, key=self._key()))
        self._begin("same stop")
        self._send(self._protect(stop_loss=entry.stop_loss))
        self._begin("trail")
        self._send(self._protect(trailing_stop=self._part("0.01"), active_price=self._level("1.02")))
        self._look()
        self._begin("stop under trail")
        self._send(self._protect(stop_loss=self._level("0.975")))
        self._look()
        self._begin("trail removed")
        self._send(self._protect(trailing_stop=Decimal(0)))
        self._look()
        self._begin("activation passed")
        self._send(self._protect(trailing_stop=self._part("0.05"), active_price=self._level("0.99")))
        self._look()
        self._send(self._protect(trailing_stop=Decimal(0)))
        self._begin("least distance")
        self._tightest_trail(self._level("1.02"))
        self._begin("second stop")
        self._send(self._order(Side.BUY, self._quantity(), stop=self._level("0.96")))
        self._look()
        self._begin("exit")
        self._leave()

    def _left_by_the_exchange(self, step: str, *, near: bool) -> None:
        """An entry that the exchange's own stop or trail ends, or that is left when neither is hit in time."""
        self._begin(step)
        self._price()
        stop = self._last - self._rules.tick * _CLOSE_BY_TICKS if near else self._level("0.97")
        answer = self._send(self._order(Side.BUY, self._quantity(), stop=stop))
        if answer.outcome is Outcome.CONFIRMED:
            if not near:
                self._tightest_trail(None)
            self._record.wait(self._is_flat, self._pace.patience_s)
            time.sleep(self._pace.pause_s)
            self._look()
        self._leave()

    def _tightest_trail(self, active_price: Decimal | None) -> None:
        for ticks in DISTANCES_TICKS:
            distance = self._rules.tick * ticks
            answer = self._send(self._protect(trailing_stop=distance, active_price=active_price))
            if answer.outcome is Outcome.CONFIRMED:
                return

    def _leave(self) -> None:
        """Out at market, reduce-only; nothing to do when flat."""
        held = self._look().qty
        if held:
            self._send(self._order(Side.SELL, held, reduce_only=True))
            self._record.wait(self._is_flat, ANSWER_S)
            time.sleep(self._pace.pause_s)
            self._look()

    # -- asking ------------------------------------------------------------------------------------------

    def _begin(self, step: str) -> None:
        self._record.step = step

    def _send(self, request: Request) -> Answer:
        """Send, wait for the answer, and for what is told by itself about it."""
        self._record.asked(request)
        self._gateway.submit(request)
        if not self._record.wait(lambda: request.key in self._record.answers, ANSWER_S):
            raise VenueError(
                f"{self._stream.symbol}: no answer to {type(request).__name__} in {ANSWER_S:g} s"
            )
        if isinstance(request, MarketOrder | Protect):
            time.sleep(self._pace.pause_s)
        return self._record.answers[request.key]

    def _look(self) -> PositionReport:
        """Position and resting orders by REST, as evidence."""
        self._send(ReadOpenOrders(key=self._key(), stream=self._stream))
        answer = self._send(ReadPosition(key=self._key(), stream=self._stream))
        if not answer.rows:
            raise VenueError(f"{self._stream.symbol}: the exchange tells no position: {answer.text}")
        report: PositionReport = answer.rows[0]
        return report

    def _price(self) -> None:
        answer = self._send(ReadPrice(key=self._key(), stream=self._stream))
        if not answer.rows:
            raise VenueError(f"{self._stream.symbol}: the exchange tells no price: {answer.text}")
        report: PriceReport = answer.rows[0]
        self._last = report.last

    def _is_flat(self) -> bool:
        rows = self._record.lines(self._record.step, "private", "position")
        return bool(rows) and Decimal(str(rows[-1].body.get("size") or 0)) == 0

    # -- words -------------------------------------------------------------------------------------------

    def _key(self) -> str:
        return f"probe-{next(self._numbers)}"

    def _order(
        self, side: Side, qty: Decimal, *, stop: Decimal | None = None, reduce_only: bool = False
    ) -> MarketOrder:
        key = self._key()
        return MarketOrder(
            key=key,
            stream=self._stream,
            urgency=Urgency.EXIT if reduce_only else Urgency.ENTRY,
            order_link_id=f"{key}-{self._name}",
            side=side,
            qty=qty,
            reduce_only=reduce_only,
            stop_loss=stop,
        )

    def _protect(self, **levels: Any) -> Protect:
        return Protect(key=self._key(), stream=self._stream, urgency=Urgency.STOP, **levels)

    def _quantity(self) -> Decimal:
        """The smallest that the exchange takes, base currency."""
        rules = self._rules
        wanted = max(rules.min_qty, rules.min_notional * _ABOVE_LEAST / self._last)
        return (wanted / rules.qty_step).to_integral_value(ROUND_CEILING) * rules.qty_step

    def _level(self, part: str) -> Decimal:
        """A price at this part of the last one, on the grid."""
        return self._on_grid(self._last * Decimal(part))

    def _part(self, part: str) -> Decimal:
        """A distance of this part of the last price, on the grid."""
        return self._on_grid(self._last * Decimal(part))

    def _on_grid(self, price: Decimal) -> Decimal:
        tick = self._rules.tick
        return (price / tick).to_integral_value(ROUND_FLOOR) * tick
