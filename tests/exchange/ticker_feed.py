"""Ticker and trade pushes: a snapshot, then deltas with what changed (perpetuals); always whole on spot."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.exchange.hub import Hub
from tests.exchange.market import Market, Node
from tests.exchange.numbers import fixed, to_decimal
from tests.exchange.tickers import linear_ticker, spot_ticker
from tests.exchange.venue import Venue

PUSH_MS = 200  # median distance of pushes seen on the wire
_SPOT_FIELDS = (
    "symbol",
    "lastPrice",
    "highPrice24h",
    "lowPrice24h",
    "prevPrice24h",
    "volume24h",
    "turnover24h",
    "price24hPcnt",
    "usdIndexPrice",
)
_TOGETHER = (("bid1Price", "bid1Size"), ("ask1Price", "ask1Size"))


@dataclass
class _Topic:
    """One subscribed ticker: what subscribers know, and whether a push is planned."""

    market: Market
    known: dict[str, Any]
    sent_ms: int
    planned: bool = False


class TickerFeed:
    """Plans and sends ticker pushes, and sends public trades."""

    def __init__(self, venue: Venue, hub: Hub) -> None:
        self._venue = venue
        self._hub = hub
        self._topics: dict[tuple[str, str], _Topic] = {}
        self._cross_sequence = 700_000_000_000

    def subscribe(self, market: Market) -> dict[str, Any]:
        """Start a topic if it is new; returns the cached snapshot, which may be older than the request."""
        topic = self._topics.get(market.key)
        if topic is None:
            now_ms = self._venue.clock.now_ms()
            topic = self._topics[market.key] = _Topic(market, self._render(market), now_ms)
        return self._message(topic, "snapshot", topic.known, topic.sent_ms)

    def price_moved(self, market: Market, node: Node) -> None:
        """The price moved: send the trade, plan a ticker push."""
        self._send_trade(market, node)
        topic = self._topics.get(market.key)
        if topic is not None and not topic.planned:
            topic.planned = True
            due_ms = max(self._venue.clock.now_ms(), topic.sent_ms + PUSH_MS)
            self._venue.scheduler.at(due_ms, lambda: self._push(topic))

    def _push(self, topic: _Topic) -> None:
        topic.planned = False
        name = f"tickers.{topic.market.symbol}"
        category = topic.market.instrument.category
        if not self._hub.subscribers("public", name, category):
            self._topics.pop(topic.market.key, None)
            return
        fresh = self._render(topic.market)
        changed = {key: value for key, value in fresh.items() if value != topic.known.get(key)}
        for pair in _TOGETHER:
            if any(key in changed for key in pair):
                changed |= {key: fresh[key] for key in pair if key in fresh}
        if not changed:
            return
        topic.known, topic.sent_ms = fresh, self._venue.clock.now_ms()
        if category == "spot":
            message = self._message(topic, "snapshot", fresh, topic.sent_ms)
        else:
            message = self._message(topic, "delta", {"symbol": fresh["symbol"], **changed}, topic.sent_ms)
        self._hub.broadcast(name, message, category)

    def _render(self, market: Market) -> dict[str, Any]:
        quote, book = self._venue.quote(market), self._venue.klines[market.key]
        now_ms = self._venue.clock.now_ms()
        if market.instrument.category == "spot":
            whole = spot_ticker(market, quote, book, now_ms)
            return {name: whole[name] for name in _SPOT_FIELDS}
        return linear_ticker(market, quote, book, now_ms)

    def _message(self, topic: _Topic, kind: str, data: dict[str, Any], at_ms: int) -> dict[str, Any]:
        self._cross_sequence += 1
        return {
            "topic": f"tickers.{topic.market.symbol}",
            "type": kind,
            "data": dict(data),
            "cs": self._cross_sequence,
            "ts": at_ms,
        }

    def _send_trade(self, market: Market, node: Node) -> None:
        name = f"publicTrade.{market.symbol}"
        category = market.instrument.category
        if not node.volume or not self._hub.subscribers("public", name, category):
            return
        now_ms, one = self._venue.clock.now_ms(), market.instrument
        before = to_decimal(market.price_at(node.time_ms - 1))
        price = to_decimal(node.price)
        rises = price >= before
        trade = {
            "T": now_ms,
            "s": market.symbol,
            "S": "Buy" if rises else "Sell",
            "v": fixed(node.volume, one.qty_decimals),
            "p": fixed(price, one.price_decimals),
            "L": "ZeroPlusTick" if price == before else ("PlusTick" if rises else "MinusTick"),
            "i": self._venue.new_id(),
            "BT": False,
            "RPI": False,
            "seq": self._venue.next_seq(),
        }
        message = {"topic": name, "type": "snapshot", "ts": now_ms, "data": [trade]}
        self._hub.broadcast(name, message, category)
