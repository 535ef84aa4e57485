"""``kwin-live backup``: a copy of the journal, also while the deployment writes it."""

from __future__ import annotations

from pathlib import Path

from engines.command_line import fail, print_json
from engines.journal import backup_journal
from engines.live.exit_codes import ExitCode
from kwin_core.errors import JournalError


def back_up(journal: Path, target: Path) -> int:
    """Copy, prove the copy, and print what is in it."""
    try:
        done = backup_journal(journal, target)
    except JournalError as error:
        fail(str(error))
        return ExitCode.JOURNAL
    print_json({"backup": str(done.path), "bytes": done.size_bytes, "events": done.last_seq})
    return ExitCode.GOOD
