"""Klines of any interval at any instant, the forming bar included, computed from a market script."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kwin_core.bars import DAY_MS, MINUTE_MS, floor_time
from tests.exchange.market import Market
from tests.exchange.numbers import plain

INTERVALS: dict[str, int] = {
    **{str(minutes): minutes * MINUTE_MS for minutes in (1, 3, 5, 15, 30, 60, 120, 240, 360, 720)},
    "D": DAY_MS,
    "W": 7 * DAY_MS,
}
"""Interval names of the exchange and their length (ms). "M" is not served."""

MAX_ROWS = 1000
DEFAULT_ROWS = 200


@dataclass(frozen=True)
class Kline:
    """One bar of one interval, identified by ``start_ms``. Volume in base, the rest in quote currency."""

    start_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: float
    turnover: float

    def row(self) -> list[str]:
        """The 7 strings of ``/v5/market/kline``."""
        return [
            str(self.start_ms),
            plain(self.open),
            plain(self.high),
            plain(self.low),
            plain(self.close),
            plain(self.volume),
            plain(self.turnover),
        ]

    def element(self, interval: str, *, confirm: bool, push_ms: int) -> dict[str, Any]:
        """The bar as an element of a kline push; ``timestamp`` is the push time."""
        return {
            "start": self.start_ms,
            "end": self.start_ms + INTERVALS[interval] - 1,
            "interval": interval,
            "open": plain(self.open),
            "close": plain(self.close),
            "high": plain(self.high),
            "low": plain(self.low),
            "volume": plain(self.volume),
            "turnover": plain(self.turnover),
            "confirm": confirm,
            "timestamp": push_ms,
        }


class KlineBook:
    """All klines of one market: the aggregates of its script; the rest depends on the time asked for."""

    def __init__(self, market: Market) -> None:
        self.market = market
        bars = market.bars
        if "turnover" in (bars.dtype.names or ()):
            self._turnover = np.asarray(bars["turnover"], dtype=np.float64)
        else:
            typical = (bars["open"] + bars["high"] + bars["low"] + bars["close"]) / 4.0
            self._turnover = np.round(bars["volume"] * typical, 4)
        self._closed: dict[str, _Columns] = {}

    def serves(self, interval: str) -> bool:
        """Whether the script is fine enough for an interval."""
        length = INTERVALS.get(interval, 0)
        return length >= self.market.timeframe_ms and length % self.market.timeframe_ms == 0

    def at(self, interval: str, start_ms: int, now_ms: int) -> Kline | None:
        """The bar that opened at ``start_ms`` as known at ``now_ms``; ``None`` when there is none."""
        length = INTERVALS[interval]
        if start_ms > now_ms or start_ms < floor_time(self.market.start_ms, length):
            return None
        if start_ms + length <= now_ms:
            return self._closed_bar(interval, start_ms)
        return self._forming_bar(start_ms, now_ms)

    def query(
        self,
        interval: str,
        *,
        start_ms: int | None,
        end_ms: int | None,
        limit: int,
        now_ms: int,
    ) -> list[Kline]:
        """Rows of ``/v5/market/kline``: newest first, the forming bar included, both bounds inclusive.

        ``start`` inside a bar means that bar. With only ``start`` the oldest ``limit`` rows from there;
        else the newest ``limit`` rows up to ``end``.
        """
        length = INTERVALS[interval]
        first = floor_time(self.market.start_ms, length)
        newest = floor_time(now_ms, length)
        low = max(first, floor_time(start_ms, length)) if start_ms is not None else first
        high = min(newest, floor_time(end_ms, length)) if end_ms is not None else newest
        if start_ms is not None and end_ms is None:
            high = min(high, low + (limit - 1) * length)
        low = max(low, high - (limit - 1) * length)
        rows = [self.at(interval, start, now_ms) for start in range(high, low - 1, -length)]
        return [row for row in rows if row is not None]

    def _closed_bar(self, interval: str, start_ms: int) -> Kline:
        columns = self._columns(interval)
        index = (start_ms - columns.first_ms) // INTERVALS[interval]
        if index >= len(columns.close):  # past the script: the market stands still
            last = float(self.market.bars["close"][-1])
            return Kline(start_ms, last, last, last, last, 0.0, 0.0)
        return Kline(
            start_ms,
            float(columns.open[index]),
            float(columns.high[index]),
            float(columns.low[index]),
            float(columns.close[index]),
            float(columns.volume[index]),
            float(columns.turnover[index]),
        )

    def _forming_bar(self, start_ms: int, now_ms: int) -> Kline:
        market = self.market
        parts: list[tuple[float, float, float, float, float, float]] = []
        first, last = max(0, market.index_at(start_ms)), market.index_at(now_ms)
        for index in range(first, min(last, len(market.bars))):
            bar = market.bars[index]
            turnover = float(self._turnover[index])
            parts.append(
                (
                    float(bar["open"]),
                    float(bar["high"]),
                    float(bar["low"]),
                    float(bar["close"]),
                    float(bar["volume"]),
                    turnover,
                )
            )
        if last < len(market.bars):
            parts.append(self._partial(last, now_ms))
        elif not parts or last > len(market.bars):
            close = float(market.bars["close"][-1])
            parts.append((close, close, close, close, 0.0, 0.0))
        return Kline(
            start_ms,
            parts[0][0],
            max(part[1] for part in parts),
            min(part[2] for part in parts),
            parts[-1][3],
            _sum(part[4] for part in parts),
            _sum(part[5] for part in parts),
        )

    def _partial(self, index: int, now_ms: int) -> tuple[float, float, float, float, float, float]:
        """Open, high, low, close, volume, turnover of an unfinished scripted bar."""
        bar = self.market.bars[index]
        opened = float(bar["open"])
        seen = [node for node in self.market.nodes(index) if node.time_ms <= now_ms]
        prices = [opened, *(node.price for node in seen)]
        volume = _sum(node.volume for node in seen)
        share = volume / float(bar["volume"]) if bar["volume"] else 0.0
        turnover = round(float(self._turnover[index]) * share, 4)
        return opened, max(prices), min(prices), prices[-1], volume, turnover

    def _columns(self, interval: str) -> _Columns:
        if interval not in self._closed:
            self._closed[interval] = _Columns.aggregate(
                self.market.bars, self._turnover, INTERVALS[interval], self.market.timeframe_ms
            )
        return self._closed[interval]


@dataclass(frozen=True)
class _Columns:
    """A whole script aggregated to one interval, as columns."""

    first_ms: int
    open: np.ndarray
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray
    turnover: np.ndarray

    @classmethod
    def aggregate(cls, bars: np.ndarray, turnover: np.ndarray, length: int, base: int) -> _Columns:
        times = bars["time_ms"]
        first = floor_time(int(times[0]), length)
        if length == base:
            return cls(
                first, bars["open"], bars["high"], bars["low"], bars["close"], bars["volume"], turnover
            )
        group = (times - first) // length
        begins = np.flatnonzero(np.diff(group, prepend=-1))
        ends = np.append(begins[1:], len(bars)) - 1
        return cls(
            first,
            bars["open"][begins],
            np.maximum.reduceat(bars["high"], begins),
            np.minimum.reduceat(bars["low"], begins),
            bars["close"][ends],
            np.round(np.add.reduceat(bars["volume"], begins), 8),
            np.round(np.add.reduceat(turnover, begins), 4),
        )


def _sum(values: Any) -> float:
    return round(float(sum(values)), 8)
