"""`load` reads what users have into one kind of frame, and every other verb takes it."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest

from engines import backtest, load
from kwin_core.errors import ConfigError, DataError

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "ethusdt_like_15m.parquet"
END = "2025-02-01"


@pytest.fixture(scope="module")
def bars() -> pd.DataFrame:
    return load(FIXTURE, end=END)


def as_tradingview(bars: pd.DataFrame) -> str:
    """TradingView's chart export: seconds, no facts, one more bar that is still forming."""
    table = bars.reset_index()
    table["time"] = table["time"].astype("int64") // 10 ** {"ms": 3, "us": 6, "ns": 9}[bars.index.unit]
    forming = table.iloc[-1:].assign(time=table["time"].iloc[-1] + 900)
    return pd.concat([table, forming]).to_csv(index=False)


def test_a_csv_gives_the_bars_of_the_parquet_file(bars: pd.DataFrame, tmp_path: Path) -> None:
    """TradingView's export, plain and compressed; facts are given by the caller; the forming bar is left out."""
    (tmp_path / "chart.csv").write_text(as_tradingview(bars))
    with gzip.open(tmp_path / "chart.csv.gz", "wt") as file:
        file.write(as_tradingview(bars))
    for name in ("chart.csv", "chart.csv.gz"):
        found = load(tmp_path / name, symbol="ETHUSDT", tick=0.01, lot=0.01)
        pd.testing.assert_frame_equal(found, bars)
        assert found.attrs == bars.attrs


def test_any_table_from_new_to_old(bars: pd.DataFrame, tmp_path: Path) -> None:
    table = bars[::-1].rename(columns=str.upper).rename_axis("Open Time")
    table.to_csv(tmp_path / "mine.csv", date_format="%Y-%m-%d %H:%M:%S")
    pd.testing.assert_frame_equal(load(tmp_path / "mine.csv"), bars)


def test_a_frame_is_checked_and_sliced(bars: pd.DataFrame) -> None:
    found = load(bars.reset_index(), start="2025-01-02", tick=0.1)
    pd.testing.assert_frame_equal(found, bars.loc["2025-01-02":])
    assert found.attrs["tick"] == 0.1
    with pytest.raises(DataError, match="frame: "):
        load(bars.drop(bars.index[100]))
    assert len(load(bars.drop(bars.index[100]), allow_gaps=True)) == len(bars) - 1


def test_what_was_loaded_is_what_a_backtest_takes(bars: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "chart.csv").write_text(as_tradingview(bars))
    loaded = load(tmp_path / "chart.csv", symbol="ETHUSDT", tick=0.01, lot=0.01)
    params = {"use_window": False}
    assert backtest(loaded, params=params).digest == backtest(FIXTURE, params=params, end=END).digest


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("timestamp,symbol,side,size,price\n1735689600.1,ETHUSDT,Buy,1,3000\n", "single trades, not bars"),
        ("time,open,high\n1735689600,1,2\n", "no column"),
        ("", "Empty CSV file"),
    ],
)
def test_other_files_are_refused_in_one_line(content: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "other.csv"
    path.write_text(content)
    with pytest.raises(DataError, match=says):
        load(path)


def test_other_things_are_refused() -> None:
    with pytest.raises(ConfigError, match="int: data must be a path or a pandas frame"):
        load(5)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="no bars from 2030"):
        load(load(FIXTURE, end=END), start="2030-01-01")
