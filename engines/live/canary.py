"""The canary: small orders at first, and what rolls it back. Pure.

The strategy decides as ever, only the order is smaller; the ledger takes the executed quantity.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal

import numpy as np

from engines.live.drift import pair_trades
from engines.live.feasibility import floor_step
from engines.live.limits import Amount
from engines.live.venue import TradingRules


@dataclass(frozen=True)
class Slippage:
    """Ticks, or percent of the emulator's entry price."""

    value: Decimal
    percent: bool = False

    def ticks(self, price: Decimal, tick: Decimal) -> Decimal:
        """In ticks at a price."""
        return price * self.value / 100 / tick if self.percent else self.value

    def __str__(self) -> str:
        return f"{self.value}%" if self.percent else f"{self.value} ticks"


@dataclass(frozen=True)
class Canary:
    """Settings of the canary.

    Attributes
    ----------
    qty, fraction
        Of an entry: base currency, or a share of what the strategy asks for; exactly one is set. The smallest order
        that the exchange takes is sent in its place when it is larger, never more than the strategy asks for.
    trades
        Closed trades of a symbol after which its orders have their full size; None is no such end.
    until_ms
        Instant (ms) from which all orders have their full size; None is no such end.
    max_loss
        Of all symbols together since the deployment began or was last resumed; None is off.
    max_slippage
        Of an entry or an exit against the emulator's; None is off.
    drifts
        Kinds of drift rows of which one is enough.
    """

    qty: Decimal | None = None
    fraction: Decimal | None = None
    trades: int | None = None
    until_ms: int | None = None
    max_loss: Amount | None = None
    max_slippage: Slippage | None = None
    drifts: frozenset[str] = frozenset()

    def active(self, trades_done: int, now_ms: int) -> bool:
        """Whether a symbol still trades small after so many closed trades."""
        if self.trades is not None and trades_done >= self.trades:
            return False
        return self.until_ms is None or now_ms < self.until_ms

    def size(self, wanted: Decimal, price: Decimal, rules: TradingRules) -> Decimal:
        """Quantity (base currency) to send instead of what the strategy wants."""
        qty = self.qty if self.qty is not None else wanted * (self.fraction or Decimal(1))
        step = rules.qty_step
        least = max(
            rules.min_qty, (rules.min_notional / price / step).to_integral_value(ROUND_CEILING) * step
        )
        return min(wanted, max(floor_step(qty, step), least))


_TRADES_LOOKED_AT = 8


def slipped(
    emulator: np.ndarray, exchange: np.ndarray, tick: Decimal, most: Slippage, after_ms: int
) -> tuple[int, str] | None:
    """The newest trade whose entry or exit is worse than the emulator's by more than is allowed.

    Parameters
    ----------
    emulator, exchange
        Trades (``kwin_core.state.TRADE``) of both ledgers, open ones included, oldest first.
    tick
        Quote currency.
    most
        What is allowed.
    after_ms
        Trades whose entry's bar opened then (ms) or earlier have been judged.

    Returns
    -------
    tuple or None
        Open time (ms) of its entry's bar, and the reason.
    """
    pairs = pair_trades(emulator[-_TRADES_LOOKED_AT:], exchange[-_TRADES_LOOKED_AT:], tick=float(tick))
    for pair in reversed(pairs):
        apart = pair.slippage_ticks(float(tick))
        if apart is None or pair.emulator is None or pair.key[0] <= after_ms:
            continue
        allowed = most.ticks(Decimal(repr(pair.emulator.entry_price)), tick)
        same_exit = pair.exchange is not None and pair.exchange.exit_time_ms == pair.emulator.exit_time_ms
        for what, ticks in (("entry", apart[0]), ("exit", apart[1] if same_exit else None)):
            if ticks is not None and Decimal(repr(ticks)) > allowed:
                return pair.key[
                    0
                ], f"an {what} was {ticks:g} ticks worse than the emulator's, allowed are {most}"
    return None
