"""Moves the market: script, funding and planned messages in the order of their times."""

from __future__ import annotations

import asyncio

from tests.exchange.engine import Engine
from tests.exchange.hub import Hub
from tests.exchange.market import Market, Node
from tests.exchange.venue import Venue

_YIELD_EVERY = 64  # events between chances for the sockets to write
_MINUTE_MS = 60_000


class Driver:
    """Brings the exchange from one time to another, one event after the other.

    At the same instant the price moves first, then funding is settled, then messages go out.
    """

    def __init__(self, venue: Venue, engine: Engine, hub: Hub) -> None:
        self._venue = venue
        self._engine = engine
        self._hub = hub
        self._next: dict[tuple[str, str], Node | None] = {}
        self._funding_ms: dict[tuple[str, str], int] = {}
        self._busy = asyncio.Lock()
        now_ms = venue.clock.now_ms()
        for key, market in venue.markets.items():
            self._next[key] = market.next_node(now_ms)
            if market.instrument.category == "linear":
                self._funding_ms[key] = _after(now_ms, market)

    def bind(self) -> None:
        """Belong to the event loop that is about to run: a lock cannot move from one loop to another."""
        self._busy = asyncio.Lock()

    def next_event_ms(self) -> int | None:
        """Time of the next thing that will happen by itself; ``None`` when nothing is planned."""
        times = [node.time_ms for node in self._next.values() if node is not None]
        if self._venue.account.held():
            times += self._funding_ms.values()
        planned = self._venue.scheduler.next_ms()
        if planned is not None:
            times.append(planned)
        return min(times) if times else None

    async def advance_to(self, time_ms: int) -> None:
        """Let everything up to and including ``time_ms`` happen, then wait until it is on the wire."""
        async with self._busy:
            count = 0
            while self._step(time_ms):
                count += 1
                if count % _YIELD_EVERY == 0:
                    await self._hub.drained()
                    await asyncio.sleep(0)
            self._venue.clock.move_to(time_ms)
            await self._hub.drained()

    async def advance_to_next(self, limit_ms: int) -> None:
        """Go to the next event, at most to ``limit_ms``, at least one ms."""
        due_ms = self.next_event_ms()
        now_ms = self._venue.clock.now_ms()
        await self.advance_to(max(now_ms + 1, limit_ms if due_ms is None else min(due_ms, limit_ms)))

    def _step(self, until_ms: int) -> bool:
        """Run the earliest event; false when there is none left until then."""
        at_ms, rank, key = self._earliest()
        if at_ms is None or at_ms > until_ms:
            return False
        venue = self._venue
        venue.clock.move_to(at_ms)
        if rank == 0:
            assert key is not None
            node = self._next[key]
            assert node is not None
            market = venue.markets[key]
            self._engine.move(market, node)
            self._next[key] = market.next_node(node.time_ms)
        elif rank == 1:
            assert key is not None
            market = venue.markets[key]
            self._engine.settle_funding(market)
            self._funding_ms[key] = _after(at_ms, market)
        else:
            venue.scheduler.pop()()
        venue.flush()
        return True

    def _earliest(self) -> tuple[int | None, int, tuple[str, str] | None]:
        best: tuple[int | None, int, tuple[str, str] | None] = (self._venue.scheduler.next_ms(), 2, None)
        for key, due_ms in self._funding_ms.items():
            if best[0] is None or due_ms <= best[0]:
                best = (due_ms, 1, key)
        for key, node in self._next.items():
            if node is not None and (best[0] is None or node.time_ms <= best[0]):
                best = (node.time_ms, 0, key)
        return best


def _after(now_ms: int, market: Market) -> int:
    step = market.instrument.funding_interval_min * _MINUTE_MS
    return now_ms // step * step + step
