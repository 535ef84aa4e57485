"""The unverified facts: what is believed of the exchange, and what a record of a probe shows of it."""

from __future__ import annotations

from engines.live.probe.entry_facts import ENTRY
from engines.live.probe.evidence import Fact
from engines.live.probe.exit_facts import EXIT
from engines.live.probe.record import Record


def settle(record: Record) -> list[Fact]:
    """All facts, in the order of the probe's steps."""
    return [*ENTRY.settle(record), *EXIT.settle(record)]
