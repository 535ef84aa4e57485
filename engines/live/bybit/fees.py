"""The account's taker fees as the exchange tells them: never guessed, for every size and margin stands on them."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from engines.journal import Outcome
from engines.live.bybit.session import BybitSession


def fees_told(session: BybitSession, **where: str) -> tuple[dict[str, Decimal], str]:
    """Taker fees (fraction of the notional) by symbol, as far as they are told; and the words when none is.

    Parameters
    ----------
    where
        ``category``, and ``symbol`` for one alone. All at once is one request; by symbol five a second are allowed.
    """
    reply = session.call("get_fee_rates", **where)
    rows = reply.result.get("list") if reply.outcome is Outcome.CONFIRMED else None
    found = {}
    for row in rows if isinstance(rows, list) else ():
        try:
            fee = Decimal(str(row["takerFeeRate"]))
        except (TypeError, KeyError, InvalidOperation):
            continue
        if fee.is_finite():
            found[str(row.get("symbol"))] = fee
    return found, reply.text or "no rate in the answer"
