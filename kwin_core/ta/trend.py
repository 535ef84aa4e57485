"""Ranges and trends: tr atr dmi supertrend sar linreg."""

from __future__ import annotations

import numpy as np
from numba import njit

from kwin_core.lengths import accept
from kwin_core.na import EPSILON, nz
from kwin_core.records import Record, record
from kwin_core.ta.averages import RMA, rma, window_state

TR = record([("started", np.int64), ("close", np.float64)])
"""State of `tr`: the close before."""

ATR = record([("range", TR), ("average", RMA)])
"""State of `atr`; any length."""

DMI = record(
    [
        ("started", np.int64),
        ("high", np.float64),
        ("low", np.float64),
        ("range", TR),
        ("range_average", RMA),
        ("plus", RMA),
        ("minus", RMA),
        ("index", RMA),
    ]
)
"""State of `dmi`; any lengths."""

SUPERTREND = record(
    [
        ("atr", ATR),
        ("bars", np.int64),
        ("had_atr", np.int64),  # whether the bar before had an ATR
        ("close", np.float64),  # of the bar before, as all below
        ("lower", np.float64),
        ("upper", np.float64),
        ("direction", np.float64),
    ]
)
"""State of `supertrend`; any length."""

SAR = record(
    [
        ("bars", np.int64),
        ("rising", np.int64),
        ("value", np.float64),
        ("extreme", np.float64),
        ("acceleration", np.float64),
        ("close", np.float64),  # of the bar before
        ("high", np.float64, (2,)),  # one and two bars before
        ("low", np.float64, (2,)),
    ]
)
"""State of `sar`."""

linreg_state = window_state
LINREG = window_state()


@njit(error_model="numpy")
def tr(st: Record, high: float, low: float, close: float, handle_na: bool) -> float:
    """``ta.tr``: true range, the bar's range extended to the close before.

    Parameters
    ----------
    st
        `TR` record.
    high, low, close
        This bar's prices.
    handle_na
        Where the close before is missing: true gives high - low, false ``na``.
    """
    previous = st.close if st.started != 0 else np.nan
    st.started = 1
    st.close = close
    if previous != previous:
        return high - low if handle_na else np.nan
    return max(high - low, abs(high - previous), abs(low - previous))


@njit(error_model="numpy")
def atr(st: Record, high: float, low: float, close: float, length: int) -> float:
    """``ta.atr``: Wilder's average of the true range, first on bar ``length`` (I3).

    Parameters
    ----------
    st
        `ATR` record.
    high, low, close
        This bar's prices.
    length
        1 or more, without limit.
    """
    return rma(st.average, tr(st.range, high, low, close, True), length)


@njit(error_model="numpy")
def dmi(
    st: Record, high: float, low: float, close: float, di_length: int, adx_length: int
) -> tuple[float, float, float]:
    """``ta.dmi``: directional indicators and their index (I6).

    Moves of high and low that are equal within 1e-10 count as no movement (R124). The true range has no value
    on the first bar, unlike in `atr`.

    Parameters
    ----------
    st
        `DMI` record.
    high, low, close
        This bar's prices.
    di_length, adx_length
        Lengths, 1 or more.

    Returns
    -------
    tuple of float
        ``(+DI, -DI, ADX)``, percent.
    """
    up = high - st.high
    down = st.low - low
    started = st.started != 0
    st.started = 1
    st.high = high
    st.low = low
    span = rma(st.range_average, tr(st.range, high, low, close, False), di_length)
    if not started:
        return np.nan, np.nan, np.nan
    plus = rma(st.plus, up if up - down > EPSILON and up > EPSILON else 0.0, di_length)
    minus = rma(st.minus, down if down - up > EPSILON and down > EPSILON else 0.0, di_length)
    if span != span or plus != plus or minus != minus or span == 0.0:
        return np.nan, np.nan, np.nan
    plus = 100.0 * plus / span
    minus = 100.0 * minus / span
    total = plus + minus
    index = rma(st.index, abs(plus - minus) / (total if total != 0.0 else 1.0), adx_length)
    return plus, minus, 100.0 * index


@njit(error_model="numpy")
def supertrend(
    st: Record, high: float, low: float, close: float, factor: float, length: int
) -> tuple[float, float]:
    """``ta.supertrend``: trailing band of ATRs around the bar's middle (I11).

    Parameters
    ----------
    st
        `SUPERTREND` record.
    high, low, close
        This bar's prices.
    factor
        Width of the band, ATRs.
    length
        Of the ATR, 1 or more.

    Returns
    -------
    tuple of float
        ``(line, direction)``; direction 1 is down (line above the price), -1 is up. The very first bar gives
        ``(0, 1)``: TradingView's own start-up, kept.
    """
    average = atr(st.atr, high, low, close, length)
    middle = (high + low) / 2.0
    upper = middle + factor * average
    lower = middle - factor * average
    first = st.bars == 0
    previous_close = np.nan if first else st.close
    previous_lower = 0.0 if first else nz(st.lower)
    previous_upper = 0.0 if first else nz(st.upper)
    if not (lower > previous_lower or previous_close < previous_lower):
        lower = previous_lower
    if not (upper < previous_upper or previous_close > previous_upper):
        upper = previous_upper
    if st.had_atr == 0:
        direction = 1.0
    elif st.direction > 0.0:
        direction = -1.0 if close > upper else 1.0
    else:
        direction = 1.0 if close < lower else -1.0
    line = lower if direction < 0.0 else upper
    st.bars += 1
    st.had_atr = 1 if average == average else 0
    st.close = close
    st.lower = lower
    st.upper = upper
    st.direction = direction
    return line, direction


@njit(error_model="numpy")
def sar(
    st: Record, high: float, low: float, close: float, start: float, increment: float, maximum: float
) -> float:
    """``ta.sar``: parabolic stop and reverse; first on the second bar (I12).

    Parameters
    ----------
    st
        `SAR` record.
    high, low, close
        This bar's prices.
    start, increment, maximum
        Acceleration: where it starts, what each new extreme adds, its limit.
    """
    result = np.nan
    if st.bars > 0:
        result = _sar_step(st, high, low, close, start, increment, maximum)
    st.bars += 1
    st.close = close
    st.high[1] = st.high[0]
    st.low[1] = st.low[0]
    st.high[0] = high
    st.low[0] = low
    return result


@njit(error_model="numpy")
def _sar_step(
    st: Record, high: float, low: float, close: float, start: float, increment: float, maximum: float
) -> float:
    turned = st.bars == 1
    if turned:
        st.rising = 1 if close > st.close else 0
        st.value = st.low[0] if st.rising != 0 else st.high[0]
        st.extreme = high if st.rising != 0 else low
        st.acceleration = start
    value = st.value + st.acceleration * (st.extreme - st.value)
    if st.rising != 0 and value > low:
        turned = True
        st.rising = 0
        value = max(high, st.extreme)
        st.extreme = low
        st.acceleration = start
    elif st.rising == 0 and value < high:
        turned = True
        st.rising = 1
        value = min(low, st.extreme)
        st.extreme = high
        st.acceleration = start
    if not turned:
        if st.rising != 0 and high > st.extreme:
            st.extreme = high
            st.acceleration = min(st.acceleration + increment, maximum)
        elif st.rising == 0 and low < st.extreme:
            st.extreme = low
            st.acceleration = min(st.acceleration + increment, maximum)
    if st.rising != 0:
        value = min(value, st.low[0])
        if st.bars > 1:
            value = min(value, st.low[1])
    else:
        value = max(value, st.high[0])
        if st.bars > 1:
            value = max(value, st.high[1])
    st.value = value
    return float(value)


@njit(error_model="numpy")
def linreg(st: Record, x: float, length: int, offset: int) -> float:
    """``ta.linreg``: least-squares line through the last values, ``offset`` bars before its end (I7).

    Parameters
    ----------
    st
        `LINREG` record.
    x
        This bar's value; when missing, nothing enters the window and the last result stands.
    length
        1 to the capacity; the window is added up anew on every bar, oldest first, as TradingView does.
    offset
        Bars before the end of the line at which it is evaluated; 0 is the current bar.
    """
    capacity = len(st.values)
    if not accept(st.bound, length, capacity):
        return np.nan
    if x == x:
        head = st.head + 1 if st.head + 1 < capacity else 0
        st.values[head] = x
        st.head = head
        st.count += 1
    if st.count < length:
        return np.nan
    if length == 1:
        return float(st.values[st.head])
    slot = st.head - length + 1
    if slot < 0:
        slot += capacity
    total = 0.0
    moment = 0.0
    for place in range(1, length + 1):
        value = st.values[slot]
        total += value
        moment += value * place
        slot = slot + 1 if slot + 1 < capacity else 0
    places = length * (length + 1.0) / 2.0
    squares = length * (length + 1.0) * (2.0 * length + 1.0) / 6.0
    slope = (length * moment - places * total) / (length * squares - places * places)
    # The line is anchored one bar early and carried on from there: the shorter form rounds differently.
    intercept = total / length - slope * places / length + slope
    return intercept + slope * (length - 1 - offset)
