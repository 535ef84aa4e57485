"""Instants: text and units to ms and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.instants import guess_unit, iso, looks_like_seconds, parse_instant, to_ms
from kwin_core.errors import ConfigError, DataError


@pytest.mark.parametrize(
    ("text", "time_ms"),
    [
        ("2025-04-20", 1_745_107_200_000),
        ("2025-04-20T21:00Z", 1_745_182_800_000),
        ("2025-04-20 21:00", 1_745_182_800_000),
        ("2025-04-21T05:00+08:00", 1_745_182_800_000),
        ("1745182800", 1_745_182_800_000),
        ("1745182800000", 1_745_182_800_000),
        ("1745182800000000", 1_745_182_800_000),
        (" 2025-04-20T21:00:00.500Z ", 1_745_182_800_500),
    ],
)
def test_what_people_write(text: str, time_ms: int) -> None:
    assert parse_instant(text) == time_ms


@pytest.mark.parametrize("text", ["", "yesterday", "2025-13-01", "2025-04-20T25:00", "-5"])
def test_what_is_not_understood_is_said(text: str) -> None:
    with pytest.raises(ConfigError, match="is not understood: write 2025-04-20"):
        parse_instant(text)


@given(st.integers(-60_000_000_000_000, 250_000_000_000_000))
def test_iso_is_the_inverse_of_parse(time_ms: int) -> None:
    assert parse_instant(iso(time_ms)) == time_ms


def test_iso_never_fails() -> None:
    assert iso(10**18) == "1000000000000000000 ms"
    assert iso(1_755_309_600_000) == "2025-08-16T02:00:00Z"


@given(st.integers(200_000_000, 60_000_000_000))
def test_units_are_told_apart_by_size(seconds: int) -> None:
    for unit, factor in (("s", 1), ("ms", 10**3), ("us", 10**6), ("ns", 10**9)):
        if unit == "ns" and seconds * factor >= 2**63:
            continue
        assert guess_unit(seconds * factor) == unit
        assert to_ms(np.array([seconds * factor]), unit, "x").tolist() == [seconds * 1000]
    assert looks_like_seconds(seconds)
    assert not looks_like_seconds(seconds * 1000)


def test_part_of_a_millisecond_is_refused_with_its_row() -> None:
    with pytest.raises(DataError, match="row 11: time 5001 us is not a whole millisecond") as caught:
        to_ms(np.array([4000, 5001, 6001]), "us", "x", first_row=10)
    assert caught.value.row == 11
