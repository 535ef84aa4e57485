"""While the journal cannot be written: messages are applied in memory only, and taken again once it can.

Stops and exits that follow from them go out all the same, entries do not (V16).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engines.journal import Execution, Kind
from engines.journal.rows import Body, Row
from engines.live.inbox import Message as Post
from engines.live.venue import MarketOrder, Request
from feeds.stream import Stream
from kwin_core.errors import JournalError

_FIRST_PAUSE_MS, _LONGEST_PAUSE_MS = 1_000, 30_000


@dataclass
class Unrecorded:
    """What the journal has not taken.

    Attributes
    ----------
    error
        Its newest refusal.
    since_ms
        Of the first one (ms).
    marks, desk_mark
        Everything as it was before the first message that is not recorded.
    last_seq
        Number that the newest of them would have.
    messages
        Those messages, in order.
    executions
        Those applied because of them, as category, symbol and id.
    sent
        Requests that have gone out because of them: when the messages are taken again, these are not sent again.
    tries
        How often the journal has been tried.
    """

    error: JournalError
    since_ms: int
    marks: Mapping[Stream, Any]
    desk_mark: Any
    last_seq: int
    messages: list[Sequence[Post]] = field(default_factory=list)
    executions: set[tuple[str, str, str]] = field(default_factory=set)
    sent: set[Request] = field(default_factory=set)
    tries: int = 0

    def is_new(self, execution: Execution) -> bool:
        """Whether an execution has not been applied since; from now on it has."""
        key = (execution.category, execution.symbol, execution.exec_id)
        if key in self.executions:
            return False
        self.executions.add(key)
        return True

    def urgent(self, requests: Sequence[Request]) -> list[Request]:
        """All of these but entries, as far as they have not gone out; from now on they have."""
        found = [one for one in requests if not _enters(one) and one not in self.sent]
        self.sent.update(found)
        return found

    def pause_ms(self) -> int:
        """Until the journal is tried again."""
        pause_ms = min(_FIRST_PAUSE_MS << min(self.tries, 10), _LONGEST_PAUSE_MS)
        self.tries += 1
        return int(pause_ms)


def _enters(request: Request) -> bool:
    return isinstance(request, MarketOrder) and not request.reduce_only


class UnrecordedMessage:
    """Stands in for `engines.journal.Message` when only the protection that follows is wanted."""

    def __init__(self, last_seq: int, is_known: Callable[[Execution], bool]) -> None:
        self.last_seq = last_seq
        self._is_known = is_known

    def event(self, kind: Kind, received_ms: int, body: Body | None = None, **where: str) -> int:  # noqa: ARG002
        """Number an event."""
        return self._next()

    def bar(self, stream: Stream, bar: np.void, received_ms: int, **told: Any) -> int:  # noqa: ARG002
        """Number a bar."""
        return self._next()

    def execution(
        self,
        execution: Execution,
        received_ms: int,  # noqa: ARG002
        body: Body | None = None,  # noqa: ARG002
    ) -> int | None:
        """Number a fill; None when it has been numbered before."""
        return None if self._is_known(execution) else self._next()

    def record(self, row: Row) -> int:  # noqa: ARG002
        """Number of a row that is not kept."""
        return 0

    def _next(self) -> int:
        self.last_seq += 1
        return self.last_seq
