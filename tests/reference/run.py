"""Run a preset over bars: match resting orders, calculate, match at the close, check the margin (R1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kwin_core.errors import ConfigError
from tests.reference.broker import Broker
from tests.reference.classic import Classic
from tests.reference.classic_quality import ClassicQuality
from tests.reference.defaults import PROPERTIES, complete
from tests.reference.dual_sfp import DualSfp
from tests.reference.records import Bar, Result, Settings

SCRIPTS: dict[str, Any] = {"dual-sfp": DualSfp, "classic": Classic, "classic-quality": ClassicQuality}
PROFILES = ("tv-literal", "intent")


def run(
    bars: Sequence[Bar],
    preset: str,
    profile: str,
    params: Mapping[str, object] | None = None,
    settings: Settings | None = None,
) -> Result:
    """Run one preset in one profile over gapless closed 15-minute bars.

    Parameters
    ----------
    params
        Inputs that differ from the preset's defaults, by their snake_case names.
    settings
        Properties; ``None`` takes the defaults.

    Raises
    ------
    ConfigError
        For an unknown preset, profile, parameter or choice, or a day window without ``now_ms``.
    """
    settings = settings or Settings()
    inputs = complete(preset, dict(params or {}))
    if profile not in PROFILES:
        raise ConfigError(f"profile is {profile!r}; use one of {', '.join(PROFILES)}")
    on_close, commission_percent, capital = PROPERTIES[preset]
    if settings.process_orders_on_close is not None:
        on_close = settings.process_orders_on_close
    if settings.commission_percent is not None:
        commission_percent = settings.commission_percent
    if settings.initial_capital is not None:
        capital = settings.initial_capital
    broker = Broker(
        tick=settings.tick,
        lot=settings.lot,
        margin_percent=settings.margin_percent,
        commission_percent=commission_percent,
        initial_capital=capital,
        all_na_exit=str(inputs["all_na_exit"]),
    )
    script = SCRIPTS[preset](bars, profile, inputs, broker, settings.tick)
    result = Result()
    for number, bar in enumerate(bars):
        broker.start_bar(number, bar)
        broker.match_bar()
        broker.accepts_orders = settings.trade_from_ms is None or bar.time_ms >= settings.trade_from_ms
        row = {"bar": number, **bar._asdict(), **script.calculate(number)}
        if on_close:
            broker.match_close()
        broker.check_margin_at_close()
        leg = broker.leg_in_force()
        row["exit_stop"] = None if leg is None else leg.args.stop
        row["trail_points"] = None if leg is None else leg.args.trail_points
        row["trail_offset"] = None if leg is None else leg.args.trail_offset
        result.bars.append(row)
    result.trades = broker.closed
    result.open_trades = broker.open_trades()
    result.equity = broker.equity()
    return result
