"""From the arguments of ``kwin-parity tradingview`` to its output and exit code."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from engines.command_line import BAD_RESULT, GOOD, console, print_json, progress
from engines.input_values import gather_inputs
from engines.parity.case import read_case
from engines.parity.report import summary_lines, write_report
from engines.parity.tradingview import Question, compare
from kwin_core.errors import ConfigError


@dataclass(frozen=True)
class Arguments:
    """The arguments of the command; their meaning is in its help."""

    export: Path
    data: Path | None = None
    preset: str | None = None
    profile: str = "tv-literal"
    assignments: tuple[str, ...] = ()
    params_file: Path | None = None
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
    out: Path | None = None
    as_json: bool = False

    def question(self) -> Question:
        """What to compare.

        Raises
        ------
        ConfigError
            When something is missing or wrong.
        """
        if self.data is None:
            if self.export.is_dir():
                return read_case(self.export)
            raise ConfigError("which bars? kwin-parity tradingview EXPORT DATA.parquet")
        return Question(
            export=self.export,
            data=self.data,
            preset=self.preset,
            profile=self.profile,
            inputs=gather_inputs(self.params_file, self.assignments, no_window=False),
            tz=self.tz,
            tick=self.tick,
            lot=self.lot,
            margin=self.margin,
            capital=self.capital,
            commission=self.commission,
            from_=self.from_,
            to=self.to,
            now=self.now,
            allow_gaps=self.allow_gaps,
        )


def tradingview_command(arguments: Arguments) -> int:
    """Compare, write the report, print; returns the exit code.

    Raises
    ------
    KwinError
        Bad usage or input.
    """
    question = arguments.question()
    with progress("trying settings", None, "runs") as shown:
        outcome = compare(question, lambda done, total: shown(done, total))
    files = [] if arguments.out is None else write_report(outcome, arguments.out)
    if arguments.as_json:
        print_json(outcome.report())
    else:
        screen = console()
        for line in summary_lines(outcome):
            screen.print(line, markup=False)
        for file in files:
            screen.print(f"file     {file}", style="dim", markup=False)
    return GOOD if outcome.parity else BAD_RESULT
