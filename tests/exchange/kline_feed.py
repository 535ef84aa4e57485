"""Kline pushes: a one-second grid with a phase of its own per symbol, silent while nothing trades.

At a bar's end the first push after the boundary carries two elements on a perpetual ([closed bar, new bar])
and comes as two messages on spot.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import partial
from typing import Any

from kwin_core.bars import floor_time
from tests.exchange.hub import Hub
from tests.exchange.klines import INTERVALS
from tests.exchange.market import Market
from tests.exchange.venue import Venue

GRID_MS = 1_000
_PHASES = {"BTCUSDT": 441, "ETHUSDT": 123, "SOLUSDT": 5, "DOGEUSDT": 697}  # seen on the wire


def phase_of(symbol: str) -> int:
    """Milliseconds after the full second at which a symbol's klines are pushed."""
    return _PHASES.get(symbol, zlib.crc32(symbol.encode()) % GRID_MS)


@dataclass
class _Topic:
    """One subscribed kline topic: the bar last shown, when, and whether a push is planned."""

    market: Market
    interval: str
    shown_ms: int
    planned: bool = False
    sent_ms: int = 0

    @property
    def name(self) -> str:
        return f"kline.{self.interval}.{self.market.symbol}"


class KlineFeed:
    """Plans and sends the pushes of every subscribed kline topic."""

    def __init__(self, venue: Venue, hub: Hub) -> None:
        self._venue = venue
        self._hub = hub
        self._topics: dict[tuple[str, str], _Topic] = {}

    def knows(self, market: Market, interval: str) -> bool:
        """Whether the interval can be served."""
        return interval in INTERVALS and self._venue.klines[market.key].serves(interval)

    def subscribe(self, market: Market, interval: str) -> dict[str, Any]:
        """Start a topic if it is new; returns the cached last message."""
        key = (market.instrument.category, f"kline.{interval}.{market.symbol}")
        push_ms = self._last_push_ms(market)
        if key not in self._topics:
            shown_ms = floor_time(push_ms, INTERVALS[interval])
            topic = self._topics[key] = _Topic(market, interval, shown_ms)
            self._plan_roll(topic)
        topic = self._topics[key]
        return self._message(topic, [self._element(topic, topic.shown_ms, False, push_ms)], push_ms)

    def price_moved(self, market: Market) -> None:
        """The price moved: plan a push of every topic of the market at its next grid instant."""
        for (category, _), topic in self._topics.items():
            if topic.planned or category != market.instrument.category or topic.market is not market:
                continue
            topic.planned = True
            self._venue.scheduler.at(self._next_push_ms(market), partial(self._push, topic))

    def _push(self, topic: _Topic) -> None:
        topic.planned = False
        now_ms = self._venue.clock.now_ms()
        if topic.sent_ms == now_ms or not self._wanted(topic):
            return  # the roll of this instant has shown it already
        if floor_time(now_ms, INTERVALS[topic.interval]) > topic.shown_ms:
            self._roll(topic)
        else:
            self._send(topic, [self._element(topic, topic.shown_ms, False, now_ms)])

    def _plan_roll(self, topic: _Topic) -> None:
        boundary = topic.shown_ms + INTERVALS[topic.interval]
        due_ms = boundary + (phase_of(topic.market.symbol) or GRID_MS)
        self._venue.scheduler.at(due_ms, lambda: self._roll_due(topic))

    def _roll_due(self, topic: _Topic) -> None:
        if not self._wanted(topic):
            return
        now_ms = self._venue.clock.now_ms()
        if floor_time(now_ms, INTERVALS[topic.interval]) > topic.shown_ms:
            self._roll(topic)  # else a push of the same instant has rolled already

    def _roll(self, topic: _Topic) -> None:
        now_ms = self._venue.clock.now_ms()
        symbol, faults = topic.market.symbol, self._venue.faults.ws
        if faults.strikes("late_confirm", topic.name, symbol):
            self._send(topic, [self._element(topic, topic.shown_ms, False, now_ms)])
            self._venue.scheduler.at(now_ms + GRID_MS, lambda: self._roll_due(topic))
            return
        new_ms = floor_time(now_ms, INTERVALS[topic.interval])
        closed = [
            self._element(topic, start, True, now_ms)
            for start in range(topic.shown_ms, new_ms, INTERVALS[topic.interval])
        ]
        forming = self._element(topic, new_ms, False, now_ms)
        topic.shown_ms = new_ms
        self._plan_roll(topic)
        if faults.strikes("skip_bar", topic.name, symbol):
            return
        if faults.strikes("drop_confirm", topic.name, symbol):
            closed = []
        copies = 2 if faults.strikes("dup_confirm", topic.name, symbol) else 1
        for _ in range(copies):
            if topic.market.instrument.category == "spot":
                for element in [*closed, forming]:
                    self._send(topic, [element])
            else:
                self._send(topic, [*closed, forming])

    def _element(self, topic: _Topic, start_ms: int, confirm: bool, push_ms: int) -> dict[str, Any]:
        seen_ms = push_ms if confirm else min(push_ms, start_ms + INTERVALS[topic.interval] - 1)
        bar = self._venue.klines[topic.market.key].at(topic.interval, start_ms, seen_ms)
        if bar is None:
            raise LookupError(f"{topic.name}: no bar at {start_ms} seen from {seen_ms}")
        return bar.element(topic.interval, confirm=confirm, push_ms=push_ms)

    def _send(self, topic: _Topic, elements: list[dict[str, Any]]) -> None:
        now_ms = topic.sent_ms = self._venue.clock.now_ms()
        message = self._message(topic, elements, now_ms)
        self._hub.broadcast(topic.name, message, topic.market.instrument.category)

    @staticmethod
    def _message(topic: _Topic, elements: list[dict[str, Any]], push_ms: int) -> dict[str, Any]:
        return {"topic": topic.name, "data": elements, "ts": push_ms, "type": "snapshot"}

    def _wanted(self, topic: _Topic) -> bool:
        """Whether anybody still listens; else the topic is forgotten."""
        category = topic.market.instrument.category
        key = (category, topic.name)
        if self._topics.get(key) is not topic:
            return False  # a leftover plan of a topic that was given up and subscribed anew
        if self._hub.subscribers("public", topic.name, category):
            return True
        del self._topics[key]
        return False

    def _last_push_ms(self, market: Market) -> int:
        now_ms, phase = self._venue.clock.now_ms(), phase_of(market.symbol)
        last_ms = (now_ms - phase) // GRID_MS * GRID_MS + phase
        return max(last_ms, market.start_ms)

    def _next_push_ms(self, market: Market) -> int:
        now_ms, phase = self._venue.clock.now_ms(), phase_of(market.symbol)
        return -(-(now_ms - phase) // GRID_MS) * GRID_MS + phase
