"""Private pushes: the events of one step, topic by topic, in whatever order the test wants."""

from __future__ import annotations

import itertools
from typing import Any

from tests.exchange.hub import Connection, Hub
from tests.exchange.venue import Event, Venue

CATEGORISED = ("linear", "spot", "inverse", "option")
_NAMES = ("order", "execution", "position", "wallet", "execution.fast")


def is_private_topic(topic: str) -> bool:
    """Whether a private socket accepts the topic: "order", "order.linear", "execution.fast.linear", ..."""
    return topic in _NAMES or _split(topic) is not None


def mixes_kinds(topics: list[str]) -> bool:
    """Whether a request names both the all-in-one and the categorised form of a topic."""
    whole = {topic for topic in topics if _split(topic) is None}
    parts = {split[0] for topic in topics if (split := _split(topic)) is not None}
    return bool(whole & parts)


class PrivateFeed:
    """Sends events to the private sockets that want them."""

    def __init__(self, venue: Venue, hub: Hub) -> None:
        self._venue = venue
        self._hub = hub
        self._count = itertools.count(1)

    def publish(self, events: list[Event]) -> None:
        """Send the events of one step, sorted by the wanted order of topics."""
        order = self._venue.faults.ws.order
        for event in sorted(events, key=lambda one: order.index(one.topic)):
            self._publish_one(event)

    def _publish_one(self, event: Event) -> None:
        names = [event.topic]
        if event.category:
            names.append(f"{event.topic}.{event.category}")
        for name in names:
            self._send(name, event, event.row)
        if event.fast is not None:
            for name in ("execution.fast", f"execution.fast.{event.category}"):
                self._send(name, event, event.fast, with_id=False)

    def _send(self, name: str, event: Event, row: dict[str, Any], *, with_id: bool = True) -> None:
        targets: list[Connection] = self._hub.subscribers("private", name)
        if not targets:
            return
        message: dict[str, Any] = {
            "topic": name,
            "creationTime": self._venue.clock.now_ms(),
            "data": [row],
        }
        if with_id:
            message = {"id": f"{self._venue.account.uid}_{event.symbol}_{next(self._count)}", **message}
        self._hub.deliver(targets, name, message, event.symbol)


def _split(topic: str) -> tuple[str, str] | None:
    name, _, category = topic.rpartition(".")
    return (name, category) if name in _NAMES and category in CATEGORISED else None
