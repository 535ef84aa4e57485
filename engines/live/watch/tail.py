"""The journal read along, from another thread: everything committed since the last look, in the order of its events.

The runner does not know that it is read: a reader never holds up the writer of a journal in WAL mode.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from engines.journal import Ack, Drift, Event, Failure, Intent, JournalReader, Recorded, StopMoved
from engines.journal.rows import Row

Item = Event | Recorded[Row]

_TABLES: tuple[type[Row], ...] = (Intent, Ack, StopMoved, Drift, Failure)


class Tail:
    """Reads on from a place in the journal; used by the thread that made it.

    Parameters
    ----------
    path
        An existing journal.
    after_seq
        Number of the last event not wanted; None is the newest there is.

    Attributes
    ----------
    last_seq
        Number of the newest event that was handed out or was there before.

    Raises
    ------
    JournalError
        The file cannot be read.
    """

    def __init__(self, path: Path, after_seq: int | None = None) -> None:
        self._reader = JournalReader(path)
        self.last_seq = self._reader.last_seq() if after_seq is None else after_seq

    def read(self) -> list[Item]:
        """What is new.

        Raises
        ------
        JournalError
            It cannot be read now; nothing is lost, the next call begins at the same place.
        """
        until = self._reader.last_seq()
        if until <= self.last_seq:
            return []
        found: list[tuple[int, Item]] = []
        for event in self._reader.replay(self.last_seq):
            if event.seq > until:
                break
            found.append((event.seq, event))
        for table in _TABLES:
            rows: Sequence[Recorded[Row]] = self._reader.rows(table, self.last_seq)
            found += [(one.seq, one) for one in rows if one.seq <= until]
        self.last_seq = until
        return [item for _, item in sorted(found, key=lambda pair: pair[0])]

    def close(self) -> None:
        """Close."""
        self._reader.close()
