"""Progress on stderr, and only for what takes more than a second."""

from __future__ import annotations

import sys
import threading
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

PATIENCE_SECONDS = 1.0


class BarProgress:
    """Shows how many bars are done once a second has passed; a context manager.

    Nothing is shown when stderr is not a terminal, or when the work is done before.

    Parameters
    ----------
    total
        Bars to do, 0 when unknown.
    """

    def __init__(self, total: int) -> None:
        self._total = total or None
        self._done = 0
        self._shown: Progress | None = None
        self._timer = threading.Timer(PATIENCE_SECONDS, self._show)
        self._timer.daemon = True
        self._lock = threading.Lock()
        self._over = False

    def __enter__(self) -> BarProgress:
        if sys.stderr.isatty():
            self._timer.start()
        return self

    def update(self, done: int) -> None:
        """So many bars are done."""
        self._done = done
        if self._shown is not None:
            self._shown.update(self._shown.task_ids[0], completed=done, description="running KWIN")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            self._over = True
            if self._shown is not None:
                self._shown.stop()

    def _show(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with self._lock:
            if self._over:
                return
            shown = Progress(*columns, console=Console(stderr=True), transient=True)
            words = "running KWIN" if self._done else "compiling for this machine (once, about a minute)"
            shown.add_task(words, total=self._total, completed=self._done)
            shown.start()
            self._shown = shown
