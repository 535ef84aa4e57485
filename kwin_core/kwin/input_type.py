"""One input of the strategy: its type, range, and how a given value is checked."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np

from kwin_core.errors import ConfigError

Value = bool | int | float | str


@dataclass(frozen=True)
class Input:
    """One input of the strategy.

    Parameters
    ----------
    name
        Name in this project.
    pine
        Name in the Pine source; empty for an option the Pine does not have.
    default
        Its type is the input's type. Times are ms since the UNIX epoch, UTC.
    meaning
        Unit and effect, one line.
    low, high
        Inclusive range; ``None`` is open.
    choices
        Allowed texts; their position is the code in the parameter record.
    label
        Label on TradingView's settings dialog.
    presets
        Default by preset where it differs.
    time
        A time; ISO text is accepted too.
    only
        Presets that have this input; empty for all.
    limits
        (preset, low, high) where a preset has its own range.
    """

    name: str
    pine: str
    default: Value
    meaning: str
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()
    label: str = ""
    presets: tuple[tuple[str, Value], ...] = ()
    time: bool = False
    only: tuple[str, ...] = ()
    limits: tuple[tuple[str, float, float | None], ...] = ()

    def default_for(self, preset: str) -> Value:
        """Default of this input under a preset."""
        return dict(self.presets).get(preset, self.default)

    @property
    def dtype(self) -> type:
        """Type in the parameter record."""
        return np.float64 if isinstance(self.default, float) else np.int64

    def range_for(self, preset: str) -> tuple[float | None, float | None]:
        """Inclusive range under a preset."""
        for name, low, high in self.limits:
            if name == preset:
                return low, high
        return self.low, self.high

    def check(self, value: Any, preset: str = "") -> Value:
        """The value in the input's own type, or ``ConfigError`` that says what is allowed."""
        checked = self._convert(value)
        lowest, highest = self.range_for(preset)
        if self.choices:
            return checked
        if isinstance(checked, float) and not np.isfinite(checked):
            raise ConfigError(f"{self.name} = {value!r}: must be a finite number")
        if not isinstance(checked, str):
            below = lowest is not None and checked < lowest
            above = highest is not None and checked > highest
            if below or above:
                low = "" if lowest is None else f"at least {lowest:g}"
                high = "" if highest is None else f"at most {highest:g}"
                raise ConfigError(
                    f"{self.name} = {value!r}: must be {' and '.join(filter(None, (low, high)))}"
                )
        return checked

    def _convert(self, value: Any) -> Value:
        kind = type(self.default)
        if self.choices:
            text = str(value)
            for choice in self.choices:
                if text.lower() == choice.lower():
                    return choice
            raise ConfigError(f"{self.name} = {value!r}: choose one of {', '.join(self.choices)}")
        if kind is bool:
            if isinstance(value, bool):
                return value
            word = str(value).strip().lower()
            if word in ("true", "yes", "on", "1"):
                return True
            if word in ("false", "no", "off", "0"):
                return False
            raise ConfigError(f"{self.name} = {value!r}: expected true or false")
        if self.time and isinstance(value, str | datetime):
            return parse_time(value, self.name)
        if isinstance(value, bool):
            raise ConfigError(f"{self.name} = {value!r}: expected a number")
        try:
            number = float(value)
        except (TypeError, ValueError):
            raise ConfigError(f"{self.name} = {value!r}: expected a number") from None
        if kind is int:
            if not number.is_integer():
                raise ConfigError(f"{self.name} = {value!r}: expected a whole number")
            return int(number)
        return number


def parse_time(value: str | datetime, name: str = "time") -> int:
    """ISO date or time to ms since the UNIX epoch; without a zone it is UTC. Whole numbers are ms already."""
    if isinstance(value, str) and re.fullmatch(r"-?\d{10,}", value.strip()):
        number = int(value)
        if abs(number) < 10**11:
            raise ConfigError(
                f"{name} = {value!r} looks like seconds: times are ms or ISO text (2025-08-12T18:00Z)"
            )
        return number
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value.strip().replace("Z", "+00:00"))
        except ValueError:
            raise ConfigError(f"{name} = {value!r}: write a time as 2025-08-12T18:00Z or in ms") from None
    moment = value if value.tzinfo else value.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
