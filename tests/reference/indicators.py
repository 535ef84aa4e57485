"""Indicators over whole lists of bars, each value using only bars up to its own; ``None`` is na."""

from __future__ import annotations

from collections.abc import Sequence

from tests.reference.records import Bar

HOUR_MS = 3_600_000
BAR_MS = 900_000


def pivot_high(highs: Sequence[float], bar_index: int, left: int) -> float | None:
    """``ta.pivothigh(left, 1)`` as seen on ``bar_index``; the candidate is the bar before (SP-12 to 14)."""
    candidate_bar = bar_index - 1
    if candidate_bar - left < 0:
        return None
    candidate = highs[candidate_bar]
    if any(highs[k] > candidate for k in range(candidate_bar - left, candidate_bar)):
        return None
    return candidate if highs[bar_index] < candidate else None


def pivot_low(lows: Sequence[float], bar_index: int, left: int) -> float | None:
    """``ta.pivotlow(left, 1)``, the mirror image of `pivot_high`."""
    candidate_bar = bar_index - 1
    if candidate_bar - left < 0:
        return None
    candidate = lows[candidate_bar]
    if any(lows[k] < candidate for k in range(candidate_bar - left, candidate_bar)):
        return None
    return candidate if lows[bar_index] > candidate else None


def wilder(values: Sequence[float], length: int) -> list[float | None]:
    """Wilder's average: the first value is the mean of the first ``length``, then weight 1/length."""
    out: list[float | None] = []
    average = 0.0
    for index, value in enumerate(values):
        if index < length - 1:
            out.append(None)
            continue
        if index == length - 1:
            average = sum(values[:length]) / length
        else:
            average = average + (value - average) / length
        out.append(average)
    return out


def rsi(closes: Sequence[float], length: int) -> list[float | None]:
    """RSI as in I2: the first value on bar number ``length`` (0-based); 100 when nothing fell."""
    changes = [closes[k] - closes[k - 1] for k in range(1, len(closes))]
    gains = wilder([max(change, 0.0) for change in changes], length)
    losses = wilder([max(-change, 0.0) for change in changes], length)
    out: list[float | None] = [None] if closes else []
    for gain, loss in zip(gains, losses, strict=True):
        if gain is None or loss is None:
            out.append(None)
        elif loss == 0.0:
            out.append(100.0)
        else:
            out.append(100.0 - 100.0 / (1.0 + gain / loss))
    return out


def atr(bars: Sequence[Bar], length: int) -> list[float | None]:
    """ATR as in I3; the true range of the first bar is high - low."""
    ranges = []
    for index, bar in enumerate(bars):
        true_range = bar.high - bar.low
        if index > 0:
            previous_close = bars[index - 1].close
            true_range = max(true_range, abs(bar.high - previous_close), abs(bar.low - previous_close))
        ranges.append(true_range)
    return wilder(ranges, length)


def hour_closes(bars: Sequence[Bar]) -> tuple[list[float | None], list[float | None]]:
    """The hourly close and the one before it, as visible on each 15-minute bar (M1).

    A new hour shows on the bar that ends it (the one opening at minute 45) and is held until the next.
    """
    latest: float | None = None
    previous: float | None = None
    latest_list: list[float | None] = []
    previous_list: list[float | None] = []
    for bar in bars:
        if (bar.time_ms + BAR_MS) % HOUR_MS == 0:
            previous, latest = latest, bar.close
        latest_list.append(latest)
        previous_list.append(previous)
    return latest_list, previous_list
