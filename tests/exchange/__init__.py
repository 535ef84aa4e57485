"""A Bybit v5 exchange on loopback, for tests: REST and WebSocket, driven by a market script.

See README.md for what is implemented and what differs from the exchange.
"""

from __future__ import annotations

from tests.exchange.exchange import Exchange
from tests.exchange.instruments import Instrument, known, linear, spot
from tests.exchange.market import Market, bars_from_parquet, bars_from_prices

__all__ = [
    "Exchange",
    "Instrument",
    "Market",
    "bars_from_parquet",
    "bars_from_prices",
    "known",
    "linear",
    "spot",
]
