"""May this entry be sent? Pure functions: the order as the exchange would see it, or the reason why not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal
from enum import StrEnum

from engines.live.venue import TradingRules, WalletReport
from kwin_core.kwin.setup import Setup

FEES_OF_A_TRADE = 2  # in and out


class TooLarge(StrEnum):
    """Policy for an entry that margin or a limit does not allow in full."""

    REJECT = "reject"
    SCALE_DOWN = "scale_down"


@dataclass(frozen=True)
class Sized:
    """Quantity to send (base currency), or zero and why."""

    qty: Decimal
    reason: str = ""


def floor_step(qty: Decimal, step: Decimal) -> Decimal:
    """Quantity cut to whole steps, exactly."""
    return (qty / step).to_integral_value(ROUND_FLOOR) * step


def size_entry(
    wanted: Decimal,
    price: Decimal,
    rules: TradingRules,
    wallet: WalletReport | None,
    policy: TooLarge,
    *,
    free: Decimal | None = None,
    caps: Sequence[tuple[Decimal, str]] = (),
) -> Sized:
    """Quantity of an entry after the exchange's limits and the account's margin.

    Parameters
    ----------
    wanted
        What the script asks for, base currency.
    price
        The decision's close, quote currency.
    rules
        Of the symbol.
    wallet
        Newest; None is unknown, and then nothing is sent.
    policy
        What to do with too large a size.
    free
        What is left for this entry when other symbols share the wallet, quote currency; by default all that the
        wallet has available.
    caps
        Largest values that limits of the account allow, quote currency, each with the reason in words.
    """
    if not rules.trading:
        return Sized(Decimal(0), f"{rules.symbol} takes no new positions now")
    if wallet is None:
        return Sized(Decimal(0), "the account's balance is unknown")
    qty = floor_step(wanted, rules.qty_step)
    cost = 1 / rules.leverage + FEES_OF_A_TRADE * rules.taker_fee
    left = wallet.available if free is None else free
    limits = [
        (rules.max_market_qty, f"a market order may be {rules.max_market_qty} at most"),
        (
            floor_step(max(left, Decimal(0)) / (price * cost), rules.qty_step),
            f"{left} {wallet.coin} are available at leverage {rules.leverage}",
        ),
        *((floor_step(value / price, rules.qty_step), words) for value, words in caps),
    ]
    for most, words in limits:
        if qty > most:
            if policy is TooLarge.REJECT:
                return Sized(Decimal(0), f"quantity {qty} is too large: {words}")
            qty = most
    if qty < rules.min_qty:
        return Sized(Decimal(0), f"quantity {qty} is below the smallest order {rules.min_qty}")
    if qty * price < rules.min_notional:
        return Sized(
            Decimal(0), f"value {qty * price} is below the smallest order value {rules.min_notional}"
        )
    return Sized(qty)


def untradable_trail(setup: Setup, rules: TradingRules, price: Decimal) -> str | None:
    """Why the strategy's trail cannot earn its fees at a price; None when it can, or when there is none.

    A trail tighter than both taker fees exits at a loss wherever it is hit right after it has woken.
    """
    values = setup.values
    if not values.get("enable_smart_trail"):
        return None
    offset = price * Decimal(str(values["trailing_offset"])) / 100
    distance = offset.to_integral_value(ROUND_FLOOR) * rules.tick if setup.profile == "tv-literal" else offset
    fees = FEES_OF_A_TRADE * rules.taker_fee * price
    if distance >= fees:
        return None
    return (
        f"the trail of {distance:.2f} is tighter than the two taker fees of {fees:.2f} at a price of {price}: "
        "it cannot be traded (accept_untradable_trail = true to do so all the same)"
    )
