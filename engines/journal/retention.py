"""How a journal is kept short without losing what a restart, an open order or a late fill needs."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from engines.journal.rows import Kind, Outcome
from engines.journal.schema import TRIMMED_TABLES

LASTING = (Kind.START, Kind.CONTROL)
"""Kinds of events that stay: what was fixed when the deployment began, and halts, which end by an operator's word."""
SEQS_A_TRANSACTION = 20_000
PAGES_A_TRANSACTION = 2_000


@dataclass(frozen=True)
class Trimmed:
    """What went: events up to ``last_trimmed_seq`` (0: none ever), and so many rows and snapshots now."""

    last_trimmed_seq: int
    rows: int
    snapshots: int


def drop_old_snapshots(connection: sqlite3.Connection, kept: int) -> int:
    """Delete all but the newest snapshots of every stream and ledger; returns how many went."""
    return connection.execute(
        "DELETE FROM snapshots WHERE id IN (SELECT id FROM (SELECT id, "
        "row_number() OVER (PARTITION BY stream, ledger ORDER BY seq DESC, id DESC) AS place FROM snapshots) "
        "WHERE place > ?)",
        (kept,),
    ).rowcount


def trim_events(
    connection: sqlite3.Connection,
    transaction: Callable[[], AbstractContextManager[None]],
    before_ms: int | None,
    snapshots: int,
) -> Trimmed:
    """Delete the oldest events and what was recorded with them, some thousand a transaction.

    Parameters
    ----------
    connection
        The writer's.
    transaction
        Begins and commits.
    before_ms
        Only events received before this instant (ms); None for none.
    snapshots
        How many snapshots went already, for the result.
    """
    trimmed = trimmed_seq(connection)
    last = 0 if before_ms is None else _last_dispensable(connection, before_ms)
    newest_bars = [seq for (seq,) in connection.execute("SELECT max(seq) FROM bars GROUP BY stream")]
    rows = 0
    while trimmed < last:
        until = min(trimmed + SEQS_A_TRANSACTION, last)
        with transaction():
            for table in TRIMMED_TABLES:
                spared: Sequence[int | str] = ()
                column = "seq"
                if table == "bars":
                    spared = newest_bars  # they say which bar the stream has reached
                elif table == "events":
                    column, spared = "kind", LASTING
                marks = ", ".join("?" * len(spared))
                deleted = connection.execute(
                    f"DELETE FROM {table} WHERE seq > ? AND seq <= ? AND {column} NOT IN ({marks})",
                    (trimmed, until, *spared),
                )
                rows += deleted.rowcount
            connection.execute("UPDATE meta SET value = ? WHERE key = 'trimmed_seq'", (str(until),))
        trimmed = until
    _give_pages_back(connection)
    return Trimmed(trimmed, rows, snapshots)


def _give_pages_back(connection: sqlite3.Connection) -> None:
    """Shorten the file by its free pages, in short transactions."""
    before, free = -1, int(connection.execute("PRAGMA freelist_count").fetchone()[0])
    while free > 0 and free != before:
        # executescript runs a statement to its end; execute would free a single page
        connection.executescript(f"PRAGMA incremental_vacuum({PAGES_A_TRANSACTION})")
        before, free = free, int(connection.execute("PRAGMA freelist_count").fetchone()[0])


def trimmed_seq(connection: sqlite3.Connection) -> int:
    """Number of the newest event that retention has deleted; 0 while the journal is whole."""
    return int(connection.execute("SELECT value FROM meta WHERE key = 'trimmed_seq'").fetchone()[0])


def _last_dispensable(connection: sqlite3.Connection, before_ms: int) -> int:
    """The newest event that may go: old enough, not the last, covered by snapshots, no intent open before it."""
    bounds = [
        connection.execute(
            # the events before the first one that is young enough, should the clock ever have gone back
            "SELECT coalesce((SELECT min(seq) FROM events WHERE received_ms >= ?) - 1, "
            "(SELECT max(seq) - 1 FROM events))",
            (before_ms,),
        ).fetchone()[0],
        connection.execute("SELECT max(seq) - 1 FROM events").fetchone()[0],
        connection.execute(
            "SELECT min(seq) - 1 FROM intents WHERE order_link_id IS NOT NULL AND NOT EXISTS "
            "(SELECT 1 FROM acks WHERE acks.intent = intents.id AND acks.outcome <> ?)",
            (Outcome.UNKNOWN.value,),
        ).fetchone()[0],
    ]
    ledgers = connection.execute(
        "SELECT DISTINCT bars.stream, ledger FROM (SELECT DISTINCT stream FROM bars) AS bars "
        "LEFT JOIN (SELECT DISTINCT stream, ledger FROM digests) AS digests ON digests.stream = bars.stream"
    ).fetchall()
    for stream, ledger in ledgers:
        oldest_kept, newest_kept = connection.execute(
            "SELECT coalesce(min(seq), 0), coalesce(max(seq), 0) FROM snapshots WHERE stream = ? AND ledger = ?",
            (stream, ledger),
        ).fetchone()
        last_event = connection.execute(
            "SELECT coalesce(max(events.seq), 0) FROM events JOIN streams USING (category, symbol) "
            "WHERE streams.id = ?",
            (stream,),
        ).fetchone()[0]
        if last_event > newest_kept:  # a stream that has ended is whole in its last snapshot
            bounds.append(oldest_kept)
    return max(0, min((int(bound) for bound in bounds if bound is not None), default=0))
