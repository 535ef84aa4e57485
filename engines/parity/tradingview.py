"""What ``kwin-parity tradingview`` does: read, find the zone, run, compare, explain."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from engines.moments import moment_ms
from engines.parity.causes import Scene, diagnose, scene_of
from engines.parity.facts import TradeTable, steps_of, table_of
from engines.parity.labels import Mapped, map_properties
from engines.parity.matching import Aligned, Comparison, Pair, choose_style, compare_run, in_utc
from engines.parity.outcome import Outcome
from engines.parity.refusal import Verdict
from engines.parity.runs import make_run
from engines.parity.setting import Bars, Setting
from engines.parity.trials import Bench, Problem, Trial, changes_for, dear_changes, try_settings
from engines.parity.workbook import Report, read_report
from engines.parity.zones import UTC_ZONE, Fit, Zone, find_zone, fit, parse_zone
from engines.source_arrays import bars_of_frame, timeframe_of
from feeds.facts import Facts
from feeds.gate import Gate
from feeds.instants import iso
from feeds.parquet import ParquetFeed
from kwin_core.bars import timeframe_name
from kwin_core.errors import ConfigError
from kwin_core.kwin.inputs import BY_NAME

if TYPE_CHECKING:
    import pandas as pd

Progressed = Callable[[int, int], None]
FEW = 3
"""With no more trades left than this, or a twentieth, other engines are not compiled to try them."""


@dataclass(frozen=True)
class Question:
    """The arguments of the command; ``None`` is not given. Their meaning is in its help."""

    export: Path
    data: Path | pd.DataFrame
    preset: str | None = None
    profile: str = "tv-literal"
    inputs: Mapping[str, Any] = field(default_factory=dict)
    tz: str | None = None
    tick: float | None = None
    lot: float | None = None
    margin: float | None = None
    capital: float | None = None
    commission: float | None = None
    from_: str | None = None
    to: str | None = None
    now: str | None = None
    allow_gaps: bool = False


def compare(question: Question, on_progress: Progressed | None = None) -> Outcome:
    """Compare an export with the run it should come from.

    Parameters
    ----------
    question
        What to compare.
    on_progress
        Called with the number of settings tried and to be tried.

    Raises
    ------
    ParityError
        When the export is none.
    ConfigError, DataError
        What is wrong with the arguments or the bars.
    """
    report = read_report(question.export)
    walls = table_of(report.export)
    mapped = map_properties(report.properties, question.preset)
    bars, tick, lot = _bars(question, mapped, report)
    zone, found_by, fits = _zone(question, report, walls, bars, tick)
    setting, notes = _setting(question, mapped, bars, zone, tick, lot)
    problem = Problem(setting, zone)
    aligned = in_utc(report.export, zone)
    run = make_run(setting, bars)
    style = choose_style(aligned, run)
    comparison = compare_run(aligned, run, style)
    here = fit(walls, bars.array, tick, zone)
    outcome = Outcome(
        export_name=str(question.export),
        data_name=bars.name,
        setting=setting.report(bars),
        problem=problem,
        comparison=comparison,
        zone_found_by=found_by,
        fit=here,
        best_fit=fits[0],
        used=tuple(mapped.used),
        unmapped=tuple(mapped.unmapped),
        notes=(*notes, *_notes(here, fits, found_by)),
    )
    first = comparison.first
    if first is None:
        return outcome
    scene = scene_of(aligned, run, bars, comparison, first)
    if not fits[0].good:
        return replace(outcome, first=scene, verdict=_no_zone(fits[0], bars, walls))
    evidence = diagnose(scene)
    if not here.good:
        evidence = Verdict(
            "data",
            f"the times fit {fits[0].zone.name} ({fits[0].inside} of {fits[0].covered} fills inside their bars), "
            f"not {zone.name} ({here.inside} of {here.covered})",
        )
    bench = Bench(report.export, bars, style)
    trials, best = _explain(bench, problem, comparison, aligned, bars, fits, scene, on_progress)
    verdict = _verdict(evidence, first, comparison, best)
    return replace(outcome, first=scene, verdict=verdict, trials=tuple(trials), best=best)


def _bars(question: Question, mapped: Mapped, report: Report) -> tuple[Bars, float, float]:
    """The bars, and tick and lot: as given, or as the workbook, the data or the printed prices say."""
    array, facts, name, usual = _read(question)
    length_ms = facts.timeframe_ms or timeframe_of(array, name)
    if mapped.timeframe_ms not in (None, length_ms):
        raise ConfigError(
            f"{name}: these are {timeframe_name(length_ms)} bars and the workbook is of a "
            f"{timeframe_name(mapped.timeframe_ms or 0)} chart: give the bars of that timeframe"
        )
    stated = (question.tick, mapped.settings.get("tick"), facts.tick)
    tick = next((value for value in stated if value is not None), steps_of(report.export)[0])
    lot = next((value for value in (question.lot, facts.lot) if value is not None), 0.0)
    symbol = facts.symbol or usual
    if mapped.symbol and symbol == usual:  # the data does not say what it holds
        symbol = mapped.symbol
    if mapped.symbol and _bare(symbol) != _bare(mapped.symbol):
        mapped.unmapped.append((f"Symbol = {mapped.symbol}", f"the bars are of {symbol}"))
    return Bars(array, name, symbol, length_ms), float(tick), float(lot)


def _read(question: Question) -> tuple[np.ndarray, Facts, str, str]:
    """Bars, what they say of themselves, their name, and the symbol that they have when they do not say one."""
    data = question.data
    if isinstance(data, Path):
        feed = ParquetFeed(data, allow_gaps=question.allow_gaps)
        return feed.read(), replace(feed.facts, timeframe_ms=feed.timeframe_ms), str(data), data.stem
    facts = Facts(**{name: data.attrs.get(name) for name in ("symbol", "timeframe_ms", "tick", "lot")})
    array = bars_of_frame(data, "frame")
    length_ms = facts.timeframe_ms or timeframe_of(array, "frame")
    Gate(length_ms, allow_gaps=question.allow_gaps, source="frame").check(array)
    return array, replace(facts, timeframe_ms=length_ms), "frame", "frame"


def _zone(
    question: Question, report: Report, walls: TradeTable, bars: Bars, tick: float
) -> tuple[Zone, str, list[Fit]]:
    fits = find_zone(walls, bars.array, tick)
    if question.tz is not None:
        return parse_zone(question.tz), "--tz", fits
    if report.export.has_zone:
        return UTC_ZONE, "export", fits
    return fits[0].zone, "prices" if fits[0].good else "nothing", fits


def _setting(
    question: Question, mapped: Mapped, bars: Bars, zone: Zone, tick: float, lot: float
) -> tuple[Setting, list[str]]:
    """The run: what the command line gives, else what the workbook says, else the preset's."""
    notes: list[str] = []
    inputs = {name: _in_utc(name, value, zone) for name, value in mapped.inputs.items()} | dict(
        question.inputs
    )
    said = mapped.settings

    def pick(name: str, given: float | None) -> Any:
        return said.get(name) if given is None else given

    margin = pick("margin", question.margin)
    from_ms, to_ms = moment_ms(question.from_, "--from"), moment_ms(question.to, "--to")
    if mapped.begin_wall_ms is not None and from_ms is None:
        begin = _utc(zone, mapped.begin_wall_ms)
        if begin > bars.array["time_ms"][0]:
            from_ms = begin
        elif begin < bars.array["time_ms"][0]:
            notes.append(f"the chart had bars from {iso(begin)}, before the first one here: warm-up differs")
    if mapped.end_wall_ms is not None and to_ms is None:
        to_ms = _utc(zone, mapped.end_wall_ms) + 1
    return (
        Setting(
            preset=mapped.preset or "dual-sfp",
            profile=question.profile,
            inputs=inputs,
            tick=tick,
            lot=lot,
            margin=0.0 if margin is None else float(margin),
            capital=pick("capital", question.capital),
            commission=pick("commission", question.commission),
            slippage=said.get("slippage"),
            pyramiding=said.get("pyramiding"),
            on_close=said.get("on_close"),
            from_ms=from_ms,
            to_ms=to_ms,
            now_ms=moment_ms(question.now, "--now"),
        ),
        notes,
    )


def _explain(
    bench: Bench,
    problem: Problem,
    comparison: Comparison,
    aligned: Aligned,
    bars: Bars,
    fits: list[Fit],
    scene: Scene,
    on_progress: Progressed | None,
) -> tuple[list[Trial], Trial | None]:
    """Try other settings; those that need another engine only when the others leave something open."""
    changes = changes_for(problem, aligned, bars, fits, _implied_risk(scene))
    done = 0

    def count() -> None:
        nonlocal done
        done += 1
        if on_progress is not None:
            on_progress(done, max(done, len(changes)))

    bench.on_trial = count
    trials, best = try_settings(bench, problem, comparison, changes)
    left = comparison if best is None or best.comparison is None else best.comparison
    if left.wrong > max(FEW, len(left.pairs) // 20):
        dear, other = try_settings(bench, problem, comparison, dear_changes(problem.setting))
        trials += dear
        if other is not None and other.comparison is not None and other.comparison.cost < left.cost:
            best = other
    return trials, best


def _verdict(evidence: Verdict, first: Pair, comparison: Comparison, best: Trial | None) -> Verdict:
    """The evidence's cause, unless a setting was found that does away with the first difference."""
    if best is None or best.comparison is None or not _solved(first, comparison, best):
        return evidence
    found = best.comparison
    total = len(found.pairs)
    share = f"all {total} trades match" if best.exact else f"{found.matched} of {total} trades match"
    causes = [change.cause for change in best.changes]
    cause = evidence.cause if evidence.cause in causes else causes[0]
    return Verdict(cause, f"{evidence.sentence}; with {best.name} {share}")


def _solved(first: Pair, comparison: Comparison, best: Trial) -> bool:
    assert best.comparison is not None
    if best.exact:
        return True
    if 2 * best.comparison.cost > comparison.cost:
        return False  # most of what differs has another reason
    if first.theirs is None:
        return best.comparison.extra < comparison.extra
    return any(pair.equal and pair.theirs == first.theirs for pair in best.comparison.pairs)


def _implied_risk(scene: Scene) -> float | None:
    """Risk percent that would give the export's quantity of the first trade that differs in it."""
    look, pair = scene.look, scene.pair
    if look is None or pair.theirs is None or pair.ours is None or scene.difference.field != "qty":
        return None
    state = look.state()
    stop, equity = state["stop"], state["equity_seen"]
    if stop is None or not equity:
        return None
    qty = float(scene.aligned.table.qty[pair.theirs])
    risk = 100.0 * qty * abs(float(look.bar["close"]) - stop) / equity
    return float(f"{risk:.2g}") if 0.1 <= risk <= 50.0 else None


def _no_zone(best: Fit, bars: Bars, walls: TradeTable) -> Verdict:
    times = bars.array["time_ms"]
    if best.covered == 0 and times[0] <= walls.entry_wall_ms[0] <= times[-1]:
        return Verdict(
            "data", "no time zone puts the export's times on the opens of these bars: other timeframe"
        )
    if best.covered == 0:
        span = f"{iso(int(times[0]))} to {iso(int(times[-1]))}"
        return Verdict(
            "data", f"no fill of the export lies within the bars ({span}): give the bars of its time"
        )
    return Verdict(
        "data",
        f"no time zone makes the export's prices fit the bars: the best, {best.zone.name}, has "
        f"{best.inside} of {best.covered} fills inside their bars: other symbol, exchange or timeframe",
    )


def _notes(here: Fit, fits: list[Fit], found_by: str) -> list[str]:
    notes = []
    if here.covered < here.fills:
        notes.append(f"{here.fills - here.covered} of {here.fills} fills lie on bars the data does not have")
    ties = [f for f in fits[1:] if f.good and (f.inside, f.exact) == (fits[0].inside, fits[0].exact)]
    if found_by == "prices" and ties:
        names = ", ".join(tie.zone.name for tie in ties[:5])
        notes.append(f"too few trades to be sure of the zone: {names} fit as well; give it with --tz")
    return notes


def _in_utc(name: str, value: Any, zone: Zone) -> Any:
    return _utc(zone, int(value)) if BY_NAME[name].time else value


def _utc(zone: Zone, wall_ms: int) -> int:
    return int(zone.utc(np.array([wall_ms], np.int64))[0])


def _bare(symbol: str) -> str:
    return symbol.upper().rpartition(":")[2].removesuffix(".P")
