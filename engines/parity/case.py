"""A user's parity case: a folder with an export, bars and ``case.toml``, checked by the tests and by the command.

``case.toml``::

    about = "ETHUSDT.P 15m, exported 2025-11-03"
    export = "trades.csv"                  # beside it
    bars = "../../ethusdt_like_15m.parquet"  # relative to the folder
    preset = "dual-sfp"
    profile = "tv-literal"

    [options]                              # as on the command line, without the dashes
    tz = "UTC+8"
    tick = 0.01

    [params]                               # input values
    use_window = false
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from engines.input_values import named
from engines.parity.tradingview import Question
from kwin_core.errors import ConfigError

FILE = "case.toml"
TOP = ("about", "export", "bars", "preset", "profile", "options", "params")
NUMBERS = ("tick", "lot", "margin", "capital", "commission")
TEXTS = ("tz", "from", "to", "now")


def find_cases(root: Path) -> list[Path]:
    """Folders below ``root`` that hold a case, by name."""
    return sorted(path.parent for path in root.glob(f"*/{FILE}"))


def read_case(folder: Path) -> Question:
    """What a case asks.

    Raises
    ------
    ConfigError
        When ``case.toml`` is missing or wrong.
    """
    file = folder / FILE
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read ({error.strerror})") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file}: not TOML ({error})") from None
    options = _table(table, "options", file)
    params = named(_table(table, "params", file).items(), f"{file} [params]")
    _only(table, TOP, file)
    _only(options, (*NUMBERS, *TEXTS, "allow_gaps"), file)
    return Question(
        export=folder / _text(table, "export", file),
        data=folder / _text(table, "bars", file),
        preset=_text(table, "preset", file, default="dual-sfp"),
        profile=_text(table, "profile", file, default="tv-literal"),
        inputs=params,
        tz=options.get("tz"),
        from_=_moment(options.get("from")),
        to=_moment(options.get("to")),
        now=_moment(options.get("now")),
        allow_gaps=bool(options.get("allow_gaps", False)),
        **{name: _number(options, name, file) for name in NUMBERS},
    )


def _table(table: dict[str, Any], name: str, file: Path) -> dict[str, Any]:
    found = table.get(name, {})
    if not isinstance(found, dict):
        raise ConfigError(f"{file}: {name} must be a table: write [{name}]")
    return found


def _only(table: dict[str, Any], known: tuple[str, ...], file: Path) -> None:
    unknown = sorted(set(table) - set(known))
    if unknown:
        raise ConfigError(f"{file}: unknown {', '.join(unknown)}; known are {', '.join(known)}")


def _text(table: dict[str, Any], name: str, file: Path, *, default: str | None = None) -> str:
    found = table.get(name, default)
    if not isinstance(found, str):
        raise ConfigError(f"{file}: {name} must be a text")
    return found


def _number(table: dict[str, Any], name: str, file: Path) -> float | None:
    found = table.get(name)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise ConfigError(f"{file}: {name} must be a number")
    return float(found)


def _moment(value: Any) -> str | None:
    return None if value is None else str(value)
