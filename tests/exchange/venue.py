"""The exchange without its wires: clock, markets, account, prices, faults, and what it has to tell."""

from __future__ import annotations

import copy
import random
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.exchange.account import Account
from tests.exchange.clock import VirtualClock
from tests.exchange.executions import Execution
from tests.exchange.faults import Faults
from tests.exchange.klines import KlineBook
from tests.exchange.market import Market, Node
from tests.exchange.numbers import floor_to, to_decimal
from tests.exchange.orders import Order
from tests.exchange.positions import Position
from tests.exchange.replies import RefusedError
from tests.exchange.scheduler import Scheduler
from tests.exchange.tickers import Quote, make_quote
from tests.exchange.wallet import wallet_row


@dataclass(frozen=True)
class Event:
    """One row for a private topic ("order", "execution", "position", "wallet"), rendered when it happened."""

    topic: str
    category: str
    symbol: str
    row: dict[str, Any]
    fast: dict[str, Any] | None = None


class Venue:
    """State shared by REST, sockets and engine. Touched by the server's thread only.

    Parameters
    ----------
    markets
        The listed symbols and their scripts.
    clock
        Time of the exchange.
    account
        The one trading account; every API key belongs to it.
    seed
        Of the ids the exchange invents, so that runs repeat.

    Attributes
    ----------
    last
        Last traded price by (category, symbol), quote currency.
    publish
        Called by :meth:`flush` with the events of one step.
    """

    def __init__(
        self, markets: Sequence[Market], clock: VirtualClock, account: Account, seed: int = 1
    ) -> None:
        self.clock = clock
        self.account = account
        self.faults = Faults(clock)
        self.scheduler = Scheduler()
        self.markets = {market.key: market for market in markets}
        self.klines = {market.key: KlineBook(market) for market in markets}
        self.last = {market.key: to_decimal(market.price_at(clock.now_ms())) for market in markets}
        self.publish: Callable[[list[Event]], None] = lambda _: None
        self.on_price: Callable[[Market, Node], None] = lambda _market, _node: None
        self._random = random.Random(seed)
        self._seq = 1_000_000
        self._events: list[Event] = []
        self._moved: dict[tuple[str, int], Position] = {}
        self._wallet_changed = False
        self._lag_ms = 0
        self._past: list[tuple[int, Account]] = []

    def market(self, category: str, symbol: str) -> Market:
        """Market by category and symbol.

        Raises
        ------
        RefusedError
            10001 when it is not listed.
        """
        found = self.markets.get((category, symbol))
        if found is None:
            raise RefusedError(10001, "Not supported symbols")
        return found

    def quote(self, market: Market) -> Quote:
        """Current bid, ask, last and mark."""
        return make_quote(market, self.last[market.key])

    def price_of(self, category: str, symbol: str) -> Decimal:
        """Price that values a holding: mark of a perpetual, last of a spot pair; 0 when not listed."""
        market = self.markets.get((category, symbol))
        if market is None:
            return Decimal(0)
        return self.quote(market).mark if category == "linear" else self.last[market.key]

    def price_band(self, market: Market) -> tuple[Decimal, Decimal]:
        """Lowest sell and highest buy price accepted now."""
        one, mark = market.instrument, self.quote(market).mark
        return (
            floor_to(mark * (1 - one.price_limit), one.tick),
            floor_to(mark * (1 + one.price_limit), one.tick),
        )

    def new_id(self) -> str:
        """A fresh id in the form of a UUID."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def next_seq(self) -> int:
        """Next cross sequence number: shared by an execution and the position it changes."""
        self._seq += 1
        return self._seq

    def note_order(self, order: Order) -> None:
        """Tell the order topic how an order looks now."""
        self._events.append(Event("order", order.category, order.symbol, order.push()))

    def note_execution(self, execution: Execution) -> None:
        """Tell the execution topics about a fill."""
        fast = execution.fast() if execution.exec_type == "Trade" else None
        self._events.append(Event("execution", execution.category, execution.symbol, execution.push(), fast))

    def note_position(self, position: Position) -> None:
        """Tell the position topic, once a step."""
        self._moved[(position.symbol, position.idx)] = position

    def note_wallet(self) -> None:
        """Tell the wallet topic, once a step."""
        self._wallet_changed = True

    def finish(self, order: Order, status: str, cancel_type: str = "UNKNOWN") -> None:
        """End an order and tell it."""
        order.status, order.cancel_type = status, cancel_type
        order.updated_ms = self.clock.now_ms()
        self.account.open_orders.pop(order.order_id, None)
        self.note_order(order)

    def flush(self) -> None:
        """Hand the events of the step that just ended to the private sockets."""
        for position in self._moved.values():
            mark = self.price_of("linear", position.symbol)
            self._events.append(Event("position", "linear", position.symbol, position.push(mark)))
        if self._wallet_changed:
            self._events.append(Event("wallet", "", "", wallet_row(self.account, self.price_of)))
        events, self._events = self._events, []
        self._moved, self._wallet_changed = {}, False
        if events:
            self.publish(events)

    def remember(self) -> None:
        """Keep a copy of the account before it changes, when a lag fault will want it."""
        longest_ms = self.faults.rest.longest_lag_ms
        now_ms = self.clock.now_ms()
        self._past = [one for one in self._past if one[0] > now_ms - longest_ms]
        if longest_ms:
            self._past.append((now_ms, copy.deepcopy(self.account)))

    def seen_account(self) -> Account:
        """The account as readers see it: the present, or under :meth:`lagging` the past."""
        if self._lag_ms:
            wanted_ms = self.clock.now_ms() - self._lag_ms
            for until_ms, past in self._past:
                if until_ms > wanted_ms:
                    return past
        return self.account

    @contextmanager
    def lagging(self, lag_ms: int) -> Iterator[None]:
        """Let readers inside the block see the account as it was ``lag_ms`` ago."""
        self._lag_ms = lag_ms
        try:
            yield
        finally:
            self._lag_ms = 0
