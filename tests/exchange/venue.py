"""The exchange without its wires: clock, markets, klines, faults."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from tests.exchange.clock import VirtualClock
from tests.exchange.faults import Faults
from tests.exchange.klines import KlineBook
from tests.exchange.market import Market
from tests.exchange.numbers import floor_to
from tests.exchange.replies import RefusedError
from tests.exchange.tickers import Quote, quote_of


class Venue:
    """State shared by REST, sockets and engine. Touched by the server's thread only.

    Parameters
    ----------
    markets
        The listed symbols and their scripts.
    clock
        Time of the exchange.
    """

    def __init__(self, markets: Sequence[Market], clock: VirtualClock) -> None:
        self.clock = clock
        self.faults = Faults(clock)
        self.markets = {market.key: market for market in markets}
        self.klines = {market.key: KlineBook(market) for market in markets}

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
        return quote_of(market, self.clock.now_ms())

    def price_band(self, market: Market) -> tuple[Decimal, Decimal]:
        """Lowest sell and highest buy price accepted now."""
        one, last = market.instrument, self.quote(market).last
        return (
            floor_to(last * (1 - one.price_limit), one.tick),
            floor_to(last * (1 + one.price_limit), one.tick),
        )
