"""KWIN's parameters: from given values to a complete, checked set, its record and its hash.

Unknown names, values out of range and inputs a preset does not have are errors, never ignored (X-C3).
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from kwin_core.errors import ConfigError
from kwin_core.kwin.input_type import Input, Value, parse_time
from kwin_core.kwin.table import INPUTS
from kwin_core.records import record

PRESETS = ("dual-sfp", "classic", "classic-quality")
PROFILES = ("tv-literal", "intent")

BY_NAME = {item.name: item for item in INPUTS}
_PINE = {item.pine: item.name for item in INPUTS if item.pine} | {"sfpLen": "swing_len"}

PARAMS = record(
    [(item.name, item.dtype) for item in INPUTS]
    + [
        ("literal", np.int64),  # profile: 1 tv-literal, 0 intent
        ("fee_filter_r", np.float64),  # the filter measures the result at this multiple of the risk
        ("window_start_ms", np.int64),  # first bar open that may enter
        ("tick", np.float64),
        ("chart_ms", np.int64),
    ]
)
"""Parameter record of the compiled strategies; texts are their position in `Input.choices`, times are ms."""


def resolve_name(name: str) -> str:
    """Project name of an input given by its Pine name or its own.

    Raises
    ------
    ConfigError
        Unknown name; the message offers close ones.
    """
    if name in BY_NAME:
        return name
    if name in _PINE:
        return _PINE[name]
    close = difflib.get_close_matches(name, [*BY_NAME, *_PINE], n=3)
    hint = f": did you mean {' or '.join(close)}?" if close else "; `kwin-backtest --inputs` lists all"
    raise ConfigError(f"unknown input {name!r}{hint}")


def effective(preset: str, given: Mapping[str, Any] | None = None) -> dict[str, Value]:
    """Every input's value under a preset with the given ones applied, checked, in table order.

    Raises
    ------
    ConfigError
        Unknown preset or input, wrong type, out of range, or one input given twice under two names.
    """
    if preset not in PRESETS:
        raise ConfigError(f"unknown preset {preset!r}: choose one of {', '.join(PRESETS)}")
    values = {item.name: item.default_for(preset) for item in INPUTS}
    seen: dict[str, str] = {}
    for key, value in (given or {}).items():
        name = resolve_name(key)
        if name in seen:
            raise ConfigError(f"input {name} is given twice, as {seen[name]!r} and as {key!r}")
        seen[name] = key
        item = BY_NAME[name]
        if item.only and preset not in item.only:
            raise ConfigError(f"input {key!r} has no effect under the preset {preset}: remove it")
        values[name] = item.check(value, preset)
    return values


def params_hash(preset: str, profile: str, values: Mapping[str, Value]) -> str:
    """Fingerprint of a complete setting (16 hex digits): changes when any single input value does."""
    text = json.dumps({"preset": preset, "profile": profile, **values}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


__all__ = [
    "BY_NAME",
    "INPUTS",
    "PARAMS",
    "PRESETS",
    "PROFILES",
    "Input",
    "Value",
    "effective",
    "params_hash",
    "parse_time",
    "resolve_name",
]
