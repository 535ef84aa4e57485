"""What the runner writes of a bar and of the feed: digests, decisions, snapshots, notices."""

from __future__ import annotations

from typing import Any

from engines.journal import Decision, Digest, Drift, Failure, Kind, Ledger, Message, Snapshot
from engines.live.intents import decision_id
from engines.live.lane import Lane, commands_of
from engines.live.ledger import Ledger as Run
from feeds.live.events import Notice, NoticeKind

_NO_FAILURES = (NoticeKind.CONNECTED, NoticeKind.DISCONNECTED, NoticeKind.LISTED_LATE)


def record_digests(message: Message, lane: Lane, *, full: bool) -> None:
    """Of both ledgers after a bar: the chain, and the ``full`` digest from the going live on."""
    for which, run in ((Ledger.EMULATOR, lane.emulator), (Ledger.EXCHANGE, lane.exchange)):
        message.record(
            Digest(
                stream=lane.stream,
                ledger=which,
                start_ms=run.time_ms,
                chain=run.chain,
                full_digest=run.digest() if full else None,
            )
        )


def record_decision(message: Message, lane: Lane, of_e: Any, of_x: Any) -> None:
    """What both ledgers' scripts have ordered at the bar's close; nothing when that is nothing."""
    body = {"E": commands_of(of_e, lane.setup), "X": commands_of(of_x, lane.setup)}
    if body["E"] or body["X"]:
        message.record(
            Decision(
                stream=lane.stream,
                start_ms=lane.exchange.time_ms,
                decision_id=decision_id(lane),
                body=body,
            )
        )


def record_snapshots(message: Message, lane: Lane) -> None:
    """Both ledgers as they are now; the numbers of this message are behind them."""
    for which, run in ((Ledger.EMULATOR, lane.emulator), (Ledger.EXCHANGE, lane.exchange)):
        message.record(snapshot_row(lane, which, run))


def snapshot_row(lane: Lane, which: Ledger, run: Run) -> Snapshot:
    """A ledger's state as the journal keeps it."""
    data = run.snapshot()
    return Snapshot(
        stream=lane.stream,
        ledger=which,
        start_ms=run.time_ms,
        schema=run.schema(data),
        params_hash=lane.setup.params_hash,
        engine_hash=run.engine.hash,
        digest=run.digest(),
        data=data,
    )


def record_notice(message: Message, notice: Notice, now_ms: int) -> None:
    """What the feed has noticed: an event, and a row of its own for a revised bar or a failure."""
    stream = notice.stream
    body = {"notice": notice.kind.value, "text": notice.text, "bar_ms": notice.bar_ms}
    where = {"category": stream.category, "symbol": stream.symbol} if stream is not None else {}
    message.event(Kind.SIGNAL, now_ms, body, **where)
    if notice.kind is NoticeKind.DRIFT and stream is not None and notice.bar_ms is not None:
        message.record(
            Drift(
                stream=stream,
                start_ms=notice.bar_ms,
                kind="bar_revised",
                trade_number=None,
                body={"text": notice.text},
            )
        )
    elif notice.kind not in _NO_FAILURES:
        message.record(Failure(place="feed", kind=notice.kind.value, text=notice.text, body={}))
