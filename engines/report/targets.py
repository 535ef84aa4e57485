"""Where a report or a picture may be written, checked before the run and not after it."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from kwin_core.errors import ConfigError

PAGES = {".html": "plotly", ".htm": "plotly"}
PICTURES = {".png": "matplotlib", ".svg": "matplotlib", ".pdf": "matplotlib"}
"""Endings of files, and the library that makes them."""


def check_target(path: Path | None, option: str, endings: dict[str, str]) -> None:
    """Make sure that a file can be made there.

    Raises
    ------
    ConfigError
        When the ending is another, the library is missing, or the folder cannot be written.
    """
    if path is None:
        return
    library = endings.get(path.suffix.lower())
    if library is None:
        known = ", ".join(endings)
        raise ConfigError(f"{option} {path}: the name must end in one of {known}")
    if find_spec(library) is None:
        raise ConfigError(f"{option} needs {library}, which is not installed: pip install 'kwin[report]'")
    if path.is_dir() or not path.parent.is_dir():
        reason = "is a folder" if path.is_dir() else "lies in no existing folder"
        raise ConfigError(f"{option} {path} {reason}; give the name of a file")
    if not os.access(path.parent, os.W_OK):
        raise ConfigError(f"{option} {path}: cannot write there; choose another folder")
