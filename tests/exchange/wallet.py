"""The wallet as REST and the ``wallet`` topic show it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tests.exchange.account import Account, Coin
from tests.exchange.numbers import ZERO, money

PriceOf = Callable[[str, str], Decimal]
"""(category, symbol) to price: the mark price of a perpetual, the last price of a spot pair."""

_SETTLE = "USDT"


def unrealised(account: Account, price_of: PriceOf) -> Decimal:
    """Open result of all positions, quote currency."""
    return sum((one.unrealised(price_of("linear", one.symbol)) for one in account.held()), ZERO)


def available(account: Account, price_of: PriceOf) -> Decimal:
    """Quote currency free for new orders: balance, open losses and gains, less bound margin."""
    free = account.coin(_SETTLE).wallet + unrealised(account, price_of)
    return free - account.position_margin() - account.order_margin() - account.locked(_SETTLE)


def maintenance(account: Account, price_of: PriceOf) -> Decimal:
    """Maintenance margin of all positions, quote currency."""
    return sum((one.maintenance_margin(price_of("linear", one.symbol)) for one in account.held()), ZERO)


def wallet_row(account: Account, price_of: PriceOf, coins: set[str] | None = None) -> dict[str, Any]:
    """The unified account: totals in USD (one USDT is one dollar) and a row a coin.

    Parameters
    ----------
    coins
        Names to show; ``None`` shows all.
    """
    open_result = unrealised(account, price_of)
    values = {name: _usd_value(coin, price_of) for name, coin in account.coins.items()}
    balance = sum(values.values(), ZERO)
    initial = account.position_margin() + account.order_margin()
    kept = maintenance(account, price_of)
    equity = balance + open_result
    shown = [coin for name, coin in account.coins.items() if coins is None or name in coins]
    return {
        "totalEquity": money(equity),
        "accountIMRate": money(initial / equity) if equity else "0",
        "accountIMRateByMp": money(initial / equity) if equity else "0",
        "totalMarginBalance": money(equity),
        "totalInitialMargin": money(initial),
        "totalInitialMarginByMp": money(initial),
        "accountType": "UNIFIED",
        "totalAvailableBalance": money(max(ZERO, equity - initial)),
        "accountMMRate": money(kept / equity) if equity else "0",
        "accountMMRateByMp": money(kept / equity) if equity else "0",
        "totalPerpUPL": money(open_result),
        "totalWalletBalance": money(balance),
        "accountLTV": "0",
        "totalMaintenanceMargin": money(kept),
        "totalMaintenanceMarginByMp": money(kept),
        "coin": [_coin_row(account, coin, values[coin.name], open_result, kept) for coin in shown],
    }


def _coin_row(
    account: Account, coin: Coin, usd_value: Decimal, open_result: Decimal, kept: Decimal
) -> dict[str, Any]:
    settles = coin.name == _SETTLE
    gain = open_result if settles else ZERO
    return {
        "availableToBorrow": "",
        "bonus": "0",
        "accruedInterest": "0",
        "availableToWithdraw": "",
        "totalOrderIM": money(account.order_margin()) if settles else "0",
        "equity": money(coin.wallet + gain),
        "totalPositionMM": money(kept) if settles else "0",
        "usdValue": money(usd_value + gain),
        "spotHedgingQty": "0",
        "unrealisedPnl": money(gain),
        "collateralSwitch": True,
        "borrowAmount": "0",
        "totalPositionIM": money(account.position_margin()) if settles else "0",
        "walletBalance": money(coin.wallet),
        "cumRealisedPnl": money(coin.realised),
        "locked": money(account.locked(coin.name)),
        "marginCollateral": True,
        "colRes": "0",
        "coin": coin.name,
        "spotBorrow": "0",
    }


def _usd_value(coin: Coin, price_of: PriceOf) -> Decimal:
    if coin.name == _SETTLE or not coin.wallet:
        return coin.wallet
    return coin.wallet * price_of("spot", f"{coin.name}USDT")
