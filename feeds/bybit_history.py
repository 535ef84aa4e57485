"""Bybit's kline history in order: which bars exist, pages forward and backward, the newest bar settled.

What the exchange says once is not yet believed where a false answer would leave a hole or a wrong bar: an
empty page is read again before it counts as the listing date, a short page before it counts as a gap, and the
newest page until two reads agree, because a kline may still change for some moments after its close.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np

from feeds.bybit_payloads import Listing, interval_of
from feeds.bybit_rest import MAX_ROWS, BybitMarket
from feeds.gate import Gate
from feeds.instants import iso
from kwin_core.bars import BAR, floor_time
from kwin_core.errors import ConfigError, DataError, VenueError

EMPTY_READS = 3  # so many empty answers in a row are believed
SHORT_READS = 4  # so many reads of a page that lacks bars
SETTLE_READS = 6  # so many reads of the newest page
SETTLE_MS = 3_000  # after its close a bar is left alone for so long before the read that counts
_REREAD_PAUSE_S = 0.5


class KlineHistory:
    """Closed klines of one symbol.

    Parameters
    ----------
    market
        The client.
    category, symbol
        As Bybit spells them.
    timeframe_ms
        Length of a bar in ms.
    allow_gaps
        Accept bars that the exchange does not have, after reading again.

    Attributes
    ----------
    listing
        Filters and announced listing time.
    name
        For errors, e.g. ``"Bybit linear ETHUSDT"``.

    Raises
    ------
    ConfigError
        When Bybit has no such timeframe or symbol.
    """

    def __init__(
        self, market: BybitMarket, category: str, symbol: str, timeframe_ms: int, *, allow_gaps: bool = False
    ) -> None:
        self.market = market
        self.timeframe_ms = timeframe_ms
        self.allow_gaps = allow_gaps
        self.name = f"Bybit {category} {symbol}"
        self._interval = interval_of(timeframe_ms)
        self.listing = self._find_listing(category, symbol)

    def newest_closed(self, before_ms: int | None) -> int | None:
        """Open time (ms) of the newest closed bar that opened before an instant; ``None`` without any."""
        end_ms = None if before_ms is None else before_ms - 1
        for _ in range(EMPTY_READS):
            bars, now_ms = self._read(None, end_ms, limit=2)
            closed = bars["time_ms"][bars["time_ms"] + self.timeframe_ms <= now_ms]
            if closed.size:
                return int(closed[-1])
            time.sleep(_REREAD_PAUSE_S)
        return None

    def first_page(self, from_ms: int | None, last_ms: int) -> np.ndarray:
        """The first bars from an instant (``None``: the announced listing) on, at most one page.

        There may be older ones when pages were wrongly empty or the listing came earlier than announced:
        :meth:`backward` from here finds them. Empty only when there is nothing up to ``last_ms``.
        """
        start_ms = floor_time(max(from_ms or 0, min(self.listing.launch_ms, last_ms)), self.timeframe_ms)
        if from_ms is not None and start_ms < from_ms:
            start_ms += self.timeframe_ms
        while start_ms <= last_ms:
            end_ms = min(start_ms + (MAX_ROWS - 1) * self.timeframe_ms, last_ms)
            page = self._page_or_nothing(start_ms, end_ms, reads=2)
            if page.size:
                return page
            start_ms = end_ms + self.timeframe_ms
        return np.zeros(0, dtype=BAR)

    def backward(self, before_ms: int, from_ms: int | None) -> Iterator[np.ndarray]:
        """Pages of bars older than ``before_ms`` and not older than ``from_ms``, the newest page first.

        Ends at ``from_ms`` or where the exchange has nothing older, which is asked for repeatedly.
        """
        while from_ms is None or before_ms > from_ms:
            end_ms = before_ms - self.timeframe_ms
            start_ms = end_ms - (MAX_ROWS - 1) * self.timeframe_ms
            if from_ms is not None:
                start_ms = max(start_ms, from_ms)
            page = self._page_or_nothing(start_ms, end_ms, reads=EMPTY_READS)
            if page.size == 0:
                return
            if int(page["time_ms"][-1]) != end_ms or not _contiguous(page, self.timeframe_ms):
                page = self._whole_page(int(page["time_ms"][0]), end_ms)
            self._check(page, before=None)
            yield page
            before_ms = int(page["time_ms"][0])

    def forward(self, start_ms: int, last_ms: int) -> Iterator[np.ndarray]:
        """Pages of bars from one open time to another, both inclusive; the last page is settled.

        Raises
        ------
        DataError
            When the exchange lacks bars in between, and gaps are not allowed.
        VenueError
            When the newest bars keep changing.
        """
        before: int | None = None
        while start_ms <= last_ms:
            end_ms = min(start_ms + (MAX_ROWS - 1) * self.timeframe_ms, last_ms)
            page = self._whole_page(start_ms, end_ms)
            if end_ms == last_ms:
                page = self._settled(page, start_ms, end_ms)
            if page.size:
                self._check(page, before)
                before = int(page["time_ms"][-1])
                yield page
            start_ms = end_ms + self.timeframe_ms

    def _whole_page(self, start_ms: int, end_ms: int) -> np.ndarray:
        """All bars of a range no longer than a page; read again while some are missing."""
        wanted = (end_ms - start_ms) // self.timeframe_ms + 1
        best = np.zeros(0, dtype=BAR)
        for attempt in range(SHORT_READS):
            if attempt:
                time.sleep(_REREAD_PAUSE_S * attempt)
            bars, _ = self._read(start_ms, end_ms)
            if bars.size >= best.size:
                best = bars
            if best.size == wanted:
                return best
        if self.allow_gaps:
            return best
        missing = wanted - best.size
        times = start_ms + self.timeframe_ms * np.arange(wanted)
        first = int(times[~np.isin(times, best["time_ms"])][0])
        raise DataError(
            f"{self.name}: the exchange has no bar at {iso(first)} ({missing} missing up to {iso(end_ms)}); "
            "fetch again later, or allow gaps (--allow-gaps)",
            time_ms=first,
        )

    def _page_or_nothing(self, start_ms: int, end_ms: int, *, reads: int) -> np.ndarray:
        """Bars of a range; empty only when so many reads were."""
        for attempt in range(reads):
            if attempt:
                time.sleep(_REREAD_PAUSE_S)
            bars, now_ms = self._read(start_ms, end_ms)
            bars = bars[bars["time_ms"] + self.timeframe_ms <= now_ms]
            if bars.size:
                return bars
        return np.zeros(0, dtype=BAR)

    def _settled(self, page: np.ndarray, start_ms: int, end_ms: int) -> np.ndarray:
        """The newest page, read until two reads agree, the later one some seconds after the last close."""
        begun_s = time.monotonic()
        first_age_ms: int | None = None
        for _ in range(SETTLE_READS):
            again, now_ms = self._read(start_ms, end_ms)
            if first_age_ms is None:
                first_age_ms = now_ms - (end_ms + self.timeframe_ms)
            age_ms = first_age_ms + int((time.monotonic() - begun_s) * 1000)
            if age_ms >= SETTLE_MS and again.tobytes() == page.tobytes():
                return page
            page = again if again.size >= page.size else page
            time.sleep(max(_REREAD_PAUSE_S, (SETTLE_MS - age_ms) / 1000.0))
        raise VenueError(f"{self.name}: the newest bars change at every read; fetch again later")

    def _check(self, page: np.ndarray, before: int | None) -> None:
        """The page through the gate, and after the page before it."""
        gate = Gate(self.timeframe_ms, allow_gaps=self.allow_gaps, source=self.name)
        gate.last_ms = before
        gate.check(page)

    def _read(
        self, start_ms: int | None, end_ms: int | None, *, limit: int = MAX_ROWS
    ) -> tuple[np.ndarray, int]:
        """Bars with open times in a range (inclusive), whatever else the reply contains; server time (ms)."""
        bars, now_ms = self.market.klines(
            self.listing.category,
            self.listing.symbol,
            self._interval,
            start_ms=start_ms,
            end_ms=end_ms,
            limit=limit,
        )
        inside = np.ones(bars.size, dtype=bool)
        if start_ms is not None:
            inside &= bars["time_ms"] >= start_ms
        if end_ms is not None:
            inside &= bars["time_ms"] <= end_ms
        return bars[inside], now_ms

    def _find_listing(self, category: str, symbol: str) -> Listing:
        for attempt in range(EMPTY_READS):
            if attempt:
                time.sleep(_REREAD_PAUSE_S)
            listing = self.market.listing(category, symbol)
            if listing is not None:
                return listing
        raise ConfigError(f"Bybit lists no {category} symbol {symbol!r}; check its spelling and --category")


def _contiguous(bars: np.ndarray, timeframe_ms: int) -> bool:
    return bool((np.diff(bars["time_ms"]) == timeframe_ms).all())
