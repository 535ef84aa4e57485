"""Private REST endpoints of the account: wallet, settings, fees, transaction log, key, coins."""

from __future__ import annotations

from typing import Any

from tests.exchange.numbers import plain
from tests.exchange.pages import page, time_range
from tests.exchange.parameters import Parameters
from tests.exchange.replies import RefusedError
from tests.exchange.venue import Venue
from tests.exchange.wallet import wallet_row

_MODES = ("REGULAR_MARGIN", "ISOLATED_MARGIN", "PORTFOLIO_MARGIN")
_UTA_2 = 6


class AccountApi:
    """Handlers of ``/v5/account/*``, ``/v5/user/query-api`` and ``/v5/asset/coin/query-info``."""

    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def wallet_balance(self, parameters: Parameters) -> dict[str, Any]:
        """``GET /v5/account/wallet-balance``."""
        if parameters.required("accountType") != "UNIFIED":
            raise RefusedError(10001, "accountType only support UNIFIED.")
        names = parameters.text("coin")
        coins = set(names.split(",")) if names else None
        return {"list": [wallet_row(self._venue.seen_account(), self._venue.price_of, coins)]}

    def info(self, _: Parameters) -> dict[str, Any]:
        """``GET /v5/account/info``."""
        return {
            "marginMode": self._venue.account.margin_mode,
            "updatedTime": str(self._venue.clock.server_ms()),
            "unifiedMarginStatus": _UTA_2,
            "dcpStatus": "OFF",
            "timeWindow": 10,
            "smpGroup": 0,
            "isMasterTrader": False,
            "spotHedgingStatus": "OFF",
        }

    def fee_rate(self, parameters: Parameters) -> dict[str, Any]:
        """``GET /v5/account/fee-rate``."""
        category = parameters.choice("category", ("linear", "spot", "inverse", "option"))
        account = self._venue.account
        symbol = parameters.text("symbol")
        if symbol:
            self._venue.market(category, symbol)
        taker, maker = (
            (account.spot_taker, account.spot_maker) if category == "spot" else (account.taker, account.maker)
        )
        symbols = [name for kind, name in self._venue.markets if kind == category and symbol in ("", name)]
        return {
            "category": category,
            "list": [
                {"symbol": name, "takerFeeRate": plain(taker), "makerFeeRate": plain(maker)}
                for name in symbols
            ],
        }

    def set_margin_mode(self, parameters: Parameters) -> dict[str, Any]:
        """``POST /v5/account/set-margin-mode``: stored and shown; margin is always computed as cross."""
        mode = parameters.choice("setMarginMode", _MODES)
        if mode == self._venue.account.margin_mode:
            raise RefusedError(110026)
        self._venue.account.margin_mode = mode
        return {"reasons": []}

    def transaction_log(self, parameters: Parameters) -> dict[str, Any]:
        """``GET /v5/account/transaction-log``: newest first, with the balance after each row."""
        start, end = time_range(parameters, self._venue.clock.now_ms())
        found = [
            row
            for row in reversed(self._venue.seen_account().transactions)
            if start <= int(row["transactionTime"]) <= end
            and parameters.text("category", row["category"]) == row["category"]
            and parameters.text("currency", row["currency"]) == row["currency"]
            and parameters.text("type", row["type"]) == row["type"]
        ]
        rows, cursor = page(found, parameters, default=20, most=50)
        return {"nextPageCursor": cursor, "list": list(rows)}

    def query_api(self, _: Parameters) -> dict[str, Any]:
        """``GET /v5/user/query-api``: what the key may do."""
        return {
            "id": "1",
            "note": "simulator",
            "readOnly": 0,
            "type": 1,
            "permissions": {
                "ContractTrade": ["Order", "Position"],
                "Spot": ["SpotTrade"],
                "Wallet": [],
                "Options": [],
                "Derivatives": ["DerivativesTrade"],
            },
            "ips": ["*"],
            "userID": self._venue.account.uid,
            "inviterID": 0,
            "vipLevel": "No VIP",
            "mktMakerLevel": "0",
            "affiliateID": 0,
            "rsaPublicKey": "",
            "isMaster": True,
            "parentUid": "0",
            "uta": 1,
            "unified": 0,
            "kycLevel": "LEVEL_DEFAULT",
            "kycRegion": "",
        }

    def coins(self, parameters: Parameters) -> dict[str, Any]:
        """``GET /v5/asset/coin/query-info``: the coins of the listed symbols, without chains."""
        listed = {one.instrument.base for one in self._venue.markets.values()}
        listed |= {one.instrument.quote for one in self._venue.markets.values()}
        wanted = parameters.text("coin")
        rows = [
            {"name": name, "coin": name, "remainAmount": "0", "chains": []}
            for name in sorted(listed)
            if wanted in ("", name)
        ]
        return {"rows": rows}
