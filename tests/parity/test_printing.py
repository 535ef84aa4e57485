"""Printed numbers: the rule, and its edges."""

from __future__ import annotations

import pytest

from engines.parity.printing import (
    print_money,
    print_percent,
    print_price,
    print_qty,
    print_small_money,
    print_value_10_digits,
)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-21.47, "-21.47"),
        (8.1, "8.1"),
        (9.0, "9"),
        (0.0, "0"),
        (-0.004, "0"),
        (0.125, "0.13"),  # ties go toward plus infinity
        (-0.125, "-0.12"),
        (0.005, "0.01"),  # the double is below 0.005, the float32's text is 0.005
        (-0.005, "0"),
        (9.995, "9.99"),  # 9.995 * 100 is below 999.5 in doubles
        (33554434.4, "33554436"),  # beyond float32's digits
        (1_000_000.0, "1000000"),
    ],
)
def test_money_prints_hundredths_of_the_float32_text(value: float, text: str) -> None:
    """Ties go up, zeros are dropped, large amounts lose what float32 cannot hold."""
    assert print_money(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(-0.4, "-0.40"), (0.0, "0.00"), (-0.001, "0.00"), (12.345, "12.35")]
)
def test_percent_prints_two_decimals(value: float, text: str) -> None:
    """Always two decimals and never a negative zero."""
    assert print_percent(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.00063, "0.001"),
        (0.00032, "0.0003"),
        (-0.0005, "-0.0005"),  # half of the third decimal goes up to zero, so a fourth is shown
        (-0.0006, "-0.001"),
        (0.000032, "0.00003"),
        (261.1423, "261.14"),
        (-3e-10, "0"),
    ],
)
def test_small_money_shows_something(value: float, text: str) -> None:
    """Older exports add decimals until the amount is not zero."""
    assert print_small_money(value) == text


def test_values_prices_and_quantities_carry_no_binary_dust() -> None:
    """What a product of doubles adds behind the last real digit is not printed."""
    assert print_value_10_digits(245140.41114999) == "245140.4111"
    assert print_value_10_digits(1802.75) == "1802.75"
    assert print_price(93761.90000000001, 0.01) == "93761.9"
    assert print_price(1.1653000000000002, 0.00001) == "1.1653"
    assert print_qty(119.55210000000001) == "119.5521"
    assert print_qty(1.0) == "1"
