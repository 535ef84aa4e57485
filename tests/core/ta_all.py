"""Every indicator in one compiled loop: what the tests of this folder run, with and without the compiler.

One loop, so that the compiler works once. ``x`` is a series with holes for the indicators of one value; the
others get the bar.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from kwin_core import ta
from kwin_core.bars import BAR
from kwin_core.records import record

CAPACITY = 24
"""Small, so that the rings go round many times in a short series."""

LENGTHS = record([("n", np.int64), ("m", np.int64), ("left", np.int64), ("right", np.int64)])

_STATES = {
    "sma": ta.sma_state(CAPACITY),
    "rolling_sum": ta.sum_state(CAPACITY),
    "cum": ta.CUM,
    "ema": ta.EMA,
    "rma": ta.RMA,
    "wma": ta.wma_state(CAPACITY),
    "vwma": ta.vwma_state(CAPACITY),
    "swma": ta.SWMA,
    "hma": ta.hma_state(CAPACITY),
    "alma": ta.alma_state(CAPACITY),
    "highest": ta.extreme_state(CAPACITY),
    "lowest": ta.extreme_state(CAPACITY),
    "highestbars": ta.extreme_state(CAPACITY),
    "lowestbars": ta.extreme_state(CAPACITY),
    "value_range": ta.range_state(CAPACITY),
    "pivothigh": ta.pivot_state(CAPACITY),
    "pivotlow": ta.pivot_state(CAPACITY),
    "change": ta.change_state(CAPACITY),
    "mom": ta.change_state(CAPACITY),
    "roc": ta.change_state(CAPACITY),
    "rsi": ta.RSI,
    "macd": ta.MACD,
    "stoch": ta.stoch_state(CAPACITY),
    "wpr": ta.wpr_state(CAPACITY),
    "mfi": ta.mfi_state(CAPACITY),
    "cmo": ta.cmo_state(CAPACITY),
    "cci": ta.cci_state(CAPACITY),
    "variance": ta.variance_state(CAPACITY),
    "unbiased": ta.variance_state(CAPACITY),
    "stdev": ta.stdev_state(CAPACITY),
    "bb": ta.bb_state(CAPACITY),
    "bbw": ta.bb_state(CAPACITY),
    "kc": ta.KC,
    "tr": ta.TR,
    "atr": ta.ATR,
    "dmi": ta.DMI,
    "supertrend": ta.SUPERTREND,
    "sar": ta.SAR,
    "linreg": ta.linreg_state(CAPACITY),
    "cross": ta.CROSS,
    "crossover": ta.CROSS,
    "crossunder": ta.CROSS,
    "rising": ta.RUN,
    "falling": ta.RUN,
    "valuewhen": ta.valuewhen_state(4),
    "barssince": ta.BARSSINCE,
    "vwap": ta.VWAP,
    "vwap_bands": ta.VWAP,
    "conditional_highest": ta.conditional_state(CAPACITY),
    "conditional_lowest": ta.conditional_state(CAPACITY),
}
STATE = record(list(_STATES.items()))

_PARTS = {
    "macd": ("line", "signal", "histogram"),
    "bb": ("middle", "upper", "lower"),
    "kc": ("middle", "upper", "lower"),
    "dmi": ("plus", "minus", "adx"),
    "supertrend": ("line", "direction"),
    "vwap_bands": ("mean", "upper", "lower"),
}
RESULT = record(
    [
        (name if part is None else f"{name}_{part}", np.float64)
        for name in _STATES
        for part in _PARTS.get(name, (None,))
    ]
)
COLUMNS = RESULT.names or ()


@njit(error_model="numpy")
def step(st, bar, x, p, bar_index, out):
    """One bar through every indicator."""
    n, m = p.n, p.m
    high, low, close, volume = bar.high, bar.low, bar.close, bar.volume
    event = close > bar.open
    out.sma = ta.sma(st.sma, x, n)
    out.rolling_sum = ta.rolling_sum(st.rolling_sum, x, n)
    out.cum = ta.cum(st.cum, x)
    out.ema = ta.ema(st.ema, x, n)
    out.rma = ta.rma(st.rma, x, n)
    out.wma = ta.wma(st.wma, x, n)
    out.vwma = ta.vwma(st.vwma, close, volume, n)
    out.swma = ta.swma(st.swma, x)
    out.hma = ta.hma(st.hma, close, n + 1)
    out.alma = ta.alma(st.alma, x, n, 0.85, 6.0)
    out.highest = ta.highest(st.highest, x, n)
    out.lowest = ta.lowest(st.lowest, x, n)
    out.highestbars = ta.highestbars(st.highestbars, x, n)
    out.lowestbars = ta.lowestbars(st.lowestbars, x, n)
    out.value_range = ta.value_range(st.value_range, x, n)
    out.pivothigh = ta.pivothigh(st.pivothigh, x, p.left, p.right)
    out.pivotlow = ta.pivotlow(st.pivotlow, x, p.left, p.right)
    out.change = ta.change(st.change, x, n)
    out.mom = ta.mom(st.mom, x, n)
    out.roc = ta.roc(st.roc, x, n)
    out.rsi = ta.rsi(st.rsi, x, n)
    out.macd_line, out.macd_signal, out.macd_histogram = ta.macd(st.macd, x, n, n + m, m)
    out.stoch = ta.stoch(st.stoch, close, high, low, n)
    out.wpr = ta.wpr(st.wpr, close, high, low, n)
    out.mfi = ta.mfi(st.mfi, close, volume, n)
    out.cmo = ta.cmo(st.cmo, close, n)
    out.cci = ta.cci(st.cci, close, n)
    out.variance = ta.variance(st.variance, x, n, True)
    out.unbiased = ta.variance(st.unbiased, x, n, False)
    out.stdev = ta.stdev(st.stdev, x, n)
    out.bb_middle, out.bb_upper, out.bb_lower = ta.bb(st.bb, x, n, 2.0)
    out.bbw = ta.bbw(st.bbw, x, n, 2.0)
    out.kc_middle, out.kc_upper, out.kc_lower = ta.kc(st.kc, close, high, low, close, n, 1.5, True)
    out.tr = ta.tr(st.tr, high, low, close, False)
    out.atr = ta.atr(st.atr, high, low, close, n)
    out.dmi_plus, out.dmi_minus, out.dmi_adx = ta.dmi(st.dmi, high, low, close, n, m)
    out.supertrend_line, out.supertrend_direction = ta.supertrend(st.supertrend, high, low, close, 1.5, n)
    out.sar = ta.sar(st.sar, high, low, close, 0.02, 0.02, 0.2)
    out.linreg = ta.linreg(st.linreg, x, n, m - 1)
    out.cross = ta.cross(st.cross, x, bar.open)
    out.crossover = ta.crossover(st.crossover, x, bar.open)
    out.crossunder = ta.crossunder(st.crossunder, x, bar.open)
    out.rising = ta.rising(st.rising, x, m)
    out.falling = ta.falling(st.falling, x, m)
    out.valuewhen = ta.valuewhen(st.valuewhen, event, x, m % 4)
    out.barssince = ta.barssince(st.barssince, event)
    out.vwap = ta.vwap(st.vwap, x, volume, bar_index % 7 == 3)
    out.vwap_bands_mean, out.vwap_bands_upper, out.vwap_bands_lower = ta.vwap_bands(
        st.vwap_bands, x, volume, bar_index % 7 == 3, 2.0
    )
    out.conditional_highest = out.conditional_lowest = np.nan
    if event:
        out.conditional_highest = ta.conditional_highest(st.conditional_highest, high, n, bar_index, ta.RING)
        out.conditional_lowest = ta.conditional_lowest(st.conditional_lowest, low, n, bar_index, ta.RING)


@njit(error_model="numpy")
def run(states, bars, x, parameters, first_bar, out):
    """All bars; ``first_bar`` is the index of the first of them, so that a run can be continued."""
    for i in range(len(bars)):
        step(states[0], bars[i], x[i], parameters[0], first_bar + i, out[i])


def lengths(n: int, m: int = 3, left: int = 2, right: int = 1) -> np.ndarray:
    """Parameters as `run` wants them."""
    return np.array([(n, m, left, right)], dtype=LENGTHS)


def fresh() -> np.ndarray:
    """A state of zeros, as `run` wants it."""
    return np.zeros(1, STATE)


def compute(bars: np.ndarray, x: np.ndarray, parameters: np.ndarray) -> np.ndarray:
    """Results of every bar from a fresh state; fails when any indicator reports an error."""
    out = np.zeros(len(bars), RESULT)
    states = fresh()
    run(states, bars, x, parameters, 0, out)
    assert ta.find_error(states) is None
    return out


def sample(count: int, seed: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """Bars of a random walk on a grid of 0.01, flat stretches and equal extremes included; x has holes."""
    rng = np.random.default_rng(seed)
    steps = np.round(rng.standard_t(3, count) * 0.5, 1) * (rng.random(count) < 0.8)
    close = np.round(2500.0 + np.cumsum(steps), 2)
    bars = np.zeros(count, BAR)
    bars["time_ms"] = 900_000 * np.arange(count)
    bars["close"] = close
    bars["open"] = np.concatenate(([close[0]], close[:-1]))
    bars["high"] = np.maximum(bars["open"], close) + np.round(rng.random(count), 1)
    bars["low"] = np.minimum(bars["open"], close) - np.round(rng.random(count), 1)
    bars["volume"] = np.round(rng.gamma(2.0, 50.0, count), 3) * (rng.random(count) < 0.95)
    x = close.copy()
    x[rng.random(count) < 0.1] = np.nan
    x[count // 2 : count // 2 + 5] = np.nan
    return bars, x
