"""What a journal holds for the comparison, up to one event; it may be written meanwhile."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engines.journal import Ack, Digest, Drift, JournalReader, Kind, Ledger, Recorded, Snapshot
from engines.parity.live.found import Marked
from feeds.stream import Stream
from kwin_core.bars import parse_timeframe
from kwin_core.errors import ConfigError, DataError, JournalError
from kwin_core.kwin.setup import Setup, build


@dataclass(frozen=True)
class Record:
    """See the module.

    Attributes
    ----------
    reader
        The journal.
    last_seq
        Events behind this one are not looked at: they are of a later moment.
    venue
        Where it traded: an exchange, ``paper`` or ``replay``.
    setups
        The runs that its ledgers are.
    digests
        By stream, ledger and the bar's open time (ms).
    drifts
        Rows that the running bot recorded, by stream.
    acks
        By the number of their intent, oldest first.
    """

    reader: JournalReader
    last_seq: int
    venue: str
    setups: dict[Stream, Setup]
    digests: dict[tuple[Stream, Ledger], dict[int, Marked]]
    drifts: dict[Stream, list[Recorded[Drift]]]
    acks: dict[int, list[Recorded[Ack]]]

    def engine_of(self, stream: Stream, ledger: Ledger) -> str | None:
        """Hash of the engine that wrote the newest snapshot of a ledger; None without any."""
        found = [
            one.row.engine_hash
            for one in self.reader.rows(Snapshot)
            if one.row.stream == stream and one.row.ledger is ledger
        ]
        return found[-1] if found else None


def read_record(reader: JournalReader) -> Record:
    """Read everything but the events.

    Raises
    ------
    JournalError
        It never started, its start does not say with what, or retention has deleted its first events.
    """
    trimmed = reader.trimmed_seq()
    if trimmed > 0:
        raise JournalError(
            f"journal {reader.path}: retention has deleted its first {trimmed} events; check a backup from before, "
            "and set keep_days higher",
            kind="missing",
        )
    last_seq = reader.last_seq()
    setups = setups_of_journal(reader)
    digests: dict[tuple[Stream, Ledger], dict[int, Marked]] = {
        (stream, ledger): {} for stream in setups for ledger in Ledger
    }
    for digest in reader.rows(Digest):
        row = digest.row
        if digest.seq <= last_seq and row.stream in setups:
            digests[row.stream, row.ledger][row.start_ms] = Marked(digest.seq, row.chain, row.full_digest)
    drifts: dict[Stream, list[Recorded[Drift]]] = {stream: [] for stream in setups}
    for drift in reader.rows(Drift):
        if drift.seq <= last_seq and drift.row.stream in setups:
            drifts[drift.row.stream].append(drift)
    acks: dict[int, list[Recorded[Ack]]] = defaultdict(list)
    for ack in reader.rows(Ack):
        if ack.seq <= last_seq:
            acks[ack.row.intent].append(ack)
    return Record(reader, last_seq, reader.identity().venue, setups, digests, drifts, dict(acks))


def setups_of_journal(reader: JournalReader) -> dict[Stream, Setup]:
    """The runs that a journal's ledgers are, rebuilt from what its first START recorded.

    Raises
    ------
    JournalError
        It never started, or its start does not say with what.
    """
    starts = reader.events(Kind.START)
    if not starts:
        raise JournalError(
            f"journal {reader.path}: no start is recorded; start the deployment first", kind="missing"
        )
    body = starts[0].body
    if not isinstance(body, Mapping) or not isinstance(body.get("instruments"), Mapping):
        raise JournalError(
            f"journal {reader.path}: its start (event {starts[0].seq}) names no instruments, so the runs cannot be "
            "rebuilt; only journals of kwin-live can be checked",
            kind="foreign",
        )
    try:
        return dict(_setup(name, facts, body) for name, facts in body["instruments"].items())
    except KeyError as error:
        raise JournalError(
            f"journal {reader.path}: its start (event {starts[0].seq}) does not name {error.args[0]!r}, so the runs "
            "cannot be rebuilt; only journals of kwin-live can be checked",
            kind="foreign",
        ) from None
    except (ConfigError, DataError) as error:
        raise JournalError(
            f"journal {reader.path}: its start (event {starts[0].seq}) cannot be rebuilt by this version: {error}",
            kind="version",
        ) from error


def _setup(name: str, facts: Mapping[str, Any], body: Mapping[str, Any]) -> tuple[Stream, Setup]:
    category, _, rest = name.partition(" ")
    symbol, _, timeframe = rest.partition(" ")
    stream = Stream(category, symbol, parse_timeframe(timeframe))
    setup = build(
        body["preset"],
        body["profile"],
        body["inputs"],
        tick=facts["tick"],
        timeframe_ms=stream.timeframe_ms,
        now_ms=body["trade_from_ms"],
        lot=facts["lot"],
        capital=body["capital"],
        trade_from_ms=body["trade_from_ms"],
    )
    return stream, setup
