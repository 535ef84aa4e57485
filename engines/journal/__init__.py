"""The journal: one SQLite file a deployment, the truth about what the bot saw, decided and asked for.

Every dequeued message is one transaction: its numbered events, the digests after them, the intents that follow.
Commit, then send. A restart replays the events in the order of their ``seq``.
"""

from engines.journal.backup import Backup, backup_journal
from engines.journal.instance_lock import InstanceLock
from engines.journal.message import Message
from engines.journal.order_link import OrderLink, order_link_id, parse_order_link_id
from engines.journal.reader import BarEvent, Event, JournalReader, Recorded
from engines.journal.retention import Trimmed
from engines.journal.rows import (
    Ack,
    Configuration,
    Decision,
    Digest,
    Drift,
    Execution,
    Failure,
    Intent,
    Kind,
    Ledger,
    OrderMessage,
    Outcome,
    PositionMessage,
    Reconciled,
    Snapshot,
    StopMoved,
    configuration_hash,
)
from engines.journal.writer import Identity, Journal
from feeds.stream import Stream

__all__ = [
    "Ack",
    "Backup",
    "BarEvent",
    "Configuration",
    "Decision",
    "Digest",
    "Drift",
    "Event",
    "Execution",
    "Failure",
    "Identity",
    "InstanceLock",
    "Intent",
    "Journal",
    "JournalReader",
    "Kind",
    "Ledger",
    "Message",
    "OrderLink",
    "OrderMessage",
    "Outcome",
    "PositionMessage",
    "Reconciled",
    "Recorded",
    "Snapshot",
    "StopMoved",
    "Stream",
    "Trimmed",
    "backup_journal",
    "configuration_hash",
    "order_link_id",
    "parse_order_link_id",
]
