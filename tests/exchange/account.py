"""The trading account: coins, positions, orders and their history."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.exchange.executions import Execution
from tests.exchange.instruments import Instrument
from tests.exchange.numbers import ZERO
from tests.exchange.orders import Order
from tests.exchange.positions import Position

ONE_WAY, LONG_SIDE, SHORT_SIDE = 0, 1, 2


@dataclass
class Coin:
    """Balance of one coin. ``wallet`` excludes open results; ``realised`` is their booked sum."""

    name: str
    wallet: Decimal = ZERO
    realised: Decimal = ZERO


@dataclass
class Account:
    """A unified account with one user.

    Attributes
    ----------
    taker, maker
        Fee rates of perpetuals, fractions.
    fee_digits
        Fees of perpetuals have so many significant digits, halves up, as TradingView's have ten; None keeps all.
    default_leverage
        Leverage of a symbol nobody has set yet.
    hedged
        Symbols in hedge mode; all others are one-way.
    orders, open_orders
        Every order ever, and those that can still fill, by id, oldest first.
    link_ids
        Every orderLinkId ever used, to its order id: they are single-use.
    """

    uid: int = 24_600_001
    taker: Decimal = Decimal("0.00055")
    maker: Decimal = Decimal("0.0002")
    spot_taker: Decimal = Decimal("0.001")
    fee_digits: int | None = None
    spot_maker: Decimal = Decimal("0.001")
    default_leverage: Decimal = Decimal(10)
    margin_mode: str = "REGULAR_MARGIN"
    coins: dict[str, Coin] = field(default_factory=dict)
    hedged: set[str] = field(default_factory=set)
    positions: dict[tuple[str, int], Position] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    open_orders: dict[str, Order] = field(default_factory=dict)
    link_ids: dict[str, str] = field(default_factory=dict)
    executions: list[Execution] = field(default_factory=list)
    closed_pnl: list[dict[str, Any]] = field(default_factory=list)
    transactions: list[dict[str, Any]] = field(default_factory=list)

    def coin(self, name: str) -> Coin:
        """Balance of a coin, created at zero when new."""
        return self.coins.setdefault(name, Coin(name))

    def position(self, instrument: Instrument, idx: int, now_ms: int) -> Position:
        """Position of a symbol and index, created flat when new."""
        key = (instrument.symbol, idx)
        if key not in self.positions:
            self.positions[key] = Position(
                symbol=instrument.symbol,
                idx=idx,
                leverage=self._leverage_of(instrument.symbol),
                maintenance_rate=instrument.maintenance_rate,
                risk_limit=instrument.risk_limit,
                created_ms=now_ms,
                updated_ms=now_ms,
            )
        return self.positions[key]

    def indexes(self, symbol: str) -> tuple[int, ...]:
        """Position indexes that exist in the symbol's mode."""
        return (LONG_SIDE, SHORT_SIDE) if symbol in self.hedged else (ONE_WAY,)

    def held(self) -> list[Position]:
        """Positions that are not flat."""
        return [position for position in self.positions.values() if position.size]

    def open_of(self, category: str, symbol: str) -> list[Order]:
        """Open orders of one symbol, oldest first."""
        return [
            order
            for order in self.open_orders.values()
            if order.symbol == symbol and order.category == category
        ]

    def order_margin(self) -> Decimal:
        """Margin bound by resting orders that would open; conditional orders bind none."""
        total = ZERO
        for order in self.open_orders.values():
            if order.category == "linear" and order.rests and not order.reduce_only:
                total += order.leaves * order.price / self._leverage_of(order.symbol)
        return total

    def position_margin(self) -> Decimal:
        """Margin bound by positions."""
        return sum((position.initial_margin for position in self.positions.values()), ZERO)

    def locked(self, coin: str) -> Decimal:
        """Amount of a coin bound by resting spot orders."""
        total = ZERO
        for order in self.open_orders.values():
            if order.category != "spot":
                continue
            base = order.symbol.removesuffix("USDT")
            if order.side == "Sell" and base == coin:
                total += order.leaves
            elif order.side == "Buy" and coin == "USDT":
                total += order.leaves * order.price
        return total

    def add(self, order: Order) -> None:
        """Remember a new order."""
        self.orders[order.order_id] = order
        if order.is_open:
            self.open_orders[order.order_id] = order
        if order.link_id:
            self.link_ids[order.link_id] = order.order_id

    def find(self, order_id: str, link_id: str) -> Order | None:
        """Order by id, else by link id."""
        return self.orders.get(order_id or self.link_ids.get(link_id, ""))

    def _leverage_of(self, symbol: str) -> Decimal:
        for (name, _), position in self.positions.items():
            if name == symbol:
                return position.leverage
        return self.default_leverage
