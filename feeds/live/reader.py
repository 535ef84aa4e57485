"""REST reads on threads of their own: one client a thread, one try a read, the retry is the asker's."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable

from feeds.bybit_rest import BybitMarket, Patience
from kwin_core.errors import KwinError

Job = Callable[[BybitMarket], None]
Failed = Callable[[KwinError], None]


class Reader:
    """A few threads that read.

    Parameters
    ----------
    environment
        As for :class:`feeds.bybit_rest.BybitMarket`.
    threads
        Reads under way at once.
    timeout_s
        Seconds without an answer before a read has failed.
    """

    def __init__(self, environment: str, *, threads: int, timeout_s: float) -> None:
        patience = Patience(timeout_s=timeout_s, attempts=1, forbidden_attempts=1)
        self._jobs: queue.SimpleQueue[tuple[Job, Failed] | None] = queue.SimpleQueue()
        self._open = True
        self._threads = [
            threading.Thread(
                target=self._run,
                args=(BybitMarket(environment, patience=patience),),
                name=f"kwin-feed-rest-{number}",
                daemon=True,
            )
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Job, failed: Failed) -> None:
        """Run a job in one of the threads; ``failed`` is called there with the error it raised."""
        self._jobs.put((job, failed))

    def close(self, seconds: float) -> bool:
        """End the threads, giving up what waits; false when one is still in a read after ``seconds``."""
        self._open = False
        for _ in self._threads:
            self._jobs.put(None)
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _run(self, market: BybitMarket) -> None:
        while (order := self._jobs.get()) is not None and self._open:
            job, failed = order
            try:
                job(market)
            except KwinError as error:
                failed(error)
