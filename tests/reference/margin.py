"""Margin 0 or 100 percent: what is affordable, and how much a margin call closes."""

from __future__ import annotations

from decimal import Decimal

RELATIVE_EXCESS = 1e-11  # R91
WHOLE_CONTRACT = 1.0


class MarginRules:
    """Rules R90, R91, R94 for one margin ratio (a fraction; 0 switches everything off)."""

    def __init__(self, ratio: float, lot: float) -> None:
        self.ratio = ratio
        self.lot = lot

    def fits(self, notional: float, equity: float) -> bool:
        """Whether a position of this value, in quote currency, is affordable."""
        needed = notional * self.ratio
        return needed <= 0 or needed - equity <= RELATIVE_EXCESS * needed

    def call_qty(self, position_qty: float, price: float, equity: float) -> float:
        """Quantity a margin call closes at this price; 0 when the position is covered.

        Shortfall / margin ratio / price truncated to lots, times 4; no whole lot: one contract; at most
        the position (R94, R140). Without a lot step nothing is truncated.
        """
        if self.ratio == 0 or self.fits(position_qty * price, equity):
            return 0.0
        cover = (position_qty * price * self.ratio - equity) / self.ratio / price
        if self.lot > 0:
            cover = int(Decimal(repr(cover)) / Decimal(repr(self.lot))) * self.lot
        cut = WHOLE_CONTRACT if cover == 0 else 4 * cover
        return min(cut, position_qty)
