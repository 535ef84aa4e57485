"""What can be written while a message is open: numbered events, and the records that follow from them."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from engines.journal.faults import sqlite_errors
from engines.journal.rows import Body, Execution, Kind, Row, json_text
from feeds.stream import Stream
from kwin_core.bars import floor_time
from kwin_core.errors import DataError, JournalError

_PRICES = ("open", "high", "low", "close", "volume")
_EXECUTION_FIELDS = tuple(field.name for field in fields(Execution))


class StreamIds:
    """Numbers of the streams in the file; a new stream gets one when it is first used."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._ids: dict[Stream, int] = {}

    def number(self, stream: Stream) -> int:
        """The stream's row in ``streams``."""
        known = self._ids.get(stream)
        if known is not None:
            return known
        values = (stream.category, stream.symbol, stream.timeframe_ms)
        found = self._connection.execute(
            "SELECT id FROM streams WHERE (category, symbol, timeframe_ms) = (?, ?, ?)", values
        ).fetchone()
        if found is None:
            made = self._connection.execute(
                "INSERT INTO streams (category, symbol, timeframe_ms, short_hash) VALUES (?, ?, ?, ?)",
                (*values, stream.short_hash),
            )
            found = (made.lastrowid,)
        self._ids[stream] = int(found[0])
        return self._ids[stream]

    def forget(self) -> None:
        """After a rollback: a number handed out in it was never in the file."""
        self._ids.clear()


class Message:
    """An open message; see `engines.journal.writer.Journal.message`.

    Attributes
    ----------
    last_seq
        The newest number given out, this message's included.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, streams: StreamIds, last_seq: int) -> None:
        self._connection = connection
        self._path = path
        self._streams = streams
        self._first_seq = last_seq + 1
        self._open = True
        self._whole = True
        self.last_seq = last_seq

    def close(self) -> None:
        """Nothing can be written through this message any more."""
        self._open = False

    def check_whole(self) -> None:
        """Refuse to commit a message of which a part could not be written, even if the caller went on.

        Raises
        ------
        JournalError
            A write of this message failed.
        """
        if not self._whole:
            raise JournalError(
                f"journal {self._path}: a part of this message could not be written, so none of it was recorded",
                kind="conflict",
            )

    def event(
        self, kind: Kind, received_ms: int, body: Body | None = None, *, category: str = "", symbol: str = ""
    ) -> int:
        """Number an event; returns its ``seq``.

        Parameters
        ----------
        kind
            Anything but a bar or an execution, which have functions of their own.
        received_ms
            Runner's clock when it was dequeued, ms since the UNIX epoch, UTC.
        body
            The message itself.
        category, symbol
            What it is about; empty for the account as a whole.
        """
        if kind in (Kind.BAR, Kind.EXECUTION):
            raise ValueError(f"{kind} has a function of its own, which drops duplicates")
        with self._writing():
            return self._number(kind, received_ms, category, symbol, body)

    def bar(
        self, stream: Stream, bar: np.void, received_ms: int, *, source: str, unsettled: bool = False
    ) -> int | None:
        """Number a closed bar; None when the stream has had it, whatever its values.

        Parameters
        ----------
        stream
            Whose bar.
        bar
            Record of `kwin_core.bars.BAR`.
        received_ms
            Runner's clock when it was dequeued, ms.
        source
            Where it came from: ``warmup``, ``stream``, ``rest``, ``replay``.
        unsettled
            The position could not be confirmed before this bar.

        Raises
        ------
        DataError
            The bar is off the stream's grid, its values cannot be kept bit for bit, or it is older than the newest
            one and was never recorded: the core has passed it.
        """
        start_ms = int(bar["time_ms"])
        values = [float(bar[name]) for name in _PRICES]
        if floor_time(start_ms, stream.timeframe_ms) != start_ms:
            raise DataError(f"bar {start_ms} ms is not on the grid of {stream}", time_ms=start_ms)
        if not all(math.isfinite(value) and (value != 0 or math.copysign(1, value) > 0) for value in values):
            raise DataError(
                f"bar {start_ms} ms of {stream}: {values} cannot be recorded exactly", time_ms=start_ms
            )
        with self._writing():
            number = self._streams.number(stream)
            oldest, newest = self._connection.execute(
                "SELECT (SELECT min(start_ms) FROM bars WHERE stream = ?1), "
                "(SELECT max(start_ms) FROM bars WHERE stream = ?1)",
                (number,),
            ).fetchone()
            if newest is not None and start_ms <= newest:
                if start_ms < oldest or self._exists(
                    "bars", "stream = ? AND start_ms = ?", (number, start_ms)
                ):
                    return None
                raise DataError(
                    f"bar {start_ms} ms of {stream} comes after bar {newest} ms: release bars in order",
                    time_ms=start_ms,
                )
            seq = self._number(Kind.BAR, received_ms, stream.category, stream.symbol, None)
            self._connection.execute(
                "INSERT INTO bars VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (seq, number, start_ms, *values, source, int(unsettled)),
            )
        return seq

    def execution(self, execution: Execution, received_ms: int, body: Body | None = None) -> int | None:
        """Number a fill; None when its ``exec_id`` has been numbered before.

        Parameters
        ----------
        execution
            The fill.
        received_ms
            Runner's clock when it was dequeued, ms.
        body
            The venue's own message.
        """
        key = (execution.category, execution.symbol, execution.exec_id)
        if not execution.exec_id:
            raise DataError(
                f"execution of order {execution.order_id} has no execId: it cannot be told from another"
            )
        with self._writing():
            if self._exists("executions", "(category, symbol, exec_id) = (?, ?, ?)", key):
                return None
            seq = self._number(Kind.EXECUTION, received_ms, execution.category, execution.symbol, body)
            columns = {name: getattr(execution, name) for name in _EXECUTION_FIELDS}
            self._insert("executions", seq, columns)
        return seq

    def record(self, row: Row) -> int:
        """Record something that follows from the event numbered last in this message.

        Returns
        -------
        int
            The row's own number, for an intent the one its acknowledgements name.

        Raises
        ------
        JournalError
            ``conflict`` when it is there already: an ``order_link_id`` or a bar's digest is recorded once.
        ValueError
            No event was numbered in this message.
        """
        if self.last_seq < self._first_seq:
            raise ValueError(f"{row.table}: number the event first, then record what follows from it")
        with self._writing():
            return self._insert(row.table, self.last_seq, {f.name: getattr(row, f.name) for f in fields(row)})

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """An error in here spoils the message: part of an event must never be committed."""
        if not self._open:
            raise RuntimeError("this message is finished: begin another one")
        self.check_whole()
        self._whole = False
        with sqlite_errors(self._path):
            yield
        self._whole = True

    def _number(self, kind: Kind, received_ms: int, category: str, symbol: str, body: Body | None) -> int:
        seq = self.last_seq + 1
        self._insert(
            "events",
            seq,
            {"kind": kind, "received_ms": received_ms, "category": category, "symbol": symbol, "body": body},
        )
        self.last_seq = seq
        return seq

    def _exists(self, table: str, where: str, values: Sequence[str | int]) -> bool:
        return self._connection.execute(f"SELECT 1 FROM {table} WHERE {where}", values).fetchone() is not None

    def _insert(self, table: str, seq: int, columns: Mapping[str, Any]) -> int:
        names = ", ".join(columns)
        marks = ", ?" * len(columns)
        values = [self._stored(value) for value in columns.values()]
        statement = f"INSERT INTO {table} (seq, {names}) VALUES (?{marks})"
        try:
            return int(self._connection.execute(statement, (seq, *values)).lastrowid or 0)
        except OverflowError:
            raise DataError(f"{table}: a number needs more than 64 bits: {dict(columns)}") from None

    def _stored(self, value: Any) -> str | int | float | bytes | None:
        convert = _CONVERSIONS.get(type(value))
        if convert is not None:
            return convert(value)
        if isinstance(value, Stream):
            return self._streams.number(value)
        if value is None or isinstance(value, int | bytes):
            return value
        if isinstance(value, Mapping | Sequence) and not isinstance(value, str):
            return json_text(value)
        if isinstance(value, str):
            return _plain(value)
        raise JournalError(
            f"journal {self._path}: a {type(value).__name__} has no column type", kind="conflict"
        )


def _plain(text: str) -> str:
    """Text that UTF-8 can hold, whatever bytes an error message was made of."""
    return text.encode("utf-8", "replace").decode("utf-8")


_CONVERSIONS: dict[type, Callable[[Any], str | int]] = {
    str: _plain,
    dict: json_text,
    list: json_text,
    bool: int,
}
