"""Instruments: the filters of a symbol and the rows ``instruments-info`` prints for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Literal

from tests.exchange.numbers import decimals_of, plain

Category = Literal["linear", "spot"]


@dataclass(frozen=True)
class Instrument:
    """One tradable symbol.

    Prices are in the quote coin, quantities in the base coin, rates are fractions (0.01 is one percent).

    Attributes
    ----------
    tick, step
        Price and quantity grid; written as the exchange writes them, trailing zeros included ("0.10").
    max_market_qty
        Largest quantity of one market order, far below ``max_qty``.
    min_notional
        Smallest order value in quote.
    launch_ms
        Listing time (ms); 0 means the first bar of the market script.
    price_limit
        Largest distance of a limit price, and of a market order's protective price, from the last price, as a
        fraction.
    maintenance_rate
        Maintenance margin as a fraction of the position value.
    status
        "Trading", "PreLaunch", "Delivering" or "Closed".
    """

    symbol: str
    category: Category
    base: str
    quote: str
    tick: Decimal
    step: Decimal
    min_qty: Decimal
    max_qty: Decimal
    max_market_qty: Decimal
    min_notional: Decimal = Decimal(5)
    max_leverage: Decimal = Decimal("100.00")
    price_scale: int = 2
    symbol_id: int = 1
    launch_ms: int = 0
    funding_interval_min: int = 480
    funding_cap: Decimal = Decimal("0.005")
    price_limit: Decimal = Decimal("0.05")
    maintenance_rate: Decimal = Decimal("0.005")
    risk_limit: Decimal = Decimal(2_000_000)
    status: str = "Trading"

    @property
    def price_decimals(self) -> int:
        """Decimals of a price in tickers and trades."""
        return decimals_of(self.tick)

    @property
    def qty_decimals(self) -> int:
        """Decimals of a quantity."""
        return decimals_of(self.step)

    def listed_at(self, launch_ms: int) -> Instrument:
        """Copy with another listing time (ms)."""
        return replace(self, launch_ms=launch_ms)

    def row(self) -> dict[str, Any]:
        """The instrument as ``/v5/market/instruments-info`` lists it."""
        return _linear_row(self) if self.category == "linear" else _spot_row(self)


def linear(
    symbol: str,
    *,
    tick: str,
    step: str,
    min_qty: str | None = None,
    max_qty: str = "1500.000",
    max_market_qty: str = "150.000",
    **rest: Any,
) -> Instrument:
    """A USDT perpetual, e.g. ``linear("BTCUSDT", tick="0.10", step="0.001")``."""
    return Instrument(
        symbol=symbol,
        category="linear",
        base=symbol.removesuffix("USDT"),
        quote="USDT",
        tick=Decimal(tick),
        step=Decimal(step),
        min_qty=Decimal(min_qty or step),
        max_qty=Decimal(max_qty),
        max_market_qty=Decimal(max_market_qty),
        **rest,
    )


def spot(symbol: str, *, tick: str, step: str, min_qty: str | None = None, **rest: Any) -> Instrument:
    """A spot pair against USDT, e.g. ``spot("BTCUSDT", tick="0.1", step="0.000001")``."""
    return Instrument(
        symbol=symbol,
        category="spot",
        base=symbol.removesuffix("USDT"),
        quote="USDT",
        tick=Decimal(tick),
        step=Decimal(step),
        min_qty=Decimal(min_qty or step),
        max_qty=Decimal(83),
        max_market_qty=Decimal("41.5"),
        **rest,
    )


KNOWN: dict[tuple[str, str], Instrument] = {
    (one.category, one.symbol): one
    for one in (
        linear("BTCUSDT", tick="0.10", step="0.001", symbol_id=5, price_limit=Decimal("0.01")),
        linear(
            "ETHUSDT",
            tick="0.01",
            step="0.01",
            max_qty="10000.00",
            max_market_qty="2000.00",
            symbol_id=6,
            price_limit=Decimal("0.02"),
        ),
        linear(
            "SOLUSDT",
            tick="0.010",
            step="0.1",
            max_qty="96000.0",
            max_market_qty="12000.0",
            price_scale=3,
            symbol_id=38,
        ),
        linear(
            "1000PEPEUSDT",
            tick="0.0000010",
            step="100",
            max_qty="110000000",
            max_market_qty="42000000",
            max_leverage=Decimal("50.00"),
            price_scale=7,
            symbol_id=310,
            funding_cap=Decimal("0.01"),
        ),
        linear(
            "DOGEUSDT",
            tick="0.00001",
            step="1",
            max_qty="43678900",
            max_market_qty="5991100",
            max_leverage=Decimal("75.00"),
            price_scale=5,
            symbol_id=33,
            funding_cap=Decimal("0.0058"),
        ),
        spot("BTCUSDT", tick="0.1", step="0.000001", min_qty="0.000011", symbol_id=9),
        spot("ETHUSDT", tick="0.01", step="0.00001", symbol_id=10),
    )
}
"""Real symbols with the filters seen on the exchange, by (category, symbol)."""


def known(symbol: str, category: Category = "linear") -> Instrument:
    """A well-known instrument by name.

    Raises
    ------
    KeyError
        When the symbol is not in :data:`KNOWN`; build one with :func:`linear` or :func:`spot`.
    """
    return KNOWN[(category, symbol)]


def _linear_row(one: Instrument) -> dict[str, Any]:
    return {
        "symbol": one.symbol,
        "contractType": "LinearPerpetual",
        "status": one.status,
        "baseCoin": one.base,
        "quoteCoin": one.quote,
        "launchTime": str(one.launch_ms),
        "deliveryTime": "0",
        "deliveryFeeRate": "",
        "priceScale": str(one.price_scale),
        "leverageFilter": {
            "minLeverage": "1",
            "maxLeverage": str(one.max_leverage),
            "leverageStep": "0.01",
        },
        "priceFilter": {
            "minPrice": str(one.tick),
            "maxPrice": str(one.tick * 19_999_998),
            "tickSize": str(one.tick),
        },
        "lotSizeFilter": {
            "maxOrderQty": str(one.max_qty),
            "minOrderQty": str(one.min_qty),
            "qtyStep": str(one.step),
            "postOnlyMaxOrderQty": str(one.max_qty),
            "maxMktOrderQty": str(one.max_market_qty),
            "minNotionalValue": plain(one.min_notional),
        },
        "unifiedMarginTrade": True,
        "fundingInterval": one.funding_interval_min,
        "settleCoin": one.quote,
        "copyTrading": "both",
        "upperFundingRate": plain(one.funding_cap),
        "lowerFundingRate": plain(-one.funding_cap),
        "isPreListing": False,
        "preListingInfo": None,
        "riskParameters": {
            "priceLimitRatioX": plain(one.price_limit),
            "priceLimitRatioY": plain(one.price_limit * 2),
        },
        "displayName": "",
        "symbolType": "",
        "forbidUplWithdrawal": False,
        "symbolId": one.symbol_id,
    }


def _spot_row(one: Instrument) -> dict[str, Any]:
    return {
        "symbolId": one.symbol_id,
        "symbol": one.symbol,
        "baseCoin": one.base,
        "quoteCoin": one.quote,
        "innovation": "0",
        "status": one.status,
        "marginTrading": "utaOnly",
        "stTag": "0",
        "lotSizeFilter": {
            "basePrecision": plain(one.step),
            "quotePrecision": "0.0000001",
            "minOrderQty": plain(one.min_qty),
            "maxOrderQty": plain(one.max_qty),
            "minOrderAmt": plain(one.min_notional),
            "maxOrderAmt": "8000000",
            "maxLimitOrderQty": plain(one.max_qty),
            "maxMarketOrderQty": plain(one.max_market_qty),
            "postOnlyMaxLimitOrderSize": "60000",
        },
        "priceFilter": {"tickSize": plain(one.tick)},
        "riskParameters": {
            "priceLimitRatioX": plain(one.price_limit),
            "priceLimitRatioY": plain(one.price_limit * 2),
        },
        "symbolType": "",
    }
