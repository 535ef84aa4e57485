"""From the lines of a workbook's sheet Properties to the settings of a run; what has no place here is listed."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from kwin_core.bars import parse_timeframe
from kwin_core.errors import ConfigError
from kwin_core.kwin.inputs import BY_NAME, INPUTS

_CLASSIC_LABELS = {
    "Swing Length": "swing_len",
    "Enable Smart Trailing TP": "enable_smart_trail",
    "Backtest Period": "period_choice",
    "Start Time": "start_time_ms",
}
"""Labels of the preset classic that differ from those in the table of inputs."""

_DATE_FORMATS = ("%b %d, %Y, %H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%b %d, %Y", "%Y-%m-%d")
_NO_EFFECT = {
    "order size": "KWIN gives every quantity itself",
    "default order size": "KWIN gives every quantity itself",
    "account currency": "results are compared in the symbol's currency",
    "base currency": "results are compared in the symbol's currency",
    "currency": "results are compared in the symbol's currency",
    "precision": "prices are printed with the decimals of the tick",
}
_MUST_BE = {
    "point value": ("1", "the core is run with a point value of 1"),
    "chart type": ("candles", "only standard candles are known"),
    "verify price for limit orders": ("0", "KWIN's run fills limit orders when touched"),
    "limit order execution": ("0", "KWIN's run fills limit orders when touched"),
    "recalculate after order is filled": ("off", "the script runs once a bar"),
    "recalculate on every tick": ("off", "the script runs once a bar"),
    "backtesting precision. use bar magnifier": ("off", "the run has no finer bars"),
    "using bar magnifier": ("off", "the run has no finer bars"),
    "using standard ohlc": ("", ""),
}


@dataclass
class Mapped:
    """What a sheet Properties says about a run.

    Parameters
    ----------
    settings
        Values for `engines.parity.setting.Setting` by its field names.
    inputs
        Input values by project name; times are wall clock in ms.
    symbol, timeframe_ms
        Of the chart; ``None`` when not stated.
    begin_wall_ms, end_wall_ms
        Range of bars the strategy ran on, wall clock, ms, first and last bar; ``None`` when not stated.
    used
        (line, what became of it) for people.
    unmapped
        (line, why not).
    preset
        The preset whose labels these are, or ``None``.
    """

    settings: dict[str, Any] = field(default_factory=dict)
    inputs: dict[str, Any] = field(default_factory=dict)
    symbol: str | None = None
    timeframe_ms: int | None = None
    begin_wall_ms: int | None = None
    end_wall_ms: int | None = None
    used: list[tuple[str, str]] = field(default_factory=list)
    unmapped: list[tuple[str, str]] = field(default_factory=list)
    preset: str | None = None


def map_properties(pairs: tuple[tuple[str, str], ...], preset: str | None) -> Mapped:
    """Read all lines of the sheet.

    Parameters
    ----------
    pairs
        (name, value) as read.
    preset
        The preset asked for; ``None`` to tell it by the labels.
    """
    mapped = Mapped(preset=preset or _preset_of(pairs))
    for name, value in pairs:
        line = f"{name} = {value}"
        try:
            said = _line(mapped, name, value)
        except (ValueError, ConfigError) as error:
            mapped.unmapped.append((line, str(error)))
            continue
        if said is None:
            mapped.unmapped.append((line, "no input or property of KWIN has this name"))
        elif said.startswith("!"):
            mapped.unmapped.append((line, said[1:]))
        else:
            mapped.used.append((line, said))
    return mapped


def plain(label: str) -> str:
    """A label without emoji, punctuation, spaces and case."""
    return re.sub(r"[^a-z0-9<>]", "", label.lower().replace("≥", ""))


def _line(mapped: Mapped, name: str, value: str) -> str | None:
    """What became of one line; None when nobody knows it, a text with ``!`` in front when it cannot be used."""
    key = name.strip().lower().rstrip(":")
    if key in _PROPERTIES:
        return _PROPERTIES[key](mapped, value)
    if key in _NO_EFFECT:
        return f"without effect: {_NO_EFFECT[key]}"
    if key in _MUST_BE:
        wanted, why = _MUST_BE[key]
        return "as here" if value.strip().lower().startswith(wanted) else f"!{why}"
    if key in ("recalculate", "fill orders"):
        return _switches(mapped, value)
    return _input(mapped, name, value)


def _input(mapped: Mapped, name: str, value: str) -> str | None:
    known = _labels(mapped.preset or "dual-sfp").get(plain(name))
    if known is None:
        return None
    item = BY_NAME[known]
    if known in mapped.inputs:
        return f"!input {known} is there twice"
    read: Any = value
    if item.time:
        read = _wall_ms(value)
    elif isinstance(item.default, int | float) and not isinstance(item.default, bool):
        read = _number(value)
    mapped.inputs[known] = item.check(read, mapped.preset or "")
    return f"input {known}"


def _labels(preset: str) -> dict[str, str]:
    """Input by label and by Pine name, for the inputs a preset has."""
    found: dict[str, str] = {}
    for item in INPUTS:
        if item.only and preset not in item.only:
            continue
        for text in (item.label, item.pine, item.name):
            if text:
                found.setdefault(plain(text), item.name)
    if preset != "dual-sfp":
        found |= {plain(label): name for label, name in _CLASSIC_LABELS.items()}
        found |= {"sfplen": "swing_len"}
    return found


def _preset_of(pairs: tuple[tuple[str, str], ...]) -> str | None:
    names = {plain(name) for name, _ in pairs}
    scores = {
        preset: len(names & set(_labels(preset))) for preset in ("dual-sfp", "classic", "classic-quality")
    }
    best = max(scores, key=lambda preset: scores[preset])
    return best if scores[best] else None


def _symbol(mapped: Mapped, value: str) -> str:
    mapped.symbol = value.strip()
    return "symbol"


def _timeframe(mapped: Mapped, value: str) -> str:
    words = re.fullmatch(r"(\d+)\s*([a-z]*)", value.strip().lower())
    if words is None:
        raise ConfigError(f"timeframe {value!r} is not understood")
    unit = {"": "m", "s": "s"}.get(words[2], words[2][:1])
    mapped.timeframe_ms = parse_timeframe(f"{words[1]}{unit}")
    return "timeframe"


def _put(name: str, most: float | None = None) -> Callable[[Mapped, str], str]:
    def put(mapped: Mapped, value: str) -> str:
        number = _number(value)
        if most is not None and number > most:
            raise ConfigError(f"{number:g} is more than {most:g}")
        mapped.settings[name] = int(number) if name == "pyramiding" else number
        return name

    return put


def _commission(mapped: Mapped, value: str) -> str:
    words = value.lower()
    if "%" not in words and re.search(r"[a-z]", words):
        return "!a commission that is not a percentage"
    mapped.settings["commission"] = _number(value)
    return "commission, percent a side"


def _margin(mapped: Mapped, value: str) -> str:
    number = _number(value)
    if mapped.settings.get("margin", number) != number:
        return "!margins of long and short positions differ"
    mapped.settings["margin"] = number
    return "margin, percent"


def _leverage(mapped: Mapped, value: str) -> str:
    times = _number(value.lower().replace("x", "").replace(":1", ""))
    if times <= 0.0:
        return _margin(mapped, "0")
    return _margin(mapped, repr(100.0 / times))


def _delay(mapped: Mapped, value: str) -> str:
    mapped.settings["on_close"] = "close" in value.lower() or value.strip().lower() in ("0", "off", "none")
    return "whether orders are processed on close"


def _on_close(mapped: Mapped, value: str) -> str:
    mapped.settings["on_close"] = value.strip().lower() in ("on", "true", "yes")
    return "whether orders are processed on close"


def _switches(mapped: Mapped, value: str) -> str:
    """Several switches in one cell: ``On bar close: Off, Using bar magnifier: Off``."""
    said = []
    for part in re.split(r"[,;]", value):
        name, _, state = (piece.strip() for piece in part.partition(":"))
        state = state or "On"
        if name.lower() == "on bar close":
            said.append(_on_close(mapped, state))
        elif name.lower() in ("using bar magnifier", "after order is filled", "on every tick"):
            if state.lower() == "on":
                return f"!{name}: On is not what the run does"
            said.append(f"{name.lower()}: as here")
    return "; ".join(said) or "as here"


def _range(mapped: Mapped, value: str) -> str:
    begin, sign, end = (
        piece.strip() for piece in re.sub(r"\s[-\u2013\u2014]\s", "\u2014", value).partition("\u2014")
    )
    if not sign:
        raise ConfigError("a range has a begin and an end")
    mapped.begin_wall_ms, mapped.end_wall_ms = _wall_ms(begin), _wall_ms(end, last=True)
    return "bars the strategy ran on"


def _wall_ms(text: str, *, last: bool = False) -> int:
    """Wall-clock time in ms; a date without time is its first, or with ``last`` its last moment."""
    word = text.strip()
    if re.fullmatch(r"\d{12,14}", word):
        return int(word)
    for form in _DATE_FORMATS:
        try:
            moment = datetime.strptime(word, form).replace(tzinfo=UTC)
        except ValueError:
            continue
        if last and "%H" not in form:
            moment += timedelta(days=1, milliseconds=-1)
        return round(moment.timestamp() * 1000)
    raise ConfigError(f"{text!r} is not a time")


def _number(text: str) -> float:
    words = re.match(r"\s*[-+]?[\d.,\u00a0\u202f ]*\d", text.replace("\u2212", "-"))
    if words is None:
        raise ConfigError(f"{text!r} is not a number")
    return float(re.sub(r"[,\s\u00a0\u202f]", "", words[0]))


_PROPERTIES: dict[str, Callable[[Mapped, str], str]] = {
    "symbol": _symbol,
    "timeframe": _timeframe,
    "tick size": _put("tick"),
    "initial capital": _put("capital"),
    "commission": _commission,
    "slippage": _put("slippage"),
    "pyramiding": _put("pyramiding"),
    "margin for long positions": _margin,
    "margin for short positions": _margin,
    "long leverage": _leverage,
    "short leverage": _leverage,
    "order execution delay": _delay,
    "fill orders on bar close": _on_close,
    "recalculate on bar close": _on_close,
    "backtesting range": _range,
    "trading range": lambda _mapped, _value: "without effect: the first and last trade say it",
}
