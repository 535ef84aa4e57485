"""What a desk must know of the process before it: halts, names used, executions known, a position it was leaving."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from engines.journal import Event, Intent, JournalReader, Kind, OrderLink, parse_order_link_id
from engines.live.intents import working_of
from engines.live.leaving import LastExit
from engines.live.limits import ACCOUNT_WIDE
from engines.live.tally import Tally, recorded_tally
from engines.live.working import ENTRY, FLATTEN, Working
from feeds.stream import Stream

LEFT = "left"
"""Command of the control event that ends the leaving of a symbol."""


@dataclass(frozen=True)
class Named:
    """An order that was named: number of its message, name, side, and whether it waits for another to be done."""

    seq: int
    link: OrderLink
    side: int
    waits: bool


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
        By stream, the exit of the whole position that no entry has followed.
    attempts
        By stream, the bar's open time (ms) and action: how many orders were named for them.
    tally
        What the limits had counted.
    unanswered
        Orders that nothing definite is recorded of, by stream and name.
    """

    halts: dict[Stream, dict[str, str]] = field(default_factory=dict)
    fills_until_ms: dict[Stream, int] = field(default_factory=dict)
    last_exit: dict[Stream, LastExit] = field(default_factory=dict)
    attempts: dict[Stream, dict[tuple[int, str], int]] = field(default_factory=dict)
    tally: Tally = field(default_factory=Tally)
    unanswered: dict[Stream, dict[str, Working]] = field(default_factory=dict)


def halts_in(reader: JournalReader, streams: Iterable[Stream]) -> dict[Stream, dict[str, str]]:
    """Halts in force: each lasts until an operator resumes, however often the process ends."""
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
    return halts


def remember(reader: JournalReader, streams: Iterable[Stream]) -> Memory:
    """Read all of it from the journal, each table once."""
    halts = halts_in(reader, streams)
    names: dict[Stream, list[Named]] = {stream: [] for stream in halts}
    for one in reader.rows(Intent):
        link = parse_order_link_id(one.row.order_link_id) if one.row.order_link_id else None
        if link is not None and one.row.stream in names:
            body = one.row.body if isinstance(one.row.body, Mapping) else {}
            names[one.row.stream].append(
                Named(one.seq, link, int(body.get("side", 0)), bool(body.get("waits")))
            )
    unanswered: dict[Stream, dict[str, Working]] = {stream: {} for stream in halts}
    for one in reader.open_intents():
        if one.row.stream in unanswered:
            unanswered[one.row.stream][str(one.row.order_link_id)] = working_of(one.id, one.row)
    controls = reader.events(Kind.CONTROL)
    exits = {stream: _last_exit(stream, own, controls) for stream, own in names.items()}
    return Memory(
        halts,
        {stream: reader.last_agreed_ms(stream) for stream in halts},
        {stream: found for stream, found in exits.items() if found is not None},
        {stream: _attempts(stream, own) for stream, own in names.items()},
        recorded_tally(reader),
        unanswered,
    )


def _last_exit(stream: Stream, names: Sequence[Named], controls: Sequence[Event]) -> LastExit | None:
    """The newest order of a stream or flatten of its symbol, when it was to leave and nothing tells that it has.

    An entry that waits for the position it reverses follows an exit only when it has been sent, and that the position
    tells: the exit's side is then no longer against it.
    """
    newest = next((one for one in reversed(names) if not one.waits), None)
    found, since = None, -1 if newest is None else newest.seq
    if newest is not None and newest.link.action != ENTRY:
        found = LastExit(newest.link.action, newest.link.start_ms(stream.timeframe_ms), newest.side)
    for event in controls:
        body = event.body if isinstance(event.body, Mapping) else {}
        if event.seq < since:
            continue
        if body.get("command") == "flatten" and body.get("symbol") in (None, "", stream.symbol):
            found = LastExit(FLATTEN, event.received_ms, 0)
        elif body.get("command") == LEFT and (event.category, event.symbol) == (
            stream.category,
            stream.symbol,
        ):
            found = None
    return found


def _attempts(stream: Stream, names: Sequence[Named]) -> dict[tuple[int, str], int]:
    """Of the newest bar that orders were named for: a name is used once, whichever process used it."""
    starts = [one.link.start_ms(stream.timeframe_ms) for one in names]
    newest_ms = max(starts, default=0)
    found: dict[tuple[int, str], int] = {}
    for bar_ms, one in zip(starts, names, strict=True):
        if bar_ms == newest_ms:
            key = (bar_ms, one.link.action)
            found[key] = max(one.link.attempt, found.get(key, 0))
    return found


def lift(reasons: dict[str, str], name: object, *, whole: bool = True) -> None:
    """Resume: take one halt away, or all of them when none is named.

    Those of the account hold for every symbol, so they end with a resume of the ``whole`` deployment only.
    """
    for one in list(reasons):
        if name in (None, one) and (whole or one not in ACCOUNT_WIDE):
            del reasons[one]
