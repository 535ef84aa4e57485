"""What ``kwin-backtest`` does once its arguments are understood."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from engines.command_line import GOOD, INTERRUPTED, console, fail, print_json, progress
from engines.drive import Sink
from engines.input_values import gather_inputs
from engines.moments import moment_ms
from engines.paths.sub_bars import SubBars, chart_of, read_sub_bars
from engines.plan import KwinOptions, Plan, execute, plan_kwin
from engines.progress import BarProgress
from engines.recorder import Recorder
from engines.report.targets import PAGES, PICTURES, check_target
from engines.result import Result, files_of, intent_beside, report_of
from engines.source import ArraySource, Cut, Source, merged, open_source
from feeds.facts import Facts
from kwin_core.bars import MINUTE_MS, parse_timeframe, timeframe_name
from kwin_core.errors import ConfigError

if TYPE_CHECKING:
    from engines.paths.sensitivity import PathSensitivity

USUAL_CHART_MS = 15 * MINUTE_MS
"""Length of the bars that are made of shorter ones when nothing says another."""


@dataclass(frozen=True)
class Request:
    """The arguments of the command; their meaning is in its help."""

    data: Path | None
    preset: str
    profile: str
    assignments: tuple[str, ...] = ()
    params_file: Path | None = None
    no_window: bool = False
    start: str | None = None
    end: str | None = None
    trade_from: str | None = None
    now: str | None = None
    capital: float | None = None
    symbol: str | None = None
    timeframe: str | None = None
    tick: float | None = None
    lot: float | None = None
    margin: float = 0.0
    allow_gaps: bool = False
    out: Path | None = None
    report: Path | None = None
    png: Path | None = None
    paths: bool = False
    magnifier: Path | None = None
    as_json: bool = False

    @property
    def compares_paths(self) -> bool:
        """Whether the run is also made along other paths."""
        return self.paths or self.report is not None or self.magnifier is not None

    def plan(self) -> Plan:
        """The run it asks for.

        Raises
        ------
        ConfigError, DataError
            Anything that is wrong with the arguments or the head of the file.
        """
        given = gather_inputs(self.params_file, self.assignments, no_window=self.no_window)
        source = self._source()
        options = KwinOptions(
            self.margin,
            self.capital,
            moment_ms(self.trade_from, "--trade-from"),
            moment_ms(self.now, "--now"),
        )
        return plan_kwin(source, self.preset, self.profile, given, options)

    def sub_bars(self, plan: Plan) -> SubBars | None:
        """Shorter bars inside those of the run, when a file of them is given.

        Raises
        ------
        ConfigError, DataError
            When they do not fit into the run's, or the file is bad.
        """
        if self.magnifier is None:
            return None
        return read_sub_bars(self.magnifier, plan.source.instrument.timeframe_ms)

    def _source(self) -> Source:
        timeframe_ms = None if self.timeframe is None else parse_timeframe(self.timeframe)
        facts = Facts(self.symbol, timeframe_ms, self.tick, self.lot)
        cut = Cut(moment_ms(self.start, "--start"), moment_ms(self.end, "--end"), self.allow_gaps)
        if self.data is not None:
            return open_source(self.data, facts, cut)
        if self.magnifier is None:
            raise ConfigError("which bars? give DATA.parquet, or --magnifier FILE_1m.parquet to make them of")
        chart_ms = timeframe_ms or USUAL_CHART_MS
        bars, stated = chart_of(self.magnifier, chart_ms, allow_gaps=self.allow_gaps)
        name = f"{self.magnifier} as {timeframe_name(chart_ms)} bars"
        return ArraySource(bars, name, merged(facts, stated), cut)


def backtest_command(request: Request) -> int:
    """Run, write the files, print the summary or the JSON; returns the exit code.

    Raises
    ------
    KwinError
        Whatever is wrong; nothing has then been written.
    """
    try:
        return _run(request)
    except KeyboardInterrupt:
        fail("interrupted; nothing was written")
        return INTERRUPTED


def _run(request: Request) -> int:
    plan = request.plan()
    for path, option, endings in ((request.report, "--report", PAGES), (request.png, "--png", PICTURES)):
        check_target(path, option, endings)
    subs = request.sub_bars(plan)
    recorder = Recorder(plan.strategy, keep_bars=True) if request.report or request.png else None
    with nullcontext() if request.out is None else files_of(plan, request.out) as files:
        sinks: list[Sink] = [sink for sink in (files, recorder) if sink is not None]
        with BarProgress(plan.source.most_bars) as progress:
            finished = execute(plan, sinks, on_bars=progress.update)
            summary = finished.summary()
            intent = intent_beside(finished, summary)
        found = _paths(plan, subs) if request.compares_paths else None
        report = report_of(summary, dict(plan.values), intent)
        if found is not None:
            report["paths"] = found.report()
        if recorder is not None:
            _draw(request, Result(finished, recorder), found)
        if files is not None:
            files.finish(finished.core, report)
    if request.as_json:
        print_json(report)
        return GOOD
    from engines.summary import print_summary

    screen = console()
    print_summary(screen, summary, intent)
    if found is not None:
        from engines.paths.panel import print_panel

        print_panel(screen, found)
    for name, path in (("files", request.out), ("report", request.report), ("picture", request.png)):
        if path is not None:
            screen.print(f"{name:<7} {path}", style="dim")
    return GOOD


def _paths(plan: Plan, subs: SubBars | None) -> PathSensitivity:
    from engines.paths.sensitivity import path_sensitivity

    with progress("along other paths", None, "runs") as progressed:
        return path_sensitivity(plan, subs, progressed)


def _draw(request: Request, result: Result, found: PathSensitivity | None) -> None:
    if request.report is not None:
        result.write_report(request.report, found)
    if request.png is not None:
        result.write_picture(request.png)
