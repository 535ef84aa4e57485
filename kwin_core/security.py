"""Higher timeframes from chart bars, as ``request.security`` with lookahead off gives them (M1).

A higher bar becomes visible on the chart bar that ends it and is held until the next one ends (gaps off); it
never changes while it forms. Functions of the higher series run on the bars on which `htf_update` returns
true. With gaps on, take the value on those bars only and ``na`` elsewhere.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from kwin_core.bars import DAY_MS, timeframe_name
from kwin_core.errors import ConfigError
from kwin_core.lengths import LENGTH_OUT_OF_RANGE, OK, ORDER_BROKEN
from kwin_core.records import Record, record

_WEEK_MS = 7 * DAY_MS
_FIRST_MONDAY_MS = 4 * DAY_MS  # 1970-01-05

HTF = record(
    [
        ("error", np.int64),
        ("count", np.int64),  # higher bars completed so far; 0: the held values are na
        ("superseded", np.int64),  # higher bars replaced on the very bar that completed them, see htf_update
        ("time_ms", np.int64),  # open time of the last complete higher bar
        ("open", np.float64),
        ("high", np.float64),
        ("low", np.float64),
        ("close", np.float64),
        ("volume", np.float64),
        ("forming", np.int64),  # chart bars in the forming one
        ("forming_time_ms", np.int64),
        ("last_time_ms", np.int64),  # open time of the newest chart bar
        ("forming_open", np.float64),
        ("forming_high", np.float64),
        ("forming_low", np.float64),
        ("forming_close", np.float64),
        ("forming_volume", np.float64),
    ]
)
"""State of one higher timeframe. Read ``open high low close volume`` only when ``count`` is not 0."""


def check_htf(chart_ms: int, htf_ms: int) -> None:
    """Refuse a higher timeframe that chart bars cannot build.

    Parameters
    ----------
    chart_ms, htf_ms
        Timeframes, ms.

    Raises
    ------
    ConfigError
        When the higher one is not a whole multiple of the chart's.
    """
    if chart_ms <= 0 or htf_ms < chart_ms or htf_ms % chart_ms != 0:
        raise ConfigError(
            f"higher timeframe {timeframe_name(htf_ms)} is not a whole multiple of the chart's "
            f"{timeframe_name(chart_ms)}: choose one that is"
        )


@njit(error_model="numpy")
def htf_open_time(time_ms: int, htf_ms: int) -> int:
    """Open time (ms) of the higher bar that contains an instant: aligned to UTC, weeks to Monday."""
    origin = _FIRST_MONDAY_MS if htf_ms % _WEEK_MS == 0 else 0
    return (time_ms - origin) // htf_ms * htf_ms + origin


@njit(error_model="numpy")
def htf_update(st: Record, bar: Record, chart_ms: int, htf_ms: int) -> bool:
    """Take one chart bar; whether a higher bar became complete on it.

    Parameters
    ----------
    st
        `HTF` record; call on every chart bar, once.
    bar
        Record with ``time_ms`` (open, ms UTC), ``open high low close`` and ``volume``.
    chart_ms, htf_ms
        Timeframes, ms; check them with `check_htf` first.

    Returns
    -------
    bool
        True on the chart bar that ends a higher bar, and then ``open .. volume`` of the state are that
        higher bar's. Where the chart bars that should have ended it are missing, the next chart bar shows
        it. The first higher bar is built from the chart bars there are.

    Notes
    -----
    After a hole one chart bar can show the end of two higher bars, its predecessor's and its own; the newer
    one is held and ``superseded`` counts the older. On bars out of order, or timeframes that do not fit, the
    error field is set and nothing completes any more.
    """
    if st.error != OK:
        return False
    if chart_ms < 1 or htf_ms < chart_ms or htf_ms % chart_ms != 0:
        st.error = LENGTH_OUT_OF_RANGE
        return False
    if (st.count > 0 or st.forming > 0) and bar.time_ms <= st.last_time_ms:
        st.error = ORDER_BROKEN
        return False
    st.last_time_ms = bar.time_ms
    period_ms = htf_open_time(bar.time_ms, htf_ms)
    completed = False
    if st.forming > 0 and period_ms != st.forming_time_ms:
        _complete(st)
        completed = True
    if st.forming == 0:
        st.forming_time_ms = period_ms
        st.forming_open = bar.open
        st.forming_high = bar.high
        st.forming_low = bar.low
        st.forming_volume = 0.0
    st.forming_high = max(st.forming_high, bar.high)
    st.forming_low = min(st.forming_low, bar.low)
    st.forming_close = bar.close
    st.forming_volume += bar.volume
    st.forming += 1
    if bar.time_ms + chart_ms >= period_ms + htf_ms:
        if completed:
            st.superseded += 1
        _complete(st)
        completed = True
    return completed


@njit(error_model="numpy")
def _complete(st: Record) -> None:
    st.time_ms = st.forming_time_ms
    st.open = st.forming_open
    st.high = st.forming_high
    st.low = st.forming_low
    st.close = st.forming_close
    st.volume = st.forming_volume
    st.count += 1
    st.forming = 0


@njit(error_model="numpy")
def held(st: Record, value: float) -> float:
    """A value of the last complete higher bar (``held(st, st.close)``); ``na`` before the first one (M1)."""
    return value if st.count > 0 else np.nan
