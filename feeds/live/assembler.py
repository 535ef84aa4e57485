"""The order of bars: confirmed pushes and REST rows in any order become closed bars in theirs, each once.

No clock, no I/O: what arrives is passed in, what may be released comes out. A bar is identified by its open
time. It is released after its predecessor, when the stream has confirmed it or REST can be believed, and
never changes afterwards: whoever tells it differently later has reported a drift.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from feeds.bybit_history import SETTLE_MS
from feeds.gate import Gate
from feeds.live.events import Origin
from kwin_core.errors import DataError

KEPT_BARS = 256  # released bars kept for comparison with what is told later


@dataclass(frozen=True)
class Release:
    """A closed bar whose turn it is: ``BAR``, shape (1,)."""

    bar: np.ndarray
    origin: Origin


@dataclass(frozen=True)
class Drift:
    """A released bar told differently later: the first differing field, as released and as told."""

    time_ms: int
    field: str
    released: float
    told: float
    origin: Origin

    def __str__(self) -> str:
        return (
            f"{self.field} was {self.released!r}, {self.origin.value} now says {self.told!r}; nothing changed"
        )


@dataclass(frozen=True)
class Refusal:
    """A bar the gate refused; it is awaited again."""

    time_ms: int
    reason: str


Outcome = Release | Drift | Refusal


class Assembler:
    """Puts the bars of one series in order.

    Parameters
    ----------
    timeframe_ms
        Length of a bar in ms.
    settled_ms
        A REST row of a bar that closed so long ago is believed at once; a younger one when two reads agree,
        the first of them at least ``SETTLE_MS`` after the close: a kline may still change for moments.
    source
        Name of the series, for errors.

    Attributes
    ----------
    next_ms
        Open time (ms) of the bar to be released next; ``None`` until :meth:`begin`.
    duplicates
        Bars that were told again, equal to what was released.
    """

    def __init__(self, timeframe_ms: int, *, settled_ms: int, source: str) -> None:
        self.timeframe_ms = timeframe_ms
        self.next_ms: int | None = None
        self.duplicates = 0
        self._settled_ms = settled_ms
        self._gate = Gate(timeframe_ms, source=source)
        self._confirmed: dict[int, np.ndarray] = {}
        self._believed: dict[int, np.ndarray] = {}
        self._read_once: dict[int, bytes] = {}
        self._released: dict[int, np.ndarray] = {}
        self._reported: set[tuple[int, bytes]] = set()

    def begin(self, first_ms: int) -> list[Outcome]:
        """Say which bar is the first; what was confirmed meanwhile may follow at once."""
        self.next_ms = first_ms
        for early in [start for start in self._confirmed if start < first_ms]:
            del self._confirmed[early]
        return self._release()

    def on_confirmed(self, bar: np.ndarray) -> list[Outcome]:
        """The stream confirmed a bar (``BAR``, shape (1,), open time on the grid)."""
        start_ms = int(bar["time_ms"][0])
        if self.next_ms is not None and start_ms < self.next_ms:
            return self._compare(start_ms, bar, Origin.STREAM)
        self._confirmed.setdefault(start_ms, bar.copy())
        return self._release()

    def on_rows(self, rows: np.ndarray, server_ms: int) -> list[Outcome]:
        """REST told of bars.

        Parameters
        ----------
        rows
            ``BAR``, oldest first; may hold the forming bar, bars long released, and none at all.
        server_ms
            The exchange's time when it answered (ms).
        """
        outcomes: list[Outcome] = []
        for at in range(rows.size):
            row = rows[at : at + 1].copy()
            start_ms = int(row["time_ms"][0])
            age_ms = server_ms - (start_ms + self.timeframe_ms)
            if age_ms < SETTLE_MS:
                continue
            if self.next_ms is not None and start_ms < self.next_ms:
                outcomes += self._compare(start_ms, row, Origin.REST)
            elif age_ms >= self._settled_ms or self._read_once.get(start_ms) == row.tobytes():
                self._believed[start_ms] = row
            else:
                self._read_once[start_ms] = row.tobytes()
        return outcomes + self._release()

    def _release(self) -> list[Outcome]:
        """Everything whose turn it is; the stream's word before that of REST."""
        outcomes: list[Outcome] = []
        while self.next_ms is not None:
            start_ms = self.next_ms
            if start_ms in self._confirmed:
                bar, origin = self._confirmed.pop(start_ms), Origin.STREAM
            elif start_ms in self._believed:
                bar, origin = self._believed.pop(start_ms), Origin.REST
            else:
                break
            try:
                self._gate.check(bar)
            except DataError as error:
                self._read_once.pop(start_ms, None)
                outcomes.append(Refusal(start_ms, str(error)))
                continue
            self._remember(start_ms, bar)
            outcomes.append(Release(bar.copy(), origin))
        return outcomes

    def _remember(self, start_ms: int, bar: np.ndarray) -> None:
        self.next_ms = start_ms + self.timeframe_ms
        self._released[start_ms] = bar
        self._read_once.pop(start_ms, None)
        self._believed.pop(start_ms, None)
        forgotten_ms = start_ms - KEPT_BARS * self.timeframe_ms
        if self._released.pop(forgotten_ms, None) is not None:
            self._reported = {one for one in self._reported if one[0] > forgotten_ms}

    def _compare(self, start_ms: int, told: np.ndarray, origin: Origin) -> list[Outcome]:
        """A bar that was released before: equal, or a drift, reported once for each new version."""
        released = self._released.get(start_ms)
        if released is None:
            return []
        names = [name for name in told.dtype.names or () if told[name][0] != released[name][0]]
        if not names:
            self.duplicates += 1
            return []
        version = (start_ms, told.tobytes())
        if version in self._reported:
            return []
        self._reported.add(version)
        field = names[0]
        return [Drift(start_ms, field, float(released[field][0]), float(told[field][0]), origin)]
