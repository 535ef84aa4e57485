"""What of the wallet is free when several symbols share it: what is held and under way counts before it is told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from engines.live.feasibility import FEES_OF_A_TRADE
from engines.live.seat import Seat
from engines.live.venue import WalletReport


@dataclass(frozen=True)
class Taken:
    """Of one symbol, quote currency.

    Attributes
    ----------
    held, under_way
        Value of its position, and of its entries that may still execute.
    held_margin, under_way_margin
        What they bind, fees included.
    freed
        What comes back when the position is closed, after the fee.
    """

    held: Decimal = Decimal(0)
    under_way: Decimal = Decimal(0)
    held_margin: Decimal = Decimal(0)
    under_way_margin: Decimal = Decimal(0)

    freed: Decimal = Decimal(0)

    @property
    def value(self) -> Decimal:
        """Of both."""
        return self.held + self.under_way


def taken(seat: Seat) -> Taken:
    """Of a seat, at the average price of its position and the last close."""
    ledger = seat.lane.exchange
    orders = sum((one.left for one in seat.lane.working.values() if one.enters), Decimal(0))
    held = abs(seat.held_qty)
    if not held and not orders:
        return Taken()
    share = 1 / seat.rules.leverage
    value = held * Decimal(repr(ledger.number("position_avg_price"))) if held else Decimal(0)
    coming = orders * Decimal(repr(ledger.close))
    return Taken(
        value,
        coming,
        value * (share + seat.rules.taker_fee),
        coming * (share + FEES_OF_A_TRADE * seat.rules.taker_fee),
        value * (share - seat.rules.taker_fee),
    )


def available(wallet: WalletReport, all_taken: Iterable[Taken], freed: Decimal = Decimal(0)) -> Decimal:
    """Quote currency free for one more entry; ``freed`` is what the position that it reverses gives back first.

    The wallet's own figure may be older than the newest fills, and never knows what is under way; the books know
    both, but not what others do on the account. The smaller one counts.
    """
    held = coming = Decimal(0)
    for one in all_taken:
        held += one.held_margin
        coming += one.under_way_margin
    return min(wallet.available, wallet.equity - held) + freed - coming
