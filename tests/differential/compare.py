"""What "equal" means between the compiled core and the reference, in one place.

Bars, times, sides, texts, kinds, flags and prices are equal exactly. Quantities and money are computed in another
order of operations, so they may differ in their last bits: by 1e-9 relative (commissions have ten digits, SP-49).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from tests.reference.records import Result

RELATIVE = 2e-9
MONEY = {"qty", "commission", "net_pnl", "runup", "drawdown", "open_profit", "pos_seen", "equity_seen"}
FORCE = {"exit_stop", "trail_points", "trail_offset"}
"""Columns on the exit in force: not compared on a bar at whose close an exit filled after the script."""


def differences(expected: Result, got: Result, skipped: frozenset[str] = frozenset()) -> Iterator[str]:
    """Every difference, earliest first; nothing when the two agree."""
    scale = max(
        [1.0, abs(expected.equity), *(abs(t.net_pnl) + t.commission + t.runup for t in expected.trades)]
    )
    for number, (mine, theirs) in enumerate(zip(expected.bars, got.bars, strict=True)):
        for column, value in mine.items():
            if column not in theirs or column in skipped:
                continue
            if column in FORCE and theirs["filled_at_close"]:
                continue
            if not equal(column, value, theirs[column], scale):
                yield f"bar {number}, {column}: reference {value!r}, core {theirs[column]!r}"
    for what, mine_list, their_list in (
        ("trade", expected.trades, got.trades),
        ("open trade", expected.open_trades, got.open_trades),
    ):
        if len(mine_list) != len(their_list):
            yield f"{what}s: reference {len(mine_list)}, core {len(their_list)}"
        for number, (a, b) in enumerate(zip(mine_list, their_list, strict=False)):
            theirs = asdict(b)  # type: ignore[call-overload]
            for name, value in asdict(a).items():  # type: ignore[call-overload]
                if not equal(name, value, theirs[name], scale):
                    yield f"{what} {number}, {name}: reference {value!r}, core {theirs[name]!r}"
    if not equal("net_pnl", expected.equity, got.equity, scale):
        yield f"equity: reference {expected.equity!r}, core {got.equity!r}"


def equal(name: str, a: Any, b: Any, scale: float) -> bool:
    """Whether two values of a field agree."""
    if a is None or b is None or isinstance(a, str):
        return bool(a == b)
    if name in MONEY:
        return bool(abs(a - b) <= RELATIVE * max(scale, abs(a)))
    if name in ("rsi14", "trail_points", "trail_offset", "barTS", "exit_stop", "sl", "longSL", "shortSL"):
        return bool(abs(a - b) <= 1e-11 * max(1.0, abs(a)))
    return bool(a == b)
