"""The error tree. Every error of this project is a ``KwinError`` that carries its evidence."""

from __future__ import annotations


class KwinError(Exception):
    """Base of all errors raised on purpose: one line that says what, where and what to do."""


class DataError(KwinError):
    """Market data that cannot be trusted.

    Parameters
    ----------
    message
        What is wrong and what to do about it, in one line.
    row
        0-based row in the source, or ``None`` when the whole source is meant.
    time_ms
        Open time of the bar in ms since the UNIX epoch, UTC, or ``None``.
    """

    def __init__(self, message: str, *, row: int | None = None, time_ms: int | None = None) -> None:
        super().__init__(message)
        self.row = row
        self.time_ms = time_ms


class ConfigError(KwinError):
    """A setting that is unknown, of the wrong type, out of range, or in conflict with another."""


class StrategyError(KwinError):
    """A strategy that breaks the contract of the compiled engine (dtypes, signature, objects)."""


class CapacityError(KwinError):
    """A fixed limit of the core was reached; nothing was dropped, the run stopped.

    Parameters
    ----------
    limit_name
        Name of the engine option that raises the limit.
    limit
        Its value.
    bar_index
        0-based index of the bar on which it was reached.
    """

    def __init__(self, message: str, *, limit_name: str, limit: int, bar_index: int) -> None:
        super().__init__(message)
        self.limit_name = limit_name
        self.limit = limit
        self.bar_index = bar_index


class SnapshotError(KwinError):
    """A snapshot that does not belong to this engine, schema or parameter set, or is damaged."""


class ParityError(KwinError):
    """Two runs that should agree do not, or cannot be compared."""


class VenueError(KwinError):
    """The exchange refused, failed or contradicted itself."""


class JournalError(KwinError):
    """The journal cannot be opened, read or written; nothing of the message at hand was recorded.

    Parameters
    ----------
    message
        What is wrong with which file and what to do, in one line.
    kind
        ``full``, ``read_only``, ``locked`` (another program writes), ``in_use`` (another instance), ``damaged``,
        ``version``, ``foreign`` (another deployment's or program's), ``missing``, ``moved``, ``io``, ``conflict``.
    """

    def __init__(self, message: str, *, kind: str) -> None:
        super().__init__(message)
        self.kind = kind
