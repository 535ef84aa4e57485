"""The TOML file of ``kwin-sweep``: what to sweep, and how."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engines.input_values import named
from kwin_core.errors import ConfigError

EXAMPLE = """\
preset = "dual-sfp"          # dual-sfp, classic or classic-quality
profile = "intent"           # intent: what the labels say; tv-literal: what TradingView computes
method = "grid"              # grid, random, sobol, halton or search; all but grid need sets = 1000
rank = "sharpe"              # any statistic of a result
min_trades = 30

[fixed]                      # inputs that stay
use_window = false

[space]                      # inputs that are swept: lists, or ranges
swing_len = { low = 2, high = 12 }
trailing_perc = { low = 0.2, high = 1.0, step = 0.1 }
use_fee_filter = [true, false]

# [walk_forward]             # choose on in_sample, trade the next out_of_sample, and so on
# in_sample = "180d"
# out_of_sample = "30d"
# anchored = false
"""
"""A complete file, which ``kwin-sweep --example`` prints."""

_TEXTS = ("preset", "profile", "method", "rank")
_COUNTS = ("sets", "seed", "min_trades")
_TABLES = ("fixed", "space", "walk_forward")


@dataclass(frozen=True)
class SweepFile:
    """Content of the file; see `EXAMPLE`."""

    space: Mapping[str, Any]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    preset: str = "dual-sfp"
    profile: str = "tv-literal"
    method: str = "grid"
    sets: int | None = None
    seed: int = 0
    rank: str = "net_profit"
    min_trades: int = 0
    walk_forward: Mapping[str, Any] | None = None


def read_sweep_file(path: Path) -> SweepFile:
    """Read and check a file.

    Raises
    ------
    ConfigError
        When it is missing, no TOML, has an unknown key or a value of the wrong type, or no ``[space]``.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror}); kwin-sweep takes a TOML file last"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path}: not TOML ({error}); the TOML file comes last, kwin-sweep --example prints a complete one"
        ) from None
    for key, value in content.items():
        _check(path, key, value)
    if not content.get("space"):
        raise ConfigError(f"{path}: [space] is missing or empty: name at least one input and its values")
    fixed = named(content.get("fixed", {}).items(), f"{path} [fixed]")
    walk = content.get("walk_forward")
    if walk is not None:
        _check_walk(path, walk)
    return SweepFile(**{**content, "fixed": fixed})


def _check(path: Path, key: str, value: Any) -> None:
    known = (*_TEXTS, *_COUNTS, *_TABLES)
    if key not in known:
        close = difflib.get_close_matches(key, known, n=1)
        hint = f"did you mean {close[0]}?" if close else f"it may have {', '.join(known)}"
        if not close and not isinstance(value, Mapping):
            hint += "; inputs belong under [space] or [fixed]"
        raise ConfigError(f"{path}: unknown key {key!r}: {hint}")
    if key in _TEXTS and not isinstance(value, str):
        raise ConfigError(f"{path}: {key} = {value!r}: expected a text")
    if key in _COUNTS and (isinstance(value, bool) or not isinstance(value, int)):
        raise ConfigError(f"{path}: {key} = {value!r}: expected a whole number")
    if key in _TABLES and not isinstance(value, Mapping):
        raise ConfigError(f"{path}: {key} = {value!r}: expected a table, [{key}]")


def _check_walk(path: Path, walk: Mapping[str, Any]) -> None:
    known = ("in_sample", "out_of_sample", "anchored")
    for key in walk:
        if key not in known:
            raise ConfigError(f"{path}: unknown key {key!r} in [walk_forward]: it has {', '.join(known)}")
    for key in known[:2]:
        if key not in walk:
            raise ConfigError(f'{path}: [walk_forward] needs {key}, for example {key} = "30d"')
    if not isinstance(walk.get("anchored", False), bool):
        raise ConfigError(f"{path}: anchored = {walk['anchored']!r}: expected true or false")
