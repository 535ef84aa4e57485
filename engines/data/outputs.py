"""Where a subcommand may write."""

from __future__ import annotations

from pathlib import Path

from kwin_core.errors import ConfigError


def checked_output(path: Path, *, force: bool, inputs: tuple[Path, ...] = ()) -> Path:
    """The path, if a file may be written there.

    Raises
    ------
    ConfigError
        When its folder is missing, it is one of the inputs, or it exists and ``force`` is not given.
    """
    if not path.parent.is_dir():
        raise ConfigError(f"{path.parent}: no such folder for the output")
    if path.is_dir():
        raise ConfigError(f"{path} is a folder; give the name of a file")
    if any(path.exists() and one.exists() and path.samefile(one) for one in inputs):
        raise ConfigError(f"{path} is the input; give another --out")
    if path.exists() and not force:
        raise ConfigError(f"{path} exists; --force replaces it")
    return path
