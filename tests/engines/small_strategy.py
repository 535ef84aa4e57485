"""A user's strategy of a few lines: buys, adds, and closes at fixed bars, through the public surface only."""

from __future__ import annotations

from typing import Any

import numpy as np

from feeds.protocol import Instrument
from kwin_core.bars import BAR
from kwin_core.strategy import LONG, Strategy, close_all, compiled, entry, record

QUARTER_MS = 900_000
START_MS = 1_735_689_600_000  # 2025-01-01T00:00:00Z

PARAMS = record([("buy_bar", np.int64), ("close_bar", np.int64), ("qty", np.float64)])
SIGNALS = record([("close", np.float64), ("pair", np.float64, (2,))])
STATE = record([("bars_seen", np.int64)])


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """Market orders at two bars; they fill at the next open."""
    st.bars_seen += 1
    sig.close = bar.close
    sig.pair[0] = bar.low
    sig.pair[1] = bar.high
    if ctx.bar_index == p.buy_bar:
        entry(ctx, 1, LONG, p.qty)
    if ctx.bar_index == p.close_bar:
        close_all(ctx)


BUY_AND_CLOSE = Strategy(
    name="buy and close",
    calculate=calculate,
    state=STATE,
    params=PARAMS,
    signals=SIGNALS,
    texts=('Buy, "now"',),
)


def params_of(buy_bar: int, close_bar: int, qty: float) -> np.ndarray:
    """A parameter record."""
    return np.array([(buy_bar, close_bar, qty)], PARAMS)


def ten_bars() -> np.ndarray:
    """Ten bars whose opens are 100, 101, ... and whose closes are half above; ranges of 2."""
    bars = np.zeros(10, BAR)
    bars["time_ms"] = START_MS + QUARTER_MS * np.arange(10)
    bars["open"] = 100.0 + np.arange(10)
    bars["close"] = bars["open"] + 0.5
    bars["high"] = bars["open"] + 1.0
    bars["low"] = bars["open"] - 1.0
    return bars


class ListFeed:
    """A feed of given blocks, as a user would write one."""

    def __init__(self, blocks: list[np.ndarray], tick: float = 0.01, lot: float = 0.01) -> None:
        self._blocks = blocks
        self._instrument = Instrument("ETHUSDT", QUARTER_MS, tick, lot)

    @property
    def instrument(self) -> Instrument:
        """Facts of the instrument."""
        return self._instrument

    def blocks(self) -> Any:
        """The blocks."""
        return iter(self._blocks)
