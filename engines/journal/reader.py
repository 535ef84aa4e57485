"""Reading a journal, also while the bot writes: every call is one short read, so the writer is never held up."""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any, Generic, TypeVar

import numpy as np

from engines.journal.connect import BUSY_TIMEOUT_MS, connect_reader
from engines.journal.faults import sqlite_errors
from engines.journal.migrate import check_version
from engines.journal.retention import trimmed_seq
from engines.journal.rows import Body, Execution, Intent, Kind, Ledger, Outcome, Row, Snapshot
from engines.journal.writer import Identity
from feeds.stream import Stream
from kwin_core.bars import BAR

_PAGE = 5_000
_BAR_COLUMNS = "start_ms, open, high, low, close, volume"
_EXECUTION_COLUMNS = ", ".join(field.name for field in fields(Execution))
_PARSERS = {"Body": json.loads, "Ledger": Ledger, "Outcome": Outcome, "bool": bool}

R = TypeVar("R", bound=Row)


@dataclass(frozen=True)
class BarEvent:
    """A closed bar as it was numbered; ``bar`` is a record of `kwin_core.bars.BAR`."""

    stream: Stream
    bar: np.void
    source: str
    unsettled: bool


@dataclass(frozen=True)
class Event:
    """A numbered event with what it carried: a bar, an execution, or a body."""

    seq: int
    kind: Kind
    received_ms: int
    category: str
    symbol: str
    body: Body | None
    bar: BarEvent | None = None
    execution: Execution | None = None


@dataclass(frozen=True)
class Recorded(Generic[R]):
    """A row, its own number, and the event it follows from."""

    id: int
    seq: int
    row: R


class JournalReader:
    """A journal open to read only, by any number of processes beside the bot.

    Parameters
    ----------
    path
        An existing journal of this program's schema version.

    Raises
    ------
    JournalError
        The file is missing, foreign, damaged, or of another schema version.
    """

    def __init__(self, path: Path, *, busy_timeout_ms: int = BUSY_TIMEOUT_MS) -> None:
        self.path = path
        self._connection = connect_reader(path, busy_timeout_ms)
        try:
            with sqlite_errors(path):
                check_version(self._connection, path)
        except BaseException:
            self._connection.close()
            raise

    def identity(self) -> Identity:
        """Whose journal it is."""
        meta = dict(self._all("SELECT key, value FROM meta"))
        return Identity(
            uuid.UUID(meta["deployment"]), meta["profile"], meta["venue"], int(meta["created_ms"])
        )

    def last_seq(self) -> int:
        """Number of the newest event, 0 when there is none."""
        return int(self._all("SELECT coalesce(max(seq), 0) FROM events")[0][0])

    def trimmed_seq(self) -> int:
        """Number of the newest event that retention has deleted; 0 while the journal is whole."""
        with sqlite_errors(self.path):
            return trimmed_seq(self._connection)

    def streams(self) -> list[Stream]:
        """All streams, in the order of their first use."""
        return list(self._streams().values())

    def replay(self, after_seq: int = 0) -> Iterator[Event]:
        """All events after a number, in their order; what is written meanwhile is included.

        Parameters
        ----------
        after_seq
            Number of the last event not wanted.
        """
        while True:
            page = self._page(after_seq)
            yield from page
            if len(page) < _PAGE:
                return
            after_seq = page[-1].seq

    def events(self, kind: Kind) -> list[Event]:
        """All events of one kind, in their order; of bars and executions without what they carried."""
        rows = self._all(
            "SELECT seq, kind, received_ms, category, symbol, body FROM events WHERE kind = ? ORDER BY seq",
            (kind.value,),
        )
        return [
            Event(int(seq), Kind(name), int(at), category, symbol, None if body is None else json.loads(body))
            for seq, name, at, category, symbol, body in rows
        ]

    def last_received_ms(self) -> int:
        """When the newest event was dequeued, ms; 0 when there is none."""
        rows = self._all("SELECT received_ms FROM events ORDER BY seq DESC LIMIT 1", ())
        return int(rows[0][0]) if rows else 0

    def last_agreed_ms(self, stream: Stream) -> int:
        """When a reconcile of a stream last found agreement, ms; else when the oldest event was dequeued, or 0."""
        rows = self._all(
            "SELECT received_ms FROM events WHERE seq = (SELECT max(seq) FROM reconciles WHERE stream = ?"
            " AND outcome = 'agree')",
            (self._number(stream),),
        ) or self._all("SELECT received_ms FROM events ORDER BY seq LIMIT 1", ())
        return int(rows[0][0]) if rows else 0

    def bars(self, stream: Stream) -> np.ndarray:
        """All bars of a stream, oldest first: shape (n,), dtype `kwin_core.bars.BAR`."""
        rows = self._all(
            f"SELECT {_BAR_COLUMNS} FROM bars WHERE stream = ? ORDER BY start_ms", (self._number(stream),)
        )
        return np.array(rows, BAR)

    def bar(self, stream: Stream, start_ms: int) -> np.void | None:
        """The bar that opened at an instant (ms), as it was numbered; None when there is none."""
        rows = self._all(
            f"SELECT {_BAR_COLUMNS} FROM bars WHERE stream = ? AND start_ms = ?",
            (self._number(stream), start_ms),
        )
        return np.array(rows, BAR)[0] if rows else None

    def executions(self, category: str, symbol: str) -> list[tuple[int, Execution]]:
        """All fills of a symbol with their numbers, also those whose events retention has deleted."""
        rows = self._all(
            f"SELECT seq, {_EXECUTION_COLUMNS} FROM executions WHERE category = ? AND symbol = ? ORDER BY seq",
            (category, symbol),
        )
        return [(int(seq), _execution(values)) for seq, *values in rows]

    def rows(self, kind: type[R], after_seq: int = 0, limit: int = -1) -> list[Recorded[R]]:
        """What was recorded in one table, in the order of its events.

        Parameters
        ----------
        kind
            Class of the rows, such as `engines.journal.rows.Digest`.
        after_seq
            Only rows of later events.
        limit
            At most so many; -1 for all.
        """
        return self._rows(kind, "seq > ? ORDER BY seq, id LIMIT ?", (after_seq, limit))

    def open_intents(self) -> list[Recorded[Intent]]:
        """Orders that nothing definite is known of: never sent, reply lost, or outcome unknown.

        A stop has no name to ask for; it is proved by the position's own levels, whatever became of the call.
        """
        return self._rows(
            Intent,
            "order_link_id IS NOT NULL AND "
            "NOT EXISTS (SELECT 1 FROM acks WHERE acks.intent = intents.id AND acks.outcome <> ?) ORDER BY id",
            (Outcome.UNKNOWN.value,),
        )

    def intent_of(self, order_link_id: str) -> Recorded[Intent] | None:
        """The intent that an order was named for."""
        found = self._rows(Intent, "order_link_id = ?", (order_link_id,))
        return found[0] if found else None

    def snapshots(
        self, stream: Stream, ledger: Ledger, *, schema: str, params_hash: str, engine_hash: str
    ) -> list[Recorded[Snapshot]]:
        """Snapshots that belong to exactly this run, newest first; each must still prove its digest."""
        return self._rows(
            Snapshot,
            "stream = ? AND ledger = ? AND schema = ? AND params_hash = ? AND engine_hash = ? "
            "ORDER BY seq DESC, id DESC",
            (self._number(stream), ledger.value, schema, params_hash, engine_hash),
        )

    def close(self) -> None:
        """Close; calling it again does nothing."""
        self._connection.close()

    def __enter__(self) -> JournalReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _all(self, query: str, values: Sequence[str | int] = ()) -> list[tuple[Any, ...]]:
        with sqlite_errors(self.path):
            cursor: sqlite3.Cursor = self._connection.execute(query, values)
            return cursor.fetchall()

    def _streams(self) -> dict[int, Stream]:
        rows = self._all("SELECT id, category, symbol, timeframe_ms FROM streams ORDER BY id")
        return {int(number): Stream(*values) for number, *values in rows}

    def _number(self, stream: Stream) -> int:
        """The stream's number; -1, which no row has, when the journal does not know it."""
        return next((number for number, known in self._streams().items() if known == stream), -1)

    def _page(self, after_seq: int) -> list[Event]:
        wanted = [f"bars.{name.strip()}" for name in _BAR_COLUMNS.split(",")]
        fills = [f"fills.{name.strip()}" for name in _EXECUTION_COLUMNS.split(",")]
        rows = self._all(
            "SELECT events.seq, kind, received_ms, events.category, events.symbol, body, bars.stream, bars.source, "
            f"bars.unsettled, {', '.join(wanted + fills)} FROM events LEFT JOIN bars ON bars.seq = events.seq "
            "LEFT JOIN executions AS fills ON fills.seq = events.seq "
            "WHERE events.seq > ? ORDER BY events.seq LIMIT ?",
            (after_seq, _PAGE),
        )
        streams = self._streams()
        return [_event(row, streams) for row in rows]

    def _rows(self, kind: type[R], where: str, values: Sequence[str | int]) -> list[Recorded[R]]:
        columns = fields(kind)
        names = ", ".join(field.name for field in columns)
        found = self._all(f"SELECT id, seq, {names} FROM {kind.table} WHERE {where}", values)
        parsers: list[Any] = [_PARSERS.get(str(field.type), _same) for field in columns]
        if any(field.type == "Stream" for field in columns):
            streams = self._streams()  # after the rows: a stream is older than its rows
            parsers = [
                streams.__getitem__ if f.type == "Stream" else p
                for f, p in zip(columns, parsers, strict=True)
            ]
        return [
            Recorded(
                int(number),
                int(seq),
                kind(**{f.name: parse(v) for f, parse, v in zip(columns, parsers, stored, strict=True)}),
            )
            for number, seq, *stored in found
        ]


def _same(value: Any) -> Any:
    return value


def _execution(values: Sequence[Any]) -> Execution:
    columns = {field.name: value for field, value in zip(fields(Execution), values, strict=True)}
    return Execution(**{**columns, "late": bool(columns["late"])})


def _event(row: tuple[Any, ...], streams: dict[int, Stream]) -> Event:
    seq, kind, received_ms, category, symbol, body, stream, source, unsettled, *rest = row
    bar_values, fill_values = rest[:6], rest[6:]
    return Event(
        int(seq),
        Kind(kind),
        int(received_ms),
        category,
        symbol,
        None if body is None else json.loads(body),
        bar=None
        if stream is None
        else BarEvent(streams[stream], np.array([tuple(bar_values)], BAR)[0], source, bool(unsettled)),
        execution=None if fill_values[0] is None else _execution(fill_values),
    )
