"""The tables, as the list of steps that lead to them.

A step is never changed once released: a new shape is a new step at the end. ``user_version`` of the file says how
many steps it has behind it. Times are ms since the UNIX epoch, UTC; amounts the exchange sent stay its own text;
bodies are JSON.
"""

from __future__ import annotations

from dataclasses import dataclass

APPLICATION_ID = 0x4B57494E
"""``KWIN`` in the file's header: tells a journal from any other SQLite file."""


@dataclass(frozen=True)
class Migration:
    """One step: the version it leads to, why, and the statements, which run in one transaction."""

    version: int
    reason: str
    statements: tuple[str, ...]


def _by_seq(table: str, columns: str) -> tuple[str, str]:
    """A table of records that belong to the event numbered ``seq``."""
    return (
        f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, seq INTEGER NOT NULL, {columns}) STRICT",
        f"CREATE INDEX {table}_seq ON {table} (seq)",
    )


_FIRST = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID",
    "CREATE TABLE migrations (version INTEGER PRIMARY KEY, reason TEXT NOT NULL, applied_ms INTEGER NOT NULL) STRICT",
    """CREATE TABLE streams (
        id INTEGER PRIMARY KEY, category TEXT NOT NULL, symbol TEXT NOT NULL, timeframe_ms INTEGER NOT NULL,
        short_hash TEXT NOT NULL UNIQUE, UNIQUE (category, symbol, timeframe_ms)) STRICT""",
    """CREATE TABLE events (
        seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, received_ms INTEGER NOT NULL,
        category TEXT NOT NULL, symbol TEXT NOT NULL, body TEXT) STRICT""",
    """CREATE TABLE bars (
        seq INTEGER PRIMARY KEY, stream INTEGER NOT NULL, start_ms INTEGER NOT NULL,
        open REAL NOT NULL, high REAL NOT NULL, low REAL NOT NULL, close REAL NOT NULL, volume REAL NOT NULL,
        source TEXT NOT NULL, unsettled INTEGER NOT NULL, UNIQUE (stream, start_ms)) STRICT""",
    """CREATE TABLE executions (
        seq INTEGER PRIMARY KEY, category TEXT NOT NULL, symbol TEXT NOT NULL, exec_id TEXT NOT NULL,
        order_id TEXT NOT NULL, order_link_id TEXT NOT NULL, side TEXT NOT NULL, price TEXT NOT NULL,
        quantity TEXT NOT NULL, fee TEXT NOT NULL, fee_currency TEXT NOT NULL, exec_type TEXT NOT NULL,
        stop_order_type TEXT NOT NULL, exec_time_ms INTEGER NOT NULL, late INTEGER NOT NULL,
        UNIQUE (category, symbol, exec_id)) STRICT""",
    *_by_seq(
        "digests",
        "stream INTEGER NOT NULL, ledger TEXT NOT NULL, start_ms INTEGER NOT NULL, chain TEXT NOT NULL, "
        "full_digest TEXT, UNIQUE (stream, ledger, start_ms)",
    ),
    *_by_seq(
        "decisions",
        "stream INTEGER NOT NULL, start_ms INTEGER NOT NULL, decision_id TEXT NOT NULL, body TEXT NOT NULL",
    ),
    *_by_seq(
        "intents",
        "stream INTEGER NOT NULL, decision_id TEXT NOT NULL, action TEXT NOT NULL, "
        "order_link_id TEXT UNIQUE, body TEXT NOT NULL",
    ),
    *_by_seq(
        "acks",
        "intent INTEGER NOT NULL, outcome TEXT NOT NULL, code INTEGER, text TEXT NOT NULL, body TEXT NOT NULL",
    ),
    "CREATE INDEX acks_intent ON acks (intent)",
    *_by_seq(
        "orders",
        "category TEXT NOT NULL, symbol TEXT NOT NULL, order_id TEXT NOT NULL, order_link_id TEXT NOT NULL, "
        "status TEXT NOT NULL, executed TEXT NOT NULL, updated_ms INTEGER NOT NULL",
    ),
    *_by_seq(
        "positions",
        "category TEXT NOT NULL, symbol TEXT NOT NULL, side TEXT NOT NULL, size TEXT NOT NULL, "
        "entry_price TEXT NOT NULL, stop_loss TEXT NOT NULL, trailing_stop TEXT NOT NULL, "
        "exchange_seq INTEGER NOT NULL, updated_ms INTEGER NOT NULL",
    ),
    *_by_seq(
        "stops",
        "stream INTEGER NOT NULL, stop_loss TEXT NOT NULL, active_price TEXT NOT NULL, "
        "trailing_stop TEXT NOT NULL, reason TEXT NOT NULL",
    ),
    *_by_seq(
        "reconciles",
        "stream INTEGER NOT NULL, outcome TEXT NOT NULL, desired TEXT NOT NULL, reported TEXT NOT NULL, "
        "actions TEXT NOT NULL",
    ),
    *_by_seq(
        "drifts",
        "stream INTEGER NOT NULL, start_ms INTEGER NOT NULL, kind TEXT NOT NULL, trade_number INTEGER, "
        "body TEXT NOT NULL",
    ),
    *_by_seq("errors", "place TEXT NOT NULL, kind TEXT NOT NULL, text TEXT NOT NULL, body TEXT NOT NULL"),
    *_by_seq("configurations", "hash TEXT NOT NULL, body TEXT NOT NULL"),
    *_by_seq(
        "snapshots",
        "stream INTEGER NOT NULL, ledger TEXT NOT NULL, start_ms INTEGER NOT NULL, schema TEXT NOT NULL, "
        "params_hash TEXT NOT NULL, engine_hash TEXT NOT NULL, digest TEXT NOT NULL, data BLOB NOT NULL",
    ),
)

MIGRATIONS: tuple[Migration, ...] = (Migration(1, "the first journal", _FIRST),)

TRIMMED_TABLES = (
    "events",
    "bars",
    "digests",
    "decisions",
    "intents",
    "acks",
    "orders",
    "positions",
    "stops",
    "reconciles",
    "drifts",
    "errors",
)
"""What retention may shorten. Executions stay: their ids keep an old fill from being counted a second time."""
