"""Other settings that could explain an export: which there are, and what each would have given."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from engines.parity.facts import steps_of
from engines.parity.matching import Aligned, Comparison, compare_run, in_utc
from engines.parity.rows import Style
from engines.parity.runs import make_run
from engines.parity.selfcheck import capital_of, commission_of
from engines.parity.setting import Bars, Setting
from engines.parity.tv_export import Export
from engines.parity.zones import Fit, Zone
from feeds.instants import iso
from kwin_core.bars import DAY_MS
from kwin_core.errors import KwinError
from kwin_core.kwin.inputs import INPUTS

ROUNDS = 4
LOTS = (0.0, 0.001, 0.01, 0.1, 1.0)
COMMISSIONS = (0.0, 0.02, 0.04, 0.05, 0.055, 0.06, 0.075, 0.1)
CAPITALS = (100.0, 300.0, 1_000.0, 10_000.0, 100_000.0, 1_000_000.0)
LOADED_BARS = (5_000, 10_000, 20_000, 40_000)  # what a chart loads, by TradingView's plans
LONGEST_PERIOD_DAYS = 180

_LOCKS = {"use_once_per_swing", "use_dir_lock"}
_SIZES = {"use_fee_filter", "limit_qty_enabled", "zero_commission", "use_rsi_weight"}
_GATES = {"enable_reentry_after_sl"}
_SIGNALS = {"use_one_per_bar", "bar_priority", "use_local_sfp", "use_sfp_quality"}
_TRAILS = {
    "enable_smart_trail",
    "use_arm_after_rr",
    "use_bar_trail",
    "all_na_exit",
    "conditional_history",
}
CAUSE_OF_INPUT = {
    **dict.fromkeys(_LOCKS, "lock"),
    **dict.fromkeys(_SIZES, "size"),
    **dict.fromkeys(_GATES, "gate"),
    **dict.fromkeys(_SIGNALS, "signal"),
    **dict.fromkeys(_TRAILS, "trail"),
}
"""Inputs that are switches, and what a wrong one shows up as."""


@dataclass(frozen=True)
class Problem:
    """A comparison to be made.

    Parameters
    ----------
    setting
        What to run.
    zone
        Zone of the export's times.
    """

    setting: Setting
    zone: Zone


@dataclass(frozen=True)
class Change:
    """One thing set differently: its options on the command line, what it would explain, and how to apply it."""

    name: str
    cause: str
    apply: Callable[[Problem], Problem]
    about: str
    """What is being set; two changes of the same thing exclude each other."""


@dataclass(frozen=True)
class Trial:
    """A change (or several) and what came of it; ``comparison`` is ``None`` when it could not be run."""

    changes: tuple[Change, ...]
    problem: Problem
    comparison: Comparison | None

    @property
    def name(self) -> str:
        """The changes in words."""
        return " and ".join(change.name for change in self.changes)

    @property
    def exact(self) -> bool:
        """Whether every trade matches."""
        return self.comparison is not None and self.comparison.wrong == 0


class Bench:
    """Runs problems against one export and remembers the results.

    Parameters
    ----------
    source
        The export as read, with wall-clock times.
    bars
        The bars.
    style
        How the export prints.

    Attributes
    ----------
    on_trial
        Called after every run.
    """

    def __init__(self, source: Export, bars: Bars, style: Style) -> None:
        self.on_trial: Callable[[], None] = lambda: None
        self._export = source
        self._bars = bars
        self._style = style
        self._aligned: dict[Zone, Aligned] = {}
        self._known: dict[tuple[Any, ...], Comparison] = {}

    def compare(self, problem: Problem) -> Comparison | None:
        """Compare quickly; ``None`` when the setting is refused."""
        if problem.zone not in self._aligned:
            self._aligned[problem.zone] = in_utc(self._export, problem.zone)
        try:
            run = make_run(problem.setting, self._bars)
            printed_with = (run.open_rows, problem.setting.tick, problem.setting.start_capital)
            key = (problem.zone, hash(run.trades.tobytes()), *printed_with)
            if key not in self._known:  # many settings change nothing
                aligned = self._aligned[problem.zone]
                self._known[key] = compare_run(aligned, run, self._style, everything=False)
            found = self._known[key]
        except KwinError:
            found = None
        self.on_trial()
        return found


def try_settings(
    bench: Bench, base: Problem, first: Comparison, changes: list[Change]
) -> tuple[list[Trial], Trial | None]:
    """Try every change alone, then further ones on top of the best as long as that helps.

    Returns
    -------
    list of Trial
        Every change by itself, in the order given.
    Trial or None
        The best setting found, when it is better than the base.
    """
    single = [_try(bench, base, (), change) for change in changes]
    best = _best(single, first)
    if best is None:
        return single, None
    for _ in range(ROUNDS - 1):
        if best.exact or best.comparison is None:
            break
        settled = {change.about for change in best.changes}
        further = [
            _try(bench, best.problem, best.changes, change)
            for change in changes
            if change.about not in settled
        ]
        better = _best(further, best.comparison)
        if better is None:
            break
        best = better
    return single, best


def changes_for(
    base: Problem, aligned: Aligned, bars: Bars, fits: list[Fit], implied_risk: float | None
) -> list[Change]:
    """Everything worth trying: the open switches first, then what users get wrong."""
    setting = base.setting
    found = list(_switches(setting))
    found += [_profile(name) for name in ("tv-literal", "intent") if name != setting.profile]
    found += _numbers(setting, aligned)
    found += _windows(setting, aligned, bars)
    found += [_zone(fit.zone) for fit in fits if fit.good and fit.zone != base.zone][:3]
    capital = capital_of(aligned.export)
    same_capital = capital is None or abs(capital - setting.start_capital) <= 0.01 * setting.start_capital
    if implied_risk is not None and same_capital and implied_risk != setting.values["risk_pct"]:
        found.append(_input("risk_pct", implied_risk, "size"))
    return found


def dear_changes(setting: Setting) -> list[Change]:
    """Changes that need another engine to be compiled: tried only when nothing else explains everything."""
    found = [
        Change(f"--preset {name}", "signal", _with(preset=name), "preset")
        for name in ("dual-sfp", "classic", "classic-quality")
        if name != setting.preset
    ]
    found += [
        Change(f"--margin {margin:g}", "size", _with(margin=margin), "margin")
        for margin in (0.0, 100.0)
        if margin != setting.margin
    ]
    return found


def _try(bench: Bench, problem: Problem, before: tuple[Change, ...], change: Change) -> Trial:
    changed = change.apply(problem)
    return Trial((*before, change), changed, bench.compare(changed))


def _best(trials: list[Trial], than: Comparison) -> Trial | None:
    better = [
        (trial.comparison.cost, at)
        for at, trial in enumerate(trials)
        if trial.comparison is not None
        and trial.comparison.cost < than.cost
        and trial.comparison.matched >= than.matched
    ]
    return trials[min(better)[1]] if better else None


def _with(**changes: Any) -> Callable[[Problem], Problem]:
    return lambda problem: Problem(problem.setting.with_(**changes), problem.zone)


def _input(name: str, value: Any, cause: str) -> Change:
    return Change(f"--set {name}={_word(value)}", cause, _with(inputs={name: value}), name)


def _profile(name: str) -> Change:
    return Change(f"--profile {name}", "trail", _with(profile=name), "profile")


def _zone(zone: Zone) -> Change:
    def apply(problem: Problem) -> Problem:
        return Problem(problem.setting, zone)

    return Change(f"--tz {zone.name}", "data", apply, "tz")


def _switches(setting: Setting) -> Iterator[Change]:
    values = setting.values
    order = ("all_na_exit", "conditional_history")
    for item in sorted(INPUTS, key=lambda item: item.name not in order):
        if item.name not in CAUSE_OF_INPUT or (item.only and setting.preset not in item.only):
            continue
        for value in item.choices or (True, False):
            if value != values[item.name]:
                yield _input(item.name, value, CAUSE_OF_INPUT[item.name])


def _numbers(setting: Setting, aligned: Aligned) -> Iterator[Change]:
    price_step, qty_step = steps_of(aligned.export)
    for tick in _others((price_step, setting.tick / 10.0, setting.tick * 10.0), setting.tick):
        yield Change(f"--tick {tick:g}", "rounding", _with(tick=tick), "tick")
    for lot in _others((qty_step, *LOTS), setting.lot):
        yield Change(f"--lot {lot:g}", "size", _with(lot=lot), "lot")
    for rate in _others((commission_of(aligned.export), *COMMISSIONS), setting.commission_percent):
        yield Change(f"--commission {rate:g}", "commission", _with(commission=rate), "commission")
    for capital in _others((capital_of(aligned.export), *CAPITALS), setting.start_capital):
        yield Change(f"--capital {capital:.12g}", "size", _with(capital=capital), "capital")


def _others(values: tuple[float | None, ...], current: float) -> list[float]:
    known = [float(f"{value:.12g}") for value in values if value is not None]
    return [value for value in dict.fromkeys(known) if abs(value - current) > 1e-12]


def _windows(setting: Setting, aligned: Aligned, bars: Bars) -> Iterator[Change]:
    first = int(aligned.table.entry_wall_ms.min())
    last = int(max(aligned.table.entry_wall_ms.max(), aligned.table.exit_wall_ms.max()))
    midnight = first // DAY_MS * DAY_MS
    if setting.values["use_window"]:
        yield _input("use_window", False, "window")
        for days in ("30", "60", "180"):
            if days != setting.values["period_choice"]:
                yield _input("period_choice", days, "window")
    else:
        yield _input("use_window", True, "window")
    for start in dict.fromkeys((midnight, first)):
        inputs = {"use_window": True, "start_time_ms": start, "period_choice": str(LONGEST_PERIOD_DAYS)}
        now = start // DAY_MS * DAY_MS + LONGEST_PERIOD_DAYS * DAY_MS
        words = " ".join(f"--set {name}={_word(value)}" for name, value in inputs.items())
        apply = _with(inputs=inputs, now_ms=now)
        yield Change(f"{words} --now {iso(now)}", "window", apply, "use_window")
    times = bars.array["time_ms"]
    begins = [midnight, midnight - DAY_MS, midnight - 2 * DAY_MS]
    begins += [int(times[-count]) for count in LOADED_BARS if count < times.size]
    for begin in dict.fromkeys(begins):
        if begin != setting.from_ms and times[0] < begin <= first:
            yield Change(f"--from {iso(begin)}", "warm-up", _with(from_ms=begin), "from")
    if setting.from_ms is not None:
        yield Change("without --from", "warm-up", _with(from_ms=None), "from")
    end = last + bars.timeframe_ms
    if end <= times[-1] and end != setting.to_ms:
        yield Change(f"--to {iso(end)}", "window", _with(to_ms=end), "to")


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
