"""Bybit's closed bars as they happen, over pybit's sockets and REST."""

from feeds.live.clock import Clock, WallClock
from feeds.live.events import ClosedBar, Notice, NoticeKind, Origin, Phase
from feeds.live.feed import LiveFeed
from feeds.live.settings import LiveSettings, streams
from feeds.live.status import FeedStatus, StreamStatus
from feeds.stream import Stream

__all__ = [
    "Clock",
    "ClosedBar",
    "FeedStatus",
    "LiveFeed",
    "LiveSettings",
    "Notice",
    "NoticeKind",
    "Origin",
    "Phase",
    "Stream",
    "StreamStatus",
    "WallClock",
    "streams",
]
