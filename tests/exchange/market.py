"""A market script: bars or a price path, turned into prices as a function of time.

Nothing here remembers anything: the state of the market at an instant follows from the script alone. So REST,
the sockets and the matching engine can never disagree, and a run can be repeated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

import numpy as np

from kwin_core.bars import BAR, parse_timeframe
from kwin_core.errors import DataError
from tests.exchange.instruments import Instrument

CUT_NODES = 4  # open, first extreme, second extreme, close
_KEPT_PATHS = 256  # bars whose path is kept: now and a day ago move side by side


@dataclass(frozen=True)
class Node:
    """One instant of the price path.

    Attributes
    ----------
    time_ms
        When the price arrives.
    price
        Quote currency.
    volume
        Base currency traded since the node before.
    jump
        True when the price arrives without trading in between (a bar that opens away from the last close).
    bar_index
        Row of the bar it belongs to; -1 past the end of the script.
    """

    time_ms: int
    price: float
    volume: float
    jump: bool
    bar_index: int


@dataclass
class Market:
    """A symbol and what its price does.

    Parameters
    ----------
    instrument
        Filters and names; see :mod:`tests.exchange.instruments`.
    bars
        Structured array with the fields of ``kwin_core.bars.BAR`` (an extra ``turnover`` field is honoured);
        consecutive bars of ``timeframe``. Shorter intervals cannot be served.
    timeframe
        Of ``bars``: minutes or text ("15", "15m", "1d").
    path
        Order of the extremes in a bar: "tv" (high first only when it is strictly nearer to the open), or
        "high_first", "low_first".
    open_delay_ms
        When a bar opens away from the last close, how long after the boundary the price jumps there. The
        default lets a decision made on the closing message still trade at the close.
    spread_ticks
        Distance between bid and ask, whole ticks.
    depth_qty
        Base coins a taker finds at each tick of the book; ``None`` for a book without end.
    mark_offset
        Mark price minus last price, quote currency.
    funding_rate
        Rate paid at each funding time, fraction of the position value.
    visible_from_ms
        Bars before this time are not served (a listing date inside the script); ``None`` serves all.
    """

    instrument: Instrument
    bars: np.ndarray
    timeframe: str | int = "15m"
    path: str = "tv"
    open_delay_ms: int = 2_000
    spread_ticks: int = 1
    depth_qty: Decimal | None = None
    mark_offset: float = 0.0
    funding_rate: float = 0.0001
    visible_from_ms: int | None = None
    timeframe_ms: int = field(init=False)
    _path_of: Callable[[int], list[Node]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.timeframe_ms = parse_timeframe(self.timeframe)
        if len(self.bars) == 0:
            raise DataError(f"market script of {self.instrument.symbol} has no bars")
        if self.visible_from_ms is not None:
            self.bars = self.bars[self.bars["time_ms"] >= self.visible_from_ms]
        steps = np.diff(self.bars["time_ms"])
        if (steps != self.timeframe_ms).any():
            row = int(np.argmax(steps != self.timeframe_ms)) + 1
            raise DataError(
                f"market script of {self.instrument.symbol}: bar {row} does not follow its predecessor by "
                f"{self.timeframe_ms} ms; give bars without gaps",
                row=row,
                time_ms=int(self.bars["time_ms"][row]),
            )
        self._path_of = lru_cache(maxsize=_KEPT_PATHS)(self._build_path)
        if self.instrument.launch_ms == 0:
            self.instrument = self.instrument.listed_at(int(self.bars["time_ms"][0]))

    @property
    def symbol(self) -> str:
        """Name, e.g. "BTCUSDT"."""
        return self.instrument.symbol

    @property
    def key(self) -> tuple[str, str]:
        """(category, symbol)."""
        return (self.instrument.category, self.instrument.symbol)

    @property
    def start_ms(self) -> int:
        """Open time of the first bar (ms)."""
        return int(self.bars["time_ms"][0])

    @property
    def end_ms(self) -> int:
        """Close time of the last scripted bar (ms); afterwards the price stands still."""
        return int(self.bars["time_ms"][-1]) + self.timeframe_ms

    def node_times(self, index: int) -> tuple[int, int, int, int]:
        """Times (ms) of open, first extreme, second extreme and close of a bar."""
        start = int(self.bars["time_ms"][index])
        quarter = self.timeframe_ms // CUT_NODES
        gap = index > 0 and self.bars["open"][index] != self.bars["close"][index - 1]
        opening = start + (min(self.open_delay_ms, quarter // 2) if gap else 0)
        return opening, start + quarter, start + 2 * quarter, start + 3 * quarter

    def nodes(self, index: int) -> list[Node]:
        """The price path of one bar: its four nodes in time order."""
        return self._path_of(index)

    def _build_path(self, index: int) -> list[Node]:
        bar = self.bars[index]
        first, high, low, last, traded = (
            float(bar[name]) for name in ("open", "high", "low", "close", "volume")
        )
        high_first = self.path == "high_first" or (self.path == "tv" and high - first < first - low)
        prices = (first, high, low, last) if high_first else (first, low, high, last)
        third = round(traded / 3.0, self.instrument.qty_decimals)
        volumes = (0.0, third, third, traded - 2.0 * third)
        gap = index > 0 and first != float(self.bars["close"][index - 1])
        steps = zip(self.node_times(index), prices, volumes, strict=True)
        return [
            Node(at, price, volume, gap and which == 0, index)
            for which, (at, price, volume) in enumerate(steps)
        ]

    def index_at(self, time_ms: int) -> int:
        """Row of the bar that contains an instant; may be negative or past the end."""
        return (time_ms - self.start_ms) // self.timeframe_ms

    def next_node(self, after_ms: int) -> Node | None:
        """First node strictly later than ``after_ms``; ``None`` past the end of the script."""
        index = max(0, self.index_at(after_ms))
        while index < len(self.bars):
            for node in self.nodes(index):
                if node.time_ms > after_ms:
                    return node
            index += 1
        return None

    def price_at(self, time_ms: int) -> float:
        """Last traded price (quote) at an instant, as a float of the script."""
        if time_ms < self.start_ms:
            return float(self.bars["open"][0])
        index = self.index_at(time_ms)
        if index >= len(self.bars):
            return float(self.bars["close"][-1])
        price = float(self.bars["close"][index - 1]) if index > 0 else float(self.bars["open"][0])
        for node in self.nodes(index):
            if node.time_ms > time_ms:
                break
            price = node.price
        return price


def bars_from_parquet(path: Path) -> np.ndarray:
    """Bars of a Parquet file with the columns of ``BAR`` (times in ms), and ``turnover`` when it has one.

    Raises
    ------
    DataError
        When a column is missing.
    """
    import pyarrow.parquet as pq

    table = pq.ParquetFile(path).read()
    names = BAR.names or ()
    missing = [name for name in names if name not in table.column_names]
    if missing:
        raise DataError(f"{path}: no column {missing[0]!r}; have {', '.join(table.column_names)}")
    has_turnover = "turnover" in table.column_names
    dtype = np.dtype([*BAR.descr, ("turnover", np.float64)]) if has_turnover else BAR
    bars = np.zeros(table.num_rows, dtype=dtype)
    for name in dtype.names or ():
        bars[name] = np.asarray(table.column(name).to_numpy())
    return bars


def bars_from_prices(prices: Sequence[float], *, start_ms: int, timeframe: str | int = "1m") -> np.ndarray:
    """Bars that walk through a list of prices: bar *i* goes straight from price *i* to price *i + 1*.

    Parameters
    ----------
    prices
        At least two prices, quote currency.
    start_ms
        Open time of the first bar, on the grid of ``timeframe``.
    """
    timeframe_ms = parse_timeframe(timeframe)
    bars = np.zeros(len(prices) - 1, dtype=BAR)
    bars["time_ms"] = start_ms + timeframe_ms * np.arange(len(bars))
    bars["open"], bars["close"] = prices[:-1], prices[1:]
    bars["high"] = np.maximum(bars["open"], bars["close"])
    bars["low"] = np.minimum(bars["open"], bars["close"])
    bars["volume"] = 1.0
    return bars
