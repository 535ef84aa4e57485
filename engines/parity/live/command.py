"""``kwin-parity live``: from its arguments to its output and exit code."""

from __future__ import annotations

import json
from pathlib import Path

from engines.command_line import BAD_RESULT, GOOD, console, print_json
from engines.parity.live.body import body_of
from engines.parity.live.compare import live_parity
from engines.parity.live.history import read_history


def live_command(journal: Path, data: Path | None, *, as_json: bool, out: Path | None) -> int:
    """Check, print, tell the exit code: 0 only when every digest agrees.

    Raises
    ------
    JournalError, DataError, ConfigError
        Journal or data cannot be read.
    """
    found = live_parity(journal, data=None if data is None else read_history(data))
    content = body_of(str(journal), found)
    file = None
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        file = out / "parity_live.json"
        file.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")
    if as_json:
        print_json(content)
    else:
        from engines.parity.live.printing import show

        screen = console()
        for one in found:
            show(one, screen)
        if file is not None:
            screen.print(f"file {file}", style="dim", markup=False)
    return GOOD if content["good"] else BAD_RESULT
