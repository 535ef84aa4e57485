"""How a process of a deployment ends: the signals that end it, and the exit code of what went wrong."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from engines.live.bybit.startup import AccountError, ClockError
from engines.live.exit_codes import ExitCode
from kwin_core.errors import ConfigError, JournalError, KwinError, ParityError, VenueError


def exit_code_of(error: KwinError) -> ExitCode:
    """The code that a supervisor sees for an error."""
    if isinstance(error, JournalError):
        return {"in_use": ExitCode.SECOND_INSTANCE, "full": ExitCode.DISK_FULL}.get(
            error.kind, ExitCode.JOURNAL
        )
    for kind, code in (
        (ClockError, ExitCode.CLOCK),
        (AccountError, ExitCode.ACCOUNT),
        (VenueError, ExitCode.VENUE),
        (ParityError, ExitCode.DIGESTS),
        (ConfigError, ExitCode.USAGE),
    ):
        if isinstance(error, kind):
            return code
    return ExitCode.DEFECT


@contextmanager
def stops_on_signals(stop: Callable[[str], None]) -> Iterator[None]:
    """SIGINT and SIGTERM end the run in good order while this is entered."""

    def handle(number: int, _frame: object) -> None:
        stop(signal.Signals(number).name)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
