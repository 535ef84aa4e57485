"""A dead man's switch: a GET to an outside watcher every so often, only while all is well. Silence is the alarm."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence

import requests

_FIRST_S = 2.0  # a deployment that starts is ill for a moment
_log = logging.getLogger("kwin.watch")


class Heartbeat:
    """Beats in a thread of its own.

    Parameters
    ----------
    url
        A secret: it is in no log, and neither is the text of an error, which may quote it.
    every_s
        Pause between two beats, seconds of real time.
    unhealthy
        Why not to beat, one line each; empty when all is well.
    timeout_s
        Of connecting, and of the answer.

    Attributes
    ----------
    taken, failed
        Beats so far that the watcher answered with a success, and that it did not.
    """

    def __init__(
        self, url: str, every_s: float, unhealthy: Callable[[], Sequence[str]], *, timeout_s: float = 5.0
    ) -> None:
        self.taken = self.failed = 0
        self._url = url
        self._every_s = every_s
        self._unhealthy = unhealthy
        self._timeout_s = timeout_s
        self._ended = threading.Event()
        self._silent = False
        self._thread = threading.Thread(target=self._run, name="kwin-heartbeat", daemon=True)
        self._thread.start()

    def close(self, seconds: float) -> bool:
        """Beat no more; false when a request was still under way."""
        self._ended.set()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        self._ended.wait(min(_FIRST_S, self._every_s))
        while not self._ended.is_set():
            reasons = self._unhealthy()
            if reasons and not self._silent:
                _log.warning("no heartbeat: %s", "; ".join(reasons))
            elif self._silent and not reasons:
                _log.info("the heartbeat goes on")
            self._silent = bool(reasons)
            if not reasons:
                self._beat()
            self._ended.wait(self._every_s)

    def _beat(self) -> None:
        try:
            with requests.get(
                self._url, timeout=self._timeout_s, stream=True, allow_redirects=False
            ) as answer:
                words = "" if answer.ok else f"HTTP {answer.status_code}"
        except requests.RequestException as error:
            words = type(error).__name__
        if words:
            self.failed += 1
            _log.warning("the outside watcher did not take the heartbeat: %s", words)
        else:
            self.taken += 1
