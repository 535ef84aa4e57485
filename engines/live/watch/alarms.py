"""What must not last: one pure function from a view of the deployment to the alarms in force.

The same alarms make ``/healthz`` answer 503, end the heartbeat, and are told to people when they begin and end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engines.live.watch.copies import LaneCopy
from engines.live.watch.happenings import What
from engines.live.watch.settings import WatchSettings
from feeds.stream import Stream

UNHEALTHY = frozenset({What.STALE, What.NAKED, What.JOURNAL, What.STUCK, What.DISCONNECT})
"""Alarms for which a watcher outside must act; an order of unknown outcome is being looked up by the bot itself."""


@dataclass(frozen=True)
class View:
    """The deployment as it is seen at one instant.

    Attributes
    ----------
    now_ms, begun_ms
        The deployment's clock, and when it began to watch (ms).
    running
        Whether the runner takes messages.
    stuck_s
        So long the runner has been at one message while others wait or not, seconds of real time.
    unwritten_since_ms
        Since when the journal refuses (ms); None while it does not.
    down_since_ms
        By link, since when it is down (ms); links that are up are left out.
    lanes
        Newest copies.
    """

    now_ms: int
    begun_ms: int
    running: bool
    stuck_s: float
    unwritten_since_ms: int | None
    down_since_ms: Mapping[str, int]
    lanes: Mapping[Stream, LaneCopy]


Alarms = Mapping[tuple[What, str], str]
"""One line by kind and by what it is about (a link, a stream, or nothing)."""


def alarms_of(view: View, limits: WatchSettings) -> Alarms:
    """Alarms in force."""
    found: dict[tuple[What, str], str] = {}
    if not view.running:
        found[What.STUCK, ""] = "the runner does not run"
    elif view.stuck_s > limits.loop_limit_s:
        found[What.STUCK, ""] = f"the runner has been at one message for {view.stuck_s:.0f} s"
    if view.unwritten_since_ms is not None:
        lasts_s = (view.now_ms - view.unwritten_since_ms) / 1000.0
        found[What.JOURNAL, ""] = f"the journal cannot be written since {lasts_s:.0f} s: no entries"
    for link, since_ms in view.down_since_ms.items():
        lasts_s = (view.now_ms - since_ms) / 1000.0
        if lasts_s > limits.link_limit_s:
            found[What.DISCONNECT, link] = f"{link} stream down for {lasts_s:.0f} s"
    for stream, lane in view.lanes.items():
        _of_lane(view, stream, lane, limits, found)
    return found


def _of_lane(
    view: View, stream: Stream, lane: LaneCopy, limits: WatchSettings, found: dict[tuple[What, str], str]
) -> None:
    last_ms = lane.last_bar_ms
    due_ms = view.begun_ms if last_ms is None else last_ms + 2 * stream.timeframe_ms
    late_s = (view.now_ms - max(due_ms, view.begun_ms)) / 1000.0
    if late_s > limits.bar_limit_s:
        found[What.STALE, str(stream)] = f"{stream}: a bar is overdue by {late_s:.0f} s"
    holding = lane.holding
    if holding.naked_since_ms is not None:
        naked_s = (view.now_ms - holding.naked_since_ms) / 1000.0
        if naked_s > limits.naked_limit_s:
            found[What.NAKED, str(stream)] = (
                f"{stream}: position {holding.position:g} has had no stop for {naked_s:.0f} s"
            )
    if holding.unknown_since_ms is not None:
        open_s = (view.now_ms - holding.unknown_since_ms) / 1000.0
        if open_s > limits.unknown_limit_s:
            found[What.UNKNOWN, str(stream)] = f"{stream}: outcome of an order unknown for {open_s:.0f} s"
