"""What a run adds up while it streams: enough for every statistic, of fixed size but for one number a day."""

from __future__ import annotations

import numpy as np

from engines.drive import Chunk
from kwin_core.bars import DAY_MS
from kwin_core.state import EXIT, REPLACED


def running_sum(start: float, values: np.ndarray) -> float:
    """The sum, added up one by one: the same bits however the values are cut into pieces."""
    return float(np.add.accumulate(np.concatenate(([start], values)))[-1])


def day_ends(times_ms: np.ndarray) -> np.ndarray:
    """Whether each bar, by open time (ms), is the last of its UTC day; bool."""
    days = times_ms // DAY_MS
    return np.append(days[1:] != days[:-1], True)


class Tally:
    """Sums over bars, trades and orders.

    Parameters
    ----------
    capital
        Account currency; the equity before the first bar.

    Attributes
    ----------
    bars, bars_in_position
        Bars seen, and bars at whose close a position was open.
    first_ms, last_ms
        Open times (ms) of the first and last bar; ``None`` before the first.
    range_sum
        Sum of high - low over the bars, quote currency.
    close_drawdown, close_drawdown_fraction
        Largest fall of the equity at bar closes from its peak: account currency, and fraction of the peak.
    longs, shorts, bars_held, closed_next_bar
        Of closed trades: counts by side, sum of exit bar - entry bar, and how many of these are 0 or 1.
    best_trade, worst_trade
        Net results, account currency; ``None`` before the first trade.
    trails, trail_ticks
        Exit orders placed with a trail, and the sum of their distances in ticks.
    """

    def __init__(self, capital: float) -> None:
        self.bars = self.bars_in_position = 0
        self.first_ms: int | None = None
        self.last_ms: int | None = None
        self.range_sum = 0.0
        self.close_drawdown = self.close_drawdown_fraction = 0.0
        self.longs = self.shorts = self.bars_held = self.closed_next_bar = 0
        self.best_trade: float | None = None
        self.worst_trade: float | None = None
        self.trails = 0
        self.trail_ticks = 0.0
        self._capital = capital
        self._peak = capital
        self._days: list[np.ndarray] = []
        self._day_equity: list[np.ndarray] = []

    def take(self, chunk: Chunk) -> None:
        """Add a chunk."""
        self._take_bars(chunk.bars, chunk.marks)
        if chunk.trades.size:
            self._take_trades(chunk.trades)
        exits = chunk.events[(chunk.events["order_kind"] == EXIT) & (chunk.events["kind"] <= REPLACED)]
        offsets = exits["trail_offset"][~np.isnan(exits["trail_offset"])]
        self.trails += int(offsets.size)
        self.trail_ticks += float(offsets.sum())

    def daily_equity(self) -> np.ndarray:
        """Equity at the last bar close of every UTC day with bars, after the capital; float64."""
        if not self._days:
            return np.array([self._capital])
        days, equity = np.concatenate(self._days), np.concatenate(self._day_equity)
        last = np.append(days[1:] != days[:-1], True)
        return np.concatenate(([self._capital], equity[last]))

    def _take_bars(self, bars: np.ndarray, marks: np.ndarray) -> None:
        self.bars += bars.size
        self.bars_in_position += int(np.count_nonzero(marks["position_size"]))
        if self.first_ms is None:
            self.first_ms = int(bars["time_ms"][0])
        self.last_ms = int(bars["time_ms"][-1])
        self.range_sum = running_sum(self.range_sum, bars["high"] - bars["low"])
        equity = marks["equity"]
        peaks = np.maximum(np.maximum.accumulate(equity), self._peak)
        self._peak = float(peaks[-1])
        self.close_drawdown = max(self.close_drawdown, float((peaks - equity).max()))
        self.close_drawdown_fraction = max(
            self.close_drawdown_fraction, float(((peaks - equity) / peaks).max())
        )
        last = day_ends(bars["time_ms"])
        self._days.append(bars["time_ms"][last] // DAY_MS)
        self._day_equity.append(equity[last])

    def _take_trades(self, trades: np.ndarray) -> None:
        self.longs += int(np.count_nonzero(trades["side"] > 0))
        self.shorts += int(np.count_nonzero(trades["side"] < 0))
        held = trades["exit_bar"] - trades["entry_bar"]
        self.bars_held += int(held.sum())
        self.closed_next_bar += int(np.count_nonzero(held <= 1))
        best, worst = float(trades["net_pnl"].max()), float(trades["net_pnl"].min())
        self.best_trade = best if self.best_trade is None else max(self.best_trade, best)
        self.worst_trade = worst if self.worst_trade is None else min(self.worst_trade, worst)
