"""What a desk must know of the process before it: halts in force, and until when it heard the exchange."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engines.journal import JournalReader, Kind
from engines.live.limits import ACCOUNT_WIDE
from engines.live.tally import Tally, recorded_tally
from feeds.stream import Stream

_OWN_KINDS = (Kind.START, Kind.STOP, Kind.CONTROL)
"""Numbered without the exchange: a halt written while nothing ran does not mean that its news were heard."""


@dataclass(frozen=True)
class Memory:
    """See the module; ``halts`` are reasons by name, by stream; ``seen_until_ms`` is 0 for a new journal."""

    halts: dict[Stream, dict[str, str]]
    seen_until_ms: int
    tally: Tally


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
    return Memory(halts, reader.last_received_ms(but=_OWN_KINDS), recorded_tally(reader))


def lift(reasons: dict[str, str], name: object, *, whole: bool = True) -> None:
    """Resume: take one halt away, or all of them when none is named.

    Those of the account hold for every symbol, so they end with a resume of the ``whole`` deployment only.
    """
    for one in list(reasons):
        if name in (None, one) and (whole or one not in ACCOUNT_WIDE):
            del reasons[one]
