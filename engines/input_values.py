"""Input values of KWIN from a TOML file and from the command line."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from kwin_core.errors import ConfigError
from kwin_core.kwin.inputs import resolve_name


def gather_inputs(params_file: Path | None, assignments: Iterable[str], *, no_window: bool) -> dict[str, Any]:
    """Values by project name: those of the file, those of ``--set`` over them, ``--no-window`` over both.

    Raises
    ------
    ConfigError
        When a name is unknown or given twice in one place, or the file is not a flat TOML table.
    """
    values = {} if params_file is None else named(read_params(params_file).items(), str(params_file))
    values |= named((_assignment(text) for text in assignments), "--set")
    if no_window:
        values["use_window"] = False
    return values


def read_params(path: Path) -> Mapping[str, Any]:
    """The table of a TOML file.

    Raises
    ------
    ConfigError
        When the file is missing, unreadable or no TOML.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); --params takes a TOML file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not TOML ({error}); write lines such as riskPct = 1.5") from None


def named(pairs: Iterable[tuple[str, Any]], place: str) -> dict[str, Any]:
    """Values by project name; a name may be the Pine's."""
    values: dict[str, Any] = {}
    for key, value in pairs:
        if isinstance(value, Mapping):
            raise ConfigError(f"{place}: [{key}] is a table; write input values at the top, without tables")
        try:
            name = resolve_name(key)
        except ConfigError as error:
            raise ConfigError(f"{place}: {error}") from None
        if name in values:
            raise ConfigError(f"{place}: input {name} is given twice")
        values[name] = value
    return values


def _assignment(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or not name.strip():
        raise ConfigError(f"--set {text!r}: write NAME=VALUE, for example --set riskPct=1")
    return name.strip(), value.strip()
