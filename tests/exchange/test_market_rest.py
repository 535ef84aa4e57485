"""Market data over REST: klines as the exchange pages them, instruments, tickers, and every REST fault."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import requests

from kwin_core.errors import DataError
from tests.exchange import Exchange, Market, bars_from_parquet, known
from tests.exchange.sample import walk

TIMEFRAME_MS = 900_000


@pytest.fixture
def bars() -> np.ndarray:
    return walk(2_500)


@pytest.fixture
def exchange(bars: np.ndarray) -> Iterator[Exchange]:
    markets = [Market(known("BTCUSDT"), bars, "15m"), Market(known("BTCUSDT", "spot"), bars, "15m")]
    with Exchange(markets=markets) as running:
        yield running


def get(exchange: Exchange, path: str, **parameters: Any) -> Any:
    reply = requests.get(f"{exchange.url}/v5/{path}", params=parameters, timeout=5)
    reply.raise_for_status()
    return reply.json()


def kline(exchange: Exchange, **parameters: Any) -> Any:
    words: dict[str, Any] = {"category": "linear", "symbol": "BTCUSDT", "interval": "15", **parameters}
    return get(exchange, "market/kline", **words)["result"]["list"]


def test_paging_backwards_returns_the_script(exchange: Exchange, bars: np.ndarray) -> None:
    """end = oldest - 1 reaches the listing date; the closed rows equal the source exactly."""
    rows: list[list[str]] = []
    end = None
    while page := kline(exchange, limit=1000, **({} if end is None else {"end": end})):
        rows += page
        end = int(page[-1][0]) - 1
    forming, *closed = rows
    assert int(forming[0]) == int(bars["time_ms"][-1]) + TIMEFRAME_MS
    assert forming[1] == forming[4] == closed[0][4]
    for column, name in enumerate(("time_ms", "open", "high", "low", "close", "volume")):
        assert [float(row[column]) for row in reversed(closed)] == bars[name].tolist()


def test_bounds_and_limits(exchange: Exchange, bars: np.ndarray) -> None:
    """Inclusive bounds, floor on start, forward from a lone start, else the newest; 1000 at most."""
    at = [int(value) for value in bars["time_ms"]]
    assert [int(row[0]) for row in kline(exchange, start=at[10], end=at[12])] == at[12:9:-1]
    assert [int(row[0]) for row in kline(exchange, start=at[10] + 5, end=at[10] + 6)] == [at[10]]
    assert [int(row[0]) for row in kline(exchange, start=at[10], limit=3)] == at[12:9:-1]
    assert [int(row[0]) for row in kline(exchange, end=at[12], limit=3)] == at[12:9:-1]
    assert [int(row[0]) for row in kline(exchange, start=at[0], end=at[12], limit=2)] == at[12:10:-1]
    assert len(kline(exchange, limit=5000)) == 1000
    assert len(kline(exchange)) == 200
    assert kline(exchange, end=at[0] - 1) == []


def test_longer_intervals_aggregate(exchange: Exchange, bars: np.ndarray) -> None:
    """A closed hour is made of its four quarters."""
    row = kline(exchange, interval="60", end=int(bars["time_ms"][11]), limit=1)[0]
    four = bars[8:12]
    assert int(row[0]) == int(four["time_ms"][0])
    shown = [float(value) for value in row[1:6]]
    volume = round(float(four["volume"].sum()), 8)
    assert shown == [four["open"][0], four["high"].max(), four["low"].min(), four["close"][-1], volume]


def test_forming_bar_grows_along_the_path(bars: np.ndarray) -> None:
    """The unfinished bar shows only what has happened; once closed it equals the script."""
    with Exchange([Market(known("BTCUSDT"), bars, "15m")], start_ms=int(bars["time_ms"][100])) as exchange:
        start = kline(exchange, limit=1)[0]
        assert set(start[1:5]) == {start[1]}
        assert start[5] == "0"
        seen = []
        for _ in range(4):
            exchange.advance(TIMEFRAME_MS // 4)
            seen.append(kline(exchange, limit=1, end=int(bars["time_ms"][100]))[0])
        assert float(seen[0][2]) - float(seen[0][3]) < bars["high"][100] - bars["low"][100]
        assert [float(value) for value in seen[-1][1:6]] == list(bars[100].tolist()[1:6])


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"symbol": "NOPEUSDT"}, "Not supported symbols"),
        ({"interval": "7"}, "params error: intervalTime is invalid"),
        ({"interval": "5"}, "params error: intervalTime is invalid"),  # finer than the script
        ({"start": "soon"}, "params error: start invalid"),
        ({"category": "stocks"}, "params error: category invalid"),
    ],
)
def test_bad_parameters_are_refused(exchange: Exchange, parameters: dict[str, str], text: str) -> None:
    """Each is retCode 10001 with a text of its own."""
    words = {"category": "linear", "symbol": "BTCUSDT", "interval": "15", **parameters}
    reply = get(exchange, "market/kline", **words)
    assert (reply["retCode"], reply["retMsg"]) == (10001, text)


def test_instruments_tickers_and_time(exchange: Exchange, bars: np.ndarray) -> None:
    """Filters as on the exchange; ticker prices keep the tick's decimals; listing time is the first bar."""
    row = get(exchange, "market/instruments-info", category="linear", symbol="BTCUSDT")["result"]["list"][0]
    assert row["priceFilter"]["tickSize"] == "0.10"
    assert row["lotSizeFilter"]["qtyStep"] == "0.001"
    assert row["launchTime"] == str(bars["time_ms"][0])
    spot = get(exchange, "market/instruments-info", category="spot")["result"]["list"][0]
    assert spot["lotSizeFilter"]["basePrecision"] == "0.000001"
    ticker = get(exchange, "market/tickers", category="linear", symbol="BTCUSDT")["result"]["list"][0]
    assert ticker["lastPrice"] == f"{bars['close'][-1]:.2f}"
    assert float(ticker["bid1Price"]) < float(ticker["ask1Price"])
    told = get(exchange, "market/time")
    assert told["time"] // 1000 == int(told["result"]["timeSecond"])


def test_revised_bar_shows_the_wrong_value_once(exchange: Exchange, bars: np.ndarray) -> None:
    """The first read of the newest closed bar differs, the second is final."""
    last = int(bars["time_ms"][-1])
    exchange.faults.rest.revise(last, {"volume": "1", "close": "1.5"})
    first, second = (kline(exchange, start=last, end=last)[0] for _ in range(2))
    assert (first[4], first[5]) == ("1.5", "1")
    assert (float(second[4]), float(second[5])) == (bars["close"][-1], bars["volume"][-1])


def test_refusals_strike_as_often_as_told(exchange: Exchange) -> None:
    """``after`` requests pass, ``n`` are hit, the rest pass; ``when`` selects."""
    exchange.faults.rest.ret("kline", 10016, n=2, after=1)
    codes = []
    for _ in range(4):
        words = {"category": "linear", "symbol": "BTCUSDT", "interval": "15", "limit": 1}
        codes.append(get(exchange, "market/kline", **words)["retCode"])
    assert codes == [0, 10016, 10016, 0]
    exchange.faults.rest.ret("*", 10002, n=None, when=lambda parameters: parameters.get("category") == "spot")
    assert get(exchange, "market/tickers", category="linear")["retCode"] == 0
    assert get(exchange, "market/tickers", category="spot")["retCode"] == 10002
    exchange.faults.clear()
    assert get(exchange, "market/tickers", category="spot")["retCode"] == 0


@pytest.mark.parametrize("reset_in_ms", [500, -500, None])
def test_rate_refusal_headers(exchange: Exchange, reset_in_ms: int | None) -> None:
    """10006 with the reset in the future, in the past, or without the header."""
    exchange.faults.rest.rate("market/time", reset_in_ms=reset_in_ms)
    reply = requests.get(f"{exchange.url}/v5/market/time", timeout=5)
    assert reply.json()["retCode"] == 10006
    stamp = reply.headers.get("X-Bapi-Limit-Reset-Timestamp")
    assert (int(stamp) - reply.json()["time"] if stamp else None) == reset_in_ms


def test_transport_faults(exchange: Exchange) -> None:
    """HTTP status, garbage, cut connection, silence, and an empty page; then all is well."""
    rest = exchange.faults.rest
    rest.http("market/time", 403, body="access too frequent")
    reply = requests.get(f"{exchange.url}/v5/market/time", timeout=5)
    assert (reply.status_code, reply.text) == (403, "access too frequent")
    rest.garbage("market/time")
    with pytest.raises(requests.JSONDecodeError):
        requests.get(f"{exchange.url}/v5/market/time", timeout=5).json()
    rest.drop("market/time")
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{exchange.url}/v5/market/time", timeout=5)
    rest.timeout("market/time", seconds=0.5)
    with pytest.raises(requests.ReadTimeout):
        requests.get(f"{exchange.url}/v5/market/time", timeout=0.1)
    rest.empty("kline")
    assert kline(exchange) == []
    assert len(kline(exchange)) == 200
    assert [entry.code for entry in exchange.requests] == [403, 200, -1, -1, 0, 0]


def test_unknown_path_is_404(exchange: Exchange) -> None:
    """As on the exchange, an unknown path is an HTTP error, not a retCode."""
    assert requests.get(f"{exchange.url}/v5/market/horoscope", timeout=5).status_code == 404


def test_script_from_parquet(tmp_path: Path, bars: np.ndarray) -> None:
    """A Parquet file drives the market as the array does."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = tmp_path / "bars.parquet"
    pq.write_table(pa.table({name: bars[name] for name in bars.dtype.names or ()}), path)
    assert (bars_from_parquet(path) == bars).all()
    table = pa.table({name: bars[name] for name in bars.dtype.names or ()})
    pq.write_table(table.append_column("turnover", pa.array(bars["volume"] * 7.0)), path)
    with Exchange([Market(known("BTCUSDT"), bars_from_parquet(path), "15m")]) as exchange:
        newest = kline(exchange, limit=2)[1]
        assert float(newest[6]) == bars["volume"][-1] * 7.0
    pq.write_table(table.drop_columns("low"), path)
    with pytest.raises(DataError, match="no column 'low'"):
        bars_from_parquet(path)


def test_scripts_with_gaps_are_refused(bars: np.ndarray) -> None:
    """A missing bar names its row and time; an empty script is refused too."""
    with pytest.raises(DataError, match="bar 5 does not follow") as caught:
        Market(known("BTCUSDT"), np.delete(bars, 5), "15m")
    assert (caught.value.row, caught.value.time_ms) == (5, int(bars["time_ms"][6]))
    with pytest.raises(DataError, match="has no bars"):
        Market(known("BTCUSDT"), bars[:0], "15m")


def test_listing_date_inside_the_script(bars: np.ndarray) -> None:
    """Bars before the listing are not served; launchTime says when it was."""
    listed = int(bars["time_ms"][700])
    with Exchange([Market(known("BTCUSDT"), bars, "15m", visible_from_ms=listed)]) as exchange:
        rows = kline(exchange, start=int(bars["time_ms"][690]), end=int(bars["time_ms"][702]))
        assert [int(row[0]) for row in rows] == [int(at) for at in bars["time_ms"][702:699:-1]]
        info = get(exchange, "market/instruments-info", category="linear", symbol="BTCUSDT")
        assert info["result"]["list"][0]["launchTime"] == str(listed)


def test_the_market_can_run_by_itself(bars: np.ndarray) -> None:
    """With a speed the clock follows real time, that many times faster."""
    start_ms = int(bars["time_ms"][10])
    with Exchange([Market(known("BTCUSDT"), bars, "15m")], start_ms=start_ms, speed=20_000) as exchange:
        began = time.monotonic()
        while exchange.clock.now_ms() < start_ms + 5 * TIMEFRAME_MS:
            assert time.monotonic() - began < 10
            time.sleep(0.01)
        newest = int(kline(exchange, limit=1)[0][0])
        assert newest >= start_ms + 5 * TIMEFRAME_MS


def test_the_other_public_endpoints(exchange: Exchange, bars: np.ndarray) -> None:
    """Price band, book, mark klines, funding history, risk tiers, last trade."""
    words = {"category": "linear", "symbol": "BTCUSDT"}
    last = bars["close"][-1]
    band = get(exchange, "market/price-limit", **words)["result"]
    assert float(band["sellLmt"]) == pytest.approx(last * 0.99, abs=0.1)
    assert float(band["buyLmt"]) == pytest.approx(last * 1.01, abs=0.1)
    book = get(exchange, "market/orderbook", **words)["result"]
    assert float(book["b"][0][0]) == last < float(book["a"][0][0])
    mark = get(exchange, "market/mark-price-kline", **words, interval="15", limit=2)["result"]["list"]
    assert [len(row) for row in mark] == [5, 5]
    history = get(exchange, "market/funding/history", symbol="BTCUSDT", limit=3)["result"]["list"]
    stamps = [int(row["fundingRateTimestamp"]) for row in history]
    assert [stamp % 28_800_000 for stamp in stamps] == [0, 0, 0]
    assert stamps == sorted(stamps, reverse=True)
    assert get(exchange, "market/funding/history", symbol="BTCUSDT", startTime=1)["retCode"] == 10001
    tiers = get(exchange, "market/risk-limit", **words)["result"]["list"]
    assert tiers[0]["maxLeverage"] == "100.00"
    assert float(get(exchange, "market/recent-trade", **words)["result"]["list"][0]["price"]) == last


def test_a_mistyped_endpoint_is_not_armed(exchange: Exchange) -> None:
    """A fault that can never strike is an error of the test."""
    with pytest.raises(ValueError, match="no endpoint 'market/klein'"):
        exchange.faults.rest.ret("market/klein", 10006)
