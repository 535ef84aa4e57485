"""The indicators by the words of Pine's reference and of rules I1 to I12: whole series, plain Python, slow.

Every function takes the chart (lists of prices, and ``x``, a series with holes) and the lengths, and returns
the value of every bar. Nothing is carried from bar to bar that the definition does not carry; sums are exact
(``fsum``), so a difference to the streaming form is that form's rounding or its fault.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

NA = math.nan
UNDEFINED = math.inf  # 0/0 of two running sums: na, or the quotient of what rounding left in them
TOLERANCE = 1e-10
Series = list[float]


@dataclass(frozen=True)
class Chart:
    """A chart as lists; ``x`` has NaN where the value is missing."""

    open: Series
    high: Series
    low: Series
    close: Series
    volume: Series
    x: Series


@dataclass(frozen=True)
class Lengths:
    n: int
    m: int
    left: int
    right: int


def present(values: Sequence[float]) -> Series:
    return [v for v in values if v == v]


def each(function: Callable[[int], float], chart: Chart) -> Series:
    return [function(i) for i in range(len(chart.x))]


def last_present(values: Series, i: int, n: int) -> Series | None:
    """The last n values up to bar i that are not missing; None while there are fewer."""
    seen = present(values[: i + 1])
    return seen[-n:] if len(seen) >= n else None


def sum_of(values: Series, n: int) -> Series:
    windows = (last_present(values, i, n) for i in range(len(values)))
    return [NA if w is None else math.fsum(w) for w in windows]


def mean_of(values: Series, n: int) -> Series:
    return [s / n for s in sum_of(values, n)]


def recursive_average(values: Series, n: int, weight: float) -> Series:
    """Seeded with the mean of the first n values; a bar without value gives na and is skipped."""
    out: Series = []
    seen: Series = []
    average = NA
    for v in values:
        if v != v:
            out.append(NA)
            continue
        seen.append(v)
        if len(seen) == n:
            average = math.fsum(seen) / n
        elif len(seen) > n:
            average = weight * v + (1 - weight) * average
        out.append(average)
    return out


def ema_of(values: Series, n: int) -> Series:
    return recursive_average(values, n, 2 / (n + 1))


def rma_of(values: Series, n: int) -> Series:
    return recursive_average(values, n, 1 / n)


def filled(values: Series) -> Series:
    out: Series = []
    for v in values:
        out.append(v if v == v else (out[-1] if out else NA))
    return out


def wma_of(values: Series, n: int) -> Series:
    held = filled(values)
    out = []
    for i, v in enumerate(values):
        if v != v or len(present(values[: i + 1])) < n:
            out.append(NA)
        else:
            window = held[i - n + 1 : i + 1]
            out.append(math.fsum(w * (k + 1) for k, w in enumerate(window)) / (n * (n + 1) / 2))
    return out


def difference(values: Series, n: int) -> Series:
    return [v - values[i - n] if i >= n else NA for i, v in enumerate(values)]


def extreme_of(values: Series, n: int, sign: int) -> list[tuple[float, float]]:
    """(value, minus age) of the extreme, the older on a tie; na makes it forget (see ``highest``)."""
    out: list[tuple[float, float]] = []
    since = 0  # the extreme is looked for from this bar on, until it is too old
    best = 0
    for i, v in enumerate(values):
        if i == 0 or not sign * v <= sign * values[best]:
            best = i
        elif i - best >= n:
            since = i
            while since > i - n + 1 and values[since - 1] == values[since - 1]:
                since -= 1
            best = max(range(since, i + 1), key=lambda k: (sign * values[k], -k))
        out.append((values[best], float(best - i)) if i >= n - 1 else (NA, NA))
    return out


def ratio(a: float, b: float) -> float:
    return NA if b == 0 else a / b


def true_range(c: Chart) -> Series:
    rest = [
        max(c.high[i] - c.low[i], abs(c.high[i] - c.close[i - 1]), abs(c.low[i] - c.close[i - 1]))
        for i in range(1, len(c.x))
    ]
    return [NA, *rest]


def sma(c: Chart, p: Lengths) -> Series:
    return mean_of(c.x, p.n)


def rolling_sum(c: Chart, p: Lengths) -> Series:
    return sum_of(c.x, p.n)


def cum(c: Chart, p: Lengths) -> Series:
    return each(lambda i: math.fsum(present(c.x[: i + 1])) if c.x[i] == c.x[i] else NA, c)


def ema(c: Chart, p: Lengths) -> Series:
    return ema_of(c.x, p.n)


def rma(c: Chart, p: Lengths) -> Series:
    return rma_of(c.x, p.n)


def wma(c: Chart, p: Lengths) -> Series:
    return wma_of(c.x, p.n)


def vwma(c: Chart, p: Lengths) -> Series:
    traded = sum_of([a * b for a, b in zip(c.close, c.volume, strict=True)], p.n)
    return [a / b if b != 0 else UNDEFINED for a, b in zip(traded, sum_of(c.volume, p.n), strict=True)]


def swma(c: Chart, p: Lengths) -> Series:
    x = c.x
    return each(lambda i: (x[i] + 2 * x[i - 1] + 2 * x[i - 2] + x[i - 3]) / 6 if i >= 3 else NA, c)


def hma(c: Chart, p: Lengths) -> Series:
    length = p.n + 1
    half = wma_of(c.close, length // 2)
    full = wma_of(c.close, length)
    return wma_of([2 * a - b for a, b in zip(half, full, strict=True)], math.isqrt(length))


def alma(c: Chart, p: Lengths) -> Series:
    centre = 0.85 * (p.n - 1)
    width = p.n / 6.0
    weights = [math.exp(-((k - centre) ** 2) / (2 * width**2)) for k in range(p.n)]

    def at(i: int) -> float:
        if i < p.n - 1 or len(present(c.x[i - p.n + 1 : i + 1])) < p.n:
            return NA
        return math.fsum(w * c.x[i - p.n + 1 + k] for k, w in enumerate(weights)) / math.fsum(weights)

    return each(at, c)


def highest(c: Chart, p: Lengths) -> Series:
    return [value for value, _ in extreme_of(c.x, p.n, 1)]


def lowest(c: Chart, p: Lengths) -> Series:
    return [value for value, _ in extreme_of(c.x, p.n, -1)]


def highestbars(c: Chart, p: Lengths) -> Series:
    return [age for _, age in extreme_of(c.x, p.n, 1)]


def lowestbars(c: Chart, p: Lengths) -> Series:
    return [age for _, age in extreme_of(c.x, p.n, -1)]


def value_range(c: Chart, p: Lengths) -> Series:
    return [a - b for a, b in zip(highest(c, p), lowest(c, p), strict=True)]


def pivot(c: Chart, p: Lengths, sign: int) -> Series:
    def at(i: int) -> float:
        k = i - p.right
        if k - p.left < 0:
            return NA
        before = all(not sign * v > sign * c.x[k] for v in c.x[k - p.left : k])
        after = all(sign * v < sign * c.x[k] for v in c.x[k + 1 : i + 1])
        return c.x[k] if before and after else NA

    return each(at, c)


def pivothigh(c: Chart, p: Lengths) -> Series:
    return pivot(c, p, 1)


def pivotlow(c: Chart, p: Lengths) -> Series:
    return pivot(c, p, -1)


def change(c: Chart, p: Lengths) -> Series:
    return difference(c.x, p.n)


mom = change


def roc(c: Chart, p: Lengths) -> Series:
    moved = difference(c.x, p.n)
    return each(lambda i: ratio(100 * moved[i], c.x[i - p.n]) if i >= p.n else NA, c)


def rsi(c: Chart, p: Lengths) -> Series:
    held = filled(c.x)
    moved = [v - held[i - 1] if i > 0 else NA for i, v in enumerate(c.x)]
    gains = rma_of([max(d, 0.0) if d == d else NA for d in moved], p.n)
    losses = rma_of([max(-d, 0.0) if d == d else NA for d in moved], p.n)

    def at(i: int) -> float:
        if gains[i] != gains[i]:
            return NA
        if losses[i] <= TOLERANCE:
            return 100.0
        return 100 * gains[i] / (gains[i] + losses[i]) if gains[i] > TOLERANCE else 0.0

    return each(at, c)


def macd_line(c: Chart, p: Lengths) -> Series:
    return [a - b for a, b in zip(ema_of(c.x, p.n), ema_of(c.x, p.n + p.m), strict=True)]


def macd_signal(c: Chart, p: Lengths) -> Series:
    return ema_of(macd_line(c, p), p.m)


def macd_histogram(c: Chart, p: Lengths) -> Series:
    return [a - b for a, b in zip(macd_line(c, p), macd_signal(c, p), strict=True)]


def place_in_range(c: Chart, p: Lengths, above: bool) -> Series:
    def at(i: int) -> float:
        if i < p.n - 1:
            return NA
        top = max(c.high[i - p.n + 1 : i + 1])
        bottom = min(c.low[i - p.n + 1 : i + 1])
        return ratio(100 * (c.close[i] - (bottom if above else top)), top - bottom)

    return each(at, c)


def stoch(c: Chart, p: Lengths) -> Series:
    return place_in_range(c, p, above=True)


def wpr(c: Chart, p: Lengths) -> Series:
    return place_in_range(c, p, above=False)


def mfi(c: Chart, p: Lengths) -> Series:
    moved = difference(c.close, 1)
    money = [a * b for a, b in zip(c.close, c.volume, strict=True)]
    inflow = sum_of([0.0 if d <= TOLERANCE else v for d, v in zip(moved, money, strict=True)], p.n)
    outflow = sum_of([0.0 if d >= -TOLERANCE else v for d, v in zip(moved, money, strict=True)], p.n)

    def at(i: int) -> float:
        if inflow[i] != inflow[i]:
            return NA
        total = inflow[i] + outflow[i]
        return 100 * inflow[i] / total if total != 0 else UNDEFINED

    return each(at, c)


def cmo(c: Chart, p: Lengths) -> Series:
    moved = difference(c.close, 1)[1:]
    up = [NA, *sum_of([d if d >= -TOLERANCE else 0.0 for d in moved], p.n)]
    down = [NA, *sum_of([0.0 if d >= -TOLERANCE else -d for d in moved], p.n)]
    return each(lambda i: ratio(100 * (up[i] - down[i]), up[i] + down[i]), c)


def cci(c: Chart, p: Lengths) -> Series:
    means = mean_of(c.close, p.n)

    def at(i: int) -> float:
        if means[i] != means[i]:
            return NA
        deviation = math.fsum(abs(v - means[i]) for v in c.close[i - p.n + 1 : i + 1]) / p.n
        return (c.close[i] - means[i]) / (0.015 * deviation) if deviation > TOLERANCE else UNDEFINED

    return each(at, c)


def spread(values: Series, n: int, divisor: int) -> Series:
    def of(window: Series) -> float:
        mean = math.fsum(window) / n
        return ratio(math.fsum((v - mean) ** 2 for v in window), divisor)

    windows = (last_present(values, i, n) for i in range(len(values)))
    return [NA if w is None else of(w) for w in windows]


def variance(c: Chart, p: Lengths) -> Series:
    return spread(c.x, p.n, p.n)


def unbiased(c: Chart, p: Lengths) -> Series:
    return spread(c.x, p.n, p.n - 1)


def stdev(c: Chart, p: Lengths) -> Series:
    return [math.sqrt(v) for v in variance(c, p)]


bb_middle = sma


def bb_upper(c: Chart, p: Lengths) -> Series:
    return [a + 2 * b for a, b in zip(sma(c, p), stdev(c, p), strict=True)]


def bb_lower(c: Chart, p: Lengths) -> Series:
    return [a - 2 * b for a, b in zip(sma(c, p), stdev(c, p), strict=True)]


def bbw(c: Chart, p: Lengths) -> Series:
    return [100 * 4 * b / a for a, b in zip(sma(c, p), stdev(c, p), strict=True)]


def kc_middle(c: Chart, p: Lengths) -> Series:
    return ema_of(c.close, p.n)


def kc_upper(c: Chart, p: Lengths) -> Series:
    return [a + 1.5 * b for a, b in zip(kc_middle(c, p), ema_of(true_range(c), p.n), strict=True)]


def kc_lower(c: Chart, p: Lengths) -> Series:
    return [a - 1.5 * b for a, b in zip(kc_middle(c, p), ema_of(true_range(c), p.n), strict=True)]


def tr(c: Chart, p: Lengths) -> Series:
    return true_range(c)


def atr(c: Chart, p: Lengths) -> Series:
    return rma_of([c.high[0] - c.low[0], *true_range(c)[1:]], p.n)


def directional(c: Chart, p: Lengths) -> tuple[Series, Series, Series]:
    ups = difference(c.high, 1)
    downs = [-d for d in difference(c.low, 1)]
    plus = [NA] + [
        u if u > TOLERANCE and u - d > TOLERANCE else 0.0 for u, d in zip(ups[1:], downs[1:], strict=True)
    ]
    minus = [NA] + [
        d if d > TOLERANCE and d - u > TOLERANCE else 0.0 for u, d in zip(ups[1:], downs[1:], strict=True)
    ]
    span = rma_of(true_range(c), p.n)
    plus = [ratio(100 * a, b) for a, b in zip(rma_of(plus, p.n), span, strict=True)]
    minus = [ratio(100 * a, b) for a, b in zip(rma_of(minus, p.n), span, strict=True)]
    index = [
        100 * abs(a - b) / (a + b) if a + b != 0 else (0.0 if a == a else NA)
        for a, b in zip(plus, minus, strict=True)
    ]
    return plus, minus, rma_of(index, p.m)


def dmi_plus(c: Chart, p: Lengths) -> Series:
    return directional(c, p)[0]


def dmi_minus(c: Chart, p: Lengths) -> Series:
    return directional(c, p)[1]


def dmi_adx(c: Chart, p: Lengths) -> Series:
    return directional(c, p)[2]


def supertrends(c: Chart, p: Lengths) -> list[tuple[float, float]]:
    """Rule I11; the very first bar is (0, 1) and the line is na until the ATR begins.

    With a length of 1 the ATR begins on that first bar, and of its bands only the lower one is carried on.
    """
    average = atr(c, p)
    out: list[tuple[float, float]] = [(0.0, 1.0)]
    upper = NA
    lower = (c.high[0] + c.low[0]) / 2 - 1.5 * average[0]
    direction = 1.0
    for i in range(1, len(c.x)):
        if average[i] != average[i]:
            out.append((NA, 1.0))
            continue
        basic_upper = (c.high[i] + c.low[i]) / 2 + 1.5 * average[i]
        basic_lower = (c.high[i] + c.low[i]) / 2 - 1.5 * average[i]
        if lower != lower or basic_lower > lower or c.close[i - 1] < lower:
            lower = basic_lower
        if upper != upper:
            upper = basic_upper
        else:
            upper = basic_upper if basic_upper < upper or c.close[i - 1] > upper else upper
            if direction > 0:
                direction = -1.0 if c.close[i] > upper else 1.0
            else:
                direction = 1.0 if c.close[i] < lower else -1.0
        out.append((lower if direction < 0 else upper, direction))
    return out


def sar(c: Chart, p: Lengths) -> Series:
    """Rule I12, word by word, with the usual 0.02, 0.02, 0.2."""
    out = [NA]
    rising = False
    value = extreme = acceleration = NA
    for i in range(1, len(c.x)):
        fresh = i == 1
        if fresh:
            rising = c.close[1] > c.close[0]
            value = c.low[0] if rising else c.high[0]
            extreme = c.high[1] if rising else c.low[1]
            acceleration = 0.02
        value += acceleration * (extreme - value)
        if (rising and value > c.low[i]) or (not rising and value < c.high[i]):
            rising = not rising
            value = min(c.low[i], extreme) if rising else max(c.high[i], extreme)
            extreme = c.high[i] if rising else c.low[i]
            acceleration = 0.02
            fresh = True
        here = c.high[i] if rising else c.low[i]
        if not fresh and (here > extreme if rising else here < extreme):
            extreme = here
            acceleration = min(acceleration + 0.02, 0.2)
        two = slice(max(i - 2, 0), i)
        value = min(value, *c.low[two]) if rising else max(value, *c.high[two])
        out.append(value)
    return out


def linreg(c: Chart, p: Lengths) -> Series:
    def of(window: Series) -> float:
        if p.n == 1:
            return window[0]
        middle = (p.n - 1) / 2
        mean = math.fsum(window) / p.n
        slope = math.fsum((k - middle) * (v - mean) for k, v in enumerate(window))
        slope /= math.fsum((k - middle) ** 2 for k in range(p.n))
        return mean + slope * (p.n - 1 - (p.m - 1) - middle)

    windows = (last_present(c.x, i, p.n) for i in range(len(c.x)))
    return [NA if w is None else of(w) for w in windows]


def both_present(c: Chart, i: int) -> int | None:
    """The last bar before i on which x and the open have a value."""
    return next((k for k in range(i - 1, -1, -1) if c.x[k] == c.x[k]), None)


def crossover(c: Chart, p: Lengths) -> Series:
    def at(i: int) -> float:
        k = both_present(c, i)
        return float(k is not None and c.x[i] > c.open[i] and c.x[k] <= c.open[k])

    return each(at, c)


def crossunder(c: Chart, p: Lengths) -> Series:
    def at(i: int) -> float:
        k = both_present(c, i)
        return float(k is not None and c.x[i] < c.open[i] and c.x[k] >= c.open[k])

    return each(at, c)


def cross(c: Chart, p: Lengths) -> Series:
    def at(i: int) -> float:
        sides = [c.x[k] - c.open[k] for k in range(i)]
        clear = [d for d in sides if abs(d) > TOLERANCE]
        now = c.x[i] - c.open[i]
        return float(bool(clear) and ((clear[-1] < 0 < now) or (now < 0 < clear[-1])))

    return each(at, c)


def runs(c: Chart, p: Lengths, sign: int) -> Series:
    steps = [sign * d > TOLERANCE for d in difference(c.x, 1)]
    return each(lambda i: float(i >= p.m and all(steps[i - p.m + 1 : i + 1])), c)


def rising(c: Chart, p: Lengths) -> Series:
    return runs(c, p, 1)


def falling(c: Chart, p: Lengths) -> Series:
    return runs(c, p, -1)


def events(c: Chart, i: int) -> list[int]:
    return [k for k in range(i + 1) if c.close[k] > c.open[k]]


def valuewhen(c: Chart, p: Lengths) -> Series:
    def at(i: int) -> float:
        happened = events(c, i)
        return c.x[happened[-1 - p.m % 4]] if len(happened) > p.m % 4 else NA

    return each(at, c)


def barssince(c: Chart, p: Lengths) -> Series:
    return each(lambda i: float(i - events(c, i)[-1]) if events(c, i) else NA, c)


def anchored(c: Chart) -> list[tuple[float, float]]:
    """(mean, deviation) weighted with volume since the last bar whose number is 3 modulo 7."""

    def at(i: int) -> tuple[float, float]:
        anchors = [k for k in range(i + 1) if k % 7 == 3 and c.x[k] == c.x[k]]
        if not anchors or c.x[i] != c.x[i]:
            return NA, NA
        bars = [(c.x[k], c.volume[k]) for k in range(anchors[-1], i + 1) if c.x[k] == c.x[k]]
        volume = math.fsum(v for _, v in bars)
        mean = ratio(math.fsum(x * v for x, v in bars), volume)
        return mean, math.sqrt(ratio(math.fsum(v * (x - mean) ** 2 for x, v in bars), volume))

    return [at(i) for i in range(len(c.x))]


def vwap(c: Chart, p: Lengths) -> Series:
    return [mean for mean, _ in anchored(c)]


vwap_bands_mean = vwap


def vwap_bands_upper(c: Chart, p: Lengths) -> Series:
    return [mean + 2 * deviation for mean, deviation in anchored(c)]


def vwap_bands_lower(c: Chart, p: Lengths) -> Series:
    return [mean - 2 * deviation for mean, deviation in anchored(c)]


def supertrend_line(c: Chart, p: Lengths) -> Series:
    return [line for line, _ in supertrends(c, p)]


def supertrend_direction(c: Chart, p: Lengths) -> Series:
    return [direction for _, direction in supertrends(c, p)]
