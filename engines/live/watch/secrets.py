"""Addresses that are secrets: whoever knows a heartbeat's or a chat's address can use it.

They come from the environment or a file that only its owner can read, never from ``live.toml``: the settings in effect
are printed and journaled.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from kwin_core.errors import ConfigError

HEARTBEAT_VARIABLE = "KWIN_HEARTBEAT_URL"
MESSAGES_VARIABLE = "KWIN_MESSAGE_URLS"
_SHORTEST_SECRET = 6
_PLACE = re.compile(r"localhost|\d+(\.\d+){3}|[a-z0-9-]+(\.[a-z0-9-]+)*\.[a-z]{2,}")


@dataclass(frozen=True)
class WatchSecrets:
    """The heartbeat's address (empty without one) and those of the message services; printing it shows neither."""

    heartbeat_url: str = field(default="", repr=False)
    message_urls: tuple[str, ...] = field(default=(), repr=False)

    def parts(self) -> list[str]:
        """Every text that must not appear in a log: the addresses, and what in them could be a token."""
        found: list[str] = []
        for url in (self.heartbeat_url, *self.message_urls):
            if url:
                found += [url, *_tokens(url)]
        return found


def load_watch_secrets(
    path: Path | None = None, *, environment: Mapping[str, str] | None = None
) -> WatchSecrets:
    """The addresses; those of the environment win, and several in it are separated by spaces.

    Parameters
    ----------
    path
        TOML file with ``heartbeat_url`` and ``message_urls``, mode 0600 and owned by this user; None has none.
    environment
        By default the process's.

    Raises
    ------
    ConfigError
        The file is missing, not TOML, or others can read it.
    """
    variables = os.environ if environment is None else environment
    content = {} if path is None else _read(path)
    heartbeat = variables.get(HEARTBEAT_VARIABLE, "") or content.get("heartbeat_url", "")
    urls = variables.get(MESSAGES_VARIABLE, "").split() or content.get("message_urls", [])
    if heartbeat and urlsplit(heartbeat).scheme not in ("http", "https"):
        raise ConfigError("the heartbeat's address does not begin with http:// or https://")
    return WatchSecrets(heartbeat, tuple(urls))


def _read(path: Path) -> dict[str, Any]:
    try:
        about = path.stat()
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"watch.secrets_file {path}: {error.strerror}; create it with mode 0600") from None
    except UnicodeDecodeError:
        raise ConfigError(f"watch.secrets_file {path}: not UTF-8 text") from None
    if about.st_uid != os.getuid() or stat.S_IMODE(about.st_mode) & 0o077:
        raise ConfigError(
            f"watch.secrets_file {path}: others can read it; chown it to yourself and chmod 600 it"
        )
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        raise ConfigError(f"watch.secrets_file {path}: not TOML") from None
    urls = content.get("message_urls", [])
    if (
        set(content) - {"heartbeat_url", "message_urls"}
        or not isinstance(content.get("heartbeat_url", ""), str)
        or not isinstance(urls, list)
        or not all(isinstance(one, str) for one in urls)
    ):
        raise ConfigError(
            f'watch.secrets_file {path}: may have heartbeat_url = "..." and message_urls = ["...", ...], nothing else'
        )
    return content


def _tokens(url: str) -> Iterator[str]:
    """Parts of an address that may be a token by themselves, as an error message would show them."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    user, _, rest = parts.netloc.rpartition("@")
    place = [
        piece for piece in rest.split(":") if not _PLACE.fullmatch(piece)
    ]  # many services have a token there
    pieces = [*user.split(":"), *place, *parts.path.split("/"), parts.query, parts.fragment]
    for piece in pieces:
        for text in {piece, unquote(piece)}:
            if len(text) >= _SHORTEST_SECRET:
                yield text
