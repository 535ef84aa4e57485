"""Sections ``[watch]`` and ``[messages]`` of ``live.toml``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from engines.live.watch.happenings import What

Seconds = Annotated[float, Field(gt=0)]


class WatchSettings(BaseModel):
    """Who may look, and what is an alarm.

    Attributes
    ----------
    host, port
        Of the endpoint for ``/metrics`` and ``/healthz``; no port: no endpoint, 0: a free one, told by the log. It has
        no password.
    secrets_file
        TOML file with ``heartbeat_url`` and ``message_urls``, mode 0600.
    heartbeat_s
        Pause between two heartbeats (s).
    bar_limit_s
        A bar that is decided later than so long after its close (s) is overdue.
    loop_limit_s
        So long the runner may be at one message (s of real time).
    link_limit_s
        So long a stream may be down (s).
    naked_limit_s
        So long a position may be without a stop (s).
    unknown_limit_s
        So long the outcome of an order may be unknown after its bar closed (s).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(default="127.0.0.1", min_length=1)
    port: Annotated[int, Field(ge=0, le=65_535)] | None = (
        None  # none: no endpoint; 0: a free one, told by the log
    )
    secrets_file: Path | None = None
    heartbeat_s: Seconds = 60.0
    bar_limit_s: Seconds = 60.0
    loop_limit_s: Seconds = 30.0
    link_limit_s: Seconds = 60.0
    naked_limit_s: Seconds = 5.0
    unknown_limit_s: Seconds = 30.0


class MessageSettings(BaseModel):
    """What people are told; the services' addresses are in ``watch.secrets_file`` or the environment.

    Attributes
    ----------
    events
        Kinds of happenings that are told; by default all but ``stop_moved``.
    pause_s
        Least time between two messages to a service (s of real time); what happens meanwhile is summed up.
    summary_hour
        Of the daily summary, UTC.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    events: tuple[What, ...] = tuple(what for what in What if what is not What.STOP_MOVED)
    pause_s: Seconds = 10.0
    summary_hour: Annotated[int, Field(ge=0, le=23)] = 0  # UTC
