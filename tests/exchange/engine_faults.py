"""Faults of the matching engine: what happens to orders after they were accepted."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.exchange.intruder import Intruder


@dataclass(frozen=True)
class Outcome:
    """What the next taker order meets.

    Attributes
    ----------
    fractions
        Parts of the quantity that fill, each one execution; what is left is cancelled (immediate-or-cancel)
        or rests. Empty: nothing fills. ``None``: no interference.
    reject_reason
        When set, the order ends as Rejected with this reason.
    """

    fractions: tuple[Decimal, ...] | None = None
    reject_reason: str = ""


class EngineFaults:
    """The ``eng`` knobs. Each queued outcome meets one order; the switches hold until changed."""

    def __init__(self) -> None:
        self._outcomes: deque[Outcome] = deque()
        self._lock = threading.Lock()
        self.slip_ticks = 0
        self.stop_slip_ticks = 0
        self.delay_ms = 0
        self.act: Callable[[Callable[[Intruder], None]], None] | None = None

    def partial(self, fractions: Sequence[float]) -> None:
        """Let the next order fill in these parts of its quantity; a sum below one leaves a remainder."""
        parts = tuple(Decimal(str(part)) for part in fractions)
        if min(parts, default=Decimal(1)) <= 0 or sum(parts) > 1:
            raise ValueError(f"partial needs parts above 0 that sum to at most 1, not {list(fractions)}")
        self._push(Outcome(fractions=parts))

    def ioc_zero(self) -> None:
        """Let the next immediate-or-cancel order find nothing."""
        self._push(Outcome(fractions=()))

    def reject(self, reason: str) -> None:
        """Accept the next order, then reject it ("EC_ReachRiskPriceLimit", ...)."""
        self._push(Outcome(reject_reason=reason))

    def slippage(self, ticks: int) -> None:
        """Shift every taker fill by some ticks to the worse."""
        self.slip_ticks = ticks

    def stop_fill(self, slip_ticks: int) -> None:
        """Shift the fills of triggered stops by some ticks to the worse."""
        self.stop_slip_ticks = slip_ticks

    def delay(self, milliseconds: int) -> None:
        """Let orders wait this long (market ms) between the acknowledgement and the matching."""
        self.delay_ms = milliseconds

    def external_open(self, symbol: str, side: str, qty: str, idx: int = 0) -> None:
        """Let somebody else with the same account buy or sell at market."""
        self._do(lambda intruder: intruder.trade(symbol, side, Decimal(qty), idx))

    def external_close(self, symbol: str, idx: int = 0) -> None:
        """Let somebody else close a position."""
        self._do(lambda intruder: intruder.close(symbol, idx))

    def external_flip(self, symbol: str) -> None:
        """Let somebody else turn a one-way position into its opposite of the same size."""
        self._do(lambda intruder: intruder.flip(symbol))

    def liquidate(self, symbol: str, idx: int = 0) -> None:
        """Take a position over at the mark price (BustTrade)."""
        self._do(lambda intruder: intruder.liquidate(symbol, idx))

    def deleverage(self, symbol: str, idx: int = 0) -> None:
        """Auto-deleverage a position at the mark price (AdlTrade)."""
        self._do(lambda intruder: intruder.deleverage(symbol, idx))

    def settle(self, symbol: str, idx: int = 0) -> None:
        """Settle a position at the mark price, as a delisting ends (Settle)."""
        self._do(lambda intruder: intruder.settle(symbol, idx))

    def delist(self, symbol: str, status: str = "Delivering") -> None:
        """Change a perpetual's status: "Delivering" refuses openings (30228), "Closed" all (110074)."""
        self._do(lambda intruder: intruder.set_status(symbol, status))

    def clear(self) -> None:
        """Back to a fair engine."""
        with self._lock:
            self._outcomes.clear()
        self.slip_ticks = self.stop_slip_ticks = self.delay_ms = 0

    def next_outcome(self) -> Outcome:
        """What the next order meets."""
        with self._lock:
            return self._outcomes.popleft() if self._outcomes else Outcome()

    def _do(self, action: Callable[[Intruder], None]) -> None:
        if self.act is None:
            raise RuntimeError("the exchange is not running")
        self.act(action)

    def _push(self, outcome: Outcome) -> None:
        with self._lock:
            self._outcomes.append(outcome)
