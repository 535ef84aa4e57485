"""The gateway: requests in, one answer each, from a few threads that nothing else waits for.

Writes of one symbol go out one after the other, the most urgent first; a stop may overtake an entry that hangs, and
reads that hang leave threads for the writes. The account's rate is kept as places in a rolling second of the runner's
clock. A write is sent at most once: only what the exchange has definitely refused for its rate or its
time stamp is sent again.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from functools import partial

from engines.failpoints import failpoint
from engines.journal import Outcome
from engines.live.bybit.bucket import Bucket
from engines.live.bybit.calls import Rows, perform
from engines.live.bybit.session import BybitSession, Reply
from engines.live.venue import Answer, CancelOrder, MarketOrder, Protect, Recall, Refusal, Request, Urgency
from feeds.live.clock import Clock
from feeds.stream import Stream

_WRITES = (MarketOrder, Protect, CancelOrder)
_RATE_TRIES, _CLOCK_TRIES = 5, 3
_RATE_PAUSE_MS = 1_000
_READ_TRIES = 2
_KEPT_FOR_WRITES, _KEPT_FOR_EXITS = 2, 1  # threads that reads, and that entries, leave free
_ORDERS_PER_SECOND, _STOPS_PER_SECOND, _READS_PER_SECOND = 10, 10, 40
_log = logging.getLogger("kwin.live")


class BybitGateway:
    """See the module.

    Parameters
    ----------
    sessions
        Makes a session; called once a thread.
    post
        Takes the answers.
    clock
        The runner's.
    threads
        Requests that may be under way at once; at least three.
    set_clock
        Called in a thread of the gateway when the exchange has refused a time stamp; the request then goes out again.

    Attributes
    ----------
    sent
        Requests sent, by kind.
    """

    def __init__(
        self,
        sessions: Callable[[], BybitSession],
        post: Callable[[Answer], None],
        clock: Clock,
        *,
        threads: int = 6,
        set_clock: Callable[[BybitSession], None] | None = None,
    ) -> None:
        self.sent: Counter[str] = Counter()
        self._sessions = sessions
        self._post = post
        self._clock = clock
        self._set_clock = set_clock
        self._changed = threading.Condition()
        self._waiting: list[tuple[int, int, Request, int]] = []
        self._recalled: set[Stream] = set()
        self._recalled_keys: set[str] = set()
        self._numbers = itertools.count()
        self._busy: Counter[object] = Counter()
        self._under_way = 0
        self._open = True
        self._buckets = {
            MarketOrder: Bucket(_ORDERS_PER_SECOND, clock.now_ms),
            Protect: Bucket(_STOPS_PER_SECOND, clock.now_ms),
        }
        self._reads = Bucket(_READS_PER_SECOND, clock.now_ms, reserve=10)
        self._woken_at_ms = -1
        self._threads = [
            threading.Thread(target=self._run, name=f"kwin-gateway-{number}", daemon=True)
            for number in range(threads)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, request: Request) -> None:
        """Take a request; its answer is posted."""
        if isinstance(request, Recall):
            self._recall(request)
        else:
            self._put(request, 0)

    @property
    def idle(self) -> bool:
        """Whether nothing is under way and nothing could go now."""
        with self._changed:
            if self._next() is not None:
                self._changed.notify_all()  # its time has come a little before the timer that says so
                return False
            return self._under_way == 0

    def close(self, seconds: float) -> bool:
        """End the threads; what waits is dropped, what is under way gets its time."""
        with self._changed:
            self._open = False
            self._waiting.clear()
            self._changed.notify_all()
        deadline = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _recall(self, recall: Recall) -> None:
        """What waits is not sent any more, what waits for a refused rate included."""
        with self._changed:
            if recall.only:
                self._recalled_keys.add(recall.only)
            else:
                self._recalled.add(recall.stream)
            back = [one for one in self._waiting if self._is_recalled(one[2])]
            self._waiting = [one for one in self._waiting if one not in back]
            heapq.heapify(self._waiting)
        for _, _, request, _ in back:
            self._answer_recalled(request)

    def _is_recalled(self, request: Request) -> bool:
        return request.key in self._recalled_keys or (_enters(request) and request.stream in self._recalled)

    def _answer_recalled(self, request: Request) -> None:
        text = "not sent: entries were halted while it waited" if _enters(request) else "not sent: taken back"
        now_ms = self._clock.now_ms()
        self._recalled_keys.discard(request.key)
        self._post(Answer(request, Outcome.DENIED, text=text, kind=Refusal.RECALLED, received_ms=now_ms))

    def _put(self, request: Request, tries: int) -> None:
        with self._changed:
            if _enters(request) and not tries:
                self._recalled.discard(request.stream)
            recalled = self._is_recalled(request)
            if self._open and not recalled:
                heapq.heappush(self._waiting, (request.urgency, next(self._numbers), request, tries))
                self._changed.notify()
        if recalled:
            self._answer_recalled(request)

    def _run(self) -> None:
        session = self._sessions()
        while True:
            with self._changed:
                while self._open and (at := self._next()) is None:
                    self._changed.wait()
                if not self._open:
                    session.close()
                    return
                assert at is not None
                _, _, request, tries = self._waiting.pop(at)
                heapq.heapify(self._waiting)
                self._bucket(request).take()
                self._under_way += 1
                self._busy[self._lock_of(request)] += 1
            try:
                again = self._deal_with(session, request, tries)
            except Exception as error:  # noqa: BLE001  # a lost thread or answer would leave the runner waiting
                again = None
                self._defect(request, error)
            finally:
                with self._changed:
                    self._under_way -= 1
                    self._busy[self._lock_of(request)] -= 1
                    self._bucket(request).answered()
                    self._changed.notify_all()
            if again is not None:
                self._clock.call_at(again, partial(self._put, request, tries + 1))

    def _next(self) -> int | None:
        """Place of the request that goes next; sets a timer when only the rate holds it back."""
        soonest_ms: int | None = None
        for _, _, request, at in sorted(
            (urgency, number, request, place)
            for place, (urgency, number, request, _) in enumerate(self._waiting)
        ):
            if len(self._threads) - self._under_way <= self._kept_from(request):
                continue
            lock = self._lock_of(request)
            if lock is not None and self._busy[lock] and request.urgency > Urgency.STOP:
                continue
            wait_ms = self._bucket(request).wait_ms(request.urgency)
            if wait_ms == 0:
                return at
            soonest_ms = wait_ms if soonest_ms is None else min(soonest_ms, wait_ms)
        if soonest_ms is not None:
            due_ms = self._clock.now_ms() + soonest_ms
            if self._woken_at_ms < self._clock.now_ms() or due_ms < self._woken_at_ms:
                self._woken_at_ms = due_ms
                self._clock.call_at(due_ms, self._wake)
        return None

    def _wake(self) -> None:
        with self._changed:
            self._woken_at_ms = -1
            self._changed.notify_all()

    def _kept_from(self, request: Request) -> int:
        """Threads that this request must leave free."""
        if not isinstance(request, _WRITES):
            return _KEPT_FOR_WRITES
        return _KEPT_FOR_EXITS if request.urgency > Urgency.EXIT else 0

    def _lock_of(self, request: Request) -> object:
        """Writes of one symbol follow each other; stops among themselves, reads not at all."""
        if not isinstance(request, _WRITES):
            return None
        return (request.stream, request.urgency == Urgency.STOP)

    def _bucket(self, request: Request) -> Bucket:
        return self._buckets.get(type(request), self._reads)

    def _deal_with(self, session: BybitSession, request: Request, tries: int) -> int | None:
        """Send, judge, post; returns when to try again (ms) what was refused for its rate or its time stamp."""
        writes = isinstance(request, _WRITES)
        now_ms = self._clock.now_ms()
        if request.expires_ms is not None and now_ms > request.expires_ms:
            text = f"not sent: {now_ms - request.expires_ms} ms after its last instant"
            self._post(Answer(request, Outcome.DENIED, text=text, kind=Refusal.EXPIRED, received_ms=now_ms))
            return None
        if writes and request.stream.category != "linear":
            text = f"not sent: {request.stream.category} is not what this deployment trades"
            self._post(Answer(request, Outcome.DENIED, text=text, kind=Refusal.ROUTING, received_ms=now_ms))
            return None
        if writes:
            failpoint("gateway.before_send")
        self.sent[type(request).__name__] += 1
        reply, rows = self._perform(session, request, writes=writes)
        if writes:
            failpoint("gateway.after_reply")
        if reply.kind == Refusal.RATE and tries + 1 < _RATE_TRIES:
            until_ms = self._clock.now_ms() + _RATE_PAUSE_MS
            if reply.reset_ms is not None:
                until_ms = min(max(reply.reset_ms, self._clock.now_ms() + 50), until_ms + 9_000)
            self._bucket(request).close_until(until_ms)
            return until_ms
        if reply.kind == Refusal.CLOCK and self._set_clock is not None and tries + 1 < _CLOCK_TRIES:
            self._set_clock(session)
            return self._clock.now_ms()
        self._recalled_keys.discard(request.key)
        self._post(_answer(request, reply, rows, now_ms, self._clock.now_ms()))
        return None

    def _defect(self, request: Request, error: Exception) -> None:
        """An error nobody foresaw, on either side of the wire: the outcome is unknown, and is looked up."""
        text = f"{type(request).__name__} failed inside: {type(error).__name__}"
        _log.critical("%s", text, exc_info=error)
        self._post(Answer(request, Outcome.UNKNOWN, text=text, received_ms=self._clock.now_ms()))

    def _perform(self, session: BybitSession, request: Request, *, writes: bool) -> Rows:
        """A write goes out once. A read that got no answer goes out once more; then it is unknown."""
        for _ in range(1 if writes else _READ_TRIES):
            reply, rows = perform(session, request, self._clock.now_ms)
            if reply.outcome is not Outcome.UNKNOWN:
                break
        return reply, rows


def _enters(request: Request) -> bool:
    return isinstance(request, MarketOrder) and request.urgency is Urgency.ENTRY


def _answer(
    request: Request, reply: Reply, rows: tuple[object, ...], sent_ms: int, received_ms: int
) -> Answer:
    outcome = reply.outcome
    if not isinstance(request, _WRITES) and outcome is Outcome.REJECTED:
        outcome = Outcome.UNKNOWN  # a read that was refused has told nothing
    return Answer(
        request=request,
        outcome=outcome,
        code=reply.code,
        text=reply.text,
        order_id=str(reply.result.get("orderId", "")),
        rows=rows,
        kind=str(reply.kind),
        sent_ms=sent_ms,
        received_ms=received_ms,
    )
