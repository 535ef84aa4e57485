"""Logs: one JSON line an event, redacted, from a thread of their own; logging never holds up or stops what trades.

Everything goes through Python's ``logging``, pybit's and websocket-client's lines too. The trading threads only put
records into a bounded queue: when it is full, records below WARNING are dropped and counted, others wait a moment.
"""

from __future__ import annotations

import logging
import logging.handlers
import queue
import sys
import threading
from collections.abc import Iterable, MutableMapping
from pathlib import Path
from typing import Any

import structlog

_MOST_WAITING = 10_000
_WAIT_S = 0.05
_FILE_BYTES, _FILES_KEPT = 50 * 2**20, 5
_HIDDEN = "[hidden]"
_LIBRARIES = (
    "pybit",
    "websocket",
    "urllib3",
    "apprise",
    "numba",
)  # at debug they drown ours, or tell addresses
_SECRET_NAMES = ("secret", "api_key", "apikey", "x-bapi-sign", "x-bapi-api-key", "signature", "password")


class Redactor:
    """Takes secrets out of log events: by the name of a field, and by value wherever it turns up."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets = sorted((one for one in secrets if len(one) >= 4), key=len, reverse=True)

    def __call__(
        self, _logger: Any, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        """As structlog's processors are called."""
        for name, value in list(event.items()):
            if any(word in name.lower() for word in _SECRET_NAMES):
                event[name] = _HIDDEN
            else:
                event[name] = self.clean(value)
        return event

    def clean(self, value: Any) -> Any:
        """A value without any registered secret, whatever it is made of."""
        if isinstance(value, str):
            for secret in self._secrets:
                value = value.replace(secret, _HIDDEN)
            return value
        if isinstance(value, dict):
            return {name: self.clean(one) for name, one in value.items()}
        if isinstance(value, list | tuple):
            return [self.clean(one) for one in value]
        if isinstance(value, int | float | bool) or value is None:
            return value
        return self.clean(str(value))


class _PatientQueueHandler(logging.handlers.QueueHandler):
    """Puts records into the queue; a full one costs low severities, never the caller's time or an exception."""

    def __init__(self, waiting: queue.Queue[Any]) -> None:
        super().__init__(waiting)
        self._waiting = waiting
        self.dropped = 0
        self._lock = threading.Lock()

    def enqueue(self, record: logging.LogRecord) -> None:
        try:
            if record.levelno >= logging.WARNING:
                self._waiting.put(record, timeout=_WAIT_S)
            else:
                self._waiting.put_nowait(record)
        except queue.Full:
            with self._lock:
                self.dropped += 1

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """As it is: the other end is in this process."""
        return record

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, ARG002  # logging's own name
        """A record that cannot be handled is one more that was dropped."""
        with self._lock:
            self.dropped += 1


class Logs:
    """The logs of a process; close them at its end.

    Parameters
    ----------
    level
        ``debug``, ``info``, ``warning`` or ``error``.
    file
        JSON lines, rotated; None writes none.
    secrets
        Texts that must never appear.
    console
        Whether people watch stderr.
    """

    def __init__(
        self,
        *,
        level: str = "info",
        file: Path | None = None,
        secrets: Iterable[str] = (),
        console: bool = True,
    ) -> None:
        redactor = Redactor(secrets)
        shared: list[Any] = [
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.add_log_level,
            structlog.stdlib.add_logger_name,
            structlog.stdlib.ExtraAdder(),
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            redactor,
        ]

        def formatter(last: Any) -> logging.Formatter:
            steps = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, redactor, last]
            return structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=steps)

        handlers: list[logging.Handler] = []
        if file is not None:
            rotating = logging.handlers.RotatingFileHandler(
                file, maxBytes=_FILE_BYTES, backupCount=_FILES_KEPT, encoding="utf-8"
            )
            rotating.setFormatter(formatter(structlog.processors.JSONRenderer(default=str)))
            handlers.append(rotating)
        if console:
            stream = logging.StreamHandler(sys.stderr)
            stream.setFormatter(
                formatter(structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=0))
            )
            handlers.append(stream)
        self._queue: queue.Queue[Any] = queue.Queue(_MOST_WAITING)
        self._handler = _PatientQueueHandler(self._queue)
        self._listener = logging.handlers.QueueListener(self._queue, *handlers)
        self._handlers = handlers
        root = logging.getLogger()
        self._before = (root.handlers[:], root.level)
        root.handlers = [self._handler]
        root.setLevel(level.upper())
        for library in _LIBRARIES:
            logging.getLogger(library).setLevel(logging.WARNING)
        self._listener.start()

    @property
    def dropped(self) -> int:
        """Records that were lost because nobody took them in time."""
        return self._handler.dropped

    def close(self) -> None:
        """Write what waits, then give the logging back as it was."""
        self._listener.stop()
        for handler in self._handlers:
            handler.close()
        root = logging.getLogger()
        root.handlers, level = self._before
        root.setLevel(level)
