"""What the runner asks of an exchange, and what an exchange answers: the words both sides share.

A *request* is submitted and never blocks; its *answer* comes back through the inbox. An order command has four
outcomes (`engines.journal.Outcome`): confirmed, rejected, denied here before it was sent, and unknown. A read has
three: rows, no rows, and no answer; an empty answer and a failed one are never the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Any, Protocol

from engines.journal import Outcome
from feeds.stream import Stream


class Urgency(IntEnum):
    """What goes first when the account's rate is short: protection before exits before entries before reads."""

    STOP = 0
    EXIT = 1
    ENTRY = 2
    READ = 3


class Side(StrEnum):
    """Of an order, as the exchange spells it."""

    BUY = "Buy"
    SELL = "Sell"

    @property
    def sign(self) -> int:
        """+1 buys, -1 sells."""
        return 1 if self is Side.BUY else -1

    @classmethod
    def of(cls, sign: float) -> Side:
        """The side that trades in a direction; zero has none."""
        if sign == 0:
            raise ValueError("a side needs a direction, not zero")
        return cls.BUY if sign > 0 else cls.SELL


@dataclass(frozen=True, kw_only=True)
class Request:
    """Something asked of the exchange.

    Attributes
    ----------
    key
        The asker's own name for it, unique in the process; the answer carries it back.
    stream
        What it is about.
    urgency
        Its place in the queue.
    expires_ms
        Not sent any more after this instant of the runner's clock (ms); the answer is then ``denied``.
    """

    key: str
    stream: Stream
    urgency: Urgency = Urgency.READ
    expires_ms: int | None = None


@dataclass(frozen=True, kw_only=True)
class MarketOrder(Request):
    """A market order; ``reduce_only`` for every exit, ``stop_loss`` (quote currency) attached to an entry."""

    order_link_id: str
    side: Side
    qty: Decimal
    reduce_only: bool
    stop_loss: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class Protect(Request):
    """One trading-stop call for the whole position: prices in quote currency.

    ``None`` leaves a level as it is, zero removes it. ``trailing_stop`` is a distance, ``active_price`` where the
    trail wakes; None when the price is past it already.
    """

    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    trailing_stop: Decimal | None = None
    active_price: Decimal | None = None


@dataclass(frozen=True, kw_only=True)
class CancelOrder(Request):
    """Cancel by one of the two names."""

    order_id: str = ""
    order_link_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Recall(Request):
    """Take back what has not been sent yet: each request is answered as denied; itself it is not.

    The entries of the symbol, or the one request whose key is ``only``.
    """

    only: str = ""


@dataclass(frozen=True, kw_only=True)
class ReadOrder(Request):
    """Look an order up by its name, open or closed: rows of `OrderReport`."""

    order_link_id: str


@dataclass(frozen=True, kw_only=True)
class ReadOpenOrders(Request):
    """Everything that rests for the symbol, stops included: rows of `OrderReport`."""


@dataclass(frozen=True, kw_only=True)
class ReadPosition(Request):
    """The symbol's position: rows of `PositionReport`, one row also when flat."""


@dataclass(frozen=True, kw_only=True)
class ReadExecutions(Request):
    """Fills of the symbol since an instant (ms, the exchange's clock): rows of `ExecutionReport`, oldest first."""

    since_ms: int


@dataclass(frozen=True, kw_only=True)
class ReadWallet(Request):
    """The account: one row of `WalletReport`."""


@dataclass(frozen=True, kw_only=True)
class ReadPrice(Request):
    """Last and mark price: one row of `PriceReport`."""


@dataclass(frozen=True)
class ExecutionReport:
    """One fill, as the exchange told it, by stream or by REST.

    Attributes
    ----------
    side
        Of the order.
    price, qty, fee
        Quote, base and fee currency; a positive fee was paid.
    closed_qty
        How much of it reduced the position, base currency.
    exec_type
        ``Trade``, ``Funding``, ``BustTrade``, ``AdlTrade``, ``Settle`` ..., an open set.
    stop_order_type
        ``StopLoss``, ``TrailingStop``, ``TakeProfit``, ``Stop`` ...; empty for an order of ours.
    create_type
        ``CreateByUser``, ``CreateByLiq`` ..., an open set; empty when not told.
    exec_time_ms
        The exchange's time, ms.
    seq
        Cross sequence, shared with the position; -1 when not told.
    raw
        The row itself.
    """

    category: str
    symbol: str
    exec_id: str
    order_id: str
    order_link_id: str
    side: Side
    price: Decimal
    qty: Decimal
    closed_qty: Decimal
    fee: Decimal
    fee_currency: str
    exec_type: str
    stop_order_type: str
    create_type: str
    exec_time_ms: int
    seq: int
    raw: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class OrderReport:
    """The state of one order; ``closed`` when nothing more can be executed of it, ``rejected`` when it never was."""

    category: str
    symbol: str
    order_id: str
    order_link_id: str
    side: Side
    status: str
    reject_reason: str
    cancel_type: str
    stop_order_type: str
    reduce_only: bool
    qty: Decimal
    executed_qty: Decimal
    average_price: Decimal | None
    trigger_price: Decimal | None
    created_ms: int
    updated_ms: int
    closed: bool
    rejected: bool
    raw: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class PositionReport:
    """A position; flat when ``qty`` is zero, and then ``side`` is None.

    ``stop_loss``, ``take_profit`` and ``trailing_stop`` (a distance) are None when unset, quote currency.
    """

    category: str
    symbol: str
    side: Side | None
    qty: Decimal
    entry_price: Decimal | None
    stop_loss: Decimal | None
    take_profit: Decimal | None
    trailing_stop: Decimal | None
    active_price: Decimal | None
    leverage: Decimal | None
    position_idx: int
    status: str
    created_ms: int
    updated_ms: int
    seq: int
    raw: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class WalletReport:
    """The account's coin that positions settle in, in units of it; ``available`` worked out as bybit facts say."""

    coin: str
    wallet_balance: Decimal
    equity: Decimal
    available: Decimal
    raw: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True)
class PriceReport:
    """Last and mark price, quote currency, and when they were told (ms, the exchange's clock)."""

    symbol: str
    last: Decimal
    mark: Decimal
    time_ms: int


Report = ExecutionReport | OrderReport | PositionReport | WalletReport


@dataclass(frozen=True)
class Answer:
    """What became of a request.

    Attributes
    ----------
    request
        As it was submitted.
    outcome
        Of a command; of a read ``confirmed`` when there is a reliable answer (``rows`` may still be empty), else
        ``unknown``.
    code, text
        The exchange's retCode and words, or the reason why it was not sent or not understood.
    order_id
        Of a confirmed order.
    rows
        Of a read.
    kind
        What a refusal means for the asker: see `Refusal`; empty when confirmed or unknown.
    sent_ms, received_ms
        Runner's clock at both ends of the wire; ``sent_ms`` None when nothing was sent.
    """

    request: Request
    outcome: Outcome
    code: int | None = None
    text: str = ""
    order_id: str = ""
    rows: tuple[Any, ...] = ()
    kind: str = ""
    sent_ms: int | None = None
    received_ms: int = 0


class Refusal(StrEnum):
    """What a rejection means; decided by code and words in one place, the gateway."""

    ALREADY_FLAT = "already flat"  # reduce-only on nothing, trading-stop on nothing: reconcile
    STOP_CROSSED = "stop crossed"  # the market is beyond the level: the stop has been hit
    DUPLICATE = "duplicate"  # the name was used: look the order up
    UNCHANGED = "unchanged"  # nothing to modify: verify by reading back
    GONE = "gone"  # the order to cancel or amend is finished
    MONEY = "money"  # balance, margin or limit of the account
    SIZE = "size"  # quantity or notional outside the instrument's limits
    PRICE = "price"  # outside the price band, no liquidity
    UNTRADABLE = "untradable"  # delisted, settling, region, reduce-only contract
    ACCOUNT = "account"  # key, permission, address, account type, position mode: stop trading
    ROUTING = "routing"  # an answer of another product's engine: a defect of ours, stop trading
    TRAIL = "trail"  # the trail itself is refused, the stop may still be good
    RATE = "rate"  # too many requests, also after waiting
    CLOCK = "clock"  # the time stamp is outside the window
    EXPIRED = "expired"  # not sent: too late
    RECALLED = "recalled"  # not sent: entries were halted while it waited
    UNKNOWN_WORDS = "unknown words"  # none of the above: an alarm


@dataclass(frozen=True)
class TradingRules:
    """What the exchange allows for a symbol, and what the account pays there.

    Attributes
    ----------
    tick, qty_step
        Steps of prices (quote) and quantities (base currency).
    min_qty, max_market_qty
        Smallest order and largest market order, base currency.
    min_notional
        Smallest value of an order, quote currency.
    taker_fee
        Fraction of the notional.
    leverage
        Set on the account and read back.
    trading
        Whether new positions may be opened.
    """

    category: str
    symbol: str
    tick: Decimal
    qty_step: Decimal
    min_qty: Decimal
    max_market_qty: Decimal
    min_notional: Decimal
    taker_fee: Decimal
    leverage: Decimal
    trading: bool = True


@dataclass(frozen=True)
class LinkState:
    """The private stream came up (authenticated and subscribed) or went down, and why."""

    up: bool
    reason: str


class Venue(Protocol):
    """An exchange as the runner sees it."""

    def submit(self, request: Request) -> None:
        """Take a request; its `Answer` is posted to the inbox. Never blocks, never raises."""
        ...

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        ...

    def close(self, seconds: float) -> bool:
        """End all threads; false when one was still busy after ``seconds``."""
        ...
