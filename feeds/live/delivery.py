"""The last step: bars and notices to the caller, in order, on a thread that nothing else waits for."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from feeds.live.events import ClosedBar, Notice

Item = ClosedBar | Notice


class Delivery:
    """Calls the consumer; however slow it is, the sockets are read on.

    Parameters
    ----------
    on_bar, on_notice
        The consumer. An exception in it is contained and reported.
    on_failed
        Called with the exception of a consumer; a failing ``on_notice`` is reported here too.
    on_done
        Called after each item.
    """

    def __init__(
        self,
        on_bar: Callable[[ClosedBar], None],
        on_notice: Callable[[Notice], None],
        *,
        on_failed: Callable[[Exception, Item], None],
        on_done: Callable[[], None],
    ) -> None:
        self._on_bar = on_bar
        self._on_notice = on_notice
        self._on_failed = on_failed
        self._on_done = on_done
        self._items: queue.SimpleQueue[Item | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="kwin-feed-delivery", daemon=True)
        self._thread.start()

    @property
    def backlog(self) -> int:
        """Items that wait for the consumer."""
        return self._items.qsize()

    def put(self, item: Item) -> None:
        """Hand an item over; never blocks."""
        self._items.put(item)

    def close(self, seconds: float) -> bool:
        """Deliver what waits, then end; false when the consumer has not finished after ``seconds``."""
        self._items.put(None)
        if threading.current_thread() is self._thread:
            return True
        self._thread.join(max(0.0, seconds))
        return not self._thread.is_alive()

    def _run(self) -> None:
        while (item := self._items.get()) is not None:
            try:
                if isinstance(item, ClosedBar):
                    self._on_bar(item)
                else:
                    self._on_notice(item)
            except Exception as error:  # noqa: BLE001  # foreign code: whatever it raises must not stop the feed
                self._on_failed(error, item)
            self._on_done()
