"""How the exchange writes numbers: as text, in two styles.

Klines drop trailing zeros ("65114.2"), tickers and trades keep the tick's decimals ("65114.20").
Neither ever uses an exponent.
"""

from __future__ import annotations

from decimal import Decimal

ZERO = Decimal(0)
_MAX_DIGITS = 8  # money amounts are cut at 8 decimals, as on the exchange


def plain(value: float | Decimal | int) -> str:
    """Shortest exact text of a number: no exponent, no trailing zeros ("77.3", "0", "65114.2")."""
    text = format(Decimal(repr(value)) if isinstance(value, float) else Decimal(value), "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def fixed(value: float | Decimal | int, decimals: int) -> str:
    """Text with a fixed number of decimals ("65114.30" with 2)."""
    return f"{Decimal(repr(value)) if isinstance(value, float) else Decimal(value):.{decimals}f}"


def money(value: Decimal) -> str:
    """An amount of a coin, rounded to 8 decimals and trimmed."""
    return plain(round(value, _MAX_DIGITS))


def decimals_of(step: Decimal) -> int:
    """Decimals of a step as the exchange writes it (0.10 gives 2)."""
    exponent = step.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def to_decimal(value: float | int | str | Decimal) -> Decimal:
    """Exact decimal of a number or text; floats go through their shortest repr."""
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """Largest multiple of ``step`` that is not above ``value``."""
    return (value // step) * step


def is_multiple(value: Decimal, step: Decimal) -> bool:
    """Whether ``value`` lies on the grid of ``step``."""
    return value % step == 0
