"""Finds the time zone of an export by its prices: fills lie inside their bars, entries on a close or an open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

from engines.parity.facts import TradeTable
from kwin_core.bars import MINUTE_MS
from kwin_core.errors import ConfigError

STEP_MS = 15 * MINUTE_MS
FIRST_MS, LAST_MS = -12 * 60 * MINUTE_MS, 14 * 60 * MINUTE_MS
GOOD_SHARE = 0.9
"""At least this share of the fills must fit their bars before a zone is believed."""

SUMMER_TIME_ZONES = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Halifax",
    "America/Santiago",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Helsinki",
    "Asia/Jerusalem",
    "Africa/Cairo",
    "Australia/Sydney",
    "Australia/Adelaide",
    "Pacific/Auckland",
    "Pacific/Chatham",
)
"""One chart zone for every kind of summer time; fixed offsets are tried by themselves."""


@dataclass(frozen=True)
class Zone:
    """How to get from the wall clock of an export to UTC: a fixed offset (ms), or a zone with summer time."""

    name: str
    offset_ms: int = 0

    def utc(self, wall_ms: np.ndarray) -> np.ndarray:
        """UTC times (ms, int64) of wall-clock times read as if they were UTC."""
        if "/" not in self.name:
            return wall_ms - self.offset_ms
        return np.array([wall - _offset_ms(self.name, int(wall)) for wall in wall_ms.tolist()], np.int64)


@dataclass(frozen=True)
class Fit:
    """How well a zone fits.

    Parameters
    ----------
    zone
        Which.
    inside, exact
        Fills inside the range of their bar; entries on the close or open of it.
    covered
        Fills whose bar the data has.
    fills
        All fills: two a closed trade, one an open one.
    """

    zone: Zone
    inside: int
    exact: int
    covered: int
    fills: int

    @property
    def share(self) -> float:
        """Share of the covered fills that lie inside their bar."""
        return self.inside / self.covered if self.covered else 0.0

    @property
    def good(self) -> bool:
        """Whether the fit can be believed."""
        return self.share >= GOOD_SHARE


UTC_ZONE = Zone("UTC")


def parse_zone(text: str) -> Zone:
    """Zone from ``UTC``, ``UTC+8``, ``+05:30`` or a name such as ``America/New_York``.

    Raises
    ------
    ConfigError
        When it is none of these.
    """
    word = text.strip()
    plain = word.upper().removeprefix("UTC").removeprefix("GMT")
    if plain in ("", "Z"):
        return UTC_ZONE
    sign, digits = plain[0], plain[1:].replace(":", "")
    if sign in "+-" and digits.isdigit() and len(digits) <= 4:
        hours, minutes = (int(digits), 0) if len(digits) <= 2 else (int(digits[:-2]), int(digits[-2:]))
        offset_ms = (hours * 60 + minutes) * MINUTE_MS
        return fixed_zone(-offset_ms if sign == "-" else offset_ms)
    if "/" in word:
        try:
            ZoneInfo(word)
        except (ZoneInfoNotFoundError, ValueError):
            raise ConfigError(f"--tz {text!r}: no such time zone") from None
        return Zone(word)
    raise ConfigError(f"--tz {text!r}: write UTC, UTC+8, +05:30 or a name such as America/New_York")


def fixed_zone(offset_ms: int) -> Zone:
    """Zone at a fixed distance from UTC, ms (positive east)."""
    if offset_ms == 0:
        return UTC_ZONE
    minutes = abs(offset_ms) // MINUTE_MS
    return Zone(f"UTC{'+' if offset_ms > 0 else '-'}{minutes // 60:02d}:{minutes % 60:02d}", offset_ms)


def find_zone(trades: TradeTable, bars: np.ndarray, tick: float) -> list[Fit]:
    """How well every zone fits, best first; zones that fit equally well are in order of their distance from UTC.

    Parameters
    ----------
    trades
        Of the export, with wall-clock times.
    bars
        Array of ``BAR``.
    tick
        Price step, quote currency: half of it is forgiven.
    """
    found = [fit(trades, bars, tick, zone) for zone in _fixed_zones()]
    found.sort(key=_rank)
    best = found[0]
    if best.inside < best.fills:
        found += [fit(trades, bars, tick, Zone(name)) for name in SUMMER_TIME_ZONES]
        found.sort(key=_rank)
    return found


def fit(trades: TradeTable, bars: np.ndarray, tick: float, zone: Zone) -> Fit:
    """Measure one zone."""
    closed = ~trades.is_open
    wall = np.concatenate([trades.entry_wall_ms, trades.exit_wall_ms[closed]])
    price = np.concatenate([trades.entry_price, trades.exit_price[closed]])
    if bars.size == 0 or wall.size == 0:
        return Fit(zone, 0, 0, 0, int(wall.size))
    times = zone.utc(wall)
    at = np.searchsorted(bars["time_ms"], times)
    at[at == bars.size] = 0
    covered = bars["time_ms"][at] == times
    bar = bars[at]
    half = tick / 2.0
    inside = covered & (price >= bar["low"] - half) & (price <= bar["high"] + half)
    entries = slice(0, trades.number.size)
    on_edge = (np.abs(price - bar["close"]) < half) | (np.abs(price - bar["open"]) < half)
    exact = (inside & on_edge)[entries]
    return Fit(
        zone,
        int(np.count_nonzero(inside)),
        int(np.count_nonzero(exact)),
        int(np.count_nonzero(covered)),
        int(wall.size),
    )


def _rank(found: Fit) -> tuple[int, bool, int, int, str]:
    summer_time = "/" in found.zone.name
    offset_ms = found.zone.offset_ms
    return (-(found.inside + found.exact), summer_time, abs(offset_ms), -offset_ms, found.zone.name)


def _fixed_zones() -> Iterator[Zone]:
    for offset_ms in range(FIRST_MS, LAST_MS + 1, STEP_MS):
        yield fixed_zone(offset_ms)


@lru_cache(maxsize=65_536)
def _offset_ms(name: str, wall_ms: int) -> int:
    wall = datetime.fromtimestamp(wall_ms / 1000.0, UTC).replace(tzinfo=ZoneInfo(name))
    offset = wall.utcoffset()
    return 0 if offset is None else round(offset.total_seconds() * 1000)
