"""Differences between the core's broker and the reference that are known, named, and waiting for their fix.

Each has a minimal example in ``test_open_points.py`` that fails strictly: the day the core is right, that test says
so and the entry here goes. Nothing else is ever left out of the comparison.
"""

from __future__ import annotations

from typing import Any

from tests.reference.records import ClosedTrade, Result


def kind_at_open(mine: ClosedTrade, theirs: ClosedTrade) -> bool:
    """The name of a fill at the open: offset 0 beyond the activation (R80), or stop and trail both passed (R81)."""
    return mine.exit_kind == "trail@open" and theirs.exit_kind in ("trail", "stop@gap")


def leg_of_nothing(mine: dict[str, Any], theirs: dict[str, Any]) -> bool:
    """An exit whose entry filled without opening anything (R137) still rests in the core (R149).

    From then on the columns that show the exit in force may show that one.
    """
    nothing = mine["exit_stop"] is None and theirs["exit_stop"] is not None
    return nothing and mine["pos_seen"] <= 0.0 <= theirs["pos_seen"] and not theirs["filled_at_close"]


def first_leg_stays(expected: Result) -> bool:
    """Margin: of two opposite entries of one bar that do not fit together the core keeps the second (R57)."""
    return any(row["action"] == 3 for row in expected.bars)
