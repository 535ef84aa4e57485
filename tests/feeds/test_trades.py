"""Trades into bars: Bybit's archive formats, and the folding against plain Python."""

from __future__ import annotations

import gzip
import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from feeds.gate import Gate
from feeds.trades import TradeFolder, Trades, covered_until, read_bybit_trades
from kwin_core.errors import ConfigError, DataError

DAY_US = 1_735_603_200_000_000  # 2024-12-31
MINUTE_US = 60_000_000
LINEAR = (
    "timestamp,symbol,side,size,price,tickDirection,trdMatchID,grossValue,homeNotional,foreignNotional,RPI"
)
SPOT = "id,timestamp,price,volume,side,rpi"


def linear_line(second: str, size: str, price: str, symbol: str = "BTCUSDT") -> str:
    return f"{second},{symbol},Buy,{size},{price},PlusTick,6f0b,1e+10,{size},1.0,0"


def saved(path: Path, header: str, lines: list[str]) -> Path:
    path.write_bytes(gzip.compress("\n".join([header, *lines, ""]).encode()))
    return path


def test_derivatives_archive_seconds_with_fractions(tmp_path: Path) -> None:
    lines = [
        linear_line("1735603200.0974", "0.038", "95000.10"),
        linear_line("1735603201.5", "0.1", "95000.20"),
    ]
    trades = read_bybit_trades(saved(tmp_path / "BTCUSDT2024-12-31.csv.gz", LINEAR, lines))
    assert trades.time_us.tolist() == [1735603200097400, 1735603201500000]
    assert trades.price.tolist() == [95000.10, 95000.20]
    assert trades.size.tolist() == [0.038, 0.1]
    assert trades.symbol == "BTCUSDT"


def test_spot_archive_milliseconds(tmp_path: Path) -> None:
    trades = read_bybit_trades(
        saved(tmp_path / "BTCUSDT_2024-12-31.csv.gz", SPOT, ["1,1735603200097,95000.1,0.00016,buy,0"])
    )
    assert (trades.time_us.tolist(), trades.size.tolist(), trades.symbol) == (
        [1735603200097000],
        [0.00016],
        None,
    )


def test_files_from_new_to_old_are_turned_and_ties_keep_their_order(tmp_path: Path) -> None:
    lines = [
        linear_line(f"173560320{second}", "1", price)
        for second, price in ((5, "4"), (3, "3"), (3, "2"), (1, "1"))
    ]
    trades = read_bybit_trades(saved(tmp_path / "BTCUSDT2020-03-25.csv.gz", LINEAR, lines))
    assert trades.price.tolist() == [1.0, 2.0, 3.0, 4.0]


def test_bad_archives(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not a Bybit trade archive"):
        read_bybit_trades(saved(tmp_path / "a.csv.gz", "time,price", ["1,2"]))
    with pytest.raises(DataError, match="no trades"):
        read_bybit_trades(saved(tmp_path / "b.csv.gz", LINEAR, []))
    with pytest.raises(DataError, match=r"row 1: price 0\.0 is not a positive number"):
        read_bybit_trades(
            saved(
                tmp_path / "c.csv.gz",
                LINEAR,
                [linear_line("1735603200", "1", "1"), linear_line("1735603201", "1", "0")],
            )
        )
    with pytest.raises(ConfigError, match="BTCUSD is an inverse contract"):
        read_bybit_trades(
            saved(tmp_path / "d.csv.gz", LINEAR, [linear_line("1735603200", "1", "1", "BTCUSD")])
        )


def test_the_names_of_day_files_say_what_they_cover() -> None:
    last = DAY_US + 3_600_000_000
    assert covered_until(Path("BTCUSDT2024-12-31.csv.gz"), last) == (DAY_US + 86_400_000_000) // 1000
    assert covered_until(Path("BTCUSDT_2024-12-31.csv.gz"), last) == (DAY_US + 86_400_000_000) // 1000
    assert covered_until(Path("BTCUSDT-2022-11.csv.gz"), last) is None
    assert covered_until(Path("mine.csv"), last) is None


def trades_of(ticks: list[tuple[int, int]]) -> Trades:
    """Trades at (second of the day, price), size 0.1 each."""
    seconds, prices = np.array(ticks, dtype=np.int64).T
    return Trades(DAY_US + seconds * 1_000_000, prices.astype(float), np.full(len(ticks), 0.1), "X")


def plain_fold(ticks: list[tuple[int, int]], minutes: int, *, as_exchange: bool) -> list[tuple[float, ...]]:
    """Bars of one day, one minute at a time; ``minutes`` are covered."""
    bars, close = [], None
    for minute in range(minutes):
        prices = [float(price) for second, price in ticks if second // 60 == minute]
        if as_exchange and close is not None:
            prices = [close, *prices]
        traded = sum(second // 60 == minute for second, _ in ticks)
        if prices:
            volume = round(0.1 * traded, 8)
            bars.append(
                (DAY_US // 1000 + minute * 60_000, prices[0], max(prices), min(prices), prices[-1], volume)
            )
            close = prices[-1]
    return bars


@given(
    st.lists(st.tuples(st.integers(0, 30 * 60 - 1), st.integers(1, 50)), min_size=1, max_size=60),
    st.booleans(),
    st.lists(st.integers(1, 59), max_size=4),
)
def test_folding_equals_plain_python_in_any_parts(
    ticks: list[tuple[int, int]], as_exchange: bool, cuts: list[int]
) -> None:
    ticks = sorted(ticks, key=lambda tick: tick[0])
    folder = TradeFolder(60_000, as_exchange=as_exchange)
    edges = sorted({0, *(cut for cut in cuts if cut < len(ticks)), len(ticks)})
    parts = [folder.add(trades_of(ticks[first:last])) for first, last in itertools.pairwise(edges)]
    parts.append(folder.finish(DAY_US // 1000 + 40 * 60_000))
    bars = np.concatenate(parts)
    assert bars.tolist() == plain_fold(ticks, 40, as_exchange=as_exchange)
    Gate(60_000, allow_gaps=True).check(bars)


def test_the_unfinished_bar_is_kept_back_when_coverage_is_unknown() -> None:
    folder = TradeFolder(60_000)
    assert folder.add(trades_of([(0, 10), (61, 12), (70, 11)])).tolist() == [
        (DAY_US // 1000, 10.0, 10.0, 10.0, 10.0, 0.1)
    ]
    assert folder.finish(None).size == 0
    assert folder.finish(DAY_US // 1000 + 119_999).size == 0
    assert folder.finish(DAY_US // 1000 + 120_000).tolist() == [
        (DAY_US // 1000 + 60_000, 10.0, 12.0, 10.0, 11.0, 0.2)
    ]


def test_files_out_of_order_are_refused() -> None:
    folder = TradeFolder(60_000)
    folder.add(trades_of([(600, 10)]))
    with pytest.raises(DataError, match="trades go back in time"):
        folder.add(trades_of([(0, 10)]))
