"""The watch of a deployment: one thread that reads along and looks around, and those who tell others."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from engines.journal import Event
from engines.live.watch.alarms import UNHEALTHY, Alarms
from engines.live.watch.endpoint import Endpoint
from engines.live.watch.gauges import Gauges, Reading
from engines.live.watch.happenings import Happening, What
from engines.live.watch.heartbeat import Heartbeat
from engines.live.watch.lookout import Lookout, Watched
from engines.live.watch.narrator import changed, summary, told
from engines.live.watch.outbox import Outbox
from engines.live.watch.secrets import WatchSecrets
from engines.live.watch.services import services_of, title_of
from engines.live.watch.settings import MessageSettings, WatchSettings
from engines.live.watch.tail import Tail
from engines.live.watch.tally import Tally
from kwin_core.errors import ConfigError, JournalError

_LOOK_S = 0.5
_HOUR_MS, _DAY_MS = 3_600_000, 86_400_000
_log = logging.getLogger("kwin.watch")


class Watch:
    """See the module.

    Parameters
    ----------
    watched
        What to look at.
    settings, messages, secrets
        See those classes.

    Attributes
    ----------
    endpoint
        The HTTP server once started; None without one.
    failures
        How often looking failed.

    Raises
    ------
    ConfigError
        An address of a message service is not understood, or apprise is not installed.
    """

    def __init__(
        self,
        watched: Watched,
        settings: WatchSettings,
        messages: MessageSettings,
        secrets: WatchSecrets,
    ) -> None:
        self.endpoint: Endpoint | None = None
        self.failures = 0
        self._watched = watched
        self._settings = settings
        self._messages = messages
        self._secrets = secrets
        self._services = services_of(secrets.message_urls)
        self._outboxes: list[Outbox] = []
        self._heartbeat: Heartbeat | None = None
        self._lookout = Lookout(watched, settings)
        self._tally = Tally(watched.copies.latest(), self._lookout.begun_ms, paper=watched.private is None)
        self._in_force: Alarms = {}
        self._day = self._day_of(self._lookout.begun_ms)
        self._seq = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kwin-watch", daemon=True)

    def start(self) -> None:
        """Begin; what cannot begin is logged and told, and keeps nobody from trading."""
        build = self._watched.build
        title = title_of(build["venue"], build["profile"])
        self._outboxes = [
            Outbox(name, title, send, pause_s=self._messages.pause_s) for name, send in self._services
        ]
        self._tally.registry.register(Gauges(self._reading))
        if self._settings.port is not None:
            try:
                self.endpoint = Endpoint(
                    self._settings.host, self._settings.port, self._tally.registry, self.unhealthy
                )
            except ConfigError as error:
                _log.error("no metrics: %s", error)
                self.tell(What.ERROR, f"no metrics: {error}")
            else:
                _log.info("metrics at http://%s:%d/metrics", self._settings.host, self.endpoint.port)
        tail = Tail(self._watched.journal)  # here already: what is recorded from now on is told
        self._seq = tail.last_seq
        tail.close()
        self._thread.start()
        if self._secrets.heartbeat_url:
            self._heartbeat = Heartbeat(
                self._secrets.heartbeat_url, self._settings.heartbeat_s, self.unhealthy
            )

    def tell(self, what: What, text: str) -> None:
        """Tell people, from any thread; never waits."""
        self._tell(Happening(what, self._watched.clock.now_ms(), text))

    def unhealthy(self) -> list[str]:
        """Why the deployment is not healthy, one line each; empty when it is. From any thread."""
        found = [text for (what, _), text in self._lookout.alarms().items() if what in UNHEALTHY]
        if not self._thread.is_alive():
            found.append("the watch has ended")
        return found

    def close(self, seconds: float) -> None:
        """Tell what is left, as far as time allows; stops nobody."""
        deadline = time.monotonic() + seconds

        def left_s() -> float:
            return max(0.05, deadline - time.monotonic())

        self._ended.set()
        if self._thread.is_alive():
            self._thread.join(left_s())
        if self._heartbeat is not None:
            self._heartbeat.close(0.05)
        if self.endpoint is not None:
            self.endpoint.close(left_s())
        for outbox in self._outboxes:
            outbox.end()  # all at once: one that hangs must not cost the others their last words
        for outbox in self._outboxes:
            outbox.close(left_s())

    def _run(self) -> None:
        tail = Tail(self._watched.journal, self._seq)
        try:
            while not self._ended.wait(_LOOK_S):
                self._look(tail)
            self._look(tail)
        finally:
            tail.close()

    def _look(self, tail: Tail) -> None:
        """Each step by itself: a journal that cannot be read must not silence an alarm."""
        steps: tuple[Callable[[], None], ...] = (
            lambda: self._read_along(tail),
            self._lookout.notice,
            self._compare,
            self._maybe_summary,
        )
        for step in steps:
            try:
                step()
            except Exception as error:  # noqa: BLE001  # a look that failed is one look less, never the end of looking
                self.failures += 1
                if self.failures == 1 or not isinstance(error, JournalError):
                    _log.exception("the watch could not look: %s", error)

    def _read_along(self, tail: Tail) -> None:
        """What was committed and what the copies tell, in the order in which it happened."""
        happenings: list[Happening] = []
        at_ms = self._watched.clock.now_ms()
        for item in tail.read():
            if isinstance(item, Event):
                at_ms = item.received_ms  # of the rows that follow from it, too
            self._tally.take(item)
            happenings += told(item, at_ms)
        for change in self._watched.copies.changes():
            self._tally.changed(change)
            happenings.append(changed(change))
        self._seq = tail.last_seq
        for happening in sorted(happenings, key=lambda one: one.time_ms):
            self._tell(happening)

    def _compare(self) -> None:
        """Tell alarms that began or are over, as long as the runner runs."""
        if not self._watched.runner.running:
            return
        now_ms, before = self._watched.clock.now_ms(), self._in_force
        self._in_force = dict(self._lookout.alarms())
        for key, text in self._in_force.items():
            if key not in before:
                _log.error("alarm %s: %s", key[0].value, text)
                self._tell(Happening(key[0], now_ms, text))
        for key, text in before.items():
            if key not in self._in_force:
                _log.warning("alarm %s is over: %s", key[0].value, text)
                self._tell(Happening(key[0], now_ms, f"over: {text}"))

    def _maybe_summary(self) -> None:
        now_ms = self._watched.clock.now_ms()
        day = self._day_of(now_ms)
        if day != self._day:
            self._day = day
            self._tell(summary(self._tally, self._watched.copies.latest(), now_ms))
            self._tally.new_day()

    def _day_of(self, now_ms: int) -> int:
        return (now_ms - self._messages.summary_hour * _HOUR_MS) // _DAY_MS

    def _tell(self, happening: Happening) -> None:
        if happening.what in self._messages.events:
            for outbox in self._outboxes:
                outbox.put(happening)

    def _reading(self) -> Reading:
        counts = {
            "events": self._seq,
            "watch_failures": self.failures + self._watched.copies.failures,
            "messages_undelivered": sum(outbox.undelivered for outbox in self._outboxes),
        }
        if self._heartbeat is not None:
            counts |= {"heartbeats": self._heartbeat.taken, "heartbeats_failed": self._heartbeat.failed}
        return self._lookout.reading(counts)
