"""What ``kwin-backtest`` does once its arguments are understood."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from engines.command_line import GOOD, INTERRUPTED, console, fail, print_json
from engines.input_values import gather_inputs
from engines.moments import moment_ms
from engines.plan import KwinOptions, Plan, execute, plan_kwin
from engines.progress import BarProgress
from engines.result import files_of, intent_beside, report_of
from engines.source import Cut, open_source
from feeds.facts import Facts
from kwin_core.bars import parse_timeframe


@dataclass(frozen=True)
class Request:
    """The arguments of the command; their meaning is in its help."""

    data: Path
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
    as_json: bool = False

    def plan(self) -> Plan:
        """The run it asks for.

        Raises
        ------
        ConfigError, DataError
            Anything that is wrong with the arguments or the head of the file.
        """
        given = gather_inputs(self.params_file, self.assignments, no_window=self.no_window)
        timeframe_ms = None if self.timeframe is None else parse_timeframe(self.timeframe)
        cut = Cut(moment_ms(self.start, "--start"), moment_ms(self.end, "--end"), self.allow_gaps)
        source = open_source(self.data, Facts(self.symbol, timeframe_ms, self.tick, self.lot), cut)
        options = KwinOptions(
            self.margin,
            self.capital,
            moment_ms(self.trade_from, "--trade-from"),
            moment_ms(self.now, "--now"),
        )
        return plan_kwin(source, self.preset, self.profile, given, options)


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
    with nullcontext() if request.out is None else files_of(plan, request.out) as files:
        with BarProgress(plan.source.most_bars) as progress:
            finished = execute(plan, [] if files is None else [files], on_bars=progress.update)
            summary = finished.summary()
            intent = intent_beside(finished, summary)
        report = report_of(summary, dict(plan.values), intent)
        if files is not None:
            files.finish(finished.core, report)
    if request.as_json:
        print_json(report)
        return GOOD
    from engines.summary import print_summary

    screen = console()
    print_summary(screen, summary, intent)
    if request.out is not None:
        screen.print(f"files  {request.out}", style="dim")
    return GOOD
