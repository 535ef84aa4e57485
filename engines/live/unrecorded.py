"""A message of a journal that cannot be written: numbers are given, nothing is kept."""

from __future__ import annotations

from typing import Any

import numpy as np

from engines.journal import Execution, Kind
from engines.journal.rows import Body, Row
from feeds.stream import Stream


class UnrecordedMessage:
    """Stands in for `engines.journal.Message` when only the protection that follows is wanted."""

    def __init__(self, last_seq: int) -> None:
        self.last_seq = last_seq

    def event(self, kind: Kind, received_ms: int, body: Body | None = None, **where: str) -> int:  # noqa: ARG002
        """Number an event."""
        return self._next()

    def bar(self, stream: Stream, bar: np.void, received_ms: int, **told: Any) -> int:  # noqa: ARG002
        """Number a bar."""
        return self._next()

    def execution(self, execution: Execution, received_ms: int, body: Body | None = None) -> int:  # noqa: ARG002
        """Number a fill."""
        return self._next()

    def record(self, row: Row) -> int:  # noqa: ARG002
        """Number of a row that is not kept."""
        return 0

    def _next(self) -> int:
        self.last_seq += 1
        return self.last_seq
