"""What a desk must know of the process before it: halts, names used, executions known, a position it was leaving."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from engines.journal import Intent, JournalReader, Kind, parse_order_link_id
from engines.live.intents import working_of
from engines.live.limits import ACCOUNT_WIDE
from engines.live.tally import Tally, recorded_tally
from engines.live.working import ENTRY, FLATTEN, Working
from feeds.stream import Stream


@dataclass(frozen=True)
class Memory:
    """See the module.

    Attributes
    ----------
    halts
        Reasons by name, by stream.
    fills_until_ms
        By stream, when its position last agreed with the exchange's, so that every execution was known (ms); when the
        journal began, if it never did.
    last_exit
        By stream, action and bar (open time, ms) of an exit of the whole position that no entry has followed.
    attempts
        By stream, the bar's open time (ms) and action: how many orders were named for them.
    tally
        What the limits had counted.
    unanswered
        Orders that nothing definite is recorded of, by stream and name.
    """

    halts: dict[Stream, dict[str, str]] = field(default_factory=dict)
    fills_until_ms: dict[Stream, int] = field(default_factory=dict)
    last_exit: dict[Stream, tuple[str, int]] = field(default_factory=dict)
    attempts: dict[Stream, dict[tuple[int, str], int]] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    unanswered: dict[Stream, dict[str, Working]] = field(default_factory=dict)


def remember(reader: JournalReader, streams: Iterable[Stream]) -> Memory:
    """Read it from the journal: a halt lasts until an operator resumes, however often the process ends."""
    halts: dict[Stream, dict[str, str]] = {stream: {} for stream in streams}
    for event in reader.events(Kind.CONTROL):
        if not isinstance(event.body, Mapping):
            continue
        command = event.body.get("command")
        symbol = event.symbol or str(event.body.get("symbol") or "")
        for stream, reasons in halts.items():
            if symbol not in ("", stream.symbol):
                continue
            if command == "resume":
                lift(reasons, event.body.get("name"), whole=not symbol)
            elif command == "release":
                reasons.pop(str(event.body.get("name")), None)
            elif command == "halt":
                name = str(event.body.get("name") or "operator")
                reasons[name] = str(event.body.get("reason") or "by the operator")
            elif command == "flatten":
                reasons["operator"] = "flattened by the operator"
    exits = {stream: _last_exit(reader, stream) for stream in halts}
    return Memory(
        halts,
        {stream: reader.last_agreed_ms(stream) for stream in halts},
        {stream: found for stream, found in exits.items() if found is not None},
        {stream: _attempts(reader, stream) for stream in halts},
        recorded_tally(reader),
        {stream: _unanswered(reader, stream) for stream in halts},
    )


def _last_exit(reader: JournalReader, stream: Stream) -> tuple[str, int] | None:
    """The newest order of a stream or flatten of its symbol, when it was to leave."""
    found: tuple[int, str, int] | None = None
    for one in reader.rows(Intent):
        link = parse_order_link_id(one.row.order_link_id) if one.row.order_link_id else None
        if link is not None and one.row.stream == stream:
            found = (one.seq, link.action, link.start_ms(stream.timeframe_ms))
    for event in reader.events(Kind.CONTROL):
        if found is not None and event.seq < found[0]:
            continue
        body = event.body if isinstance(event.body, Mapping) else {}
        if body.get("command") == "flatten" and body.get("symbol") in (None, "", stream.symbol):
            found = (event.seq, FLATTEN, event.received_ms)
    return None if found is None or found[1] == ENTRY else (found[1], found[2])


def _unanswered(reader: JournalReader, stream: Stream) -> dict[str, Working]:
    found = (one for one in reader.open_intents() if one.row.stream == stream)
    return {str(one.row.order_link_id): working_of(one.id, one.row) for one in found}


def _attempts(reader: JournalReader, stream: Stream) -> dict[tuple[int, str], int]:
    """Of the newest bar that orders were named for: a name is used once, whichever process used it."""
    found: dict[tuple[int, str], int] = {}
    newest_ms = 0
    for one in reader.rows(Intent):
        link = parse_order_link_id(one.row.order_link_id) if one.row.order_link_id else None
        if link is None or one.row.stream != stream:
            continue
        bar_ms = link.start_ms(stream.timeframe_ms)
        if bar_ms > newest_ms:
            newest_ms, found = bar_ms, {}
        if bar_ms == newest_ms:
            found[bar_ms, link.action] = max(link.attempt, found.get((bar_ms, link.action), 0))
    return found


def lift(reasons: dict[str, str], name: object, *, whole: bool = True) -> None:
    """Resume: take one halt away, or all of them when none is named.

    Those of the account hold for every symbol, so they end with a resume of the ``whole`` deployment only.
    """
    for one in list(reasons):
        if name in (None, one) and (whole or one not in ACCOUNT_WIDE):
            del reasons[one]
