"""What people may be told about, and how a thing that happened is put into one line."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class What(StrEnum):
    """Kinds of happenings: the words of ``messages.events``."""

    START = "start"
    STOP = "stop"  # the process ended, as asked or by an error
    ENTRY = "entry"
    EXIT = "exit"
    STOP_MOVED = "stop_moved"
    HALT = "halt"
    RESUME = "resume"
    DRIFT = "drift"
    ERROR = "error"
    SUMMARY = "summary"  # once a day
    # alarms: told when they begin and when they are over
    DISCONNECT = "disconnect"
    STALE = "stale"
    NAKED = "naked"
    UNKNOWN = "unknown"
    JOURNAL = "journal"
    STUCK = "stuck"


@dataclass(frozen=True)
class Happening:
    """One line for people; ``time_ms`` is the deployment's clock."""

    what: What
    time_ms: int
    text: str
