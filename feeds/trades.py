"""Single trades into bars: Bybit's public archive of trades, and the folding itself.

Bybit's own klines open at the close before, not at their first trade, count that open among high and low,
and exist also when nothing traded. Folding follows that rule, or uses trades only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from feeds.arrow import float_values, null_mask
from feeds.csv_table import CsvShape, batches, column_names
from feeds.time_text import TimeText
from kwin_core.bars import BAR, DAY_MS, floor_time
from kwin_core.errors import ConfigError, DataError

_DAY_FILE = re.compile(r"\d{4}-\d\d-\d\d")
_MONTH_FILE = re.compile(r"-\d{4}-\d\d\.")


@dataclass(frozen=True)
class Trades:
    """Trades in order of time.

    Attributes
    ----------
    time_us
        int64, microseconds since the epoch, UTC, ascending.
    price, size
        float64, quote and base currency.
    symbol
        As the file spells it, or ``None``.
    """

    time_us: np.ndarray
    price: np.ndarray
    size: np.ndarray
    symbol: str | None


def read_bybit_trades(path: Path) -> Trades:
    """One file of Bybit's trade archive, derivatives (``timestamp`` in s) or spot (in ms); packed or not.

    Files that run from new to old are turned; trades of the same instant keep their order.

    Raises
    ------
    DataError
        When the file is not such an archive, or a trade has no positive price and size.
    ConfigError
        For inverse contracts, whose size is in quote currency.
    """
    names = column_names(path, CsvShape())
    size_column = "size" if "size" in names else "volume"
    if not {"timestamp", "price", size_column} <= set(names):
        raise DataError(f"{path}: not a Bybit trade archive (no columns timestamp, price and size or volume)")
    text = ["timestamp", "symbol"] if "symbol" in names else ["timestamp"]
    clock = TimeText(str(path))
    times, prices, sizes, symbol, rows = [], [], [], None, 0
    for batch in batches(path, CsvShape(), text, ["price", size_column]):
        if batch.num_rows == 0:
            continue
        times.append(clock.micros(batch.column("timestamp"), rows))
        prices.append(_numbers(batch.column("price"), path, "price", rows))
        sizes.append(_numbers(batch.column(size_column), path, size_column, rows))
        symbol = str(batch.column("symbol")[0]) if "symbol" in names else None
        rows += batch.num_rows
    if rows == 0:
        raise DataError(f"{path}: no trades")
    if symbol is not None and symbol.endswith("USD"):
        raise ConfigError(
            f"{path}: {symbol} is an inverse contract, its size is not in base currency; fetch klines"
        )
    time_us, price, size = np.concatenate(times), np.concatenate(prices), np.concatenate(sizes)
    if time_us[0] > time_us[-1]:
        time_us, price, size = time_us[::-1], price[::-1], size[::-1]
    order = np.argsort(time_us, kind="stable")
    return Trades(time_us[order], price[order], size[order], symbol)


class TradeFolder:
    """Folds trades into closed bars.

    Parameters
    ----------
    timeframe_ms
        Length of a bar, ms.
    as_exchange
        True: a bar opens at the close before (the very first at its first trade), and silent bars are flat
        with volume 0, as Bybit's klines. False: only what traded; silent bars are missing.
    """

    def __init__(self, timeframe_ms: int, *, as_exchange: bool = True) -> None:
        self.timeframe_ms = timeframe_ms
        self.as_exchange = as_exchange
        self._open_bar: np.ndarray | None = None  # the unfinished bar, one row
        self._close: float | None = None
        self._next_ms = 0  # where the bar after the last finished one opens

    def add(self, trades: Trades) -> np.ndarray:
        """Bars (``BAR``) that are certainly complete after these trades, which must follow the ones before.

        Raises
        ------
        DataError
            When the trades begin before the last ones ended.
        """
        starts = _starts(trades.time_us // 1000, self.timeframe_ms)
        begins = np.flatnonzero(np.diff(starts, prepend=starts[0] - 1))
        ends = np.append(begins[1:], starts.size) - 1
        bars = np.zeros(begins.size, dtype=BAR)
        bars["time_ms"] = starts[begins]
        bars["open"], bars["close"] = trades.price[begins], trades.price[ends]
        bars["high"] = np.maximum.reduceat(trades.price, begins)
        bars["low"] = np.minimum.reduceat(trades.price, begins)
        bars["volume"] = np.add.reduceat(trades.size, begins)
        bars = self._joined(bars)
        self._open_bar, done = bars[-1:].copy(), bars[:-1]
        return self._finished(done)

    def finish(self, until_ms: int | None) -> np.ndarray:
        """The bars left: all up to an instant known to be covered; none when that is unknown (``None``)."""
        if self._open_bar is None or until_ms is None:
            return np.zeros(0, dtype=BAR)
        last_ms = int(self._open_bar["time_ms"][0])
        if last_ms + self.timeframe_ms > until_ms:
            return np.zeros(0, dtype=BAR)
        bars = self._finished(self._open_bar)
        if self.as_exchange:
            bars = np.concatenate([bars, self._flat(last_ms + self.timeframe_ms, until_ms)])
        self._open_bar = None
        return bars

    def _joined(self, bars: np.ndarray) -> np.ndarray:
        """The bars after the unfinished one, which the first of them may continue."""
        held = self._open_bar
        if held is None:
            return bars
        if bars["time_ms"][0] < held["time_ms"][0]:
            raise DataError("trades go back in time; give the files in order, each once")
        if bars["time_ms"][0] > held["time_ms"][0]:
            return np.concatenate([held, bars])
        bars["open"][0] = held["open"][0]
        bars["high"][0] = max(bars["high"][0], held["high"][0])
        bars["low"][0] = min(bars["low"][0], held["low"][0])
        bars["volume"][0] += held["volume"][0]
        return bars

    def _finished(self, bars: np.ndarray) -> np.ndarray:
        """Complete bars under the chosen rule; volumes without the dust of addition."""
        bars = bars.copy()
        bars["volume"] = np.round(bars["volume"], 8)
        if not self.as_exchange or bars.size == 0:
            return bars
        parts: list[np.ndarray] = []
        gaps = np.flatnonzero(np.diff(bars["time_ms"]) > self.timeframe_ms) + 1
        for part in np.split(bars, gaps):
            if self._close is not None:
                parts.append(self._flat(self._next_ms, int(part["time_ms"][0])))
            part["open"][1:] = part["close"][:-1]
            part["open"][0] = part["open"][0] if self._close is None else self._close
            part["high"] = np.maximum(part["high"], part["open"])
            part["low"] = np.minimum(part["low"], part["open"])
            self._close, self._next_ms = (
                float(part["close"][-1]),
                int(part["time_ms"][-1]) + self.timeframe_ms,
            )
            parts.append(part)
        return np.concatenate(parts)

    def _flat(self, from_ms: int, to_ms: int) -> np.ndarray:
        """Silent bars at the last close, from one open time to before another."""
        times = np.arange(from_ms, to_ms - self.timeframe_ms + 1, self.timeframe_ms)
        bars = np.zeros(times.size, dtype=BAR)
        bars["time_ms"] = times
        for name in ("open", "high", "low", "close"):
            bars[name] = self._close
        return bars


def covered_until(path: Path, last_us: int) -> int | None:
    """Instant (ms) up to which an archive file is complete, told by its name; ``None`` when it says nothing.

    A file of a day (``BTCUSDT2024-12-31.csv.gz``) covers the UTC day of its last trade. Files of a month
    are not known to be complete.
    """
    if _DAY_FILE.search(path.name) is None or _MONTH_FILE.search(path.name) is not None:
        return None
    return floor_time(last_us // 1000, DAY_MS) + DAY_MS


def _starts(times_ms: np.ndarray, timeframe_ms: int) -> np.ndarray:
    origin = floor_time(0, timeframe_ms)
    return np.asarray((times_ms - origin) // timeframe_ms * timeframe_ms + origin)


def _numbers(array: pa.Array, path: Path, name: str, first_row: int) -> np.ndarray:
    values = np.where(null_mask(array), np.nan, float_values(array))
    bad = ~((values > 0.0) & (values < np.inf))
    if bad.any():
        row = first_row + int(np.argmax(bad))
        raise DataError(
            f"{path}: row {row}: {name} {float(values[row - first_row])!r} is not a positive number", row=row
        )
    return values
