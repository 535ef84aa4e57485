"""``kwin-backtest --inputs``: every input, its names, default, range and meaning."""

from __future__ import annotations

import sys
import textwrap
from typing import Any

from engines.command_line import GOOD, print_json
from feeds.instants import iso
from kwin_core.kwin.inputs import INPUTS, Input, effective

WIDTH = 80


def list_inputs_command(preset: str, *, as_json: bool) -> int:
    """Print the inputs with the defaults of a preset.

    Raises
    ------
    ConfigError
        Unknown preset.
    """
    defaults = effective(preset)
    if as_json:
        print_json({"preset": preset, "inputs": [_facts(item, defaults[item.name]) for item in INPUTS]})
        return GOOD
    lines = [f"Inputs of {preset}: name (name in Pine), default, range", ""]
    for item in INPUTS:
        names = f"{item.name} ({item.pine})" if item.pine else item.name
        shown = ", ".join(
            part for part in (f"{names} = {_text(item, defaults[item.name])}", _range(item)) if part
        )
        lines += textwrap.wrap(shown, WIDTH, subsequent_indent="    ", break_long_words=False)
        lines += textwrap.wrap(item.meaning, WIDTH, initial_indent="    ", subsequent_indent="    ")
    sys.stdout.write("\n".join(lines) + "\n")
    return GOOD


def _facts(item: Input, default: Any) -> dict[str, Any]:
    return {
        "name": item.name,
        "pine": item.pine or None,
        "label": item.label or None,
        "type": "time" if item.time else "text" if item.choices else type(item.default).__name__,
        "default": default,
        "low": item.low,
        "high": item.high,
        "choices": list(item.choices) or None,
        "meaning": item.meaning,
    }


def _text(item: Input, value: Any) -> str:
    if item.time:
        return iso(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else f"{value:g}"


def _range(item: Input) -> str:
    if item.choices:
        return "one of " + ", ".join(f'"{choice}"' for choice in item.choices)
    if item.time or isinstance(item.default, bool) or (item.low is None and item.high is None):
        return ""
    if item.high is None:
        return f"at least {item.low:g}"
    return f"{item.low:g} to {item.high:g}"
