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
from kwin_core.kwin.inputs import BY_NAME, INPUTS, PARAMS, PROFILES, Value, effective, params_hash
from kwin_core.kwin.state import SIGNALS, STATE
from kwin_core.state import COMMISSION_PERCENT, FIXED, INSTRUMENT_FIELDS

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


@dataclass(frozen=True)
class Properties:
    """What TradingView's strategy() call sets for a preset.

    Parameters
    ----------
    capital
        Account currency.
    commission
        Fraction of notional a side.
    on_close
        process_orders_on_close.
    """

    capital: float
    commission: float
    on_close: bool


PROPERTIES = {
    "dual-sfp": Properties(capital=300.0, commission=0.00055, on_close=True),
    "classic": Properties(capital=100.0, commission=0.0, on_close=False),
    "classic-quality": Properties(capital=300.0, commission=0.00055, on_close=True),
}


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
    """First bar open that may enter: start time, and midnight UTC of today minus the chosen days (SP-44, T2)."""
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
    check_instrument(tick, lot, margin_percent, capital, timeframe_ms)
    properties = PROPERTIES[preset]
    params = np.zeros(1, PARAMS)
    row = params[0]
    for item in INPUTS:
        value = values[item.name]
        row[item.name] = item.choices.index(str(value)) if item.choices else value
    row["literal"] = 1 if profile == "tv-literal" else 0
    row["fee_filter_r"] = float(values["risk_reward"]) if preset == "classic-quality" else 1.0
    row["window_start_ms"] = window_start_ms(values, now_ms)
    row["tick"] = tick
    row["chart_ms"] = timeframe_ms
    settings = instrument_settings(tick, lot) | {
        "capital": float(properties.capital if capital is None else capital),
        "commission_kind": COMMISSION_PERCENT,
        "commission": properties.commission,
        "margin_long": margin_percent / 100.0,
        "margin_short": margin_percent / 100.0,
        "pyramiding": 0,
        "qty_kind": FIXED,
        "qty_value": 1.0,
        "all_na_keep": 1 if values["all_na_exit"] == "keep" else 0,
        "pine_version": 5,
        "trade_from_ms": -(2**62) if trade_from_ms is None else int(trade_from_ms),
    }
    frozen = Frozen(
        on_close=True if properties.on_close else None, margin=True if margin_percent > 0 else None
    )
    return Setup(
        preset=preset,
        profile=profile,
        values=values,
        strategy=CLASSIC if preset == "classic" else DUAL,
        frozen=frozen,
        settings=settings,
        params=params,
        params_hash=params_hash(preset, profile, values),
    )


def instrument_settings(tick: float, lot: float) -> dict[str, float]:
    """Settings of an instrument; steps that divide one unit are kept as whole numbers a unit too."""
    return dict(
        zip(INSTRUMENT_FIELDS, (tick, per_unit(tick), lot, per_unit(lot) if lot else 0.0, 1.0), strict=True)
    )


def per_unit(step: float) -> float:
    """Steps in one unit when that is a whole number, else 0."""
    steps = round(1.0 / step)
    return float(steps) if steps >= 1 and abs(steps * step - 1.0) < 1e-9 else 0.0


def check_instrument(
    tick: float, lot: float, margin_percent: float, capital: float | None, timeframe_ms: int
) -> None:
    """Refuse instrument facts and account settings that cannot be right."""
    if not (np.isfinite(tick) and tick > 0):
        raise ConfigError(f"tick = {tick!r}: the price step must be a positive number, for example 0.01")
    if not (np.isfinite(lot) and lot >= 0):
        raise ConfigError(f"lot = {lot!r}: the quantity step must be 0 (none) or positive, for example 0.01")
    if not (np.isfinite(margin_percent) and 0 <= margin_percent <= 100):
        raise ConfigError(f"margin = {margin_percent!r}: percent of notional, from 0 (no check) to 100")
    if capital is not None and not (np.isfinite(capital) and capital > 0):
        raise ConfigError(f"capital = {capital!r}: must be a positive amount")
    if timeframe_ms <= 0 or dual.SIGNAL_MS % timeframe_ms != 0:
        raise ConfigError(
            f"KWIN runs on 15m charts or finer ones that divide 15 minutes; these bars are {timeframe_name(timeframe_ms)}"
        )


__all__ = [
    "BY_NAME",
    "CLASSIC",
    "DUAL",
    "PROPERTIES",
    "Setup",
    "build",
    "instrument_settings",
    "window_start_ms",
]
