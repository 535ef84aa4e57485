"""Messages to one service: a bounded queue and a thread of its own; a storm becomes one summary.

Whatever a service does, hang, refuse or vanish, the caller of :meth:`Outbox.put` never waits. What could not be
delivered is logged.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Sequence

from engines.live.watch.happenings import Happening
from feeds.instants import iso

_MOST_WAITING = 1_000
_LINES = 20
_GATHER_S = 0.3
_ATTEMPTS = 3
_log = logging.getLogger("kwin.watch")

Send = Callable[[str, str], bool]
"""Takes a title and a body; whether the service took them."""


class Outbox:
    """See the module.

    Parameters
    ----------
    service
        Name for the log; not the address.
    title
        Of every message.
    send
        Delivers; called in the outbox's thread.
    pause_s
        Least time between two messages, seconds of real time; what happens meanwhile is told in the next one.

    Attributes
    ----------
    delivered, undelivered
        Happenings so far that the service took, and that were given up.
    """

    def __init__(self, service: str, title: str, send: Send, *, pause_s: float) -> None:
        self.delivered = self.undelivered = 0
        self._service = service
        self._title = title
        self._send = send
        self._pause_s = pause_s
        self._waiting: deque[Happening] = deque()
        self._under_way: Sequence[Happening] = ()
        self._dropped: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._more = threading.Event()
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kwin-messages", daemon=True)
        self._thread.start()

    def put(self, happening: Happening) -> None:
        """Tell it soon; never waits. Of more than a thousand that wait the oldest are only counted."""
        with self._lock:
            self._waiting.append(happening)
            if len(self._waiting) > _MOST_WAITING:
                self._dropped[self._waiting.popleft().what.value] += 1
        self._more.set()

    def end(self) -> None:
        """Deliver what waits at once, and then no more; never waits."""
        self._ending.set()
        self._more.set()

    def close(self, seconds: float) -> bool:
        """Deliver what waits if that can be done in time; false, and logged, when it cannot."""
        self.end()
        self._thread.join(seconds)
        if self._thread.is_alive():
            under_way = self._under_way
            happenings, dropped = self._take()
            self._give_up([*under_way, *happenings], dropped, "the process ends")
            return False
        return True

    def _run(self) -> None:
        while not (self._ending.is_set() and not self._waiting):
            self._more.wait()
            if self._waiting and not self._ending.is_set():
                self._ending.wait(_GATHER_S)
            self._more.clear()
            happenings, dropped = self._take()
            if happenings:
                self._under_way = happenings
                self._deliver(happenings, dropped)
                self._under_way = ()
                self._ending.wait(self._pause_s)

    def _take(self) -> tuple[list[Happening], Counter[str]]:
        with self._lock:
            happenings, self._waiting = list(self._waiting), deque()
            dropped, self._dropped = self._dropped, Counter()
        return happenings, dropped

    def _deliver(self, happenings: Sequence[Happening], dropped: Counter[str]) -> None:
        body = text_of(happenings, dropped)
        for attempt in range(1, _ATTEMPTS + 1):
            if self._sent(body):
                self.delivered += len(happenings)
                return
            if attempt == _ATTEMPTS or self._ending.wait(self._pause_s * attempt):
                break
        self._give_up(happenings, dropped, "it was not taken")

    def _sent(self, body: str) -> bool:
        begun_s = time.monotonic()
        try:
            done = self._send(self._title, body)
        except Exception as error:  # noqa: BLE001  # a plugin's defect must not end the thread
            _log.warning("message service %s failed: %s", self._service, type(error).__name__)
            return False
        took_s = time.monotonic() - begun_s
        if not done:
            _log.warning("message service %s did not take a message (%.1f s)", self._service, took_s)
        return done

    def _give_up(self, happenings: Sequence[Happening], dropped: Counter[str], why: str) -> None:
        self.undelivered += len(happenings) + dropped.total()
        if happenings:
            _log.error(
                "undelivered to message service %s, %s: %s",
                self._service,
                why,
                text_of(happenings, dropped).replace("\n", " | "),
            )


def text_of(happenings: Sequence[Happening], dropped: Counter[str]) -> str:
    """One message: the first lines, and the rest counted by kind."""
    lines = [f"{iso(one.time_ms)} {one.what.value}: {one.text}" for one in happenings[:_LINES]]
    rest = Counter(one.what.value for one in happenings[_LINES:]) + dropped
    if rest:
        counted = ", ".join(f"{count} {name}" for name, count in rest.most_common())
        lines.append(f"and {rest.total()} more: {counted}")
    return "\n".join(lines)
