"""Batches of parameter sets on a Dask cluster: the same function, the bars shipped once a worker."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any

import pyarrow as pa

from engines.research.extras import needs
from engines.research.held import HeldBars
from engines.research.jobs import Job
from engines.research.running import Task, run_task
from kwin_core.engine import make_engine
from kwin_core.errors import ConfigError, StrategyError

WAIT_SECONDS = 30
ROUNDS = 4
"""How often batches that got lost, bars and all, are sent again."""

RETRIES = 3


class ClusterRunner:
    """Runs batches on the workers of a Dask scheduler; a context manager.

    Workers may come and go. A batch on a worker that is lost is run again on another one.

    Parameters
    ----------
    scheduler
        Address, such as ``tcp://127.0.0.1:8786``; ``None`` starts a cluster on this machine.
    workers
        Processes of a cluster on this machine.

    Raises
    ------
    ConfigError
        When nothing answers there, or no worker is there.
    """

    def __init__(self, scheduler: str | None, workers: int | None = None) -> None:
        distributed = needs("distributed", "cluster")
        self._cluster: Any = None
        if scheduler is None:
            self._cluster = distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                host="127.0.0.1",
                dashboard_address=None,
                silence_logs=logging.CRITICAL,
            )
            scheduler = self._cluster.scheduler_address
        try:
            _check_address(scheduler)
            self._client = distributed.Client(scheduler, timeout=WAIT_SECONDS, set_as_default=False)
            self._client.wait_for_workers(1, timeout=WAIT_SECONDS)
        except (OSError, ValueError, TimeoutError) as error:
            self.__exit__(None, None, None)
            reason = str(error).partition("\n")[0] or type(error).__name__
            raise ConfigError(
                f"{scheduler}: no Dask scheduler with workers answers there ({reason})"
            ) from None

    def __enter__(self) -> ClusterRunner:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if getattr(self, "_client", None) is not None:
            self._client.close()
        if self._cluster is not None:
            self._cluster.close()

    def run(self, tasks: Iterable[Task]) -> Iterator[tuple[Task, pa.Table]]:
        """Every task with its rows, as they come.

        Raises
        ------
        StrategyError
            When a worker runs other code than this process, or batches keep killing workers.
        """
        distributed = needs("distributed", "cluster")
        waiting = {task.number: task for task in tasks}
        for _ in range(ROUNDS):
            shipped: dict[int, Any] = {}
            futures = {self._submit(task, shipped): task for task in waiting.values()}
            try:
                for future in distributed.as_completed(futures, loop=self._client.loop):
                    task = futures[future]
                    if future.status == "finished":
                        yield task, future.result()
                        del waiting[task.number]
                    elif future.status == "error":
                        _raise(future.exception(), distributed)
            finally:
                self._client.cancel(list(futures))
            if not waiting:
                return
        raise StrategyError(
            f"{len(waiting)} batches were lost {ROUNDS} times with their workers: see the workers' logs"
        )

    def _submit(self, task: Task, shipped: dict[int, Any]) -> Any:
        key = id(task.held)
        if key not in shipped:
            shipped[key] = self._client.scatter(task.held, broadcast=True, hash=False)
        plan = task.job.plan(task.held, task.sets[0])
        return self._client.submit(
            remote,
            task.job,
            shipped[key],
            list(task.sets),
            task.first,
            dict(task.kinds),
            make_engine(plan.strategy, plan.frozen).hash,
            pure=False,
            retries=RETRIES,
        )


def _check_address(address: str) -> None:
    """Refuse what is no address here: a client that was given one waits a minute for itself when it goes.

    Raises
    ------
    ValueError
        Says what is missing.
    """
    addressing = needs("distributed.comm.addressing", "cluster")
    scheme, place = addressing.parse_address(address)
    needs("distributed.comm.registry", "cluster").get_backend(scheme)
    if scheme in ("tcp", "tls", "ws", "wss"):
        addressing.parse_host_port(place)


def _raise(error: BaseException, distributed: Any) -> None:
    if isinstance(error, distributed.scheduler.KilledWorker):
        raise StrategyError(
            f"a batch lost its worker again and again ({error}): see the workers' logs"
        ) from None
    raise error


def remote(
    job: Job,
    held: HeldBars,
    sets: Sequence[Mapping[str, Any]],
    first: int,
    kinds: Mapping[str, pa.DataType],
    engine_hash: str,
) -> pa.Table:
    """One batch, on a worker.

    Raises
    ------
    StrategyError
        When the worker's code is not the client's: its results would not be theirs.
    """
    plan = job.plan(held, sets[0])
    here = make_engine(plan.strategy, plan.frozen).hash
    if here != engine_hash:
        raise StrategyError(
            f"a worker runs other code (engine {here}, here {engine_hash}): install the same versions everywhere"
        )
    worker = needs("distributed", "cluster").get_worker()
    return run_task(Task(0, job, held, sets, first, kinds), threads=worker.state.nthreads)
