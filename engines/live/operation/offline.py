"""A word of the operator while nothing runs: written into the journal, so that the next start obeys it."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from engines.journal import Journal, JournalReader, Kind
from engines.live.memory import halts_in
from kwin_core.errors import ConfigError


def write_control(path: Path, body: Mapping[str, Any]) -> dict[str, Any]:
    """Number it in the journal; what the channel would have answered.

    Raises
    ------
    ConfigError
        The symbol is none of the journal's.
    JournalError
        No journal, not writable, or in use by a deployment that has no channel.
    """
    with JournalReader(path) as reader:
        identity = reader.identity()
        traded = sorted(stream.symbol for stream in reader.streams())
    symbol = body.get("symbol")
    if symbol is not None and symbol not in traded:
        raise ConfigError(
            f"{path}: {symbol} is not traded here; traded are {', '.join(traded) or 'no symbols yet'}"
        )
    now_ms = time.time_ns() // 1_000_000
    given = {key: value for key, value in body.items() if value is not None}
    with (
        Journal(path, profile=identity.profile, venue=identity.venue, now_ms=now_ms) as journal,
        journal.message() as message,
    ):
        seq = message.event(Kind.CONTROL, now_ms, {**given, "by": "operator", "offline": True})
    with JournalReader(path) as reader:
        halts = halts_in(reader, reader.streams())
    return {
        "recorded": True,
        "seq": seq,
        "pid": os.getpid(),
        "halts": {stream.symbol: reasons for stream, reasons in halts.items()},
    }
