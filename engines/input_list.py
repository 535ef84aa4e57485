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
    """Print the inputs of a preset with its defaults and ranges.

    Raises
    ------
    ConfigError
        Unknown preset.
    """
    defaults = effective(preset)
    mine = [item for item in INPUTS if not item.only or preset in item.only]
    if as_json:
        print_json({"preset": preset, "inputs": [_facts(item, defaults[item.name], preset) for item in mine]})
        return GOOD
    lines = [f"Inputs of {preset}: name (name in Pine), default, range", ""]
    for item in mine:
        names = f"{item.name} ({item.pine})" if item.pine else item.name
        shown = ", ".join(
            part for part in (f"{names} = {_text(item, defaults[item.name])}", _range(item, preset)) if part
        )
        lines += textwrap.wrap(shown, WIDTH, subsequent_indent="    ", break_long_words=False)
        lines += textwrap.wrap(item.meaning, WIDTH, initial_indent="    ", subsequent_indent="    ")
    sys.stdout.write("\n".join(lines) + "\n")
    return GOOD


def _facts(item: Input, default: Any, preset: str) -> dict[str, Any]:
    low, high = item.range_for(preset)
    return {
        "name": item.name,
        "pine": item.pine or None,
        "label": item.label or None,
        "type": "time" if item.time else "text" if item.choices else type(item.default).__name__,
        "default": default,
        "low": low,
        "high": high,
        "choices": list(item.choices) or None,
        "meaning": item.meaning,
    }


def _text(item: Input, value: Any) -> str:
    if item.time:
        return iso(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else f"{value:g}"


def _range(item: Input, preset: str) -> str:
    low, high = item.range_for(preset)
    if item.choices:
        return "one of " + ", ".join(f'"{choice}"' for choice in item.choices)
    if item.time or isinstance(item.default, bool) or (low is None and high is None):
        return ""
    if high is None:
        return f"at least {low:g}"
    return f"at most {high:g}" if low is None else f"{low:g} to {high:g}"
