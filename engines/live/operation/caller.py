"""The other end of the control channel: a command that talks to the running deployment, or finds that none runs."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engines.live.operation.channel import RECORD_S, short_address, socket_path
from kwin_core.errors import KwinError

_CONNECT_S = 2.0
_LINE_BYTES = 65_536


class ChannelError(KwinError):
    """The deployment runs and does not do what was asked."""


def ask(journal: Path, question: Mapping[str, Any]) -> dict[str, Any] | None:
    """Ask the deployment that runs on a journal; None when none does.

    Parameters
    ----------
    journal
        Path of its journal.
    question
        ``command`` and what goes with it.

    Raises
    ------
    ChannelError
        It refuses, or does not answer.
    """
    path = socket_path(journal)
    given = {key: value for key, value in question.items() if value is not None}
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        try:
            _connect(line, path)
        except (FileNotFoundError, ConnectionRefusedError):
            return None  # no socket, or one that a killed process left behind
        except OSError as error:
            raise ChannelError(f"{path}: {error.strerror or error}; is this the user who runs it?") from None
        try:
            line.settimeout(RECORD_S + _CONNECT_S)
            line.sendall(json.dumps(given).encode() + b"\n")
            answer = json.loads(_line(line))
        except (OSError, ValueError):
            raise ChannelError(
                f"{path}: the deployment does not answer; kwin-live status shows whether it was recorded"
            ) from None
    if "error" in answer:
        raise ChannelError(f"refused: {answer['error']}")
    if not answer.get("recorded"):
        raise ChannelError(
            f"not recorded within {RECORD_S:g} s: the deployment is busy or its journal cannot be written "
            "(then it enters nothing anyway); it is done as soon as it can be, see kwin-live status"
        )
    return dict(answer)


def answers(journal: Path) -> bool:
    """Whether a deployment listens for commands on a journal now; one that was killed does not."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        try:
            _connect(line, socket_path(journal))
        except OSError:
            return False
    return True


def _connect(line: socket.socket, path: Path) -> None:
    line.settimeout(_CONNECT_S)
    with short_address(path) as address:
        line.connect(address)


def _line(line: socket.socket) -> bytes:
    found = b""
    while not found.endswith(b"\n") and len(found) < _LINE_BYTES:
        part = line.recv(4_096)
        if not part:
            break
        found += part
    return found
