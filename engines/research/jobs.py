"""What is swept: KWIN under a preset and a profile, or any strategy of the core. A job travels to other machines."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from engines.plan import KwinOptions, Plan, plan_kwin, with_inputs
from engines.research.axis import Axis, axis_of
from engines.source import Source
from kwin_core.engine import Strategy
from kwin_core.errors import ConfigError, KwinError
from kwin_core.kwin.inputs import BY_NAME, effective, resolve_name
from kwin_core.properties import Instrument, Properties
from kwin_core.records import copy_rows


class Job(Protocol):
    """Makes runs of parameter sets."""

    def axes(self, space: Mapping[str, Any]) -> list[Axis]:
        """The space with names resolved and every value checked."""
        ...

    def plan(self, source: Source, given: Mapping[str, Any]) -> Plan:
        """The run of one set."""
        ...

    def plans(self, source: Source, sets: Sequence[Mapping[str, Any]]) -> list[Plan | KwinError]:
        """The run of each set, or the error of one that is impossible."""
        ...

    def facts(self) -> dict[str, Any]:
        """What the results depend on besides bars and sets, as plain values."""
        ...


_WITH_OTHERS = (
    "use_window",
    "start_time_ms",
    "period_choice",
    "enable_smart_trail",
    "use_take_profit",
    "risk_reward",
    "all_na_exit",
)
"""Inputs that decide more of a run than their own field of the parameter record."""


@dataclass(frozen=True)
class KwinJob:
    """KWIN.

    Parameters
    ----------
    preset, profile
        As for `engines.backtesting.backtest`.
    fixed
        Values of inputs that are not swept, by project name.
    options
        How to run it.
    """

    preset: str
    profile: str
    fixed: Mapping[str, Any] = field(default_factory=dict)
    options: KwinOptions = field(default_factory=KwinOptions)

    def axes(self, space: Mapping[str, Any]) -> list[Axis]:
        """The space by project name; every value is of the input's type and in its range.

        Raises
        ------
        ConfigError
            An unknown input, one that is fixed too, a value out of range.
        """
        effective(self.preset, self.fixed)
        found: list[Axis] = []
        for key, wish in space.items():
            name = resolve_name(key)
            if any(axis.name == name for axis in found):
                raise ConfigError(f"input {name} is in the space twice")
            if name in self.fixed:
                raise ConfigError(f"input {name} is in the space and fixed: take it out of one of them")
            item = BY_NAME[name]
            whole = isinstance(item.default, int) and not isinstance(item.default, bool)
            if isinstance(wish, Mapping) and (item.choices or isinstance(item.default, bool)):
                raise ConfigError(f"{name}: not a number, so it has no range; write a list of values")
            axis = axis_of(name, wish, whole=whole)
            if axis.is_list:
                values = tuple(effective(self.preset, {name: value})[name] for value in axis.values)
                if len(set(values)) != len(values):
                    raise ConfigError(f"{name}: the list of values has one twice")
                axis = Axis(name, values)
            else:
                for end in (axis.low, axis.high):
                    effective(self.preset, {name: end})
                if whole:
                    raise ConfigError(f"{name}: takes whole numbers: give the range a step, or leave log out")
            found.append(axis)
        return found

    def plans(self, source: Source, sets: Sequence[Mapping[str, Any]]) -> list[Plan | KwinError]:
        """The run of each set, or the error of one that is impossible.

        The same runs as :meth:`plan` gives one by one, ten times as fast: a set is copied from one that agrees with it
        in every input which decides more than its own field.
        """
        templates: dict[tuple[Any, ...], Plan | KwinError] = {}
        found = []
        for given in sets:
            key = (tuple(given), *(given.get(name) for name in _WITH_OTHERS))
            if key not in templates:
                try:
                    templates[key] = self.plan(source, given)
                except KwinError as error:
                    templates[key] = error
            template = templates[key]
            found.append(template if isinstance(template, KwinError) else self._copy(template, given))
        return found

    def _copy(self, template: Plan, given: Mapping[str, Any]) -> Plan:
        params = copy_rows(template.params)
        for name, value in given.items():
            if name not in _WITH_OTHERS:
                choices = BY_NAME[name].choices
                params[name] = choices.index(value) if choices else value
        return with_inputs(template, {**template.values, **given}, params)

    def plan(self, source: Source, given: Mapping[str, Any]) -> Plan:
        """The run of one set."""
        return plan_kwin(source, self.preset, self.profile, {**self.fixed, **given}, self.options)

    def facts(self) -> dict[str, Any]:
        """Everything but bars and sets."""
        options = self.options
        return {
            "preset": self.preset,
            "profile": self.profile,
            "fixed": dict(self.fixed),
            "margin": options.margin,
            "capital": options.capital,
            "trade_from_ms": options.trade_from_ms,
            "now_ms": options.now_ms,
        }


@dataclass(frozen=True)
class StrategyJob:
    """Any strategy of the core.

    Parameters
    ----------
    strategy
        See `kwin_core.strategy`. It travels as the place it can be imported from.
    fixed
        Values of parameters that are not swept; fields of its record that are in neither are 0.
    properties, instrument
        As for `engines.backtesting.run_strategy`.
    trade_from_ms
        Bars that open earlier compute everything but cannot order.
    """

    strategy: Strategy
    fixed: Mapping[str, Any]
    properties: Properties
    instrument: Instrument | None = None
    trade_from_ms: int | None = None

    def axes(self, space: Mapping[str, Any]) -> list[Axis]:
        """The space; every name is a field of the strategy's parameters.

        Raises
        ------
        ConfigError
            An unknown name, one that is fixed too, a list or range that is none.
        """
        names = self.strategy.params.names or ()
        for name in (*space, *self.fixed):
            if name not in names:
                raise ConfigError(
                    f"unknown parameter {name!r} of {self.strategy.name!r}: it has {', '.join(names)}"
                )
        both = set(space) & set(self.fixed)
        if both:
            raise ConfigError(f"parameter {min(both)} is in the space and fixed: take it out of one of them")
        return [self._axis(name, wish) for name, wish in space.items()]

    def _axis(self, name: str, wish: Any) -> Axis:
        whole = self.strategy.params[name].kind in "iu"
        axis = axis_of(name, wish, whole=whole)
        if not axis.is_list:
            if whole:
                raise ConfigError(f"{name}: takes whole numbers: give the range a step, or leave log out")
            return axis
        for value in axis.values:
            if not isinstance(value, int | float) or (whole and value != int(value)):
                raise ConfigError(f"{name} = {value!r}: expected a {'whole ' if whole else ''}number")
        values = tuple(int(value) if whole else float(value) for value in axis.values)
        if len(set(values)) != len(values):
            raise ConfigError(f"{name}: the list of values has one twice")
        return Axis(name, values)

    def plan(self, source: Source, given: Mapping[str, Any]) -> Plan:
        """The run of one set."""
        record = np.zeros(1, self.strategy.params)
        for name, value in {**self.fixed, **given}.items():
            record[name] = value
        facts = self.instrument or Instrument(source.instrument.tick, source.instrument.lot)
        return Plan(
            source=source,
            strategy=self.strategy,
            frozen=self.properties.frozen(risk=self.strategy.risk),
            settings=self.properties.settings(facts, self.trade_from_ms),
            params=record,
            label={"strategy": self.strategy.name},
            values={name: record[0][name].tolist() for name in self.strategy.params.names or ()},
        )

    def plans(self, source: Source, sets: Sequence[Mapping[str, Any]]) -> list[Plan | KwinError]:
        """The run of each set."""
        return [self.plan(source, given) for given in sets]

    def facts(self) -> dict[str, Any]:
        """Everything but bars and sets."""
        return {
            "strategy": self.strategy.name,
            "fixed": dict(self.fixed),
            "properties": repr(self.properties),
            "instrument": repr(self.instrument),
            "trade_from_ms": self.trade_from_ms,
        }

    def __reduce__(self) -> tuple[Any, ...]:
        place = place_of(self.strategy)
        return _strategy_job, (*place, dict(self.fixed), self.properties, self.instrument, self.trade_from_ms)


def place_of(strategy: Strategy) -> tuple[str, str]:
    """Module and name under which a strategy can be imported.

    Raises
    ------
    ConfigError
        When it is not a module-level name of the module of its ``calculate``.
    """
    module = strategy.calculate.__module__
    for name, value in vars(sys.modules[module]).items():
        if value is strategy and module != "__main__":
            return module, name
    raise ConfigError(
        f"strategy {strategy.name!r} cannot be imported by the workers: keep it at the top of a module of its own"
    )


def _strategy_job(module: str, name: str, *rest: Any) -> StrategyJob:
    return StrategyJob(getattr(importlib.import_module(module), name), *rest)
