"""``kwin-live upgrade-check``: would this version have decided as the one that wrote the journal did?

The journal's bars and broker events are replayed under the installed version; every decision is compared with the one
that was recorded. Once X has decided otherwise, what follows is what this version makes of executions that belong to
the old decisions: the first difference is the one to look at. The journal is only read, so it may be in use.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from engines.command_line import console, fail, print_json
from engines.journal import Decision, Digest, JournalReader, Kind, Ledger
from engines.live.ending import exit_code_of
from engines.live.exit_codes import ExitCode
from engines.live.lane import Lane, commands_of
from engines.live.operation.words import journal_of
from engines.live.restart import Replay, from_snapshot
from engines.parity.live.record import setups_of_journal
from feeds.instants import iso
from feeds.stream import Stream
from kwin_core.errors import KwinError, ParityError

_SHOWN = 40


@dataclass(frozen=True)
class Differs:
    """One decision that this version would not repeat: what the script told its broker, then and now."""

    stream: str
    bar: str
    ledger: str
    then: list[dict[str, Any]]
    now: list[dict[str, Any]]


class _Decisions(Replay):
    """Compares every decision, and every digest, on the way."""

    def __init__(
        self, reader: JournalReader, lanes: Mapping[Stream, Lane], starts: Mapping[Stream, int]
    ) -> None:
        super().__init__(reader, lanes, starts)
        self.bars = 0
        self.differing: list[Differs] = []
        self.digests = 0
        self.first_digest: dict[tuple[Stream, Ledger], str] = {}
        self._decided: dict[tuple[Stream, int], Mapping[str, Any]] = {
            (one.row.stream, one.row.start_ms): one.row.body  # type: ignore[misc]
            for one in reader.rows(Decision, self.first_seq)
        }
        self._digests: dict[tuple[Stream, Ledger, int], Digest] = {
            (one.row.stream, one.row.ledger, one.row.start_ms): one.row
            for one in reader.rows(Digest, self.first_seq)
        }

    def bar(self, lane: Lane, bar: np.ndarray) -> None:
        """Advance both ledgers and compare what they asked for, then what they are."""
        start_ms = int(bar["time_ms"][0])
        then = self._decided.get((lane.stream, start_ms), {})
        now = {
            "E": commands_of(lane.emulate(bar).events, lane.setup),
            "X": commands_of(lane.decide(bar), lane.setup),
        }
        self.bars += 1
        for name, commands in now.items():
            before = list(then.get(name, []))
            if commands != before:
                self.differing.append(Differs(str(lane.stream), iso(start_ms), name, before, commands))
        for which, run in ((Ledger.EMULATOR, lane.emulator), (Ledger.EXCHANGE, lane.exchange)):
            recorded = self._digests.get((lane.stream, which, start_ms))
            if recorded is None:
                continue
            self.digests += 1
            same = run.chain == recorded.chain and recorded.full_digest in (None, run.digest())
            if not same:
                self.first_digest.setdefault((lane.stream, which), iso(start_ms))


def compare_versions(reader: JournalReader) -> dict[str, Any]:
    """Everything the command shows, as JSON holds it.

    Raises
    ------
    JournalError
        It cannot be read, or names no runs.
    ParityError
        Its first events are gone and no snapshot fits this version.
    """
    lanes = {stream: Lane(stream, setup) for stream, setup in setups_of_journal(reader).items()}
    trimmed = reader.trimmed_seq()
    starts = {
        stream: from_snapshot(reader, lane, oldest=True) if trimmed else 0 for stream, lane in lanes.items()
    }
    for stream, seq in starts.items():
        if trimmed and seq == 0:
            raise ParityError(
                f"{stream}: the first {trimmed} events were deleted by retention and no snapshot is of this version, "
                "so nothing can be replayed; check a backup from before, or stay with the version that wrote it"
            )
    replay = _Decisions(reader, lanes, starts)
    replay.run()
    written = [
        str(event.body.get("version", "unknown"))
        for event in reader.events(Kind.START)
        if isinstance(event.body, Mapping)
    ]
    return {
        "journal": str(reader.path),
        "installed": version("kwin"),
        "written_by": list(dict.fromkeys(written)),
        "bars": replay.bars,
        "digests": replay.digests,
        "differing": [vars(one) for one in replay.differing],
        "first_digest_that_differs": [
            {"stream": str(stream), "ledger": which.value, "bar": bar}
            for (stream, which), bar in replay.first_digest.items()
        ],
    }


def upgrade_check(path: Path, *, as_json: bool) -> int:
    """Print it; 0 when this version may go on with the journal, 1 when it would decide or be otherwise."""
    try:
        with JournalReader(journal_of(path)) as reader:
            found = compare_versions(reader)
    except KwinError as error:
        fail(str(error))
        return exit_code_of(error)
    good = not found["differing"] and not found["first_digest_that_differs"]
    if as_json:
        print_json({"good": good, **found})
    else:
        _print(found, good=good)
    return ExitCode.GOOD if good else ExitCode.BAD_RESULT


def _print(found: Mapping[str, Any], *, good: bool) -> None:
    screen = console()
    screen.print(
        f"{found['bars']} bars replayed under {found['installed']}, written by {', '.join(found['written_by'])}; "
        f"{found['digests']} digests compared"
    )
    rows = found["differing"]
    for row in rows[:_SHOWN]:
        screen.print(f"{row['bar']}  {row['stream']}  ledger {row['ledger']}")
        screen.print(f"  then  {_words(row['then'])}")
        screen.print(f"  now   {_words(row['now'])}")
    if len(rows) > _SHOWN:
        screen.print(f"... and {len(rows) - _SHOWN} more (--json has them all)")
    for one in found["first_digest_that_differs"]:
        screen.print(f"{one['stream']}: the state of ledger {one['ledger']} differs from bar {one['bar']} on")
    if good:
        screen.print("no decision differs: this version goes on with the journal")
    else:
        count = f"{len(rows)} decisions differ" if rows else "no decision differs, but the state does"
        screen.print(
            f"{count}: this version refuses to go on with the journal (exit code {ExitCode.DIGESTS.value}); leave the "
            "position with the old version first, then begin a new journal"
        )


def _words(commands: list[dict[str, Any]]) -> str:
    if not commands:
        return "nothing"
    found = []
    for one in commands:
        levels = ", ".join(f"{key} {value:g}" for key, value in one.items() if isinstance(value, float))
        found.append(f"{one['event']} {one['id'] or 'order'} side {one['side']:+d} ({levels})")
    return "; ".join(found)
