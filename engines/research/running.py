"""Batches of parameter sets on this machine: while one is computed, the next is prepared and the last evaluated."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from engines.research.figures import Prepared, compute, prepare, rows_of, table_of
from engines.research.held import HeldBars
from engines.research.jobs import Job

BARS_A_BATCH = 16_000_000
"""Bars times sets of a batch: about a second of a small machine, the most that an interruption can cost."""

MOST_A_BATCH = 512
LEAST_A_BATCH = 8


@dataclass(frozen=True)
class Task:
    """One batch.

    Parameters
    ----------
    number
        Of the batch, from 0.
    job, held, sets
        What to run over which bars.
    first
        Number of the first set.
    kinds
        Column types of the swept inputs.
    """

    number: int
    job: Job
    held: HeldBars
    sets: Sequence[Mapping[str, Any]]
    first: int
    kinds: Mapping[str, pa.DataType]

    @property
    def bars(self) -> int:
        """Bars times sets."""
        return len(self.sets) * self.held.most_bars


class Runner(Protocol):
    """Runs batches somewhere."""

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, pa.Table]]:
        """Every task with its rows, in any order."""
        ...


def batch_size(bars: int) -> int:
    """Sets a batch; depends on the number of bars only, so that a sweep can go on elsewhere."""
    return max(LEAST_A_BATCH, min(MOST_A_BATCH, BARS_A_BATCH // bars))


class LocalRunner:
    """Runs batches in this process.

    Parameters
    ----------
    threads
        Of the compiled loop; ``None`` takes one a core.
    """

    def __init__(self, threads: int | None = None) -> None:
        self._threads = threads

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, pa.Table]]:
        """Every task with its rows, in the given order."""
        with ThreadPoolExecutor(1, "sweep") as pool:
            coming = iter(tasks)
            task = next(coming, None)
            ready = None if task is None else prepare(task.job, task.held, task.sets)
            finished: tuple[Task, Prepared, Any] | None = None
            while task is not None and ready is not None:
                running = pool.submit(compute, ready, self._threads)
                following = next(coming, None)
                prepared = (
                    None if following is None else prepare(following.job, following.held, following.sets)
                )
                if finished is not None:
                    yield _evaluated(*finished)
                finished = (task, ready, running.result())
                task, ready = following, prepared
            if finished is not None:
                yield _evaluated(*finished)


def _evaluated(task: Task, prepared: Prepared, batch: Any) -> tuple[Task, pa.Table]:
    return task, table_of(rows_of(prepared, batch), task.first, task.kinds)


def run_task(task: Task, threads: int | None = None) -> pa.Table:
    """One batch by itself."""
    prepared = prepare(task.job, task.held, task.sets)
    return _evaluated(task, prepared, compute(prepared, threads))[1]
