"""What a desk must know of the process before it: halts in force, and until when it heard the exchange."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engines.journal import Intent, JournalReader, Kind, parse_order_link_id
from engines.live.intents import working_of
from engines.live.limits import ACCOUNT_WIDE
from engines.live.tally import Tally, recorded_tally
from engines.live.working import Working
from feeds.stream import Stream

_OWN_KINDS = (Kind.START, Kind.STOP, Kind.CONTROL)
"""Numbered without the exchange: a halt written while nothing ran does not mean that its news were heard."""


@dataclass(frozen=True)
class Memory:
    """See the module.

    Attributes
    ----------
    halts
        Reasons by name, by stream.
    seen_until_ms
        0 for a new journal.
    attempts
        By stream, the bar's open time (ms) and action: how many orders were named for them.
    unanswered
        Orders that nothing definite is recorded of, by stream and name.
    """

    halts: dict[Stream, dict[str, str]]
    seen_until_ms: int
    tally: Tally
    attempts: dict[Stream, dict[tuple[int, str], int]]
    unanswered: dict[Stream, dict[str, Working]]


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
    return Memory(
        halts,
        reader.last_received_ms(but=_OWN_KINDS),
        recorded_tally(reader),
        {one: _attempts(reader, one) for one in halts},
        {one: _unanswered(reader, one) for one in halts},
    )


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
