"""From a preset, a profile and inputs to what the engine needs: strategy, settings, parameter record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kwin_core.bars import DAY_MS, timeframe_name
from kwin_core.emulator import Frozen
from kwin_core.engine import Strategy
from kwin_core.errors import ConfigError
from kwin_core.kwin import classic, dual
from kwin_core.kwin.inputs import INPUTS, PARAMS, PROFILES, Value, effective, params_hash
from kwin_core.kwin.state import SIGNALS, STATE
from kwin_core.properties import PINE_V5, Instrument

DUAL = Strategy(
    name="kwin dual-sfp",
    calculate=dual.calculate,
    init=dual.start,
    state=STATE,
    params=PARAMS,
    signals=SIGNALS,
    texts=dual.TEXTS,
)
CLASSIC = Strategy(
    name="kwin classic",
    calculate=classic.calculate,
    init=classic.start,
    state=classic.CLASSIC_STATE,
    params=PARAMS,
    signals=SIGNALS,
    texts=dual.TEXTS,
)


PROPERTIES = {
    "dual-sfp": PINE_V5.with_(initial_capital=300.0, commission_value=0.055, process_orders_on_close=True),
    "classic": PINE_V5.with_(initial_capital=100.0),
    "classic-quality": PINE_V5.with_(
        initial_capital=300.0, commission_value=0.055, process_orders_on_close=True
    ),
}
"""What each preset's strategy() call sets."""


@dataclass(frozen=True)
class Setup:
    """A complete, checked description of one run."""

    preset: str
    profile: str
    values: dict[str, Value]
    strategy: Strategy
    frozen: Frozen
    settings: dict[str, Any]
    params: np.ndarray
    params_hash: str


def window_start_ms(values: Mapping[str, Value], now_ms: int) -> int:
    """First bar open that may enter: start time, and midnight UTC of today minus the chosen days (SP-44, X-T2)."""
    if not values["use_window"]:
        return -(2**62)
    days = int(values["period_choice"])
    midnight = now_ms // DAY_MS * DAY_MS - days * DAY_MS
    return max(int(values["start_time_ms"]), midnight)


def build(
    preset: str,
    profile: str,
    given: Mapping[str, Any] | None = None,
    *,
    tick: float,
    timeframe_ms: int,
    now_ms: int,
    lot: float = 0.0,
    margin_percent: float = 0.0,
    capital: float | None = None,
    trade_from_ms: int | None = None,
) -> Setup:
    """Check everything and build a run of KWIN.

    Parameters
    ----------
    preset, profile
        See `PRESETS` and `PROFILES`.
    given
        Input values by project or Pine name.
    tick, lot
        Price step in quote currency; quantity step in base currency, 0 for none.
    timeframe_ms
        Of the chart: 15 minutes, or a divisor of it.
    now_ms
        The moment of calculation, which the day window counts back from (SP-44).
    margin_percent
        Margin of both sides, percent of notional; 0 is Pine v5's default and checks nothing (R89).
    capital
        Account currency; ``None`` takes the preset's.
    trade_from_ms
        Bars that open earlier compute everything but cannot order.

    Raises
    ------
    ConfigError
        Any value that is unknown, of the wrong type or out of range.
    """
    if profile not in PROFILES:
        raise ConfigError(f"unknown profile {profile!r}: choose one of {', '.join(PROFILES)}")
    values = effective(preset, given)
    check_timeframe(timeframe_ms)
    params = np.zeros(1, PARAMS)
    row = params[0]
    for item in INPUTS:
        value = values[item.name]
        row[item.name] = item.choices.index(str(value)) if item.choices else value
    row["literal"] = 1 if profile == "tv-literal" else 0
    row["fee_filter_r"] = float(values["risk_reward"]) if preset == "classic-quality" else 1.0
    if preset == "classic-quality" and not values["enable_smart_trail"]:
        row["use_take_profit"] = 1  # as in classic: without the trail the exit is stop and target
    row["window_start_ms"] = window_start_ms(values, now_ms)
    row["tick"] = tick
    row["chart_ms"] = timeframe_ms
    properties = PROPERTIES[preset].with_(
        margin_long=margin_percent, margin_short=margin_percent, all_na_exit=str(values["all_na_exit"])
    )
    if capital is not None:
        properties = properties.with_(initial_capital=capital)
    return Setup(
        preset=preset,
        profile=profile,
        values=values,
        strategy=CLASSIC if preset == "classic" else DUAL,
        frozen=properties.frozen(),
        settings=properties.settings(Instrument(tick, lot), trade_from_ms),
        params=params,
        params_hash=params_hash(preset, profile, values),
    )


def check_timeframe(timeframe_ms: int) -> None:
    """Refuse a chart that KWIN cannot run on."""
    if timeframe_ms <= 0 or dual.SIGNAL_MS % timeframe_ms != 0:
        raise ConfigError(
            f"KWIN runs on 15m bars or finer ones that divide 15 minutes; these are {timeframe_name(timeframe_ms)}"
        )
