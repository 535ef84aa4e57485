"""Limits of the account, each at its edge."""

from __future__ import annotations

from dataclasses import fields
from decimal import Decimal

import pytest

from engines.live.limits import Figures, Limits, tripped

EXCEEDED = ("position_value", "exposure", "orders_per_hour", "data_age_ms")


def test_no_limit_trips_by_default() -> None:
    huge = Figures(Decimal(9**9), Decimal(9**9), 9**9, Decimal(9**9), 9**9, 9**9, 9**9, 9**9)
    assert tripped(Limits(), huge) == {}


@pytest.mark.parametrize("name", [field.name for field in fields(Limits)])
def test_each_limit_trips_at_its_edge_and_names_both_numbers(name: str) -> None:
    kind = type(getattr(Figures(), name))
    limits = Limits(**{name: kind(7)})
    below, edge, over = (Figures(**{name: kind(value)}) for value in (6, 7, 8))
    assert tripped(limits, below) == {}
    assert bool(tripped(limits, edge)) == (name not in EXCEEDED)
    words = tripped(limits, over)[name]
    assert "8" in words
    assert "7" in words


def test_limits_have_a_figure_each() -> None:
    assert [one.name for one in fields(Limits)] == [one.name for one in fields(Figures)]
