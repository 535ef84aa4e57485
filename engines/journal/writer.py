"""The journal of a deployment: the one writer, one transaction a message."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from engines.failpoints import failpoint
from engines.journal.connect import BUSY_TIMEOUT_MS, connect_writer
from engines.journal.faults import sqlite_errors
from engines.journal.instance_lock import InstanceLock
from engines.journal.message import Message, StreamIds
from engines.journal.migrate import migrate
from engines.journal.retention import Trimmed, drop_old_snapshots, trim_events
from engines.journal.rows import Execution
from kwin_core.errors import JournalError


@dataclass(frozen=True)
class Identity:
    """Whose journal a file is; written once, when it is made."""

    deployment: uuid.UUID
    profile: str
    venue: str
    created_ms: int


class Journal:
    """A journal open for writing: by one process, and in it by one thread.

    Entering a `message` begins a transaction; leaving it commits, with everything on the disk before it returns;
    an exception inside leaves the journal as if the message had never come. Send only after it.

    Parameters
    ----------
    path
        The file; made when missing.
    profile, venue
        Of the deployment; an existing journal must have the same.
    now_ms
        The runner's clock, ms since the UNIX epoch, UTC.
    deployment
        For a new file, its uuid; by default a random one. An existing journal keeps its own.
    busy_timeout_ms
        How long to wait for another program's lock on the file, ms.
    verify
        Read the whole file for damage first: about a second a gigabyte.

    Raises
    ------
    JournalError
        Everything that can be wrong with the file; ``kind`` says which.
    """

    def __init__(
        self,
        path: Path,
        *,
        profile: str,
        venue: str,
        now_ms: int,
        deployment: uuid.UUID | None = None,
        busy_timeout_ms: int = BUSY_TIMEOUT_MS,
        verify: bool = True,
    ) -> None:
        self.path = path.resolve()
        with ExitStack() as undo:
            self._lock = undo.enter_context(InstanceLock(self.path))
            self._connection = connect_writer(self.path, busy_timeout_ms, verify=verify)
            undo.callback(self._connection.close)
            first = {
                "deployment": str(deployment or uuid.uuid4()),
                "profile": profile,
                "venue": venue,
                "created_ms": str(now_ms),
                "trimmed_seq": "0",
            }
            self.migrated = migrate(self._connection, self.path, now_ms, first)
            with sqlite_errors(self.path):
                self.identity = self._read_identity(profile, venue)
                self.last_seq = int(
                    self._connection.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0]
                )
            self._file_id = self._file_now()
            self._streams = StreamIds(self._connection)
            self._make_folder_durable()
            undo.pop_all()

    @contextmanager
    def message(self) -> Iterator[Message]:
        """One dequeued message: number it, record what follows from it; all of it is kept, or nothing.

        A message that numbered nothing (a duplicate) leaves no trace.

        Raises
        ------
        JournalError
            Nothing of the message was recorded, and the journal can be used again once the cause is gone.
        """
        with self._transaction():
            message = Message(self._connection, self.path, self._streams, self.last_seq)
            try:
                yield message
            finally:
                message.close()
            message.check_whole()
        self.last_seq = message.last_seq

    def knows(self, execution: Execution) -> bool:
        """Whether an execution has been recorded.

        Raises
        ------
        JournalError
            The file cannot be read.
        """
        key = (execution.category, execution.symbol, execution.exec_id)
        with sqlite_errors(self.path):
            found = self._connection.execute(
                "SELECT 1 FROM executions WHERE category = ? AND symbol = ? AND exec_id = ?", key
            ).fetchone()
        return found is not None

    def trim(self, *, before_ms: int | None = None, snapshots_kept: int = 3) -> Trimmed:
        """Shorten the journal, in short transactions; what a restart needs stays.

        Parameters
        ----------
        before_ms
            Events received before this instant (ms) may go, as far as a kept snapshot of every stream and ledger
            covers them and no intent among them is unresolved. None, the default, keeps every event: only a whole
            journal can be replayed from its warm-up.
        snapshots_kept
            Newest snapshots to keep of each stream and ledger, at least 1.
        """
        if snapshots_kept < 1:
            raise ValueError(f"snapshots_kept = {snapshots_kept}: keep at least 1")
        with sqlite_errors(self.path):
            with self._transaction():
                dropped = drop_old_snapshots(self._connection, snapshots_kept)
            return trim_events(self._connection, self._transaction, before_ms, dropped)

    def close(self) -> None:
        """Fold the write-ahead log into the file and let the next instance in; calling it again does nothing."""
        self._connection.close()
        self._lock.release()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        if self._connection.in_transaction:
            raise RuntimeError("a message is open: finish it before the next one begins")
        self._check_in_place()
        failpoint("journal.before_commit")
        try:
            self._execute("BEGIN IMMEDIATE")
            yield
            failpoint("journal.inside_commit")
            self._execute("COMMIT")
        finally:
            if self._connection.in_transaction:
                self._execute("ROLLBACK")
                self._streams.forget()
        failpoint("journal.after_commit")

    def _execute(self, statement: str) -> None:
        with sqlite_errors(self.path):
            self._connection.execute(statement)

    def _read_identity(self, profile: str, venue: str) -> Identity:
        meta = dict(self._connection.execute("SELECT key, value FROM meta").fetchall())
        for name, wanted in (("profile", profile), ("venue", venue)):
            if meta[name] != wanted:
                raise JournalError(
                    f"journal {self.path}: it belongs to a deployment with {name} {meta[name]!r}, this one has "
                    f"{wanted!r}; give every deployment its own journal",
                    kind="foreign",
                )
        return Identity(
            uuid.UUID(meta["deployment"]), meta["profile"], meta["venue"], int(meta["created_ms"])
        )

    def _check_in_place(self) -> None:
        """A journal whose file was moved or deleted would take records that nobody finds again."""
        if self._file_now() != self._file_id:
            raise JournalError(
                f"journal {self.path}: the file was moved, replaced or deleted while in use; put it back or restart",
                kind="moved",
            )

    def _file_now(self) -> tuple[int, int]:
        try:
            found = os.stat(self.path)  # noqa: PTH116  # once a message: twice as fast as Path.stat
        except OSError:
            return (-1, -1)
        return (found.st_dev, found.st_ino)

    def _make_folder_durable(self) -> None:
        """Without this a new file's name may be lost with the power, though its content is on the disk."""
        handle = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
