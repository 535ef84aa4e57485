"""How TradingView prints the numbers of its list of trades: texts that compare without tolerance.

A money or percent value is converted to float32, its shortest decimal text is taken, and that decimal is
rounded to hundredths in doubles, ties toward plus infinity. Older exports show small amounts with as many
more decimals as it takes to see them. Sizes in money have ten significant digits in new exports and all digits
of the double in old ones.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_UP, Context, Decimal

import numpy as np

_TEN_DIGITS = Context(prec=10, rounding=ROUND_HALF_UP)
NOISE = 1e-9
"""Money below this prints as zero in exports that show small amounts."""


def shortest(value: float | Decimal) -> str:
    """A number without exponent, trailing zeros or negative zero: ``8.1``, ``9``, ``0``."""
    text = format(value if isinstance(value, Decimal) else Decimal(repr(float(value))), "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def round_printed(value: float, decimals: int = 2) -> float:
    """``floor(r * 10**n + 0.5) / 10**n`` on the shortest decimal text ``r`` of the value's float32.

    In doubles, so that 9.995 gives 9.99: its product with 100 lies below 999.5.
    """
    scale = 10.0**decimals
    return math.floor(float(str(np.float32(value))) * scale + 0.5) / scale


def print_money(value: float) -> str:
    """Money in the newer exports: at most two decimals, no trailing zeros (``-21.47``, ``8.1``, ``9``)."""
    return shortest(round_printed(value))


def print_percent(value: float) -> str:
    """A percentage in the newer exports: always two decimals (``-0.40``, ``0.00``).

    Parameters
    ----------
    value
        Percent, not a fraction.
    """
    rounded = round_printed(value)
    return f"{rounded:.2f}" if rounded != 0.0 else "0.00"


def print_small_money(value: float) -> str:
    """Money in the older exports: two decimals, or as many as show something (``0.00063`` -> ``0.001``)."""
    if abs(value) < NOISE:
        return "0"
    decimals = 2
    rounded = round_printed(value, decimals)
    while rounded == 0.0 and decimals < 12:
        decimals += 1
        rounded = round_printed(value, decimals)
    return shortest(rounded)


def print_value_10_digits(value: float) -> str:
    """The double at ten significant digits, without trailing zeros (``245140.4111``)."""
    return shortest(_TEN_DIGITS.create_decimal(Decimal(value)))


def print_price(price: float, tick: float) -> str:
    """A price with the decimals of its tick and no trailing zeros (``93761.90000000001`` -> ``93761.9``)."""
    exponent = Decimal(repr(float(tick))).normalize().as_tuple().exponent
    decimals = max(0, -int(exponent))
    return shortest(Decimal(f"{price:.{decimals}f}"))


def print_qty(qty: float) -> str:
    """A quantity on the broker's grid of 1e-8 without trailing zeros (``119.5521``)."""
    return shortest(Decimal(f"{qty:.8f}"))
