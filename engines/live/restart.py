"""Back to where the last process was: the newest valid snapshot plus the numbered events behind it.

A snapshot is a cache. It counts only when schema, parameters, engine and digest are the ones wanted; otherwise the
journal is replayed from its first bar. Every digest on the way is compared with the one that was recorded: a
difference means that this program would have decided differently, and it must not trade on that memory.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from engines.journal import Digest, Event, Execution, Intent, JournalReader, Kind, Ledger, Recorded
from engines.live.guesses import guess_of
from engines.live.intents import working_of
from engines.live.lane import Lane
from engines.live.working import Working
from feeds.instants import iso
from feeds.stream import Stream
from kwin_core.errors import ParityError, SnapshotError

FEED_EVENTS = (Kind.BAR, Kind.EXECUTION, Kind.ORDER, Kind.WALLET)
"""Kinds of events that can change a ledger."""


@dataclass(frozen=True)
class Recovered:
    """What a recovery did.

    Attributes
    ----------
    last_bar_ms
        Open time of each lane's last bar (ms); lanes without any are missing.
    from_snapshot
        Lanes that went on from a snapshot.
    events
        Numbered events that were replayed.
    digests
        Digests that were compared, all equal.
    """

    last_bar_ms: dict[Stream, int]
    from_snapshot: int
    events: int
    digests: int


def recover(reader: JournalReader, lanes: Mapping[Stream, Lane], *, snapshots: bool = True) -> Recovered:
    """Bring fresh lanes to the end of the journal.

    Parameters
    ----------
    reader
        The journal.
    lanes
        New ones, by stream.
    snapshots
        Whether snapshots may be used; without, everything is replayed from the first bar.

    Raises
    ------
    ParityError
        A digest differs from the recorded one, or the events that a full replay needs have been deleted.
    """
    starts = {stream: from_snapshot(reader, lane) if snapshots else 0 for stream, lane in lanes.items()}
    whole = reader.trimmed_seq() == 0
    for stream, seq in starts.items():
        if seq == 0 and not whole:
            raise ParityError(
                f"{stream}: no snapshot fits this program, and the journal's first events were deleted by retention;"
                " run the version that wrote it, or start a new journal"
            )
    replay = _CheckedReplay(reader, lanes, starts)
    replay.run()
    last = {stream: lane.emulator.time_ms for stream, lane in lanes.items() if lane.emulator.bar_index >= 0}
    return Recovered(last, sum(seq > 0 for seq in starts.values()), replay.events, replay.digests)


def from_snapshot(reader: JournalReader, lane: Lane, *, oldest: bool = False) -> int:
    """Put the newest snapshots that fit into a lane, or the ``oldest``; returns the event they stand behind, or 0."""
    pairs = list(_pairs(reader, lane))
    for seq, data in reversed(pairs) if oldest else pairs:
        try:
            lane.exchange.restore(data[Ledger.EXCHANGE])
            lane.emulator.restore(data[Ledger.EMULATOR])
        except SnapshotError:
            continue  # damaged: an older one, or the events themselves
        stream = lane.stream
        told = [one for number, one in reader.executions(stream.category, stream.symbol) if number <= seq]
        lane.guesses = tuple(guess for guess in map(guess_of, told) if guess is not None)
        for order in _open_orders(reader, lane, seq, told):
            lane.expect(order)
        return seq
    return 0


def _pairs(reader: JournalReader, lane: Lane) -> Iterable[tuple[int, dict[Ledger, bytes]]]:
    """Snapshots of both ledgers behind the same event, newest first."""
    found: dict[int, dict[Ledger, bytes]] = defaultdict(dict)
    for which, run in ((Ledger.EMULATOR, lane.emulator), (Ledger.EXCHANGE, lane.exchange)):
        rows = reader.snapshots(
            lane.stream,
            which,
            schema=run.schema(run.snapshot()),
            params_hash=lane.setup.params_hash,
            engine_hash=run.engine.hash,
        )
        for row in rows:
            found[row.seq].setdefault(which, row.row.data)
    return sorted(((seq, data) for seq, data in found.items() if len(data) == 2), reverse=True)


def _open_orders(reader: JournalReader, lane: Lane, seq: int, told: Iterable[Execution]) -> list[Working]:
    """Orders of ours that could still execute after an event; ``told`` are the executions up to it."""
    stream = lane.stream
    found = [
        one
        for one in reader.rows(Intent)
        if one.seq <= seq and one.row.stream == stream and one.row.order_link_id is not None
    ]
    orders = {str(one.row.order_link_id): working_of(one.id, one.row) for one in found}
    for execution in told:
        order = orders.get(execution.order_link_id)
        if order is not None:
            orders[order.link_id] = order.with_fill(Decimal(execution.quantity))
    orders = {name: order for name, order in orders.items() if order.left > 0}
    first = min((one.seq for one in found if str(one.row.order_link_id) in orders), default=seq)
    for event in reader.replay(first - 1):
        if event.seq > seq:
            break
        ended = ended_order(event)
        if ended is not None:
            orders.pop(ended, None)
    return list(orders.values())


def ended_order(event: Event) -> str | None:
    """Name of the order that an event has ended without (more) executions."""
    if event.kind is not Kind.ORDER or not isinstance(event.body, Mapping) or not event.body.get("ended"):
        return None
    return str(event.body["order_link_id"])


class Replay:
    """One pass over the numbered events, for all lanes; a subclass may look on.

    Parameters
    ----------
    reader
        The journal.
    lanes
        By stream, as they are behind the event of ``starts``.
    starts
        By stream: number of the last event that the lane has seen.

    Attributes
    ----------
    events
        Events replayed so far that can change a ledger.
    intents
        Intents of orders, by the number of their event; those that the pass has reached are gone.
    """

    def __init__(
        self, reader: JournalReader, lanes: Mapping[Stream, Lane], starts: Mapping[Stream, int]
    ) -> None:
        self.events = 0
        self.lanes = lanes
        self.reader = reader
        self._starts = starts
        self.first_seq = min(starts.values(), default=0)
        self.intents: dict[int, list[Recorded[Intent]]] = defaultdict(list)
        for found in reader.rows(Intent, self.first_seq):
            if found.row.order_link_id is not None:
                self.intents[found.seq].append(found)

    def run(self) -> None:
        """Replay everything behind the earliest start."""
        for event in self.reader.replay(self.first_seq):
            if not self.before(event):
                break
            if event.kind in FEED_EVENTS:
                self.events += 1
                for lane in self._concerned(event):
                    self.one(lane, event)
            for found in self.intents.pop(event.seq, ()):
                owner = self.lanes.get(found.row.stream)
                if owner is not None and event.seq > self._starts[owner.stream]:
                    owner.expect(working_of(found.id, found.row))

    def before(self, event: Event) -> bool:  # noqa: ARG002
        """Called with every event before it is applied; whether to go on."""
        return True

    def one(self, lane: Lane, event: Event) -> None:
        """Apply an event to a lane that it concerns."""
        if event.bar is not None:
            self.bar(lane, event.bar.bar.reshape(1))
        elif event.execution is not None:
            body = event.body if isinstance(event.body, Mapping) else {}
            self.filled(lane, event, lane.fill(event.execution, body))
        elif event.kind is Kind.WALLET and isinstance(event.body, Mapping) and "rebased" in event.body:
            lane.rebase(float(event.body["rebased"]))
        else:
            ended = ended_order(event)
            if ended is not None:
                lane.ended(ended)

    def bar(self, lane: Lane, bar: np.ndarray) -> None:
        """Advance both ledgers."""
        lane.emulate(bar)
        lane.decide(bar)

    def filled(self, lane: Lane, event: Event, reports: np.ndarray) -> None:
        """Called after an execution was booked as these reports."""

    def _concerned(self, event: Event) -> list[Lane]:
        lanes = self.lanes.values() if event.bar is None else [self.lanes.get(event.bar.stream)]
        return [
            lane
            for lane in lanes
            if lane is not None
            and event.seq > self._starts[lane.stream]
            and (event.symbol in ("", lane.stream.symbol))
            and (event.category in ("", lane.stream.category))
        ]


class _CheckedReplay(Replay):
    """Compares every digest on the way."""

    def __init__(
        self, reader: JournalReader, lanes: Mapping[Stream, Lane], starts: Mapping[Stream, int]
    ) -> None:
        super().__init__(reader, lanes, starts)
        self.digests = 0
        self._recorded: dict[tuple[Stream, Ledger, int], Digest] = {
            (found.row.stream, found.row.ledger, found.row.start_ms): found.row
            for found in reader.rows(Digest, self.first_seq)
        }

    def bar(self, lane: Lane, bar: np.ndarray) -> None:
        """Advance both ledgers; both must be what they were."""
        super().bar(lane, bar)
        start_ms = int(bar["time_ms"][0])
        for which, run in ((Ledger.EMULATOR, lane.emulator), (Ledger.EXCHANGE, lane.exchange)):
            recorded = self._recorded.pop((lane.stream, which, start_ms), None)
            if recorded is None:
                continue
            self.digests += 1
            now, then = run.chain, recorded.chain
            if now == then and recorded.full_digest is not None:
                now, then = run.digest(), recorded.full_digest
            if now != then:
                raise ParityError(
                    f"{lane.stream}: ledger {which} after bar {iso(start_ms)} has digest {now}, the journal"
                    f" recorded {then}: this program would have decided differently; it must not trade on"
                    " this journal (kwin-parity live shows where)"
                )
