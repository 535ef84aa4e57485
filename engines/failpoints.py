"""Places where a test may kill this process: the proof that a crash there loses nothing.

``failpoint(name)`` does nothing in normal use. With ``KWIN_FAILPOINT=name:n`` in the environment the n-th call
with that name ends the process by SIGKILL: no handler runs, nothing is flushed, as when the machine stops.
``KWIN_FAILPOINT_TRACE=file`` appends every name that is reached, one a line, so a test can visit them all.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from kwin_core.errors import ConfigError

KILL_VARIABLE = "KWIN_FAILPOINT"
TRACE_VARIABLE = "KWIN_FAILPOINT_TRACE"


class _Plan:
    """What the environment asked for when the process began."""

    def __init__(self, wanted: str, trace: str) -> None:
        self.name, self.hits_left = _parse(wanted) if wanted else ("", 0)
        self.trace = Path(trace) if trace else None
        self.active = bool(wanted or trace)

    def reached(self, name: str) -> None:
        if self.trace is not None:
            with self.trace.open("a", encoding="utf-8") as file:
                file.write(f"{name}\n")
        if name == self.name:
            self.hits_left -= 1
            if self.hits_left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def _parse(wanted: str) -> tuple[str, int]:
    name, colon, count = wanted.rpartition(":")
    if not (colon and name and count.isdecimal() and int(count) > 0):
        raise ConfigError(f"{KILL_VARIABLE}={wanted}: write name:n, with n counting calls from 1")
    return name, int(count)


_plan = _Plan(os.environ.get(KILL_VARIABLE, ""), os.environ.get(TRACE_VARIABLE, ""))


def arm(wanted: str, trace: str = "") -> None:
    """Begin anew from here, as if the process had been started with these two variables.

    Parameters
    ----------
    wanted
        ``name:n`` as in ``KWIN_FAILPOINT``, counting from now; empty for none.
    trace
        As ``KWIN_FAILPOINT_TRACE``; empty for none.
    """
    global _plan
    _plan = _Plan(wanted, trace)


def failpoint(name: str) -> None:
    """Mark a place where the process may be killed.

    Parameters
    ----------
    name
        ``room.place``, such as ``journal.inside_commit``.
    """
    if _plan.active:
        _plan.reached(name)
