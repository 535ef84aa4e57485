"""What a deployment did and holds, read from its journal in a few short reads; it may be running meanwhile.

A process that was killed could not record its end: only that nobody answers at the control channel tells it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engines.command_line import console, fail, print_json
from engines.journal import (
    Configuration,
    Decision,
    Digest,
    Drift,
    Failure,
    JournalReader,
    Kind,
    Ledger,
    PositionMessage,
    StopMoved,
)
from engines.live.exit_codes import ExitCode
from engines.live.limit_settings import CanarySettings
from engines.live.memory import halts_in
from engines.live.operation.caller import answers
from engines.live.tally import recorded_tally
from feeds.instants import iso
from feeds.stream import Stream
from kwin_core.errors import JournalError

_LAST = 5


def status_of(reader: JournalReader) -> dict[str, Any]:
    """Everything that ``kwin-live status`` shows, as JSON holds it.

    Raises
    ------
    JournalError
        The file cannot be read.
    """
    identity = reader.identity()
    starts, stops = reader.events(Kind.START), reader.events(Kind.STOP)
    last_seq = reader.last_seq()
    running = bool(starts) and (not stops or stops[-1].seq < starts[-1].seq)
    failures, newest = reader.rows(Failure), _newest(reader)
    return {
        "journal": str(reader.path),
        "bytes": _bytes(reader.path),
        "deployment": str(identity.deployment),
        "venue": identity.venue,
        "profile": identity.profile,
        "begun": iso(identity.created_ms),
        "starts": len(starts),
        "stopped": not running,
        "channel": "answers" if answers(reader.path) else "nobody answers",
        "events": last_seq,
        "last_event": iso(reader.last_received_ms()) if last_seq else None,
        "account": _account(reader),
        "streams": [_stream(reader, stream, newest) for stream in reader.streams()],
        "open_intents": len(reader.open_intents()),
        "drifts": dict(Counter(one.row.kind for one in reader.rows(Drift))),
        "errors": len(failures),
        "last_errors": [{"place": one.row.place, "text": one.row.text} for one in failures[-_LAST:]],
    }


def _bytes(path: Path) -> int:
    """Of the file and of its log, which holds what was written last."""
    try:
        return path.stat().st_size + path.with_name(f"{path.name}-wal").stat().st_size
    except FileNotFoundError:  # no log: nothing is written, or the last writer has just gone
        return path.stat().st_size


def _account(reader: JournalReader) -> dict[str, Any]:
    """What is limited, what the limits have counted, and which symbols still trade small."""
    tally = recorded_tally(reader)
    now_ms = reader.last_received_ms()
    configurations = reader.rows(Configuration)
    body: Any = configurations[-1].row.body if configurations else {}
    canary = CanarySettings.model_validate(body.get("canary") or {}).canary
    streams = [str(stream) for stream in reader.streams()]
    return {
        "limits": {name: value for name, value in (body.get("limits") or {}).items() if value is not None},
        "losses_in_a_row": tally.losses,
        "drifts_of_the_day": tally.drifts,
        "requests_without_answer": tally.api_errors,
        "entries_of_the_last_hour": len(tally.entries_since(now_ms)),
        "trades": dict(tally.trades),
        "canary": [
            stream
            for stream in streams
            if canary is not None and canary.active(tally.trades.get(stream, 0), now_ms)
        ],
    }


@dataclass(frozen=True)
class _Newest:
    """The newest row of each kind by what it is about, and how many decisions there were; each table read once."""

    digests: dict[tuple[Stream, Ledger], Digest]
    stops: dict[Stream, StopMoved]
    positions: dict[str, PositionMessage]
    decisions: Counter[Stream]
    halts: dict[Stream, dict[str, str]]


def _newest(reader: JournalReader) -> _Newest:
    return _Newest(
        {(one.row.stream, one.row.ledger): one.row for one in reader.rows(Digest)},
        {one.row.stream: one.row for one in reader.rows(StopMoved)},
        {one.row.symbol: one.row for one in reader.rows(PositionMessage)},
        Counter(one.row.stream for one in reader.rows(Decision)),
        halts_in(reader, reader.streams()),
    )


def _stream(reader: JournalReader, stream: Stream, newest: _Newest) -> dict[str, Any]:
    emulator = newest.digests.get((stream, Ledger.EMULATOR))
    exchange = newest.digests.get((stream, Ledger.EXCHANGE))
    reported, stop = newest.positions.get(stream.symbol), newest.stops.get(stream)
    executions = reader.executions(stream.category, stream.symbol)
    position = sum(
        float(one.quantity) * (1.0 if one.side == "Buy" else -1.0)
        for _, one in executions
        if one.exec_type != "Funding"
    )
    return {
        "stream": str(stream),
        "last_bar": None if emulator is None else iso(emulator.start_ms),
        "digest_emulator": emulator and (emulator.full_digest or emulator.chain),
        "digest_exchange": exchange and (exchange.full_digest or exchange.chain),
        "decisions": newest.decisions[stream],
        "executions": len(executions),
        "position": round(position, 8),
        "position_reported": None if reported is None else _position_text(reported),
        "stop": stop.stop_loss if stop is not None and abs(position) > 1e-9 else None,
        "halts": newest.halts[stream],
    }


def _position_text(row: PositionMessage) -> str:
    return (
        "flat"
        if not row.side
        else f"{row.side} {row.size} at {row.entry_price}, stop {row.stop_loss or 'none'}"
    )


def show_status(path: Path, *, as_json: bool) -> int:
    """Print it."""
    try:
        with JournalReader(path) as reader:
            found = status_of(reader)
    except JournalError as error:
        fail(str(error))
        return ExitCode.JOURNAL
    if as_json:
        print_json(found)
        return ExitCode.GOOD
    screen = console()
    for name, value in found.items():
        if name == "streams":
            for stream in value:
                screen.print(f"\n{stream['stream']}")
                for key, one in stream.items():
                    if key != "stream":
                        screen.print(f"  {key.replace('_', ' '):20} {_words(one)}")
            screen.print("")
        elif name == "account":
            screen.print("account")
            for key, one in value.items():
                screen.print(f"  {key.replace('_', ' '):24} {_words(one)}")
        else:
            screen.print(f"{name.replace('_', ' '):22} {_words(value)}")
    return ExitCode.GOOD


def _words(value: Any) -> str:
    if value is None or value in ([], {}):
        return "none"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {one}" for key, one in value.items())
    if isinstance(value, list):
        return "; ".join(one if isinstance(one, str) else f"{one['place']}: {one['text']}" for one in value)
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)
