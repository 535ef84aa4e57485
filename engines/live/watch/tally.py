"""Counts and delays of what was committed, as Prometheus counts them. Filled by the watching thread alone."""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector

from engines.journal import Ack, Drift, Event, Failure, Intent, Kind, Outcome, StopMoved, parse_order_link_id
from engines.live.watch.copies import Closed, Grown
from engines.live.watch.tail import Item
from engines.live.working import ENTRY
from feeds.live.events import NoticeKind
from feeds.stream import Stream

_BUCKETS_S = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0)
_LIVE_SOURCES = ("stream", "rest")
_MOST_INTENTS = 1_000


class Tally:
    """See the module.

    Parameters
    ----------
    streams
        All of the deployment.
    paper
        Whether orders are acknowledged without being sent. On an exchange the answers are counted: an execution that
        is faster than the answer leaves nothing to acknowledge.
    begun_ms
        Bars that closed earlier belong to the warm-up and have no delay (ms).

    Attributes
    ----------
    registry
        Holds everything counted here.
    day
        The same counts in plain words since the last daily summary; net is in account currency.
    whole_day
        Whether this process has told a summary before: the first one knows nothing of the process before.
    """

    def __init__(self, streams: Iterable[Stream], begun_ms: int, *, paper: bool) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)  # memory, handles, processor time
        self.day: Counts[str] = Counts()
        self.day_net = 0.0
        self.whole_day = False
        self._by_hash = {stream.short_hash: stream for stream in streams}
        self._begun_ms = begun_ms
        self._paper = paper
        self._kinds: dict[int, str] = {}

        def counter(name: str, help_text: str, *labels: str) -> Counter:
            return Counter(f"kwin_{name}", help_text, labels, registry=self.registry)

        self._orders = counter("orders", "Answers to orders, by kind and outcome.", "kind", "outcome")
        self._drifts = counter("drifts", "Drift rows recorded, by kind.", "kind")
        self._errors = counter("errors", "Errors survived, by place.", "place")
        self._stops = counter("stops_moved", "Protection confirmed by the exchange.", "stream")
        self._fills = counter("executions", "Executions booked, by type.", "symbol", "type")
        self._disconnects = counter("disconnects", "Links that went down.", "link")
        self._trades = counter("trades", "Trades of the exchange's ledger that closed, by exit.", "how")
        self._lags = Histogram(
            "kwin_lag_seconds",
            "From the end of a bar to its decision, to the sending of its entry, to the entry's first execution.",
            ("stream", "to"),
            buckets=_BUCKETS_S,
            registry=self.registry,
        )
        for stream in self._by_hash.values():  # or the first of each would be no increase to Prometheus
            for to in ("decision", "intent", "fill"):
                self._lags.labels(str(stream), to)

    def take(self, item: Item) -> None:
        """Count something that was committed."""
        if isinstance(item, Event):
            self._event(item)
            return
        match item.row:
            case Ack() as ack if ack.outcome is Outcome.DENIED or self._paper:
                self._order(self._kinds.get(ack.intent, "earlier"), ack.outcome.value)
            case Intent() as intent if intent.order_link_id is not None:
                self._kinds[item.id] = "entry" if intent.action == ENTRY else "exit"
                if len(self._kinds) > _MOST_INTENTS:
                    del self._kinds[next(iter(self._kinds))]
            case StopMoved() as moved:
                self._stops.labels(str(moved.stream)).inc()
                self.day["stops moved"] += 1
            case Drift() as drift:
                self._drifts.labels(drift.kind).inc()
                self.day[f"drift {drift.kind}"] += 1
            case Failure() as failure:
                self._errors.labels(failure.place).inc()
                self.day["errors"] += 1

    def changed(self, change: Grown | Closed) -> None:
        """Count what the copies tell."""
        if isinstance(change, Closed):
            self._trades.labels(change.how).inc()
            self.day["trades"] += 1
            self.day_net += change.net
        else:
            self.day["entries"] += 1

    def new_day(self) -> None:
        """Begin the next summary."""
        self.day.clear()
        self.day_net = 0.0
        self.whole_day = True

    def _event(self, event: Event) -> None:
        if event.bar is not None:
            stream = event.bar.stream
            close_ms = int(event.bar.bar["time_ms"]) + stream.timeframe_ms
            if event.bar.source in _LIVE_SOURCES and close_ms > self._begun_ms:
                self._lag(stream, "decision", event.received_ms - close_ms)
        elif event.execution is not None:
            one = event.execution
            self._fills.labels(one.symbol, one.exec_type).inc()
            self._entry_lag(one.order_link_id, "fill", one.exec_time_ms)
        elif isinstance(event.body, Mapping):
            body = event.body
            if event.kind is Kind.REPLY and body.get("to") == "MarketOrder":
                self._answered(str(body.get("order_link_id")), body)
            elif event.kind is Kind.SIGNAL and body.get("private_stream") == "down":
                self._disconnects.labels("private").inc()
                self.day["disconnects"] += 1
            elif event.kind is Kind.SIGNAL and body.get("notice") == NoticeKind.DISCONNECTED.value:
                self._disconnects.labels("public").inc()
                self.day["disconnects"] += 1

    def _answered(self, order_link_id: str, body: Mapping[str, Any]) -> None:
        link = parse_order_link_id(order_link_id)
        kind = "entry" if link is not None and link.action == ENTRY else "exit"
        self._order(kind, str(body.get("outcome")))
        if body.get("sent_ms") is not None:
            self._entry_lag(order_link_id, "intent", int(body["sent_ms"]))

    def _order(self, kind: str, outcome: str) -> None:
        self._orders.labels(kind, outcome).inc()
        self.day[f"orders {outcome}"] += 1

    def _entry_lag(self, order_link_id: str, to: str, at_ms: int) -> None:
        """From the close that decided on an entry of ours."""
        link = parse_order_link_id(order_link_id)
        if link is None or link.action != ENTRY or link.stream_hash not in self._by_hash:
            return
        stream = self._by_hash[link.stream_hash]
        self._lag(stream, to, at_ms - link.start_ms(stream.timeframe_ms) - stream.timeframe_ms)

    def _lag(self, stream: Stream, to: str, lag_ms: int) -> None:
        self._lags.labels(str(stream), to).observe(max(0, lag_ms) / 1000.0)
