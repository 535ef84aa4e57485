"""Kline pushes as Bybit sends them: every element, identified by its ``start``; the rest is told by type.

A perpetual's roll carries two elements, the closed bar and the new one; spot sends two messages. ``timestamp``
is the time of the push, later than ``end`` on the closing one, so it says nothing about which bar is meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from feeds.bybit_payloads import interval_of, shorten
from kwin_core.bars import BAR, floor_time

_NAMES = ("open", "high", "low", "close", "volume")


def topic_of(symbol: str, timeframe_ms: int) -> str:
    """Topic of a series: ``"kline.15.BTCUSDT"``."""
    return f"kline.{interval_of(timeframe_ms)}.{symbol}"


def closed_bars(message: Mapping[str, Any], timeframe_ms: int) -> tuple[list[np.ndarray], list[str]]:
    """Confirmed bars of a push, and what is wrong with it.

    Parameters
    ----------
    message
        A decoded push of a kline topic.
    timeframe_ms
        Length of the topic's bars in ms.

    Returns
    -------
    bars
        ``BAR`` arrays of shape (1,), in the order of the message, not yet checked by the gate.
    faults
        One phrase for each element that is not as documented; the others stand.
    """
    data = message.get("data")
    if not isinstance(data, list) or not data:
        return [], [f"kline push without data: {shorten(message)}"]
    interval = interval_of(timeframe_ms)
    bars: list[np.ndarray] = []
    faults: list[str] = []
    for element in data:
        if not isinstance(element, Mapping) or not isinstance(element.get("confirm"), bool):
            faults.append(f"kline element without confirm: {shorten(element)}")
        elif element["confirm"]:
            try:
                bars.append(_bar(element, interval, timeframe_ms, message.get("ts")))
            except (KeyError, TypeError, ValueError, OverflowError) as error:
                faults.append(f"kline element {shorten(element)}: {error}")
    return bars, faults


def _bar(element: Mapping[str, Any], interval: str, timeframe_ms: int, pushed_ms: Any) -> np.ndarray:
    """One confirmed element.

    Raises
    ------
    KeyError, TypeError, ValueError, OverflowError
        When it cannot be a closed bar of this topic.
    """
    start_ms = element["start"]
    if not isinstance(start_ms, int) or floor_time(start_ms, timeframe_ms) != start_ms:
        raise ValueError(f"start {start_ms!r} is not on the grid of interval {interval}")
    if element["interval"] != interval:
        raise ValueError(f"interval {element['interval']!r} on a topic of interval {interval}")
    if not isinstance(pushed_ms, int) or start_ms + timeframe_ms > pushed_ms:
        raise ValueError(f"confirmed before its end (pushed at {pushed_ms!r})")
    bar = np.zeros(1, dtype=BAR)
    bar["time_ms"] = start_ms
    for name in _NAMES:
        bar[name] = float(element[name])
    return bar
