"""Says when a result is made by the assumed path inside a bar rather than by the market."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MOST = 0.5
"""Share of trades closed on the bar of entry or the next from which on a result is dominated by the path."""

FEW_TRADES = 5
"""With fewer trades a share says nothing."""


def path_warning(summary: Mapping[str, Any]) -> str | None:
    """One line when the path that TradingView assumes inside each bar dominates a result, else ``None``.

    It does when most trades close on the bar after entry, or when exits trail closer than a typical bar is wide:
    then the order in which a bar's high and low came, which its four prices do not say, decides the result.
    """
    next_bar, trades = summary["closed_next_bar"], summary["trades_closed"]
    trail, typical = summary["average_trail"], summary["average_range"]
    reasons = []
    if next_bar is not None and trades >= FEW_TRADES and next_bar > MOST:
        reasons.append(f"{100.0 * next_bar:.0f} % of the trades close no later than the bar after entry")
    if trail is not None and trail < typical:
        reasons.append(f"the trail of {trail:.6g} is tighter than a typical bar of {typical:.6g}")
    if not reasons:
        return None
    return (
        f"NOT AN EDGE: this result is dominated by the price path assumed inside each bar ({'; '.join(reasons)})"
        " and cannot be expected from an account."
    )
