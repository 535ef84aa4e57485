"""Every indicator TradingView printed, against its printed digits.

The files hold shortest decimals of doubles, so the test is equality of doubles, without tolerance, the first
value and every na included. Only ALMA, which calls ``exp``, is allowed the difference of math libraries.
"""

from __future__ import annotations

import csv
from collections.abc import Callable

import numpy as np
import pytest

from kwin_core import ta
from tests.golden_data import golden_path, needs_golden

pytestmark = [pytest.mark.golden, needs_golden]

HOUR_S = 3600


class Printed:
    """Columns of one file, by header; prices under their usual names."""

    def __init__(self, name: str) -> None:
        with golden_path("indicators", name).open(newline="") as file:
            rows = list(csv.reader(file))
        cells = np.array([[float(cell) for cell in row] for row in rows[1:]])
        self.columns = {header: cells[:, i] for i, header in enumerate(rows[0])}
        self.high, self.low, self.close = self["high"], self["low"], self["close"]
        self.open, self.volume = self["open"], self["Volume"]

    def __getitem__(self, header: str) -> np.ndarray:
        return self.columns[header]

    def starting_with(self, text: str) -> list[np.ndarray]:
        return [column for header, column in self.columns.items() if header.startswith(text)]


def stream(dtype: np.dtype, update: Callable, *arguments: object) -> np.ndarray:
    """Update a fresh state with one bar after the other; arrays are per bar, the rest constant."""
    state = np.zeros(1, dtype)[0]
    count = max(len(a) for a in arguments if isinstance(a, np.ndarray))
    per_bar = ([a[i].item() if isinstance(a, np.ndarray) else a for a in arguments] for i in range(count))
    results = np.array([update(state, *bar) for bar in per_bar], dtype=np.float64)
    assert ta.find_error(state) is None
    return results


def assert_printed(computed: np.ndarray, printed: np.ndarray) -> None:
    assert np.isfinite(printed).sum() >= 11, "a column without values proves nothing"
    np.testing.assert_array_equal(computed, printed)


def test_moving_averages():
    p = Printed("ma.csv")
    hl2 = (p.high + p.low) / 2
    hlc3 = (p.high + p.low + p.close) / 3
    ohlc4 = (p.open + p.high + p.low + p.close) / 4
    hlcc4 = (p.high + p.low + 2 * p.close) / 4
    for computed, header in (
        (stream(ta.SMA, ta.sma, p.close, 10), "ta.sma(close, 10)"),
        (stream(ta.SMA, ta.sma, hl2, 20), "ta.sma(hl2, 20)"),
        (stream(ta.SMA, ta.sma, hlc3, 15), "ta.sma(hlc3, 15)"),
        (stream(ta.EMA, ta.ema, p.close, 20), "ta.ema(close, 20)"),
        (stream(ta.EMA, ta.ema, ohlc4, 10), "ta.ema(ohlc4, 10)"),
        (stream(ta.RMA, ta.rma, hlcc4, 5), "ta.rma(hlcc4, 5)"),
        (stream(ta.RMA, ta.rma, p.high, 15), "ta.rma(high, 15)"),
        (stream(ta.WMA, ta.wma, p.close, 5), "ta.wma(close, 5)"),
        (stream(ta.WMA, ta.wma, p.close, 20), "ta.wma(close, 20)"),
        (stream(ta.HMA, ta.hma, p.close, 9), "ta.hma(close, 9)"),
        (stream(ta.HMA, ta.hma, p.close, 20), "ta.hma(close, 20)"),
        (stream(ta.SWMA, ta.swma, hlc3), "ta.swma(hlc3)"),
        (stream(ta.VWMA, ta.vwma, p.close, p.volume, 20), "ta.vwma(close, 20)"),
    ):
        assert_printed(computed, p[header])


def test_alma():
    p = Printed("ma.csv")
    for length, offset, sigma in ((5, 0.85, 6.0), (10, 0.55, 12.0)):
        computed = stream(ta.ALMA, ta.alma, p.close, length, offset, sigma)
        printed = p[f"ta.alma(close, {length}, {offset}, {sigma:g})"]
        np.testing.assert_allclose(computed, printed, rtol=1e-15)


def test_bollinger_bands():
    p = Printed("bb.csv")
    bands = stream(ta.BB, ta.bb, p.close, 20, 2.0)
    for i, name in enumerate(("base", "upper", "lower")):
        assert_printed(bands[:, i], p[f"ta.bb(close, 20, 2).{name}"])
    assert_printed(stream(ta.BB, ta.bbw, p.close, 20, 2.1), p["ta.bbw(close, 20, 2.1)"])


def test_macd():
    p = Printed("macd.csv")
    lines = stream(ta.MACD, ta.macd, p.close, 12, 26, 9)
    for i, name in enumerate(("macd", "signal", "hist")):
        assert_printed(lines[:, i], p[f"ta.macd(close, 12, 26, 9).{name}"])


def test_oscillators():
    p = Printed("mfi+rsi+stoch.csv")
    assert_printed(stream(ta.RSI, ta.rsi, p.close, 14), p["ta.rsi(close, 14)"])
    assert_printed(stream(ta.MFI, ta.mfi, p.close, p.volume, 14), p["ta.mfi(close, 14)"])
    stochastic = stream(ta.STOCH, ta.stoch, p.close, p.high, p.low, 20)
    assert_printed(stochastic, p["ta.stoch(close, high, low, 20)"])


@pytest.mark.parametrize("name", ["highest", "lowest", "highestbars", "lowestbars"])
def test_extremes_of_a_window(name):
    p = Printed("highest+lowest.csv")
    update = getattr(ta, name)
    extreme = p.high if name.startswith("high") else p.low
    assert_printed(stream(ta.EXTREME, update, extreme, 10), p[f"ta.{name}(10)"])
    assert_printed(stream(ta.EXTREME, update, p.close, 10), p[f"ta.{name}(close, 10)"])


def test_range():
    p = Printed("range.csv")
    assert_printed(stream(ta.RANGE, ta.value_range, p.close, 20), p["ta.range(close, 20)"])


def test_pivots():
    p = Printed("pivot.csv")
    for update, source, name in ((ta.pivothigh, p.high, "pivothigh"), (ta.pivotlow, p.low, "pivotlow")):
        assert_printed(stream(ta.PIVOT, update, source, 10, 5), p[f"ta.{name}(10, 5)"])
        assert_printed(stream(ta.PIVOT, update, p.close, 10, 5), p[f"ta.{name}(close, 10, 5)"])


def test_true_range():
    p = Printed("tr.csv")
    bars = (p.high, p.low, p.close)
    assert_printed(stream(ta.TR, ta.tr, *bars, False), p["ta.tr(false)"])
    assert_printed(stream(ta.TR, ta.tr, *bars, True), p["ta.tr(true)"])
    assert_printed(stream(ta.TR, ta.tr, *bars, False), p["ta.tr"])
    assert_printed(stream(ta.ATR, ta.atr, *bars, 14), p["ta.atr(14)"])


def test_parabolic_sar():
    p = Printed("sar.csv")
    computed = stream(ta.SAR, ta.sar, p.high, p.low, p.close, 0.02, 0.02, 0.2)
    assert_printed(computed, p["ta.sar(0.02, 0.02, 0.2)"])


def test_supertrend():
    p = Printed("supertrend.csv")
    line, direction = stream(ta.SUPERTREND, ta.supertrend, p.high, p.low, p.close, 3.0, 10).T
    assert_printed(np.where(direction < 0, line, np.nan), p["ta.supertrend(3, 10).up"])
    assert_printed(np.where(direction > 0, line, np.nan), p["ta.supertrend(3, 10).down"])


def test_rising_and_falling():
    """The file prints the runs of an EMA of 20; falling is drawn as -1."""
    p = Printed("falling+rising.csv")
    average = stream(ta.EMA, ta.ema, p.close, 20)
    assert_printed(-stream(ta.RUN, ta.falling, average, 5), p["ta.falling(ema, 5)"])
    assert_printed(stream(ta.RUN, ta.rising, average, 5), p["ta.rising(ema, 5)"])


def test_crosses():
    """The file prints the crosses of two EMAs, 5 and 11: the only pair up to 60 that gives all its marks."""
    p = Printed("cross.csv")
    fast = stream(ta.EMA, ta.ema, p.close, 5)
    slow = stream(ta.EMA, ta.ema, p.close, 11)
    assert p["ta.crossover(ema1, ema2)"].sum() >= 5
    assert_printed(0.5 * stream(ta.CROSS, ta.cross, fast, slow), p["ta.cross(ema1, ema2)"])
    assert_printed(stream(ta.CROSS, ta.crossover, fast, slow), p["ta.crossover(ema1, ema2)"])
    assert_printed(-stream(ta.CROSS, ta.crossunder, fast, slow), p["ta.crossunder(ema1, ema2)"])


def test_valuewhen():
    """The file prints the close at the crosses of two SMAs, 7 and 14."""
    p = Printed("valuewhen.csv")
    fast = stream(ta.SMA, ta.sma, p.close, 7)
    slow = stream(ta.SMA, ta.sma, p.close, 14)
    crossed = stream(ta.CROSS, ta.cross, slow, fast) != 0.0
    computed = stream(ta.VALUEWHEN, ta.valuewhen, crossed, p.close, 1)
    assert_printed(computed, p["ta.valuewhen(ta.cross(slow, fast), close, 1)"])


def test_valuewhen_remembers_a_missing_value_as_an_occurrence():
    """The condition holds on every third bar; the source is na on every even one."""
    p = Printed("valuewhen_na.csv")
    number = np.arange(len(p.close))
    source = np.where(number % 2 == 0, np.nan, p.close)
    for occurrence in (0, 1, 2):
        computed = stream(ta.VALUEWHEN, ta.valuewhen, number % 3 == 0, source, occurrence)
        assert_printed(computed, p[f"v{occurrence}"])
    assert_printed(stream(ta.VALUEWHEN, ta.valuewhen, number % 3 == 0, p.close, 0), p["w0"])


def test_vwap():
    """Anchored to the session and to 4 and 6 hours of it: the symbol's day begins at 21:00 UTC."""
    p = Printed("vwap.csv")

    def begins(period_s: int) -> np.ndarray:
        period = (p["time"] - 21 * HOUR_S) // period_s
        return np.concatenate(([False], period[1:] != period[:-1]))

    day = begins(24 * HOUR_S)
    day[0] = True  # the file begins with the session; a change of period is seen from the second bar on
    session, four_hours, *bands = p.starting_with("ta.vwap(")
    assert_printed(stream(ta.VWAP, ta.vwap, p.close, p.volume, day), session)
    assert_printed(stream(ta.VWAP, ta.vwap, p.close, p.volume, begins(4 * HOUR_S)), four_hours)
    computed = stream(ta.VWAP, ta.vwap_bands, p.close, p.volume, begins(6 * HOUR_S), 2.0)
    assert len(bands) == 3
    for i, printed in enumerate(bands):
        assert_printed(computed[:, i], printed)
