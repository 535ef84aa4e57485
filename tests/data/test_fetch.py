"""``kwin-data fetch`` against the exchange simulator: exact bars, whatever the exchange does on the way."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines.data.fetch import Fetch, FetchOrder
from feeds.bybit_rest import Patience
from feeds.parquet import ParquetFeed
from kwin_core.errors import ConfigError, DataError, VenueError
from tests.exchange import Exchange, Market, known
from tests.exchange.sample import walk

TIMEFRAME_MS = 900_000
BARS = 3_300
QUICK = Patience(
    timeout_s=0.3,
    attempts=4,
    first_wait_s=0.01,
    longest_wait_s=0.05,
    forbidden_wait_s=0.05,
    forbidden_attempts=3,
)


@pytest.fixture(autouse=True)
def _no_long_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("feeds.bybit_history._REREAD_PAUSE_S", 0.01)
    monkeypatch.setattr("feeds.bybit_rest._SPACING_S", 0.0)


@pytest.fixture(scope="module")
def bars() -> np.ndarray:
    return walk(BARS)


@pytest.fixture
def exchange(bars: np.ndarray) -> Iterator[Exchange]:
    with Exchange(markets=[Market(known("BTCUSDT"), bars, "15m")]) as running:
        yield running


def fetch(exchange: Exchange, out: Path, **options: Any) -> dict[str, Any]:
    order: dict[str, Any] = {
        "symbol": "BTCUSDT",
        "category": "linear",
        "environment": exchange.url,
        "timeframe_ms": TIMEFRAME_MS,
        "from_ms": None,
        "to_ms": None,
        "out": out,
    }
    return Fetch(FetchOrder(**{**order, **options}), patience=QUICK).run()


def stored(path: Path, **options: Any) -> bytes:
    return ParquetFeed(path, **options).read().tobytes()


def test_everything_from_the_listing_on_and_the_facts(
    exchange: Exchange, bars: np.ndarray, tmp_path: Path
) -> None:
    out = tmp_path / "a.parquet"
    report = fetch(exchange, out)
    assert stored(out) == bars.tobytes()
    assert (report["bars"], report["added"], report["retries"]) == (BARS, BARS, {})
    facts = ParquetFeed(out).facts
    assert (facts.symbol, facts.timeframe_ms, facts.tick, facts.lot, facts.min_order) == (
        *("BTCUSDT", TIMEFRAME_MS),
        *(0.1, 0.001, 0.001),
    )
    assert facts.source == "Bybit linear 127.0.0.1"
    assert facts.fetched_ms is not None


def test_the_forming_bar_is_left_out_until_it_has_closed(bars: np.ndarray, tmp_path: Path) -> None:
    start_ms = int(bars["time_ms"][100]) + 60_000
    out = tmp_path / "a.parquet"
    with Exchange(markets=[Market(known("BTCUSDT"), bars, "15m")], start_ms=start_ms) as exchange:
        fetch(exchange, out)
        assert stored(out) == bars[:100].tobytes()
        exchange.advance(TIMEFRAME_MS)
        report = fetch(exchange, out)
    assert report["added"] == 1
    assert stored(out) == bars[:101].tobytes()


FAULTS: dict[str, Callable[[Any], object]] = {
    "10006, reset in the future": lambda rest: rest.rate("kline", n=2, after=1),
    "10006, reset already past": lambda rest: rest.rate("kline", reset_in_ms=-500, n=2, after=1),
    "10006 without the header": lambda rest: rest.rate("kline", reset_in_ms=None, n=1, after=1),
    "10002": lambda rest: rest.ret("kline", 10002, n=2, after=1),
    "10016": lambda rest: rest.ret("kline", 10016, n=2, after=2),
    "HTTP 403": lambda rest: rest.http("kline", 403, n=2, after=1),
    "HTTP 500": lambda rest: rest.http("kline", 500, n=3, after=1),
    "HTTP 429": lambda rest: rest.http("kline", 429, n=1),
    "time-out": lambda rest: rest.timeout("kline", seconds=2.0, n=2, after=1),
    "connection cut": lambda rest: rest.drop("kline", n=2, after=1),
    "lost reply": lambda rest: rest.lost_reply("kline", n=2, after=1),
    "not JSON": lambda rest: rest.garbage("kline", n=2, after=1),
    "empty page first": lambda rest: rest.empty("kline", n=1),
    "empty page where bars begin": lambda rest: rest.empty("kline", n=1, after=1),
    "empty pages in the middle": lambda rest: rest.empty("kline", n=2, after=3),
    "empty page at the end": lambda rest: rest.empty("kline", n=1, after=7),
    "no rows but a stale result": lambda rest: rest.stale("kline", {"list": [["soon"] * 7]}, n=2, after=2),
    "result of another shape": lambda rest: rest.stale("kline", [], n=2, after=2),
    "half a page": lambda rest: rest.alter(
        "kline", lambda page: {**page, "list": page["list"][::2]}, n=2, after=3
    ),
    "oldest half missing": lambda rest: rest.alter(
        "kline", lambda page: {**page, "list": page["list"][:500]}, n=3
    ),
    "instruments refused": lambda rest: rest.http("instruments", 502, n=3),
    "instruments empty": lambda rest: rest.empty("instruments", n=2),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_change_nothing_in_the_bars(
    name: str, exchange: Exchange, bars: np.ndarray, tmp_path: Path
) -> None:
    rule = FAULTS[name](exchange.faults.rest)
    report = fetch(exchange, tmp_path / "a.parquet")
    assert rule.hits > 0, "the fault never struck"
    assert report["bars"] == BARS
    assert stored(tmp_path / "a.parquet") == bars.tobytes()


def test_newest_bar_revised_between_reads(exchange: Exchange, bars: np.ndarray, tmp_path: Path) -> None:
    """The newest bar shows other values when first read; what is stored is the second, confirmed reading."""
    newest = int(bars["time_ms"][-1])
    rule = exchange.faults.rest.revise(newest, {"close": "1.5", "low": "1.5", "volume": "7"}, n=1, after=1)
    fetch(exchange, tmp_path / "a.parquet")
    assert rule.hits == 1
    assert stored(tmp_path / "a.parquet") == bars.tobytes()


def test_a_bar_that_has_just_closed_is_given_time_to_settle(
    bars: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a second after its close a bar still shows provisional values, at every read, for a while."""
    monkeypatch.setattr("feeds.bybit_history.SETTLE_MS", 2_000)
    newest = int(bars["time_ms"][100])
    markets = [Market(known("BTCUSDT"), bars, "15m")]
    with Exchange(markets=markets, start_ms=newest + TIMEFRAME_MS + 500) as exchange:
        rule = exchange.faults.rest.revise(newest, {"volume": "7"}, n=None)
        healed = threading.Timer(0.8, exchange.faults.clear)
        healed.start()
        fetch(exchange, tmp_path / "a.parquet")
        healed.join()
    assert rule.hits > 2
    assert stored(tmp_path / "a.parquet") == bars[:101].tobytes()


def test_bars_that_never_settle_are_not_stored(exchange: Exchange, bars: np.ndarray, tmp_path: Path) -> None:
    for read in range(20):
        exchange.faults.rest.revise(int(bars["time_ms"][-1]), {"volume": str(read)}, n=1, after=read)
    with pytest.raises(VenueError, match="newest bars change at every read; fetch again later"):
        fetch(exchange, tmp_path / "a.parquet")
    assert stored(tmp_path / "a.parquet") == bars[:3_000].tobytes()


def test_stored_bar_that_the_exchange_revised_is_replaced_and_said(
    exchange: Exchange, bars: np.ndarray, tmp_path: Path
) -> None:
    out = tmp_path / "a.parquet"
    wrong = int(bars["time_ms"][999])
    exchange.faults.rest.revise(wrong, {"volume": "7"}, n=None)
    fetch(exchange, out, to_ms=wrong + TIMEFRAME_MS)
    assert ParquetFeed(out).read()["volume"][-1] == 7.0
    exchange.faults.clear()
    report = fetch(exchange, out)
    assert report["revised"] == ["2023-11-24T09:45:00Z"]
    assert stored(out) == bars.tobytes()


@pytest.mark.parametrize("announced_bars", [-2_500, -3, 0, 40, 1_500])
def test_listing_announced_too_early_or_too_late(
    announced_bars: int, bars: np.ndarray, tmp_path: Path
) -> None:
    """The first kline is found whether the announced listing is before it, at it, or after it."""
    launch_ms = int(bars["time_ms"][0]) + announced_bars * TIMEFRAME_MS + 17_000
    instrument = known("BTCUSDT").listed_at(launch_ms)
    with Exchange(markets=[Market(instrument, bars, "15m")]) as exchange:
        for at, from_ms in enumerate((None, int(bars["time_ms"][0]) - 5_000 * TIMEFRAME_MS)):
            out = tmp_path / f"{at}.parquet"
            fetch(exchange, out, from_ms=from_ms)
            assert stored(out) == bars.tobytes()


def test_range_is_from_inclusive_to_exclusive_and_grows_both_ways(
    exchange: Exchange, bars: np.ndarray, tmp_path: Path
) -> None:
    times, out = bars["time_ms"], tmp_path / "a.parquet"
    fetch(exchange, out, from_ms=int(times[1_500]) - 1, to_ms=int(times[1_800]))
    assert stored(out) == bars[1_500:1_800].tobytes()
    report = fetch(exchange, out, from_ms=int(times[1_500]), to_ms=int(times[1_800]))
    assert report["added"] == 0
    fetch(exchange, out, from_ms=int(times[200]), to_ms=int(times[1_900]))
    assert stored(out) == bars[200:1_900].tobytes()
    report = fetch(exchange, out)
    assert stored(out) == bars.tobytes()
    assert report["added"] == BARS - 1_700


def test_longer_timeframe(exchange: Exchange, bars: np.ndarray, tmp_path: Path) -> None:
    fetch(exchange, tmp_path / "a.parquet", timeframe_ms=4 * TIMEFRAME_MS)
    hours = ParquetFeed(tmp_path / "a.parquet").read()
    assert hours.size == BARS // 4
    assert (hours["close"] == bars["close"][3::4]).all()


def test_a_hole_in_the_exchange_is_an_error_with_its_time_and_keeps_the_prefix(
    exchange: Exchange, bars: np.ndarray, tmp_path: Path
) -> None:
    gone = {str(value) for value in bars["time_ms"][1_510:1_513]}
    exchange.faults.rest.alter(
        "kline", lambda page: {**page, "list": [row for row in page["list"] if row[0] not in gone]}, n=None
    )
    out = tmp_path / "a.parquet"
    with pytest.raises(
        DataError, match=r"no bar at 2023-11-29T17:30:00Z \(3 missing .*kept; the same command"
    ):
        fetch(exchange, out)
    assert stored(out) == bars[:1_000].tobytes()
    fetch(exchange, out, allow_gaps=True)
    assert stored(out, allow_gaps=True) == np.delete(bars, [1_510, 1_511, 1_512]).tobytes()


def test_giving_up_keeps_a_prefix_that_the_next_run_extends(
    exchange: Exchange, bars: np.ndarray, tmp_path: Path
) -> None:
    out = tmp_path / "a.parquet"
    exchange.faults.rest.http("kline", 403, n=None, after=7)
    with pytest.raises(VenueError, match="HTTP 403: too many requests from this address"):
        fetch(exchange, out)
    kept = ParquetFeed(out).read()
    assert 0 < kept.size < BARS
    assert kept.tobytes() == bars[: kept.size].tobytes()
    sent = len(exchange.requests)
    exchange.faults.clear()
    fetch(exchange, out)
    assert stored(out) == bars.tobytes()
    starts = [int(entry.parameters.get("start", 0)) for entry in exchange.requests[sent:]]
    assert min(start for start in starts if start > int(bars["time_ms"][0])) >= int(kept["time_ms"][-10])


def test_requests_keep_a_distance(
    exchange: Exchange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exchange allows 600 requests in 5 s to an address; one fetch never uses more than a part of that."""
    monkeypatch.setattr("feeds.bybit_rest._SPACING_S", 0.05)
    report = fetch(exchange, tmp_path / "a.parquet")
    assert report["seconds"] > 0.05 * (report["requests"] - 2)


def test_a_refusal_that_repeating_cannot_help_is_not_repeated(exchange: Exchange, tmp_path: Path) -> None:
    exchange.faults.rest.ret("kline", 10001, "params error: symbol invalid", n=None)
    with pytest.raises(VenueError, match=r"params error: symbol invalid \(retCode 10001\)"):
        fetch(exchange, tmp_path / "a.parquet")
    assert [entry.code for entry in exchange.requests].count(10001) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_another_market_is_left_alone(exchange: Exchange, bars: np.ndarray, tmp_path: Path) -> None:
    out = tmp_path / "a.parquet"
    fetch(exchange, out)
    before = out.read_bytes()
    markets = [Market(known("ETHUSDT"), bars, "15m"), Market(known("BTCUSDT", "spot"), bars, "15m")]
    with Exchange(markets=markets) as other:
        with pytest.raises(ConfigError, match="holds BTCUSDT, not ETHUSDT; give another --out"):
            fetch(other, out, symbol="ETHUSDT")
        with pytest.raises(ConfigError, match=r"holds Bybit linear 127.0.0.1, not Bybit spot"):
            fetch(other, out, category="spot")
    with pytest.raises(DataError, match="bars are 15m, asked for 60m"):
        fetch(exchange, out, timeframe_ms=4 * TIMEFRAME_MS)
    assert out.read_bytes() == before


def test_the_same_name_with_other_prices_is_refused(
    exchange: Exchange, bars: np.ndarray, tmp_path: Path
) -> None:
    out = tmp_path / "a.parquet"
    fetch(exchange, out, to_ms=int(bars["time_ms"][500]))
    with (
        Exchange(markets=[Market(known("BTCUSDT"), walk(BARS, seed=9), "15m")]) as other,
        pytest.raises(ConfigError, match="none of its newest 10 bars is what Bybit linear BTCUSDT shows"),
    ):
        fetch(other, out)
    assert stored(out) == bars[:500].tobytes()
