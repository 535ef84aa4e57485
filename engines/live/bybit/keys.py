"""Keys: from the environment or a file that only its owner can read; never in a configuration, a log or a repr."""

from __future__ import annotations

import os
import stat
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from kwin_core.errors import ConfigError

KEY_VARIABLE = "KWIN_BYBIT_KEY"
SECRET_VARIABLE = "KWIN_BYBIT_SECRET"  # the name of a variable, not a secret


@dataclass(frozen=True)
class Keys:
    """An API key and its secret. Printing it shows the last four characters of the key and nothing else."""

    key: str = field(repr=False)
    secret: str = field(repr=False)

    def __repr__(self) -> str:
        return f"Keys(...{self.key[-4:]})"


def load_keys(path: Path | None = None) -> Keys:
    """Keys of the account.

    Parameters
    ----------
    path
        TOML file with ``key`` and ``secret``, mode 0600 and owned by this user; None takes the environment.

    Raises
    ------
    ConfigError
        They are missing, or others can read the file.
    """
    if path is None:
        key, secret = os.environ.get(KEY_VARIABLE, ""), os.environ.get(SECRET_VARIABLE, "")
        if not key or not secret:
            raise ConfigError(
                f"no keys: set {KEY_VARIABLE} and {SECRET_VARIABLE}, or name a file with secrets_file = ..."
            )
        return Keys(key, secret)
    try:
        about = path.stat()
    except OSError as error:
        raise ConfigError(f"secrets file {path}: {error.strerror}; create it with mode 0600") from None
    if about.st_uid != os.getuid() or stat.S_IMODE(about.st_mode) & 0o077:
        raise ConfigError(f"secrets file {path}: others can read it; chown it to yourself and chmod 600 it")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise ConfigError(
            f'secrets file {path}: not TOML with the two lines key = "..." and secret = "..."'
        ) from None
    unknown = set(content) - {"key", "secret"}
    values = [content.get("key"), content.get("secret")]
    if unknown or not all(isinstance(value, str) and value for value in values):
        raise ConfigError(f'secrets file {path}: needs exactly key = "..." and secret = "..."')
    return Keys(str(values[0]), str(values[1]))
