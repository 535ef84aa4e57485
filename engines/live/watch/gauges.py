"""Everything that has a value at an instant, read when a scrape asks for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric

from engines.live.guard import AccountView
from engines.live.watch.alarms import Alarms
from engines.live.watch.copies import LaneCopy
from feeds.stream import Stream


@dataclass(frozen=True)
class Reading:
    """What a scrape sees.

    Attributes
    ----------
    now_ms
        The deployment's clock (ms).
    build
        Labels that say what runs.
    lanes
        Newest copies.
    data_age_ms
        By stream, time since the last data of its topic (ms); streams without any are left out.
    links
        By name whether a link is up.
    attempts
        By link kind (``public``, ``private``), connections tried so far.
    wallet
        Balance and available of the account, by name; empty on paper.
    account
        What the limits count; None on paper.
    counts
        Totals by name: ``events``, ``bars``, ``messages``, ``journal_failures``, ``watch_failures``, ...
    queue
        Messages that wait for the runner.
    alarms
        In force.
    """

    now_ms: int
    build: Mapping[str, str]
    lanes: Mapping[Stream, LaneCopy]
    data_age_ms: Mapping[Stream, int]
    links: Mapping[str, bool]
    attempts: Mapping[str, int]
    wallet: Mapping[str, float]
    account: AccountView | None
    counts: Mapping[str, int]
    queue: int
    alarms: Alarms


_TOTALS = {
    "events": "Events numbered in the journal's life.",
    "bars": "Bars decided by this process, warm-up included.",
    "messages": "Messages that the runner has dealt with.",
    "journal_failures": "Attempts to record that the journal refused.",
    "watch_failures": "Failures of the watching itself.",
    "messages_undelivered": "Messages to people that could not be delivered.",
    "heartbeats_failed": "Heartbeats that the outside watcher did not take.",
    "heartbeats": "Heartbeats that the outside watcher took.",
}


class Gauges:
    """A collector of prometheus_client; ``read`` is called once a scrape, in the endpoint's thread."""

    def __init__(self, read: Callable[[], Reading]) -> None:
        self._read = read

    def describe(self) -> list[Metric]:
        """Nothing is read when it is registered."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All of it."""
        reading = self._read()
        yield InfoMetricFamily("kwin_build", "What runs.", value=dict(reading.build))
        yield from _of_lanes(reading)
        yield _by(
            "kwin_data_age_seconds",
            "Since the last data of a stream's topic.",
            "stream",
            {str(stream): age_ms / 1000.0 for stream, age_ms in reading.data_age_ms.items()},
        )
        yield _by(
            "kwin_link_up", "Whether a link is up.", "link", {k: float(v) for k, v in reading.links.items()}
        )
        attempts = CounterMetricFamily("kwin_connections", "Connections tried.", labels=["link"])
        for link, count in reading.attempts.items():
            attempts.add_metric([link], count)
        yield attempts
        yield _by("kwin_wallet", "The account's coin, as last told.", "what", reading.wallet)
        if reading.account is not None:
            yield from _of_account(reading.account)
        for name, count in reading.counts.items():
            yield CounterMetricFamily(f"kwin_{name}", _TOTALS[name], value=count)
        yield GaugeMetricFamily(
            "kwin_queue_length", "Messages that wait for the runner.", value=reading.queue
        )
        alarms = GaugeMetricFamily("kwin_alarm", "Alarms in force; each is 1.", labels=["alarm", "about"])
        for what, about in reading.alarms:
            alarms.add_metric([what.value, about], 1.0)
        yield alarms


def _of_lanes(reading: Reading) -> Iterator[Metric]:
    lanes = {str(stream): lane for stream, lane in reading.lanes.items()}
    frames_ms = {str(stream): stream.timeframe_ms for stream in reading.lanes}
    holdings = {name: lane.holding for name, lane in lanes.items()}
    for metric, help_text, values in (
        (
            "kwin_bar_age_seconds",
            "Since the close of the last bar that was decided.",
            {
                name: (reading.now_ms - lane.last_bar_ms - frames_ms[name]) / 1000.0
                for name, lane in lanes.items()
                if lane.last_bar_ms is not None
            },
        ),
        ("kwin_position", "Signed, base currency.", {name: one.position for name, one in holdings.items()}),
        (
            "kwin_stop_present",
            "Whether a stop rests for the position; 0 also while flat.",
            {name: float(one.stop is not None) for name, one in holdings.items()},
        ),
        (
            "kwin_naked_seconds",
            "So long the position has been without a stop; 0 while it has one or is flat.",
            {
                name: 0.0 if one.naked_since_ms is None else (reading.now_ms - one.naked_since_ms) / 1000.0
                for name, one in holdings.items()
            },
        ),
        (
            "kwin_equity",
            "Of the exchange's ledger, account currency.",
            {n: one.equity for n, one in lanes.items()},
        ),
        (
            "kwin_working_orders",
            "Orders that may still execute.",
            {n: o.working for n, o in holdings.items()},
        ),
        ("kwin_unknown_orders", "Orders of unknown outcome.", {n: o.unknown for n, o in holdings.items()}),
    ):
        yield _by(metric, help_text, "stream", values)
    halts = GaugeMetricFamily(
        "kwin_halt", "Entries are halted; each reason is 1.", labels=["stream", "reason"]
    )
    for name, one in holdings.items():
        for reason in one.halts:
            halts.add_metric([name, reason], 1.0)
    yield halts


def _of_account(account: AccountView) -> Iterator[Metric]:
    yield _by(
        "kwin_account",
        "What the limits count: loss of the day (account currency), losses in a row, drifts of the day, requests in a "
        "row without an answer, entries of the last hour.",
        "what",
        {
            "day_loss": account.day_loss,
            "losses_in_a_row": account.losses,
            "drifts_of_the_day": account.drifts,
            "requests_without_answer": account.api_errors,
            "entries_of_the_last_hour": account.entries_last_hour,
        },
    )
    yield _by(
        "kwin_canary",
        "Symbols that still trade small; each is 1.",
        "symbol",
        dict.fromkeys(account.canary, 1.0),
    )


def _by(name: str, help_text: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, help_text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family
