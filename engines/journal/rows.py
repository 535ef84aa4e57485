"""What is recorded with an event, one class a table; the fields are the columns, in their order."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, TypeAlias

from feeds.stream import Stream
from kwin_core.errors import DataError

Body: TypeAlias = Mapping[str, Any] | Sequence[Any]
"""Anything JSON can hold; ``nan`` and infinities are refused."""


class Kind(StrEnum):
    """Kinds of numbered events."""

    START = "start"
    STOP = "stop"
    BAR = "bar"
    EXECUTION = "execution"
    ORDER = "order"
    POSITION = "position"
    WALLET = "wallet"
    REPLY = "reply"
    TICKER = "ticker"
    TIMER = "timer"
    SIGNAL = "signal"
    CONTROL = "control"
    ERROR = "error"
    ACCOUNT = "account"


class Ledger(StrEnum):
    """Whose digest or snapshot: the emulator's or the exchange's."""

    EMULATOR = "E"
    EXCHANGE = "X"


class Outcome(StrEnum):
    """How an intent ended; ``UNKNOWN`` is not an end, the venue still has to answer."""

    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    DENIED = "denied"  # here, before it was sent
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Row:
    """A record that belongs to the event numbered before it in the same message."""

    table: ClassVar[str]


@dataclass(frozen=True, kw_only=True)
class Digest(Row):
    """A ledger after a bar.

    ``start_ms`` is the bar's open time; ``chain`` the 16 hex digits of every bar, ``full_digest`` the 64 of the
    whole state, or None.
    """

    table = "digests"
    stream: Stream
    ledger: Ledger
    start_ms: int
    chain: str
    full_digest: str | None = None


@dataclass(frozen=True, kw_only=True)
class Decision(Row):
    """What the strategy decided on a bar; ``decision_id`` is the correlation id of everything that follows."""

    table = "decisions"
    stream: Stream
    start_ms: int
    decision_id: str
    body: Body


@dataclass(frozen=True, kw_only=True)
class Intent(Row):
    """Something to be sent, recorded before it is; ``order_link_id`` is None for what is no order (a stop)."""

    table = "intents"
    stream: Stream
    decision_id: str
    action: str
    order_link_id: str | None
    body: Body


@dataclass(frozen=True, kw_only=True)
class Ack(Row):
    """What became of an intent: the venue's code and text, or the reason why it was not sent."""

    table = "acks"
    intent: int
    outcome: Outcome
    code: int | None
    text: str
    body: Body


@dataclass(frozen=True, kw_only=True)
class OrderMessage(Row):
    """An order as the venue reported it; ``executed`` in base currency, ``updated_ms`` the venue's time."""

    table = "orders"
    category: str
    symbol: str
    order_id: str
    order_link_id: str
    status: str
    executed: str
    updated_ms: int


@dataclass(frozen=True, kw_only=True)
class PositionMessage(Row):
    """A position as the venue reported it: prices in quote, size in base currency, as the venue wrote them."""

    table = "positions"
    category: str
    symbol: str
    side: str
    size: str
    entry_price: str
    stop_loss: str
    trailing_stop: str
    exchange_seq: int
    updated_ms: int


@dataclass(frozen=True, kw_only=True)
class StopMoved(Row):
    """Protection that the venue has confirmed, prices in quote currency."""

    table = "stops"
    stream: Stream
    stop_loss: str
    active_price: str
    trailing_stop: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Reconciled(Row):
    """One comparison of what should be with what is, and what was done about it."""

    table = "reconciles"
    stream: Stream
    outcome: str
    desired: Body
    reported: Body
    actions: Body


@dataclass(frozen=True, kw_only=True)
class Drift(Row):
    """A difference between the ledgers, or between a bar and its later self; ``trade_number`` of E, or None."""

    table = "drifts"
    stream: Stream
    start_ms: int
    kind: str
    trade_number: int | None
    body: Body


@dataclass(frozen=True, kw_only=True)
class Failure(Row):
    """An error that was survived: where, of what kind, in which words."""

    table = "errors"
    place: str
    kind: str
    text: str
    body: Body


@dataclass(frozen=True, kw_only=True)
class Configuration(Row):
    """The settings in effect from this event on, with their hash from `configuration_hash`."""

    table = "configurations"
    hash: str
    body: Body


@dataclass(frozen=True, kw_only=True)
class Snapshot(Row):
    """A ledger's state after a bar: a cache, to be used only when all its hashes are the ones wanted."""

    table = "snapshots"
    stream: Stream
    ledger: Ledger
    start_ms: int
    schema: str
    params_hash: str
    engine_hash: str
    digest: str
    data: bytes


@dataclass(frozen=True, kw_only=True)
class Execution:
    """A fill as the venue reported it: price in quote, quantity in base currency, fee in ``fee_currency``.

    ``late`` marks one whose time lies inside a bar that was already decided.
    """

    category: str
    symbol: str
    exec_id: str
    order_id: str
    order_link_id: str
    side: str
    price: str
    quantity: str
    fee: str
    fee_currency: str
    exec_type: str
    stop_order_type: str
    exec_time_ms: int
    late: bool = False


def json_text(body: Body) -> str:
    """JSON without spaces, keys in their order; floats come back bit for bit.

    Raises
    ------
    DataError
        The body holds something JSON has no word for.
    """
    try:
        return json.dumps(body, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise DataError(f"cannot be recorded as JSON: {error}") from None


def configuration_hash(body: Mapping[str, Any]) -> str:
    """SHA-256 (64 hex digits) of the settings, whatever the order of their keys."""
    try:
        text = json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as error:
        raise DataError(f"settings cannot be recorded as JSON: {error}") from None
    return hashlib.sha256(text.encode()).hexdigest()
