"""Replies of the exchange: read as documented, and a hundred thousand damaged ones never crash the reader."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

import pytest

from feeds.bybit_payloads import interval_of, parse_envelope, parse_klines, parse_listing
from kwin_core.bars import BAR, parse_timeframe
from kwin_core.errors import ConfigError, VenueError

KLINES: dict[str, Any] = {
    "retCode": 0,
    "retMsg": "OK",
    "result": {
        "symbol": "ETHUSDT",
        "category": "linear",
        "list": [
            ["1670608800000", "1707.1", "1707.3", "1702.7", "1705.55", "26861.01", "15.74462667"],
            ["1670605200000", "1707.15", "1707.15", "1706.1", "1707.1", "41", "0.24469757"],
        ],
    },
    "retExtInfo": {},
    "time": 1672025956592,
}
LISTING: dict[str, Any] = {
    "retCode": 0,
    "result": {
        "category": "linear",
        "list": [
            {
                "symbol": "ETHUSDT",
                "status": "Trading",
                "launchTime": "1584230400000",
                "priceFilter": {"minPrice": "0.01", "tickSize": "0.01"},
                "lotSizeFilter": {"minOrderQty": "0.01", "qtyStep": "0.01", "maxOrderQty": "7240.00"},
            }
        ],
        "nextPageCursor": "",
    },
    "time": 1672025956592,
}


def test_klines_are_turned_to_oldest_first() -> None:
    result, now_ms = parse_envelope(KLINES)
    bars = parse_klines(result)
    assert now_ms == 1672025956592
    assert bars.dtype == BAR
    assert bars.tolist() == [
        (1670605200000, 1707.15, 1707.15, 1706.1, 1707.1, 41.0),
        (1670608800000, 1707.1, 1707.3, 1702.7, 1705.55, 26861.01),
    ]
    assert parse_klines({"list": []}).size == 0


def test_listing_of_derivatives_and_spot() -> None:
    listing = parse_listing(LISTING["result"], "linear", "ETHUSDT")
    assert listing is not None
    assert (listing.tick, listing.lot, listing.min_order, listing.launch_ms) == (
        0.01,
        0.01,
        0.01,
        1584230400000,
    )
    spot = copy.deepcopy(LISTING["result"])
    del spot["list"][0]["launchTime"]
    spot["list"][0]["lotSizeFilter"] = {"basePrecision": "0.00001", "minOrderQty": "0.00005"}
    listing = parse_listing(spot, "spot", "ETHUSDT")
    assert listing is not None
    assert (listing.lot, listing.min_order, listing.launch_ms) == (0.00001, 0.00005, 0)
    assert parse_listing(LISTING["result"], "linear", "NOPEUSDT") is None


@pytest.mark.parametrize(
    ("timeframe", "interval"),
    [("1m", "1"), ("15m", "15"), ("60", "60"), ("4h", "240"), ("1d", "D"), ("W", "W")],
)
def test_intervals(timeframe: str, interval: str) -> None:
    assert interval_of(parse_timeframe(timeframe)) == interval


def test_unknown_interval_is_said() -> None:
    with pytest.raises(ConfigError, match="Bybit has no 7m klines; fetch one of 1m, 3m, 5m"):
        interval_of(420_000)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (["1670608800000", "1", "2", "1"], "not six values"),
        (["soon", "1", "2", "1", "2", "1", "1"], "invalid literal"),
        (["1670608800000", "1", "2", "high", "2", "1", "1"], "could not convert"),
        ("16706088000001", "not six values"),
        (None, "not subscriptable"),
        (["9" * 30, "1", "2", "1", "2", "1", "1"], "too large"),
    ],
)
def test_rows_of_another_shape_are_refused_by_type(row: Any, words: str) -> None:
    with pytest.raises(VenueError, match=words):
        parse_klines({"list": [row]})


JUNK = (
    None,
    True,
    -1,
    0,
    1e308,
    float("nan"),
    "",
    "NaN",
    "1e999",
    "\x00",
    [],
    {},
    [[]],
    "9" * 40,
    10**40,
    {"list": 5},
)


def mutated(value: Any, dice: random.Random) -> Any:
    """A copy with one thing changed somewhere: replaced, removed, doubled, or with other characters."""
    value = copy.deepcopy(value)
    holder, key, at = None, None, value
    while isinstance(at, (dict, list)) and len(at) and (holder is None or dice.random() < 0.8):
        holder = at
        key = dice.choice(list(at)) if isinstance(at, dict) else dice.randrange(len(at))
        at = at[key]
    action = dice.randrange(4)
    if holder is None or key is None:
        return dice.choice(JUNK)
    if action == 0:
        holder[key] = dice.choice(JUNK)
    elif action == 1:
        del holder[key]
    elif action == 2 and isinstance(holder, list):
        holder.insert(key, copy.deepcopy(at))
    else:
        text = list(json.dumps(at))
        text[dice.randrange(len(text))] = dice.choice('0159.eE+-"[]{},: \u00e9x')
        try:
            holder[key] = json.loads("".join(text))
        except json.JSONDecodeError:
            holder[key] = "".join(text)
    return value


@pytest.mark.parametrize("kind", ["klines", "listing"])
def test_damaged_replies_are_read_or_refused_by_type(kind: str) -> None:
    """50 000 mutations of each reply, one to three changes deep: a result of the right type, or a VenueError."""
    dice = random.Random(7)
    accepted = refused = longest = 0
    for _ in range(50_000):
        reply: Any = KLINES if kind == "klines" else LISTING
        for _ in range(dice.randint(1, 3)):
            reply = mutated(reply, dice)
        try:
            result, now_ms = parse_envelope(reply)
            if kind == "klines":
                assert parse_klines(result).dtype == BAR
            else:
                found = parse_listing(result, "linear", "ETHUSDT")
                assert found is None or 0.0 < found.tick < float("inf")
            assert isinstance(now_ms, int)
            accepted += 1
        except VenueError as error:
            longest = max(longest, len(str(error)))
            refused += 1
    assert accepted > 5_000
    assert refused > 5_000
    assert longest < 400, "an error line must stay readable"
