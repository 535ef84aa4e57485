"""One look at a deployment: from what it tells about itself to alarms and to the figures of a scrape."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from engines.live.inbox import Inbox
from engines.live.runner import Runner
from engines.live.venue import WalletReport
from engines.live.watch.alarms import Alarms, View, alarms_of
from engines.live.watch.copies import Copies
from engines.live.watch.gauges import Reading
from engines.live.watch.settings import WatchSettings
from feeds.live.clock import Clock
from feeds.live.status import FeedStatus

PRIVATE = "private"
_NO_FEED = FeedStatus({}, {}, 0, 0, 0, None)


@dataclass(frozen=True)
class Watched:
    """The deployment as the watch needs it.

    Attributes
    ----------
    build
        What runs, as labels: version, venue, profile, preset.
    journal
        Its file.
    copies, runner, inbox, clock
        Of the deployment.
    feed
        Tells the feed's status.
    private
        Tells whether the private stream is up and how many connections were tried; None on paper.
    wallet
        Tells the account as last told; None is unknown.
    """

    build: Mapping[str, str]
    journal: Path
    copies: Copies
    runner: Runner
    inbox: Inbox
    clock: Clock
    feed: Callable[[], FeedStatus]
    private: Callable[[], tuple[bool, int]] | None
    wallet: Callable[[], WalletReport | None]


class Lookout:
    """Looks around. :meth:`notice` belongs to the watching thread, everything else to anyone.

    Parameters
    ----------
    watched
        What to look at.
    settings
        What is called an alarm.
    """

    def __init__(self, watched: Watched, settings: WatchSettings) -> None:
        self.begun_ms = watched.clock.now_ms()
        self._watched = watched
        self._settings = settings
        self._down_since_ms: dict[str, int] = {}
        self._taken, self._since_s = -1, time.monotonic()

    def notice(self) -> None:
        """Remember what is only seen by comparing two looks: links that stay down, a message that takes long."""
        now_ms = self._watched.clock.now_ms()
        links = self._links(self._feed())
        self._down_since_ms = {
            name: self._down_since_ms.get(name, now_ms) for name, up in links.items() if not up
        }
        inbox = self._watched.inbox
        taken = inbox.taken
        if taken != self._taken or taken == inbox.posted:
            self._taken, self._since_s = taken, time.monotonic()

    def alarms(self) -> Alarms:
        """In force now."""
        watched = self._watched
        view = View(
            now_ms=watched.clock.now_ms(),
            begun_ms=self.begun_ms,
            running=watched.runner.running,
            stuck_s=0.0 if watched.inbox.idle else time.monotonic() - self._since_s,
            unwritten_since_ms=watched.runner.unwritten_since_ms,
            down_since_ms=self._down_since_ms,
            lanes=watched.copies.latest(),
        )
        return alarms_of(view, self._settings)

    def reading(self, counts: Mapping[str, int]) -> Reading:
        """Everything that a scrape wants to know; ``counts`` of the watch itself are added."""
        watched = self._watched
        feed = self._feed()
        wallet = watched.wallet()
        attempts = {"public": feed.attempts}
        if watched.private is not None:
            attempts[PRIVATE] = watched.private()[1]
        ours = watched.runner.counts
        return Reading(
            now_ms=watched.clock.now_ms(),
            build=watched.build,
            lanes=watched.copies.latest(),
            data_age_ms={
                stream: one.age_ms for stream, one in feed.streams.items() if one.age_ms is not None
            },
            links=self._links(feed),
            attempts=attempts,
            wallet={}
            if wallet is None
            else {"balance": float(wallet.wallet_balance), "available": float(wallet.available)},
            account=watched.copies.account(),
            counts={
                "bars": ours.bars,
                "messages": ours.messages,
                "journal_failures": ours.journal_failures,
                **counts,
            },
            queue=watched.inbox.backlog,
            alarms=self.alarms(),
        )

    def _feed(self) -> FeedStatus:
        """Nothing before the runner runs: the feed is still being made."""
        return self._watched.feed() if self._watched.runner.running else _NO_FEED

    def _links(self, feed: FeedStatus) -> dict[str, bool]:
        links = {f"public {name}": up for name, up in feed.links.items()}
        if self._watched.private is not None:
            links[PRIVATE] = self._watched.private()[0]
        return links
