"""Before the first bar: which symbols exist, and where the history of a series begins."""

from __future__ import annotations

from collections.abc import Collection

from feeds.bybit_history import KlineHistory
from feeds.bybit_payloads import Listing
from feeds.bybit_rest import BybitMarket
from feeds.live.settings import LiveSettings
from feeds.protocol import Instrument
from feeds.stream import Stream
from kwin_core.bars import floor_time
from kwin_core.errors import ConfigError, VenueError

_BAD_PARAMETER = 10001


def read_instruments(settings: LiveSettings, resumed: Collection[Stream] = ()) -> dict[Stream, Instrument]:
    """Facts of every series, one read a symbol.

    Parameters
    ----------
    settings
        Of the feed.
    resumed
        Series that go on: their symbols may have been closed for trading since.

    Raises
    ------
    ConfigError
        When a symbol is not listed, or not trading and new.
    VenueError
        When the exchange cannot be reached.
    """
    market = BybitMarket(settings.environment)
    found: dict[Stream, Instrument] = {}
    for category, symbol in sorted({(one.category, one.symbol) for one in settings.streams}):
        listing = _find(market, category, symbol)
        goes_on = any((one.category, one.symbol) == (category, symbol) for one in resumed)
        if listing.status != "Trading" and not goes_on:
            raise ConfigError(f"Bybit's {category} {symbol} is {listing.status!r}, not trading; leave it out")
        for one in settings.streams:
            if (one.category, one.symbol) == (category, symbol):
                found[one] = Instrument(
                    symbol, one.timeframe_ms, listing.tick, listing.lot, listing.min_order
                )
    return found


def first_bar_ms(market: BybitMarket, stream: Stream, warmup_bars: int, now_ms: int) -> tuple[int, int]:
    """Open time (ms) of the first bar to deliver, and of the one that was wanted.

    The exchange may have less history than wanted; that is believed when two reads say so.

    Raises
    ------
    VenueError
        When the exchange fails, or shows no history of a series that has some.
    """
    forming_ms = floor_time(now_ms, stream.timeframe_ms)
    wanted_ms = forming_ms - warmup_bars * stream.timeframe_ms
    if warmup_bars == 0:
        return wanted_ms, wanted_ms
    history = KlineHistory(market, stream.category, stream.symbol, stream.timeframe_ms)
    firsts = []
    for _ in range(2):
        page = history.first_page(wanted_ms, forming_ms - stream.timeframe_ms)
        if page.size:
            firsts.append(int(page["time_ms"][0]))
            if firsts[-1] == wanted_ms:
                return wanted_ms, wanted_ms
    if firsts:
        return min(firsts), wanted_ms
    if history.listing.launch_ms >= forming_ms - stream.timeframe_ms:
        return forming_ms, wanted_ms
    raise VenueError(f"{history.name}: no bars although it is listed; asked again soon")


def _find(market: BybitMarket, category: str, symbol: str) -> Listing:
    """Filters of a symbol; an unknown one is an empty list, or the exchange's catch-all refusal."""
    unknown = f"Bybit lists no {category} symbol {symbol!r}; check its spelling and category"
    try:
        listing = market.listing(category, symbol)
    except VenueError as error:
        if f"(retCode {_BAD_PARAMETER})" in str(error):
            raise ConfigError(unknown) from None
        raise
    if listing is None:
        raise ConfigError(unknown)
    return listing
