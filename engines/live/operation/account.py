"""The account as a command sees it: a session of its own beside the deployment's, for looking and for cleaning up."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from engines.journal import Outcome
from engines.live.bybit.calls import perform
from engines.live.bybit.keys import load_keys
from engines.live.bybit.session import BybitSession, use_clock
from engines.live.bybit.startup import measure_offset
from engines.live.settings import Loaded
from engines.live.venue import PositionReport, PriceReport, ReadOpenOrders, ReadPosition, ReadPrice, Request
from feeds.live import WallClock
from feeds.stream import Stream
from kwin_core.errors import VenueError


class Account:
    """Reads and clean-ups by REST; use it as a context.

    Parameters
    ----------
    loaded
        The configuration: address and keys.

    Raises
    ------
    ConfigError
        No keys.
    VenueError
        The exchange's time cannot be read.
    """

    def __init__(self, loaded: Loaded) -> None:
        config = loaded.config
        keys = load_keys(config.deployment.secrets_file)
        host = config.network.rest_url or config.deployment.venue
        self.clock = WallClock()
        self.session = BybitSession(host, keys, timeout_s=config.network.rest_timeout_s)
        self.clock.offset_ms = measure_offset(self.session, self.clock.now_ms)
        use_clock(self.clock.now_ms)

    def position(self, stream: Stream) -> PositionReport:
        """The position of a symbol, also when it is flat.

        Raises
        ------
        VenueError
            No reliable answer.
        """
        report: PositionReport = self._first(ReadPosition(key="look", stream=stream))
        return report

    def open_positions(self, streams: Iterable[Stream]) -> list[PositionReport]:
        """Those that are not flat."""
        return [one for one in map(self.position, streams) if one.qty != 0]

    def price(self, stream: Stream) -> PriceReport:
        """Last and mark price."""
        report: PriceReport = self._first(ReadPrice(key="look", stream=stream))
        return report

    def resting(self, stream: Stream) -> list[Any]:
        """Orders that rest for a symbol, stops included: `OrderReport` rows."""
        return list(self._rows(ReadOpenOrders(key="look", stream=stream)))

    def cancel_all(self, stream: Stream) -> None:
        """Cancel everything that rests for a symbol, stops included: only when it is flat."""
        reply = self.session.call("cancel_all_orders", category=stream.category, symbol=stream.symbol)
        if reply.outcome is not Outcome.CONFIRMED:
            raise VenueError(f"{stream.symbol}: its orders could not be cancelled: {reply.text}")

    def close(self) -> None:
        """Drop the connection."""
        self.session.close()
        self.clock.close()

    def __enter__(self) -> Account:
        return self

    def __exit__(self, *about: object) -> None:
        self.close()

    def _first(self, request: Request) -> Any:
        rows = self._rows(request)
        if not rows:
            raise VenueError(f"{request.stream.symbol}: the exchange answers without a row; look again")
        return rows[0]

    def _rows(self, request: Request) -> tuple[Any, ...]:
        reply, rows = perform(self.session, request, self.clock.now_ms)
        if reply.outcome is not Outcome.CONFIRMED:
            raise VenueError(f"{request.stream.symbol}: {reply.text or 'no answer'}")
        return rows


def unrealised(report: PositionReport, price: Decimal) -> Decimal:
    """Result of a position if it were left at a price, quote currency, before fees."""
    if report.side is None or report.entry_price is None:
        return Decimal(0)
    return (price - report.entry_price) * report.qty * report.side.sign
