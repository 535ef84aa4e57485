"""What the exchange desk must know of the process before it: halts in force, and until when it heard the exchange."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engines.journal import JournalReader, Kind
from feeds.stream import Stream


@dataclass(frozen=True)
class Memory:
    """See the module; ``halts`` are reasons by name, by stream; ``seen_until_ms`` is 0 for a new journal."""

    halts: dict[Stream, dict[str, str]]
    seen_until_ms: int


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
                reasons.clear()
            elif command == "halt":
                name = str(event.body.get("name", "operator"))
                reasons[name] = str(event.body.get("reason", "by the operator"))
            elif command == "flatten":
                reasons["operator"] = "flattened by the operator"
    return Memory(halts, reader.last_received_ms())
