"""``kwin-data check``: everything wrong or odd in a file of bars, as a table or JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from engines.command_line import BAD_RESULT, GOOD, console, print_json, progress
from feeds.instants import iso
from feeds.parquet import ParquetFeed
from feeds.survey import PROBLEMS, Finding, Survey
from kwin_core.bars import parse_timeframe, timeframe_name
from kwin_core.errors import ConfigError, DataError

_FRACTIONS = ("jump", "open differs")  # kinds whose size is a fraction of the price


def check_command(
    path: Path,
    *,
    timeframe: str | None,
    tick: float | None,
    jump_percent: float,
    zero_run: int,
    allow_gaps: bool,
    strict: bool,
    as_json: bool,
) -> int:
    """Survey a file and print the findings; 0 when good, 1 when not.

    Raises
    ------
    DataError
        When the file cannot be read as bars at all.
    """
    if jump_percent <= 0.0 or zero_run < 1:
        raise ConfigError("--jump must be above 0 percent and --zero-run at least 1 bar")
    asked_ms = None if timeframe is None else parse_timeframe(timeframe)
    feed = ParquetFeed(path, timeframe_ms=asked_ms, tick=tick)
    survey = Survey(feed.timeframe_ms, tick=feed.facts.tick, jump=jump_percent / 100.0, zero_run=zero_run)
    with progress("checking", feed.rows, "bars") as progressed:
        for block, rows in feed.unchecked():
            survey.add(block, rows)
            progressed(survey.bars)
    survey.finish()
    if survey.bars == 0:
        raise DataError(f"{path}: no bars")
    problems = [kind for kind in PROBLEMS if not (allow_gaps and kind == "gap")]
    wrong = any(survey.findings[kind].count for kind in problems)
    odd = any(finding.count for finding in survey.findings.values())
    good = not wrong and not (strict and odd)
    report = {
        "file": str(path),
        "timeframe": timeframe_name(feed.timeframe_ms),
        "bars": survey.bars,
        "good": good,
        "problems": {kind: _content(survey.findings[kind]) for kind in problems},
        "remarks": {
            kind: _content(finding) for kind, finding in survey.findings.items() if kind not in problems
        },
    }
    if as_json:
        print_json(report)
    else:
        _print(report, survey, problems)
    return GOOD if good else BAD_RESULT


def _content(finding: Finding) -> dict[str, Any]:
    return {
        "count": finding.count,
        "total": finding.total,
        "worst": finding.worst,
        "examples": [
            {"row": row, "time": iso(time_ms), "what": words} for row, time_ms, words in finding.examples
        ],
    }


def _print(report: dict[str, Any], survey: Survey, problems: list[str]) -> None:
    screen = console()
    table = Table(
        title=f"{report['file']}: {report['bars']:,} {report['timeframe']} bars",
        title_justify="left",
        box=SIMPLE,
    )
    for name in ("finding", "count", "worst", "row", "first at", "what"):
        right = name in ("count", "worst", "row")
        table.add_column(name, justify="right" if right else "left", no_wrap=name != "what")
    for kind, finding in survey.findings.items():
        style = None if not finding.count else "bold red" if kind in problems else "yellow"
        row, time_ms, words = finding.examples[0] if finding.examples else ("", None, "")
        when = "" if time_ms is None else iso(time_ms)
        table.add_row(kind, f"{finding.count:,}", _size(kind, finding), str(row), when, words, style=style)
    screen.print(table)
    screen.print("good" if report["good"] else "not good: exit code 1")


def _size(kind: str, finding: Finding) -> str:
    if finding.worst == 0.0:
        return ""
    return f"{finding.worst:.3%}" if kind in _FRACTIONS else f"{finding.worst:.0f} bars"
