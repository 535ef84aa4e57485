"""What the exchange desk remembers of one lane: what it sent, what it was told, what it waits for.

Nothing here decides about trades, and nothing here is needed after a restart: orders come back from the journal, the
rest from the exchange.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from decimal import Decimal

from engines.live.lane import Lane
from engines.live.levels import Levels
from engines.live.reconcile import signed
from engines.live.venue import PositionReport, TradingRules
from engines.live.working import Working
from feeds.live.events import ClosedBar


@dataclass(frozen=True)
class Sent:
    """How far an order of ours has come.

    Attributes
    ----------
    sent_ms
        When it was handed to the gateway (ms); None while it is held back, or by an earlier process.
    confirmed
        Whether the exchange accepted it.
    looks
        How often it was looked up.
    taken
        The exchange says that its name has been used.
    finished_at
        Executed quantity that the exchange named when it called the order finished; None before.
    """

    sent_ms: int | None = None
    confirmed: bool = False
    looks: int = 0
    taken: bool = False
    finished_at: Decimal | None = None


@dataclass(frozen=True)
class Protecting:
    """A trading-stop call under way: its key, what rests when it succeeds."""

    key: str
    levels: Levels


@dataclass(frozen=True)
class Look:
    """Reads under way that together make a picture: keys still unanswered, and whether one of them failed."""

    why: str
    waiting: frozenset[str]
    failed: bool = False


@dataclass
class Seat:
    """See the module.

    Attributes
    ----------
    lane, rules
        The ledgers, and what the exchange allows.
    position
        Newest report; None is unknown.
    agreed
        Consecutive reads that showed the same size.
    there
        Levels that rest on the exchange as far as known.
    last_price
        Newest known, quote currency.
    sent
        Orders of ours by name, as long as the lane works them.
    unanswered
        Orders that nothing definite is recorded of yet: no answer, or one that says nothing; of any process.
    after_close
        Name of an entry that waits until the position it reverses is gone.
    protecting, protect_attempts, protect_retry_ms
        The trading-stop call, and how it went so far.
    leaving, leave_tries, leave_after_ms
        Action of the exit of the whole position that has been asked for and is not done (`engines.live.leaving`);
        exits that have ended without doing it, and when the next one may go (ms).
    trail_refused
        The exchange refuses this position's trail: the stop alone rests.
    stop_kept
        The script asked for no stop any more, and this position's was kept all the same.
    naked_since_ms
        Since when the position is without a stop (ms), as far as known.
    look, look_round
        Reads under way; number of the next picture by timer, so that a new connection's timer ends the old one's.
    held, settle_key, settled_ms
        The bar that waits for its position to be confirmed; the read; the bar it was done for.
    unsettled
        It could not be confirmed in time.
    coming_ms, queued
        Open time (ms) of the bar that is being confirmed or was posted again; later bars, which wait for it.
    halts
        Reasons why no entry may be sent, by name.
    notes
        Kinds of the drift rows of the present message, until the guard has counted them.
    trades_seen
        Rows of the ledger's trades that the guard has counted.
    requests
        Requests named so far.
    attempts
        Attempts used per action on the last bar.
    fills_until_ms, fills_read_ms
        Up to this instant (ms, the exchange's clock) every execution is known: a position that agreed proves it. When
        they were last read, which alone proves nothing: a list may show an execution late.
    fills_seq
        Newest of the exchange's sequence numbers whose execution is known, or that was looked behind.
    differing
        Pictures in a row that differ while an order of ours works.
    last_fill_ms
        Of the newest execution: an older position report does not show it yet.
    """

    lane: Lane
    rules: TradingRules
    position: PositionReport | None = None
    agreed: int = 0
    there: Levels = field(default_factory=Levels)
    last_price: Decimal | None = None
    sent: dict[str, Sent] = field(default_factory=dict)
    unanswered: dict[str, Working] = field(default_factory=dict)
    after_close: str | None = None
    protecting: Protecting | None = None
    protect_attempts: int = 0
    protect_retry_ms: int | None = None
    leaving: str | None = None
    leave_tries: int = 0
    leave_after_ms: int = 0
    trail_refused: bool = False
    stop_kept: bool = False
    naked_since_ms: int | None = None
    look: Look | None = None
    look_round: int = 0
    held: ClosedBar | None = None
    settle_key: str | None = None
    settled_ms: int | None = None
    unsettled: bool = False
    coming_ms: int | None = None
    queued: tuple[ClosedBar, ...] = ()
    halts: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    trades_seen: int = 0
    requests: int = 0
    attempts: dict[tuple[int, str], int] = field(default_factory=dict)
    fills_until_ms: int = 0
    fills_read_ms: int = 0
    fills_seq: int = -1
    differing: int = 0
    last_fill_ms: int = 0

    def copy(self) -> Seat:
        """For going back: values are immutable, containers are copied."""
        twin = copy(self)
        twin.sent, twin.halts, twin.attempts = dict(self.sent), dict(self.halts), dict(self.attempts)
        twin.unanswered = dict(self.unanswered)
        return twin

    @property
    def held_qty(self) -> Decimal:
        """Signed position of the ledger, base currency, exact in steps."""
        step = self.rules.qty_step
        return (Decimal(repr(self.lane.exchange.position)) / step).to_integral_value() * step

    @property
    def tick(self) -> Decimal:
        """What the ledger counts levels in, quote currency; the exchange's may have become another one since."""
        return Decimal(repr(float(self.lane.exchange.core["settings"]["tick"])))

    @property
    def there_qty(self) -> Decimal | None:
        """Signed position of the exchange; None is unknown."""
        return None if self.position is None else signed(self.position)

    @property
    def is_current(self) -> bool:
        """Whether the newest position report can have seen the newest execution."""
        return self.position is not None and self.position.updated_ms >= self.last_fill_ms

    @property
    def exposed(self) -> bool:
        """A position here or there, or an order that may execute."""
        return bool(self.lane.working) or self.held_qty != 0 or self.there_qty not in (None, Decimal(0))

    @property
    def is_leaving(self) -> bool:
        """Whether an exit of ours for the whole position is under way."""
        held = abs(self.held_qty)
        return any(not order.enters and order.left >= held for order in self.lane.working.values())

    def next_attempt(self, bar_ms: int, action: str) -> int:
        """Number of the next order of this kind decided on a bar."""
        self.attempts = {key: n for key, n in self.attempts.items() if key[0] == bar_ms}
        number = self.attempts.get((bar_ms, action), 0) + 1
        self.attempts[(bar_ms, action)] = number
        return number
