"""The control channel: a Unix socket beside the journal, through which a command reaches the running deployment.

One line of JSON asks, one answers. A question becomes a `Control` in the runner's inbox like anything else that
happens; the answer goes out when the runner has recorded it and dealt with it. The socket belongs to whoever holds the
journal's instance lock, so a file that a killed process left behind is replaced.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import socket
import socketserver
import threading
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engines.journal import JournalReader, Kind
from engines.live.inbox import Control, Inbox
from engines.live.memory import halts_in
from feeds.stream import Stream
from kwin_core.errors import JournalError

COMMANDS = ("halt", "resume", "flatten")
RECORD_S = 10.0
"""So long an answer waits for the runner."""
_LINE_BYTES = 8_192
_SILENT_S = 5.0  # a caller that says nothing is hung up on
_LONGEST_NAME = 60  # a socket's path has room for about 100 bytes
_log = logging.getLogger("kwin.live")


def socket_path(journal: Path) -> Path:
    """Where the channel of a journal is: beside it, under its name and ``.control``."""
    resolved = journal.resolve()
    name = resolved.name
    if len(os.fsencode(name)) > _LONGEST_NAME:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
    return resolved.with_name(f"{name}.control")


@contextmanager
def short_address(path: Path) -> Iterator[str]:
    """An address of a socket that is short enough, however deep its folder lies."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


class ControlChannel:
    """Serves the channel of one running deployment, in threads of its own.

    Parameters
    ----------
    journal
        Its path; held open for writing by this process.
    inbox
        The runner's.
    streams
        What the deployment trades.
    """

    def __init__(self, journal: Path, inbox: Inbox, streams: Iterable[Stream]) -> None:
        self.path = socket_path(journal)
        self._journal = journal
        self._inbox = inbox
        self._streams = tuple(streams)
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen. A folder that can hold no socket costs the channel and not the deployment."""
        try:
            self.path.unlink(missing_ok=True)
            with short_address(self.path) as address:
                self._server = _Server(address, self._answer)
        except OSError as error:
            _log.warning("no control channel at %s: %s; halt and flatten need it", self.path, error.strerror)
            return
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.1,), name="kwin-control", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Listen no more; calling it again does nothing."""
        server, self._server = self._server, None
        if server is None or self._thread is None:
            return
        server.shutdown()
        server.server_close()
        self._thread.join()
        self.path.unlink(missing_ok=True)

    def _answer(self, question: Mapping[str, Any]) -> dict[str, Any]:
        problem = self._problem(question)
        if problem:
            return {"error": problem}
        command = str(question["command"])
        detail = {key: question[key] for key in ("symbol", "name", "reason") if question.get(key) is not None}
        detail["id"] = uuid.uuid4().hex
        recorded = threading.Event()
        self._inbox.post(Control(command, detail, recorded))
        if not recorded.wait(RECORD_S):
            return {"recorded": False}
        return self._told(detail["id"])

    def _problem(self, question: Mapping[str, Any]) -> str:
        unknown = sorted(set(question) - {"command", "symbol", "name", "reason"})
        if unknown:
            return f"unknown key {unknown[0]!r}"
        if question.get("command") not in COMMANDS:
            return f"command {question.get('command')!r} is none of {', '.join(COMMANDS)}"
        symbol = question.get("symbol")
        traded = sorted(stream.symbol for stream in self._streams)
        if symbol is not None and symbol not in traded:
            return f"{symbol} is not traded here; traded are {', '.join(traded)}"
        return ""

    def _told(self, identity: str) -> dict[str, Any]:
        """Where it stands in the journal, and the halts that are in force behind it."""
        try:
            with JournalReader(self._journal) as reader:
                found = [
                    event.seq
                    for event in reader.events(Kind.CONTROL)
                    if isinstance(event.body, Mapping) and event.body.get("id") == identity
                ]
                halts = halts_in(reader, self._streams)
        except JournalError as error:
            return {"error": f"recorded, but the journal cannot be read: {error}"}
        return {
            "recorded": True,
            "seq": found[-1] if found else None,
            "pid": os.getpid(),
            "halts": {stream.symbol: reasons for stream, reasons in halts.items()},
        }


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    block_on_close = False  # a caller that hangs must not hold up the end

    def __init__(self, address: str, answer: Any) -> None:
        self.answer = answer
        super().__init__(address, _Caller)

    def server_bind(self) -> None:
        """Only the owner may talk, from the first instant on."""
        os.fchmod(self.socket.fileno(), 0o600)
        super().server_bind()
        assert isinstance(self.server_address, str)
        os.chmod(self.server_address, 0o600)  # noqa: PTH101  # the address is a name for the kernel, not a place

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hangs up in the middle is none of our business."""


class _Caller(socketserver.StreamRequestHandler):
    timeout = _SILENT_S
    request: socket.socket

    def handle(self) -> None:
        line = self.rfile.readline(_LINE_BYTES)
        if not line:
            return
        try:
            question = json.loads(line)
        except ValueError:
            question = None
        if isinstance(question, dict):
            answer = self.server.answer(question)  # type: ignore[attr-defined]
        else:
            answer = {"error": "not a line of JSON with an object"}
        self.wfile.write(json.dumps(answer).encode() + b"\n")
