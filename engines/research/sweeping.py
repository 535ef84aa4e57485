"""`sweep`: many parameter sets over the same bars, compiled, resumable, here or on a cluster."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

import kwin_core
from engines.input_values import named
from engines.moments import Moment, moment_ms
from engines.plan import KwinOptions
from engines.research.axis import Axis
from engines.research.compiled import make_sweeper
from engines.research.figures import FIGURES, SAME_FOR_ALL, kinds_of, table_of
from engines.research.held import HeldBars, hold
from engines.research.jobs import Job, KwinJob, StrategyJob
from engines.research.ranking import Ranking
from engines.research.result import SweepResult
from engines.research.running import LocalRunner, Runner, Task, batch_size
from engines.research.space import ParameterSets, parameter_sets
from engines.research.store import Store
from engines.source import Cut, open_source
from feeds.facts import Facts
from kwin_core.bars import parse_timeframe
from kwin_core.engine import Strategy
from kwin_core.errors import ConfigError
from kwin_core.properties import PINE_V6, Instrument, Properties

if TYPE_CHECKING:
    from engines.source import BarData

    ManyBars = BarData | Sequence[BarData]


@dataclass(frozen=True)
class Progress:
    """How far a sweep is.

    Parameters
    ----------
    done, total
        Sets times data files.
    bars
        Bars computed by this process so far, all sets together.
    seconds
        Since the first batch was begun, compilation included.
    bars_left
        Still to compute.
    """

    done: int
    total: int
    bars: int
    seconds: float
    bars_left: int

    @property
    def bars_per_second(self) -> float:
        """Throughput so far."""
        return self.bars / self.seconds if self.seconds > 0.0 else 0.0

    @property
    def seconds_left(self) -> float | None:
        """Estimate; ``None`` before anything was computed."""
        return self.bars_left / self.bars_per_second if self.bars else None


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True)
class How:
    """How sets are chosen, ranked, run and kept; the arguments of :func:`sweep` say what the fields mean."""

    method: str = "grid"
    sets: int | None = None
    seed: int = 0
    ranking: Ranking = field(default_factory=Ranking)
    threads: int | None = None
    out: Path | None = None
    scheduler: str | None = None
    workers: int | None = None
    on_progress: OnProgress | None = None

    def __post_init__(self) -> None:
        for name, value, least in (
            ("seed", self.seed, 0),
            ("threads", self.threads, 1),
            ("workers", self.workers, 1),
        ):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
                raise ConfigError(f"{name} = {value!r}: expected a whole number, {least} or more")
        if self.scheduler is not None and self.workers is not None:
            raise ConfigError("scheduler and workers: give one, workers starts a cluster on this machine")


def sweep(
    data: ManyBars,
    space: Mapping[str, Any],
    preset: str = "dual-sfp",
    profile: str = "tv-literal",
    params: Mapping[str, Any] | None = None,
    *,
    method: str = "grid",
    sets: int | None = None,
    seed: int = 0,
    rank: str = "net_profit",
    min_trades: int = 0,
    start: Moment | None = None,
    end: Moment | None = None,
    trade_from: Moment | None = None,
    capital: float | None = None,
    symbol: str | None = None,
    timeframe: str | int | None = None,
    tick: float | None = None,
    lot: float | None = None,
    margin: float = 0.0,
    now: Moment | None = None,
    allow_gaps: bool = False,
    threads: int | None = None,
    out: Path | str | None = None,
    scheduler: str | None = None,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
) -> SweepResult:
    """Run KWIN with many parameter sets over the same bars.

    Every row of the result is the summary that :func:`engines.backtesting.backtest` gives for that set, digest
    included, to the last bit.

    Parameters
    ----------
    data
        As for ``backtest``, or a list of such things: every set is run over each.
    space
        For each input that is swept, by project or Pine name, a list of values or a mapping with ``low`` and
        ``high`` (inclusive) and optionally ``step`` or ``log=True``.
    preset, profile
        As for ``backtest``.
    params
        Values of inputs that are not swept.
    method
        ``"grid"``: all combinations. ``"random"``, ``"sobol"``, ``"halton"``: that many ``sets``, drawn with
        ``seed``. ``"search"``: that many trials of an Optuna search for the best by ``rank``.
    rank, min_trades
        Statistic to rank by, and the fewest closed trades of a set that counts.
    threads
        Of the compiled loop; one a core by default. Results do not depend on it.
    out
        Folder that keeps finished batches and at last ``results.parquet``. The same sweep into the same folder goes
        on where it was stopped, however it was stopped.
    scheduler
        Address of a Dask scheduler; the results are the same.
    workers
        Start a Dask cluster with that many processes on this machine instead.
    on_progress
        Called after every batch.
    start, end, trade_from, capital, symbol, timeframe, tick, lot, margin, now, allow_gaps
        As for ``backtest``; they hold for every data file.

    Raises
    ------
    ConfigError
        An unknown input, a value out of range, a space or a setting that is none.
    DataError
        Bars that cannot be read or trusted.

    Examples
    --------
    >>> space = {"swing_len": range(2, 12), "trailing_perc": {"low": 0.2, "high": 1.0, "step": 0.1}}
    >>> result = sweep("fixtures/ethusdt_like_15m.parquet", space, profile="intent", params={"use_window": False})
    >>> result.ranked(limit=10)
    """
    timeframe_ms = None if timeframe is None else parse_timeframe(timeframe)
    facts = Facts(symbol, timeframe_ms, tick, lot)
    cut = Cut(moment_ms(start, "start"), moment_ms(end, "end"), allow_gaps)
    options = KwinOptions(margin, capital, moment_ms(trade_from, "trade_from"), moment_ms(now, "now"))
    job = KwinJob(preset, profile, named((params or {}).items(), "params"), options)
    ranking = Ranking(rank, min_trades)
    folder = None if out is None else Path(out)
    how = How(method, sets, seed, ranking, threads, folder, scheduler, workers, on_progress)
    return run_sweep(job, space, held_data(data, facts, cut), how)


def sweep_strategy(
    strategy: Strategy,
    data: ManyBars,
    space: Mapping[str, Any],
    params: Mapping[str, Any] | None = None,
    properties: Properties = PINE_V6,
    instrument: Instrument | None = None,
    *,
    method: str = "grid",
    sets: int | None = None,
    seed: int = 0,
    rank: str = "net_profit",
    min_trades: int = 0,
    start: Moment | None = None,
    end: Moment | None = None,
    trade_from: Moment | None = None,
    symbol: str | None = None,
    timeframe: str | int | None = None,
    allow_gaps: bool = False,
    threads: int | None = None,
    out: Path | str | None = None,
    scheduler: str | None = None,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
) -> SweepResult:
    """Run any strategy of the core with many parameter sets; :func:`sweep` takes the same path with KWIN.

    Parameters
    ----------
    strategy, properties, instrument
        As for `engines.backtesting.run_strategy`. Currency conversion is not swept.
    space, params
        By field of the strategy's parameter record; a field in neither is 0.
    data, method, sets, seed, rank, min_trades, start, end, trade_from, symbol, timeframe, allow_gaps, threads, out
        As for :func:`sweep`.
    scheduler, workers, on_progress
        As for :func:`sweep`.

    Raises
    ------
    ConfigError, DataError
        As for :func:`sweep`.
    StrategyError
        When the strategy or its ``init`` does not compile.
    """
    if properties.currency_conversion or properties.magnifier:
        raise ConfigError("a sweep takes neither conversion rates nor sub-bars: use run_strategy, set by set")
    tick = None if instrument is None else instrument.tick
    lot = None if instrument is None else instrument.lot
    facts = Facts(symbol, None if timeframe is None else parse_timeframe(timeframe), tick, lot)
    cut = Cut(moment_ms(start, "start"), moment_ms(end, "end"), allow_gaps)
    job = StrategyJob(
        strategy, dict(params or {}), properties, instrument, moment_ms(trade_from, "trade_from")
    )
    ranking = Ranking(rank, min_trades)
    folder = None if out is None else Path(out)
    how = How(method, sets, seed, ranking, threads, folder, scheduler, workers, on_progress)
    return run_sweep(job, space, held_data(data, facts, cut), how)


def held_data(data: ManyBars, facts: Facts, cut: Cut) -> list[HeldBars]:
    """Everything that ``data`` names, read and checked.

    Raises
    ------
    ConfigError
        An empty list.
    DataError
        Bars that cannot be read or trusted.
    """
    many: list[Any] = list(data) if isinstance(data, list | tuple) else [data]
    if not many:
        raise ConfigError("data: the list is empty; name at least one file of bars")
    return [one if isinstance(one, HeldBars) else hold(open_source(one, facts, cut)) for one in many]


def run_sweep(job: Job, space: Mapping[str, Any], data: Sequence[HeldBars], how: How) -> SweepResult:
    """Run a sweep that is decided but for its sets.

    Raises
    ------
    ConfigError
        As for :func:`sweep`.
    """
    if not space:
        raise ConfigError("the space is empty: name at least one input and its values")
    axes = job.axes(space)
    is_search = how.method == "search"
    sets = None if is_search else parameter_sets(axes, how.method, how.sets, how.seed)
    if is_search:
        from engines.research.search import check_search

        check_search(how)
    labels = [_label(job, held, axes) for held in data]
    facts = _facts(job, data, axes, how, labels[0]["engine"])
    store = None if how.out is None else Store(how.out, facts)
    begun = time.perf_counter()
    table = store.results() if store is not None else None
    if table is None:
        with ExitStack() as stack:
            work = Work(job, data, kinds_of(axes), how, store, _runner(how, stack))
            if sets is not None:
                table = work.all(sets)
            else:
                from engines.research.search import search

                table = search(axes, how, work)
        if store is not None:
            store.finish(table)
    about = {**facts, **labels[0], "seconds": time.perf_counter() - begun}
    return SweepResult(table, tuple(axes), how.ranking, about)


class Work:
    """Tables of batches, from the folder where they are finished and else from the runner."""

    def __init__(
        self,
        job: Job,
        data: Sequence[HeldBars],
        kinds: Mapping[str, pa.DataType],
        how: How,
        store: Store | None,
        runner: Runner,
    ) -> None:
        self._job = job
        self._data = data
        self._kinds = kinds
        self._store = store
        self._runner = runner
        self._on_progress = how.on_progress
        self._begun: float | None = None
        self._done = self._bars = 0

    @property
    def files(self) -> int:
        """Data files."""
        return len(self._data)

    def batches_of(self, sets: int) -> int:
        """Batches that so many sets make."""
        return sum(-(-sets // batch_size(held.most_bars)) for held in self._data)

    def all(self, sets: ParameterSets) -> pa.Table:
        """All sets over all data, in order."""
        return self.batches(sets, 0, 0, len(sets) * len(self._data))

    def batches(self, sets: Sequence[Mapping[str, Any]], first: int, number: int, total: int) -> pa.Table:
        """Sets over all data; ``first`` is the number of the first, ``number`` of the first batch."""
        tasks: list[Task] = []
        for held in self._data:
            size = batch_size(held.most_bars)
            for at in range(0, len(sets), size):
                part = sets[at : at + size]
                tasks.append(Task(number + len(tasks), self._job, held, part, first + at, self._kinds))
        tables = dict(self._finished(tasks))
        self._done += sum(table.num_rows for table in tables.values())
        missing = [task for task in tasks if task.number not in tables]
        left = sum(task.bars for task in missing)
        self._begun = self._begun or time.perf_counter()
        for task, table in self._runner.run(missing):
            if self._store is not None:
                self._store.write(task.number, table)
            tables[task.number] = table
            left -= task.bars
            self._done += table.num_rows
            self._bars += task.bars
            self._tell(total, left)
        return pa.concat_tables([tables[task.number] for task in tasks])

    def _finished(self, tasks: Sequence[Task]) -> Iterator[tuple[int, pa.Table]]:
        empty = table_of([], 0, self._kinds)
        for task in tasks:
            table = None if self._store is None else self._store.read(task.number)
            if table is not None and table.schema.equals(empty.schema) and table.num_rows == len(task.sets):
                yield task.number, table

    def _tell(self, total: int, left: int) -> None:
        if self._on_progress is not None and self._begun is not None:
            mean = self._bars / max(self._done, 1)
            still = max(left, round((total - self._done) * mean))
            self._on_progress(
                Progress(self._done, total, self._bars, time.perf_counter() - self._begun, still)
            )


def _runner(how: How, stack: ExitStack) -> Runner:
    if how.scheduler is None and how.workers is None:
        return LocalRunner(how.threads)
    from engines.research.cluster import ClusterRunner

    return stack.enter_context(ClusterRunner(how.scheduler, how.workers))


def _label(job: Job, held: HeldBars, axes: Sequence[Axis]) -> dict[str, Any]:
    """What is the same for every set over these bars; refuses bars that no set could run on."""
    plan = job.plan(held, {axis.name: axis.at(0.0) for axis in axes})
    settings = plan.settings
    label = {
        **plan.label,
        "tick": settings["tick"],
        "lot": settings["lot"],
        "margin": 100.0 * settings["margin_long"],
        "capital": settings["capital"],
        "engine": make_sweeper(plan.strategy, plan.frozen).engine.hash,
    }
    return {name: value for name, value in label.items() if name in (*SAME_FOR_ALL, "engine")}


def _facts(job: Job, data: Sequence[HeldBars], axes: Sequence[Axis], how: How, engine: str) -> dict[str, Any]:
    search = {"rank": how.ranking.by, "min_trades": how.ranking.min_trades} if how.method == "search" else {}
    return {
        "kwin": kwin_core.__version__,
        "engine": engine,
        "columns": list(FIGURES),
        "data": [{"name": held.name, "symbol": held.instrument.symbol, "bars": held.digest} for held in data],
        **job.facts(),
        "space": {axis.name: repr(axis) for axis in axes},
        "method": how.method,
        "sets": how.sets,
        "seed": how.seed,
        **search,
    }
