"""Wallet and books, compared once a UTC day: what moved the balance must be in the books of the symbols.

Both are cash: results of what was closed, fees, funding. The comparison needs a quiet moment, in which every ledger
agrees with the exchange; a difference counts when a later wallet shows the same one, for a fill may be on its way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal

from engines.live.limits import Amount
from engines.live.seat import Seat
from engines.live.tally import DAY_MS, Tally
from engines.live.venue import WalletReport

_QUIET_MS = 60_000  # after midnight, where funding is settled, and after the newest fill
_AGAIN_MS = 30_000


def compare(
    tally: Tally, wallet: WalletReport, seats: Iterable[Seat], now_ms: int, tolerance: Amount
) -> tuple[Tally, Decimal | None]:
    """Look once at a wallet that has just been told.

    Parameters
    ----------
    tally
        What the comparison remembers; the first one only begins.
    wallet, seats
        As they are now.
    tolerance
        Difference that is left alone; a percentage is of the balance.

    Returns
    -------
    tuple
        The tally afterwards, and the difference (wallet less books, account's currency) that has to be told.
    """
    day = now_ms // DAY_MS
    seats = tuple(seats)
    if (
        tally.compared_day >= day
        or now_ms % DAY_MS < _QUIET_MS
        or not all(_quiet(one, now_ms) for one in seats)
    ):
        return tally, None
    booked = sum(one.lane.exchange.number("net_profit") for one in seats)
    agreed = replace(
        tally,
        compared_day=day,
        balance=str(wallet.wallet_balance),
        booked=booked,
        suspect=None,
        suspect_ms=0,
    )
    if tally.balance is None:
        return agreed, None
    change = wallet.wallet_balance - Decimal(tally.balance)
    difference = change - Decimal(repr(booked - tally.booked))
    allowed = tolerance.of(wallet.wallet_balance)
    if abs(difference) <= allowed:
        return agreed, None
    same = tally.suspect is not None and abs(difference - Decimal(tally.suspect)) <= allowed
    if same and now_ms - tally.suspect_ms >= _AGAIN_MS:
        return agreed, difference
    if same:
        return tally, None
    return replace(tally, suspect=str(difference), suspect_ms=now_ms), None


def _quiet(seat: Seat, now_ms: int) -> bool:
    return (
        not seat.lane.working
        and seat.there_qty == seat.held_qty
        and seat.is_current
        and now_ms - seat.last_fill_ms >= _QUIET_MS
    )
