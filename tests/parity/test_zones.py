"""The zone of an export is found by prices, checked when it is stated, and refused when none fits."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engines.parity.zones import fixed_zone, parse_zone
from fixtures.make_ethusdt_like import PATH
from kwin_core.errors import ConfigError
from tests.parity.conftest import NO_WINDOW, Parity
from tests.parity.listing import Listing
from tests.selection import mostly_slow


@pytest.mark.parametrize(
    ("hours", "name"),
    mostly_slow(
        [
            (5.75, "UTC+05:45"),
            (8.0, "UTC+08:00"),
            (-5.0, "UTC-05:00"),
            (14.0, "UTC+14:00"),
            (-12.0, "UTC-12:00"),
        ]
    ),
)
def test_fixed_offset_is_found(parity: Parity, listing: Listing, hours: float, name: str) -> None:
    report = parity.json(listing.moved(timedelta(hours=hours)), *NO_WINDOW, code=0)
    assert report["zone"]["name"] == name
    assert report["zone"]["found_by"] == "prices"
    assert report["zone"]["inside"] == report["zone"]["fills"]


@pytest.mark.parametrize("name", mostly_slow(["America/New_York", "Europe/Berlin", "Australia/Sydney"]))
def test_summer_time_is_found(parity: Parity, listing: Listing, name: str) -> None:
    """Clocks change twice within the export; every trade still matches."""
    report = parity.json(listing.moved(name), *NO_WINDOW, code=0)
    assert report["zone"]["name"] == name


def test_zone_is_said_in_words(parity: Parity, listing: Listing) -> None:
    path = listing.moved(timedelta(hours=3)).write(parity.folder / "export.csv")
    assert parity(path, PATH, *NO_WINDOW) == 0
    assert "UTC+03:00, found by matching prices to bars" in parity.out


def test_offset_in_the_times(parity: Parity, listing: Listing) -> None:
    report = parity.json(listing.moved(timedelta(hours=-5), offset="-0500"), *NO_WINDOW, code=0)
    assert report["zone"]["found_by"] == "export"


def test_offset_in_the_times_is_wrong(parity: Parity, listing: Listing) -> None:
    """Times that claim UTC and are three hours off."""
    report = parity.json(listing.moved(timedelta(hours=3), offset="+0000"), *NO_WINDOW, code=1)
    first = report["first_difference"]
    assert (first["cause"], first["trade"]) == ("data", 1)
    assert "fit UTC+03:00" in first["explanation"]
    assert report["best"]["setting"] == "--tz UTC+03:00"
    assert report["best"]["exact"]


def test_wrong_zone_given(parity: Parity, listing: Listing) -> None:
    report = parity.json(listing.moved(timedelta(hours=8)), *NO_WINDOW, "--tz", "UTC", code=1)
    assert report["first_difference"]["cause"] == "data"
    assert report["best"]["setting"] == "--tz UTC+08:00"


def test_no_zone_puts_the_times_on_bars(parity: Parity, listing: Listing) -> None:
    report = parity.json(listing.moved(timedelta(minutes=7)), *NO_WINDOW, code=1)
    assert report["zone"]["found_by"] == "nothing"
    assert report["first_difference"]["cause"] == "data"
    assert report["tried"] == []


def test_bars_of_another_market(parity: Parity, listing: Listing) -> None:
    """Prices thirty percent off fit nowhere: the best zone and its share are named."""
    damaged = listing.copy()
    for row in damaged.rows:
        row[4] = f"{1.3 * float(row[4]):.2f}"
    first = parity.first(damaged, *NO_WINDOW)
    assert first["cause"] == "data"
    assert "no time zone makes the export's prices fit" in first["explanation"]


def test_bars_of_another_time(parity: Parity, listing: Listing) -> None:
    first = parity.first(listing.moved(timedelta(days=900)), *NO_WINDOW)
    assert first["cause"] == "data"
    assert "give the bars of its time" in first["explanation"]


@pytest.mark.parametrize(
    ("text", "hours"), [("UTC", 0.0), ("utc+8", 8.0), ("+05:30", 5.5), ("GMT-3", -3.0), ("UTC+0545", 5.75)]
)
def test_zone_texts(text: str, hours: float) -> None:
    assert parse_zone(text) == fixed_zone(round(hours * 3_600_000))


@pytest.mark.parametrize("text", ["Mars/Base", "eight", "UTC+x", "UTC8"])
def test_bad_zone_texts(text: str) -> None:
    with pytest.raises(ConfigError, match="--tz"):
        parse_zone(text)
