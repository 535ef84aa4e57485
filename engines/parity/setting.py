"""Everything that decides the run an export is compared with, as one value that can be varied."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from engines.plan import KwinOptions, Plan, plan_kwin
from engines.source import ArraySource, Cut
from feeds.facts import Facts
from feeds.instants import iso
from kwin_core.bars import timeframe_name
from kwin_core.errors import ConfigError, DataError
from kwin_core.kwin.inputs import effective, resolve_name
from kwin_core.kwin.setup import PROPERTIES
from kwin_core.state import COMMISSION_PERCENT


@dataclass(frozen=True)
class Bars:
    """The bars of a comparison and what is known of their instrument.

    Parameters
    ----------
    array
        Checked bars, ``BAR``.
    name
        Where they came from.
    symbol
        Name of the instrument.
    timeframe_ms
        Length of a bar, ms.
    """

    array: np.ndarray
    name: str
    symbol: str
    timeframe_ms: int


@dataclass(frozen=True)
class Setting:
    """One run of KWIN.

    Parameters
    ----------
    preset, profile
        See `kwin_core.kwin.inputs`.
    inputs
        Given input values by project name.
    tick, lot
        Price step, quote currency; quantity step, base currency (0 for none).
    margin
        Percent of notional.
    capital, commission, slippage, pyramiding, on_close
        Account currency; percent a side; ticks; entries; orders processed on close. ``None``: the preset's.
    from_ms, to_ms
        First bar and the end (exclusive) of the bars the strategy runs on, by open time, ms.
    now_ms
        Where the strategy's day window counts back from, ms; ``None``: the close of the last bar (SP-44).
    """

    preset: str = "dual-sfp"
    profile: str = "tv-literal"
    inputs: Mapping[str, Any] = field(default_factory=dict)
    tick: float = 0.01
    lot: float = 0.0
    margin: float = 0.0
    capital: float | None = None
    commission: float | None = None
    slippage: float | None = None
    pyramiding: int | None = None
    on_close: bool | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    now_ms: int | None = None

    def with_(self, **changes: Any) -> Setting:
        """A copy; ``inputs`` are laid over those already given."""
        given = {resolve_name(name): value for name, value in changes.pop("inputs", {}).items()}
        return replace(self, inputs={**self.inputs, **given}, **changes)

    def cut(self, bars: Bars) -> np.ndarray:
        """The bars the strategy runs on.

        Raises
        ------
        DataError
            When none are left.
        """
        taken: np.ndarray = Cut(self.from_ms, self.to_ms).of(bars.array)
        if taken.size == 0:
            raise DataError(f"{bars.name}: no bars{Cut(self.from_ms, self.to_ms).text()}")
        return taken

    def plan(self, bars: Bars) -> Plan:
        """The run, ready to make.

        Raises
        ------
        ConfigError
            A value that is unknown, of the wrong type or out of range.
        DataError
            When no bars are left.
        """
        facts = Facts(bars.symbol, bars.timeframe_ms, self.tick, self.lot)
        source = ArraySource(self.cut(bars), bars.name, facts, Cut(allow_gaps=True))
        options = KwinOptions(self.margin, self.capital, None, self.now_ms)
        plan = plan_kwin(source, self.preset, self.profile, dict(self.inputs), options)
        settings = dict(plan.settings)
        for name in ("commission", "slippage", "pyramiding"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise ConfigError(f"{name} = {value!r}: must not be negative")
        if self.commission is not None:
            settings |= {"commission_kind": COMMISSION_PERCENT, "commission": self.commission / 100.0}
        if self.slippage is not None:
            settings["slippage_ticks"] = float(self.slippage)
        if self.pyramiding is not None:
            settings["pyramiding"] = self.pyramiding
        frozen = plan.frozen
        if self.on_close is not None:
            frozen = frozen._replace(on_close=True if self.on_close else None)
        return replace(plan, settings=settings, frozen=frozen)

    @property
    def values(self) -> dict[str, Any]:
        """Every input's value."""
        return dict(effective(self.preset, self.inputs))

    @property
    def fills_on_close(self) -> bool:
        """Whether entries fill at the close of their signal bar."""
        if self.on_close is not None:
            return self.on_close
        return PROPERTIES[self.preset].process_orders_on_close

    @property
    def commission_percent(self) -> float:
        """Commission a side, percent of notional."""
        if self.commission is not None:
            return self.commission
        return float(PROPERTIES[self.preset].commission_value)

    @property
    def start_capital(self) -> float:
        """Initial capital, account currency."""
        return float(PROPERTIES[self.preset].initial_capital if self.capital is None else self.capital)

    def report(self, bars: Bars) -> dict[str, Any]:
        """For people and machines: what was run, times as ISO text."""
        return {
            "preset": self.preset,
            "profile": self.profile,
            "symbol": bars.symbol,
            "timeframe": timeframe_name(bars.timeframe_ms),
            "tick": self.tick,
            "lot": self.lot,
            "margin": self.margin,
            "capital": self.start_capital,
            "commission_percent": self.commission_percent,
            "from": None if self.from_ms is None else iso(self.from_ms),
            "to": None if self.to_ms is None else iso(self.to_ms),
            "now": None if self.now_ms is None else iso(self.now_ms),
            "given_inputs": dict(self.inputs),
        }
