"""Strategy properties: what TradingView's Properties dialog sets, with the defaults of each Pine version."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from kwin_core.emulator import Frozen
from kwin_core.errors import ConfigError
from kwin_core.state import (
    CASH,
    COMMISSION_PER_CONTRACT,
    COMMISSION_PER_ORDER,
    COMMISSION_PERCENT,
    FIXED,
    PERCENT_OF_EQUITY,
)

QTY_TYPES = {"fixed": FIXED, "cash": CASH, "percent_of_equity": PERCENT_OF_EQUITY}
COMMISSION_TYPES = {
    "percent": COMMISSION_PERCENT,
    "cash_per_contract": COMMISSION_PER_CONTRACT,
    "cash_per_order": COMMISSION_PER_ORDER,
}
CLOSE_RULES = ("FIFO", "ANY")
EVER = -(2**62)  # a time before every bar, ms


@dataclass(frozen=True)
class Instrument:
    """Facts of the traded symbol.

    Parameters
    ----------
    tick
        Price step, quote currency.
    lot
        Quantity step, base currency; 0 takes quantities as they are.
    point_value
        Money per price unit and contract.

    Raises
    ------
    ConfigError
        When a step cannot be right.
    """

    tick: float
    lot: float = 0.0
    point_value: float = 1.0

    def __post_init__(self) -> None:
        if not (np.isfinite(self.tick) and self.tick > 0):
            raise ConfigError(
                f"tick = {self.tick!r}: the price step must be a positive number, for example 0.01"
            )
        if not (np.isfinite(self.lot) and self.lot >= 0):
            raise ConfigError(
                f"lot = {self.lot!r}: the quantity step must be 0 (none) or positive, for example 0.01"
            )
        if not (np.isfinite(self.point_value) and self.point_value > 0):
            raise ConfigError(f"point_value = {self.point_value!r}: must be a positive number")


@dataclass(frozen=True)
class Properties:
    """The properties of a run; names and units are Pine's.

    Parameters
    ----------
    initial_capital
        Account currency.
    default_qty_type, default_qty_value
        ``fixed`` (contracts), ``cash`` (account currency) or ``percent_of_equity`` (percent).
    commission_type, commission_value
        ``percent`` (percent of notional a side), ``cash_per_contract`` or ``cash_per_order`` (account currency).
    slippage
        Ticks, always adverse, on market and stop fills (R32).
    margin_long, margin_short
        Percent of notional; 0 is never checked (R89).
    pyramiding
        Entries in one direction; 0 acts as 1 (R49).
    process_orders_on_close
        Market orders fill at the close of the bar that issued them (R118).
    close_entries_rule
        ``FIFO`` or ``ANY`` (R73).
    pine_version
        5 or 6: decides R147 and which of two exit levels counts.
    all_na_exit
        ``cancel`` or ``keep``: the open question of R59.
    currency_conversion
        The account currency differs from the quote currency; a rate a bar is given to the engine (C1).
    day_offset_minutes
        A trading day begins this long before midnight UTC (R117).
    """

    initial_capital: float = 1_000_000.0
    default_qty_type: str = "fixed"
    default_qty_value: float = 1.0
    commission_type: str = "percent"
    commission_value: float = 0.0
    slippage: int = 0
    margin_long: float = 100.0
    margin_short: float = 100.0
    pyramiding: int = 0
    process_orders_on_close: bool = False
    close_entries_rule: str = "FIFO"
    pine_version: int = 6
    all_na_exit: str = "cancel"
    currency_conversion: bool = False
    day_offset_minutes: int = 0
    magnifier: bool = False

    def __post_init__(self) -> None:
        for name, allowed in (
            ("default_qty_type", QTY_TYPES),
            ("commission_type", COMMISSION_TYPES),
            ("close_entries_rule", CLOSE_RULES),
            ("pine_version", (5, 6)),
            ("all_na_exit", ("cancel", "keep")),
        ):
            if getattr(self, name) not in allowed:
                choices = ", ".join(str(choice) for choice in allowed)
                raise ConfigError(f"{name} = {getattr(self, name)!r}: choose one of {choices}")
        if not (np.isfinite(self.initial_capital) and self.initial_capital > 0):
            raise ConfigError(f"capital = {self.initial_capital!r}: must be a positive amount")
        for name in ("margin_long", "margin_short"):
            if not (np.isfinite(getattr(self, name)) and 0 <= getattr(self, name) <= 100):
                raise ConfigError(
                    f"{name} = {getattr(self, name)!r}: percent of notional, from 0 (no check) to 100"
                )
        for name in ("commission_value", "slippage", "pyramiding", "default_qty_value"):
            if not (np.isfinite(getattr(self, name)) and getattr(self, name) >= 0):
                raise ConfigError(f"{name} = {getattr(self, name)!r}: must not be negative")

    def with_(self, **changes: Any) -> Properties:
        """A copy with some properties changed; unknown names are an error."""
        unknown = set(changes) - set(self.__dataclass_fields__)
        if unknown:
            raise ConfigError(f"unknown strategy property: {', '.join(sorted(unknown))}")
        return replace(self, **changes)

    def frozen(self, *, risk: bool = False) -> Frozen:
        """Which switches an engine for these properties has on."""
        return Frozen(
            on_close=True if self.process_orders_on_close else None,
            risk=True if risk else None,
            margin=True if self.margin_long > 0 or self.margin_short > 0 else None,
            currency=True if self.currency_conversion else None,
            magnifier=True if self.magnifier else None,
        )

    def settings(self, instrument: Instrument, trade_from_ms: int | None = None) -> dict[str, Any]:
        """Values of the core's settings record."""
        percent_commission = self.commission_type == "percent"
        percent_size = self.default_qty_type == "percent_of_equity"
        return {
            "tick": instrument.tick,
            "ticks_per_unit": per_unit(instrument.tick),
            "lot": instrument.lot,
            "lots_per_unit": per_unit(instrument.lot),
            "point_value": instrument.point_value,
            "capital": float(self.initial_capital),
            "commission_kind": COMMISSION_TYPES[self.commission_type],
            "commission": self.commission_value / 100.0 if percent_commission else self.commission_value,
            "slippage_ticks": float(self.slippage),
            "margin_long": self.margin_long / 100.0,
            "margin_short": self.margin_short / 100.0,
            "pyramiding": self.pyramiding,
            "qty_kind": QTY_TYPES[self.default_qty_type],
            "qty_value": self.default_qty_value / 100.0 if percent_size else self.default_qty_value,
            "close_any": 1 if self.close_entries_rule == "ANY" else 0,
            "all_na_keep": 1 if self.all_na_exit == "keep" else 0,
            "pine_version": self.pine_version,
            "trade_from_ms": EVER if trade_from_ms is None else int(trade_from_ms),
            "day_offset_ms": self.day_offset_minutes * 60_000,
        }


PINE_V5 = Properties(margin_long=0.0, margin_short=0.0, pine_version=5)
"""Defaults of a v5 script: no margin (R89)."""

PINE_V6 = Properties()
"""Defaults of a v6 script: margin 100 percent."""


def per_unit(step: float) -> float:
    """Steps in one unit when that is a whole number, else 0."""
    if step <= 0:
        return 0.0
    steps = round(1.0 / step)
    return float(steps) if steps >= 1 and abs(steps * step - 1.0) < 1e-9 else 0.0
