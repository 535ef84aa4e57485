"""What an export says about itself: whether its numbers, prices and cumulative results belong together."""

from __future__ import annotations

from itertools import pairwise

from engines.parity.facts import cell
from engines.parity.tv_export import Export, ExportTrade

CENT = 0.0101
"""Two printed amounts may be off by this much, account currency, before they contradict each other."""


def lacking_numbers(export: Export) -> list[int]:
    """Numbers the list skips."""
    return [
        number
        for before, after in pairwise(trade.number for trade in export.trades)
        for number in range(before + 1, after)
    ]


def unexplained_step(before: ExportTrade | None, after: ExportTrade) -> float | None:
    """How much more the cumulative result moves from one trade to the next than the next one earned.

    Parameters
    ----------
    before, after
        Neighbours in the list; ``None`` before the first.

    Returns
    -------
    float or None
        Account currency; 0.0 when it is no more than rounding, ``None`` when the export does not tell.
    """
    last = 0.0 if before is None else cell(before.exit, "cumulative")
    now, net = cell(after.exit, "cumulative"), cell(after.exit, "net")
    if last is None or now is None or net is None or after.is_open:
        return None
    step = now - last - net
    return 0.0 if abs(step) <= 2.0 * CENT + 4e-7 * max(abs(now), abs(last)) else step


def implied_net(trade: ExportTrade, commission_percent: float) -> float | None:
    """Result that the trade's own prices and quantity give, account currency."""
    entry, exit_, qty = cell(trade.entry, "price"), cell(trade.exit, "price"), cell(trade.entry, "qty")
    if entry is None or exit_ is None or qty is None:
        return None
    fees = (entry + exit_) * qty * commission_percent / 100.0
    return trade.side * (exit_ - entry) * qty - fees


def contradicts_itself(trade: ExportTrade, commission_percent: float) -> bool:
    """Whether the printed result is not the one of the printed prices."""
    net, implied = cell(trade.exit, "net"), implied_net(trade, commission_percent)
    if net is None or implied is None:
        return False
    return abs(net - implied) > CENT / 2.0 + 4e-7 * abs(net) + 1e-9


def commission_of(export: Export) -> float | None:
    """Commission (percent a side) that explains the results of all closed trades together; ``None`` if unknown."""
    costs = notional = 0.0
    for trade in export.trades:
        net, gross = cell(trade.exit, "net"), implied_net(trade, 0.0)
        entry, exit_ = cell(trade.entry, "price"), cell(trade.exit, "price")
        qty = cell(trade.entry, "qty")
        if trade.is_open or net is None or gross is None or entry is None or exit_ is None or qty is None:
            continue
        costs += gross - net
        notional += (entry + exit_) * qty
    if notional <= 0.0:
        return None
    return float(f"{max(0.0, 100.0 * costs / notional):.3g}")


def capital_of(export: Export) -> float | None:
    """Initial capital that the cumulative percentages imply, to three digits; ``None`` if unknown."""
    best: tuple[float, float] | None = None
    for trade in export.trades:
        money, percent = cell(trade.exit, "cumulative"), cell(trade.exit, "cumulative_percent")
        if money and percent and (best is None or abs(percent) > abs(best[1])):
            best = (money, percent)
    if best is None or abs(best[1]) < 1.0:
        return None
    return float(f"{100.0 * best[0] / best[1]:.3g}")
