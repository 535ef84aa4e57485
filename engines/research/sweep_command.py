"""What ``kwin-sweep`` does once its arguments are understood."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines.command_line import BAD_RESULT, GOOD, INTERRUPTED, console, fail, print_json
from engines.moments import moment_ms
from engines.plan import KwinOptions
from engines.research.held import HeldBars
from engines.research.jobs import KwinJob
from engines.research.ranking import Ranking
from engines.research.result import SHOWN, SweepResult
from engines.research.store import PARTS, RESULTS
from engines.research.sweep_file import SweepFile, read_sweep_file
from engines.research.sweeping import How, Progress, held_data, run_sweep
from engines.research.windows import days_of
from engines.source import Cut
from feeds.facts import Facts
from kwin_core.bars import parse_timeframe
from kwin_core.errors import ConfigError
from kwin_core.kwin.inputs import effective


@dataclass(frozen=True)
class Request:
    """The arguments of the command; their meaning is in its help."""

    data: tuple[Path, ...]
    grid: Path
    out: Path | None = None
    rank: str | None = None
    min_trades: int | None = None
    top: int = 10
    start: str | None = None
    end: str | None = None
    capital: float | None = None
    symbol: str | None = None
    timeframe: str | None = None
    tick: float | None = None
    lot: float | None = None
    margin: float = 0.0
    allow_gaps: bool = False
    threads: int | None = None
    scheduler: str | None = None
    workers: int | None = None
    as_json: bool = False

    @property
    def folder(self) -> Path:
        """Where the results go."""
        return Path(f"{self.grid.stem}-sweep") if self.out is None else self.out

    def held(self) -> list[HeldBars]:
        """The bars, read and checked."""
        timeframe_ms = None if self.timeframe is None else parse_timeframe(self.timeframe)
        facts = Facts(self.symbol, timeframe_ms, self.tick, self.lot)
        return held_data(
            list(self.data),
            facts,
            Cut(moment_ms(self.start, "--start"), moment_ms(self.end, "--end"), self.allow_gaps),
        )

    def how(self, file: SweepFile, on_progress: Callable[[Progress], None]) -> How:
        """How to run it; options of the command go before the file's."""
        least = file.min_trades if self.min_trades is None else self.min_trades
        ranking = Ranking(self.rank or file.rank, least)
        return How(
            file.method,
            file.sets,
            file.seed,
            ranking,
            self.threads,
            self.folder,
            self.scheduler,
            self.workers,
            on_progress,
        )


def sweep_command(request: Request) -> int:
    """Run, write the results, print the best sets; returns the exit code.

    Raises
    ------
    KwinError
        Whatever is wrong.
    """
    try:
        file = read_sweep_file(request.grid)
        with shown_progress() as on_progress:
            how = request.how(file, on_progress)
            job = KwinJob(file.preset, file.profile, file.fixed, KwinOptions(request.margin, request.capital))
            if file.walk_forward is not None:
                return _walk(request, file, job, how)
            found = run_sweep(job, file.space, request.held(), how)
        return _report(request, found)
    except KeyboardInterrupt:
        kept = f"; what was finished is kept in {request.folder}, the same command goes on from there"
        fail("interrupted" + (kept if (request.folder / PARTS).exists() else ""))
        return INTERRUPTED


def _report(request: Request, found: SweepResult) -> int:
    top = found.ranked_table(limit=request.top)
    if top.num_rows == 0:
        fail(found.ranking.nothing(found.table))
        return BAD_RESULT
    if request.as_json:
        about = {name: value for name, value in found.about.items() if name != "columns"}
        print_json({**about, "rows": len(found), "rank": found.ranking.by, "best": top.to_pylist()})
        return GOOD
    screen = console()
    label = f"{found.about['preset']}, {found.about['profile']}"
    screen.print(f"{len(found)} sets of {label}; the best by {found.ranking.by}:")
    columns = ["set", *found.names, *dict.fromkeys((found.ranking.by, *SHOWN))]
    if len(request.data) > 1:
        columns.insert(1, "data")
    _print_rows(columns, top.select(columns).to_pylist())
    warning = found.warning()
    if warning is not None:
        screen.print(warning, style="bold red")
    for line in _judgement(found):
        screen.print(line)
    screen.print(f"files  {request.folder / RESULTS}", style="dim")
    return GOOD


def _judgement(found: SweepResult) -> list[str]:
    try:
        return [str(found.deflated_sharpe())]
    except ConfigError:  # too few sets with a Sharpe ratio: nothing to say
        return []


def _print_rows(columns: list[str], rows: list[dict[str, Any]]) -> None:
    """Aligned columns, however wide: a terminal can be widened, a cut name cannot be read."""
    cells = [columns, *([_cell(row[name]) for name in columns] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    for line in cells:
        sys.stdout.write(
            "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) + "\n"
        )


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _walk(request: Request, file: SweepFile, job: KwinJob, how: How) -> int:
    """The walk-forward of a file that asks for one."""
    from dataclasses import replace

    from engines.research.walk_forward import save_walk, walk

    if len(request.data) > 1:
        raise ConfigError("a walk-forward takes one file of bars: run it once for each")
    wish = dict(file.walk_forward or {})
    if effective(file.preset, file.fixed)["use_window"]:
        raise ConfigError(
            f"{request.grid}: a walk-forward needs use_window = false under [fixed], windows are cut here"
        )
    lengths = days_of(wish["in_sample"], "in_sample"), days_of(wish["out_of_sample"], "out_of_sample")
    (held,) = request.held()
    anchored = bool(wish.get("anchored", False))
    with _empty(request.folder) as folder:
        found = walk(job, file.space, held, replace(how, out=None), lengths, anchored=anchored)
        save_walk(found, folder)
        text = json.dumps({**found.about, **found.summary}, indent=2) + "\n"
        (folder / "walk_forward.json").write_text(text, encoding="utf-8")
    if found.summary["windows_traded"] == 0:
        fail(
            f"in none of {len(found.steps)} windows does a set count, with {how.ranking.min_trades} trades or more "
            f"and a defined {how.ranking.by}; nothing was traded"
        )
        return BAD_RESULT
    if request.as_json:
        sys.stdout.write(text)
        return GOOD
    warning = found.warning()
    if warning is not None:
        console().print(warning, style="bold red")
    console().print(f"walk-forward of {job.preset}, {job.profile}: {held.instrument.symbol}")
    rows = [{str(name): value for name, value in row.items()} for row in found.windows.to_dict("records")]
    _print_rows(list(rows[0]), rows)
    for name, value in found.summary.items():
        console().print(f"{name:>28}  {_cell(value)}")
    console().print(f"files  {folder}", style="dim")
    return GOOD


@contextmanager
def _empty(folder: Path) -> Iterator[Path]:
    """A folder that can be written, before anything is computed for it; it goes again when nothing came of that.

    Raises
    ------
    ConfigError
        When it cannot be written, or there are files in it.
    """
    is_new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise ConfigError(f"{folder}: there are files in it; choose an empty folder for --out")
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ConfigError(
            f"{folder}: cannot write there ({error.strerror}); choose another folder for --out"
        ) from None
    try:
        yield folder
    except BaseException:
        if is_new and not any(folder.iterdir()):
            folder.rmdir()
        raise


@contextmanager
def shown_progress() -> Iterator[Callable[[Progress], None]]:
    """A bar with throughput and estimate on stderr; nothing when nobody watches."""
    from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn
    from rich.progress import Progress as Shown

    screen = console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Shown(*columns, console=screen, transient=True, disable=not screen.is_terminal) as shown:
        task = shown.add_task("sweeping (the first time compiles, a minute)", total=None)

        def tell(progress: Progress) -> None:
            left = progress.seconds_left
            words = f"{progress.bars_per_second / 1e6:.1f} M bars/s, {left or 0.0:.0f} s left"
            shown.update(task, completed=progress.done, total=progress.total, description=words)

        yield tell
