"""What a live feed says about itself."""

from __future__ import annotations

from dataclasses import dataclass

from feeds.stream import Stream


@dataclass(frozen=True)
class StreamStatus:
    """One series.

    Attributes
    ----------
    age_ms
        Time since the last data of its topic (ms); ``None`` before the first.
    stale
        Whether data is overdue: a bar has rolled and the topic said nothing.
    last_bar_ms
        Open time of the last released bar (ms); ``None`` before it is known where the series begins.
    """

    age_ms: int | None
    stale: bool
    last_bar_ms: int | None


@dataclass(frozen=True)
class FeedStatus:
    """The whole feed.

    Attributes
    ----------
    streams
        By series.
    links
        By name of the connection whether it is up.
    attempts
        Connections tried so far.
    frames
        Data messages received so far.
    backlog
        Bars and notices that wait for the consumer.
    server_lead_ms
        The exchange's clock minus ours at the last REST answer (ms); ``None`` before it.
    """

    streams: dict[Stream, StreamStatus]
    links: dict[str, bool]
    attempts: int
    frames: int
    backlog: int
    server_lead_ms: int | None
