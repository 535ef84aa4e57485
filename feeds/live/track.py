"""One series on its way: its bars in order, the age of its data, and when REST has to be asked for what.

Like the assembler it has no thread and no clock: times are passed in, wishes come out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np

from feeds.bybit_rest import MAX_ROWS
from feeds.live.assembler import Assembler, Outcome, Refusal, Release
from feeds.live.backoff import Backoff
from feeds.live.freshness import Freshness
from feeds.live.messages import closed_bars
from feeds.live.settings import LiveSettings
from feeds.stream import Stream
from kwin_core.bars import floor_time

_OVERLAP_BARS = 20  # released bars read again with every read
_AUDIT_DELAY_MS = 10_000
_RETRY_MS, _LONGEST_RETRY_MS = 1_000, 30_000


@dataclass(frozen=True)
class Ask:
    """REST bars wanted: open times from first to last, both inclusive, at most a page."""

    first_ms: int
    last_ms: int


class Track:
    """State of one series.

    Parameters
    ----------
    stream
        The series.
    settings
        Of the feed.
    now_ms
        The clock at the start.
    random
        Source of the jitter of retries.

    Attributes
    ----------
    assembler
        The bars in order.
    freshness
        The age of the data.
    reading
        Whether a REST read is under way.
    """

    def __init__(self, stream: Stream, settings: LiveSettings, now_ms: int, random: Random) -> None:
        self.stream = stream
        self.assembler = Assembler(
            stream.timeframe_ms, settled_ms=settings.settled_ms, source=f"Bybit {stream}"
        )
        self.freshness = Freshness(
            stream.timeframe_ms,
            silence_ms=settings.silence_ms,
            rebuild_ms=settings.rebuild_ms,
            now_ms=now_ms,
        )
        self.reading = False
        self._settings = settings
        self._backoff = Backoff(_RETRY_MS, _LONGEST_RETRY_MS, random)
        self._retry_ms = 0
        self._unaudited = 0
        self._audit_ms: int | None = None

    @property
    def due_ms(self) -> int:
        """When something is to be done next (ms): a look at the age, or a read."""
        read_ms = self._read_due_ms()
        return self.freshness.due_ms if read_ms is None else min(read_ms, self.freshness.due_ms)

    def begin(self, first_ms: int) -> list[Outcome]:
        """The first bar is known."""
        return self._noted(self.assembler.begin(first_ms))

    def on_push(self, message: Mapping[str, Any], now_ms: int) -> tuple[list[Outcome], list[str]]:
        """A data message of the topic: what follows from it, and what was wrong with it."""
        self.freshness.on_data(now_ms)
        bars, faults = closed_bars(message, self.stream.timeframe_ms)
        outcomes = [outcome for bar in bars for outcome in self.assembler.on_confirmed(bar)]
        return self._noted(outcomes, now_ms), faults

    def on_rows(self, rows: np.ndarray, server_ms: int, now_ms: int) -> list[Outcome]:
        """A read has come back."""
        self.reading = False
        before_ms = self.assembler.next_ms
        outcomes = self.assembler.on_rows(rows, server_ms)
        if self.assembler.next_ms != before_ms or not self._missing(now_ms):
            self._backoff.reset()
            self._retry_ms = 0
        else:
            self._retry_ms = now_ms + self._backoff.next_ms()
        self._unaudited, self._audit_ms = 0, None
        if any(isinstance(outcome, Refusal) for outcome in outcomes):
            self._retry_ms = now_ms + self._backoff.next_ms()
        return outcomes

    def on_read_failed(self, now_ms: int, wait_ms: int = 0) -> None:
        """A read has failed; the next one waits for at least ``wait_ms``."""
        self.reading = False
        self._retry_ms = now_ms + max(self._backoff.next_ms(), wait_ms)

    def ask(self, now_ms: int) -> Ask | None:
        """The read that is due now, if any; it then counts as under way."""
        due_ms = self._read_due_ms()
        next_ms = self.assembler.next_ms
        if due_ms is None or next_ms is None or now_ms < due_ms:
            return None
        length = self.stream.timeframe_ms
        overlap = max(_OVERLAP_BARS, self._unaudited)
        first_ms = next_ms - overlap * length
        self.reading = True
        return Ask(first_ms, min(first_ms + (MAX_ROWS - 1) * length, floor_time(now_ms, length)))

    def _read_due_ms(self) -> int | None:
        if self.reading or self.assembler.next_ms is None:
            return None
        due_ms = self._missing_from_ms()
        if self._audit_ms is not None:
            due_ms = min(due_ms, self._audit_ms)
        return max(due_ms, self._retry_ms)

    def _missing(self, now_ms: int) -> bool:
        return now_ms >= self._missing_from_ms()

    def _missing_from_ms(self) -> int:
        """When the next bar's confirmation is overdue (ms)."""
        assert self.assembler.next_ms is not None
        return self.assembler.next_ms + self.stream.timeframe_ms + self._settings.confirm_grace_ms

    def _noted(self, outcomes: list[Outcome], now_ms: int | None = None) -> list[Outcome]:
        """Counts releases towards the next audit."""
        self._unaudited += sum(isinstance(outcome, Release) for outcome in outcomes)
        if now_ms is not None and 0 < self._settings.audit_bars <= self._unaudited and self._audit_ms is None:
            self._audit_ms = now_ms + _AUDIT_DELAY_MS
        return outcomes
