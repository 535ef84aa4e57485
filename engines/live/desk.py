"""Who serves the exchange's side of a lane: what the runner asks it at each step of a bar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from engines.journal import Message
from engines.live.guard import AccountView
from engines.live.holding import Holding
from engines.live.inbox import Answered, Control, LinkChanged, TimerRang, Told
from engines.live.lane import Emulated, Lane
from engines.live.venue import Request
from feeds.live.events import ClosedBar

DeskEvent = Told | Answered | LinkChanged | TimerRang | Control


class Desk(Protocol):
    """The broker of every X: the emulator in paper trading, the gateway to an exchange otherwise.

    Every method but :meth:`start` and :meth:`close` runs in the runner's thread. What is returned is sent after the
    message has been committed; nothing may be sent before.
    """

    def start(self) -> None:
        """Connect; called once, after the journal has been replayed."""
        ...

    def ready(self, lane: Lane, bar: ClosedBar) -> bool:
        """Whether the bar may be decided now; when not, the desk will post it again."""
        ...

    def before_decision(self, lane: Lane, emulated: Emulated, message: Message, now_ms: int) -> None:
        """E has taken the bar, X has not: number what happened on the way."""
        ...

    def after_decision(
        self, lane: Lane, emulated: Emulated, message: Message, now_ms: int
    ) -> Sequence[Request]:
        """X has decided, the bar is numbered: record the intents that follow."""
        ...

    def take(self, event: DeskEvent, message: Message, now_ms: int) -> Sequence[Request]:
        """Something the exchange told, an operator's word, or a timer of the desk: number it, record what follows."""
        ...

    def is_unsettled(self, lane: Lane) -> bool:
        """Whether the position could not be confirmed before the bar that is being decided."""
        ...

    def mark(self) -> Any:
        """Remember everything, for :meth:`go_back`."""
        ...

    def go_back(self, mark: Any) -> None:
        """Undo everything since the mark: the message could not be recorded."""
        ...

    def exposed(self, lane: Lane) -> bool:
        """Whether money is at stake now: a position or an order that may execute."""
        ...

    def holding(self, lane: Lane) -> Holding:
        """What the lane holds, for those who watch."""
        ...

    def account(self) -> AccountView | None:
        """What the account's limits have counted and halted, for those who watch; None on paper."""
        ...

    def submit(self, requests: Sequence[Request]) -> None:
        """Send what was recorded."""
        ...

    @property
    def idle(self) -> bool:
        """Whether nothing is under way."""
        ...

    def close(self, seconds: float) -> bool:
        """End all threads; false when one was still busy after ``seconds``. Stops on the exchange stay."""
        ...
