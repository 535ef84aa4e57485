"""A run that is completely decided but not yet made, and the making of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.drive import Clock, Sink, drive
from engines.path_warning import path_warning
from engines.source import Source
from engines.statistics import account_statistics
from engines.tally import Tally
from feeds.instants import iso
from kwin_core.bars import close_time, timeframe_name
from kwin_core.emulator import Frozen
from kwin_core.engine import Strategy, make_engine
from kwin_core.errors import ConfigError, DataError
from kwin_core.kwin.inputs import effective, params_hash
from kwin_core.kwin.setup import Setup, build
from kwin_core.properties import EVER
from kwin_core.snapshot import full_digest

if TYPE_CHECKING:
    from engines.paths.sub_bars import SubBars


@dataclass(frozen=True)
class Plan:
    """Everything that decides a run.

    Parameters
    ----------
    source
        The bars.
    strategy, frozen, settings, params
        As the engine takes them.
    label
        What the result says about its setting before anything else: strategy or preset, profile, hash.
    values
        Values of the strategy's inputs, for the result.
    least_bars
        Fewer bars than this are an error.
    with_profile
        The same plan under another profile; ``None`` for strategies without profiles.
    rates
        Account currency per quote currency, one a bar, or ``None``.
    subs
        Shorter bars inside those of the source, when ``frozen`` has the magnifier.
    """

    source: Source
    strategy: Strategy
    frozen: Frozen
    settings: Mapping[str, Any]
    params: np.ndarray
    label: Mapping[str, Any]
    values: Mapping[str, Any]
    least_bars: int = 1
    with_profile: Callable[[str], Plan] | None = field(default=None, repr=False)
    rates: np.ndarray | None = field(default=None, repr=False)
    subs: SubBars | None = field(default=None, repr=False)

    @property
    def profile(self) -> str | None:
        """Profile of the run, when the strategy has any."""
        return self.label.get("profile")

    def too_few(self, bars: int) -> DataError | None:
        """The error of this run over so many bars, when its look-backs need more."""
        if bars >= self.least_bars:
            return None
        return DataError(
            f"{self.source.name}: too few bars: {bars}, and the longest look-back of these inputs needs "
            f"{self.least_bars}; take more bars or shorter look-backs"
        )


@dataclass(frozen=True)
class Finished:
    """A run that was made: its last state (shape ``(1,)``), its sums, and how long the core took."""

    plan: Plan
    states: np.ndarray
    tally: Tally
    clock: Clock

    @property
    def core(self) -> Any:
        """The broker's record after the last bar."""
        return self.states[0]["core"]

    def summary(self) -> dict[str, Any]:
        """What a result says, without the values of the inputs; see `engines.result.Result.summary`."""
        plan, tally, core = self.plan, self.tally, self.core
        settings = core["settings"]
        instrument = plan.source.instrument
        trade_from_ms = int(settings["trade_from_ms"])
        found = {
            **plan.label,
            "data": plan.source.name,
            "symbol": instrument.symbol,
            "timeframe": timeframe_name(instrument.timeframe_ms),
            "tick": float(settings["tick"]),
            "lot": float(settings["lot"]),
            "margin": 100.0 * float(settings["margin_long"]),
            "capital": float(settings["capital"]),
            "first_bar": iso(tally.first_ms or 0),
            "last_bar": iso(tally.last_ms or 0),
            "bars": tally.bars,
            "trade_from": None if trade_from_ms == EVER else iso(trade_from_ms),
            **account_statistics(core, tally),
            "digest": full_digest(self.states),
            "chain": f"{int(core['chain']):016x}",
            "seconds": self.clock.seconds,
            "bars_per_second": self.clock.bars_per_second,
        }
        found["path_warning"] = path_warning(found)
        return {name: _finite(value) for name, value in found.items()}


def execute(
    plan: Plan, sinks: Sequence[Sink] = (), *, on_bars: Callable[[int], None] | None = None
) -> Finished:
    """Make the run.

    Raises
    ------
    DataError
        On the first bar that cannot be trusted, or when there are too few.
    CapacityError
        When a fixed limit of the core is reached.
    """
    engine = make_engine(plan.strategy, plan.frozen)
    states = engine.new_state(plan.settings, plan.params)
    tally = Tally(float(plan.settings["capital"]))
    clock = drive(
        engine,
        states,
        plan.params,
        plan.source.blocks(),
        [tally, *sinks],
        rates=plan.rates,
        subs=plan.subs,
        on_bars=on_bars,
    )
    too_few = plan.too_few(tally.bars)
    if too_few is not None:
        raise too_few
    return Finished(plan, states, tally, clock)


@dataclass(frozen=True)
class KwinOptions:
    """How to run KWIN, apart from its inputs.

    Parameters
    ----------
    margin
        Percent of notional, both sides; 0 never checks (R89).
    capital
        Account currency; ``None`` takes the preset's.
    trade_from_ms
        Bars that open earlier (ms) compute everything but cannot order.
    now_ms
        Where the day window counts back from (SP-44), ms; ``None`` is the close of the last bar.
    """

    margin: float = 0.0
    capital: float | None = None
    trade_from_ms: int | None = None
    now_ms: int | None = None


def plan_kwin(
    source: Source, preset: str, profile: str, given: Mapping[str, Any], options: KwinOptions
) -> Plan:
    """Decide a run of KWIN.

    Parameters
    ----------
    source
        The bars.
    preset, profile, given
        See `kwin_core.kwin.setup.build`.

    Raises
    ------
    ConfigError
        A value that is unknown, of the wrong type or out of range.
    """
    instrument = source.instrument
    now_ms = options.now_ms
    if now_ms is None:
        now_ms = 0
        if effective(preset, given)["use_window"]:
            last_ms = source.last_open_ms()
            now_ms = 0 if last_ms is None else close_time(last_ms, instrument.timeframe_ms)

    def setup(for_profile: str) -> Setup:
        return build(
            preset,
            for_profile,
            given,
            tick=instrument.tick,
            timeframe_ms=instrument.timeframe_ms,
            now_ms=now_ms,
            lot=instrument.lot,
            margin_percent=options.margin,
            capital=options.capital,
            trade_from_ms=options.trade_from_ms,
        )

    def plan(for_profile: str) -> Plan:
        made = setup(for_profile)
        return Plan(
            source=source,
            strategy=made.strategy,
            frozen=made.frozen,
            settings=made.settings,
            params=made.params,
            label={"preset": preset, "profile": for_profile, "params_hash": made.params_hash},
            values=made.values,
            least_bars=_longest_look_back(preset, made.values),
            with_profile=plan,
        )

    return plan(profile)


def with_inputs(plan: Plan, values: Mapping[str, Any], params: np.ndarray) -> Plan:
    """A run of KWIN with other inputs, of which ``params`` is the record: what else follows from them is renewed."""
    preset, profile = plan.label["preset"], plan.label["profile"]
    return replace(
        plan,
        params=params,
        values=values,
        label={**plan.label, "params_hash": params_hash(preset, profile, values)},
        least_bars=_longest_look_back(preset, values),
        with_profile=None,
    )


def _longest_look_back(preset: str, values: Mapping[str, Any]) -> int:
    """Bars before everything that these inputs use can have a value."""
    needs = [int(values["swing_len"]) + 2]  # a pivot and the bar that confirms it (SP-12)
    if preset == "classic":
        if values["use_rsi_weight"]:
            needs.append(int(values["rsi_period"]) + 1)
    else:
        if values["enable_smart_trail"] and values["use_bar_trail"]:
            needs.append(int(values["trail_lookback"]))
        if values["atr_mult"] > 0:
            needs.append(int(values["atr_period"]))
    return max(needs)


def check_params(strategy: Strategy, params: np.ndarray | np.void) -> np.ndarray:
    """Parameter record of a user's strategy as the engine takes it, shape ``(1,)``.

    Raises
    ------
    ConfigError
        When it is not a record of the strategy's own dtype.
    """
    record = np.atleast_1d(np.asarray(params))
    if record.dtype != strategy.params or record.shape != (1,):
        raise ConfigError(
            f"strategy {strategy.name!r}: params must be one record of its dtype {strategy.params}"
        )
    return np.require(record, requirements=["C", "A", "W"])


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
