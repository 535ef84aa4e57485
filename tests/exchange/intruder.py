"""What happens to an account behind the client's back: other clients, liquidations, delistings."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tests.exchange.engine import Engine
from tests.exchange.orders import opposite
from tests.exchange.positions import Position
from tests.exchange.venue import Venue


class Intruder:
    """Acts on the account like somebody else. Runs in the server's thread."""

    def __init__(self, venue: Venue, engine: Engine) -> None:
        self._venue = venue
        self._engine = engine

    def trade(self, symbol: str, side: str, qty: Decimal, idx: int) -> None:
        """Market order without an orderLinkId."""
        self._venue.remember()
        self._engine.own_market_order(self._venue.market("linear", symbol), side, qty, idx)
        self._venue.flush()

    def close(self, symbol: str, idx: int) -> None:
        """Close a position at market."""
        position = self._held(symbol, idx)
        self.trade(symbol, opposite(position.side), position.size, idx)

    def flip(self, symbol: str) -> None:
        """Close a position and open its opposite, in two orders."""
        position = self._held(symbol, 0)
        side, size = opposite(position.side), position.size
        self.trade(symbol, side, size, 0)
        self.trade(symbol, side, size, 0)

    def liquidate(self, symbol: str, idx: int) -> None:
        """Liquidation at the mark price."""
        self._take_over(symbol, idx, "CreateByLiq", "BustTrade")

    def deleverage(self, symbol: str, idx: int) -> None:
        """Auto-deleveraging at the mark price."""
        self._take_over(symbol, idx, "CreateByAdl_PassThrough", "AdlTrade")

    def settle(self, symbol: str, idx: int) -> None:
        """Settlement of a delisted perpetual, at the mark price."""
        self._take_over(symbol, idx, "CreateBySettle", "Settle")

    def set_status(self, symbol: str, status: str) -> None:
        """Change the trading status of a perpetual."""
        market = self._venue.market("linear", symbol)
        market.instrument = replace(market.instrument, status=status)

    def _take_over(self, symbol: str, idx: int, create_type: str, exec_type: str) -> None:
        position = self._held(symbol, idx)
        self._venue.remember()
        self._engine.close_by_exchange(position, create_type=create_type, exec_type=exec_type)
        self._venue.flush()

    def _held(self, symbol: str, idx: int) -> Position:
        position = self._venue.account.positions.get((symbol, idx))
        if position is None or not position.size:
            raise LookupError(f"no open position {symbol} {idx}: open one before taking it away")
        return position
