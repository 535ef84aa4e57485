"""The plain-Python reference reproduces every published KWIN list, trade by trade and bar by bar."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.golden_data import golden_path
from tests.reference import Bar, Result, Settings, run

pytestmark = pytest.mark.golden

BARS_FROM_2025 = 36_360
CLASSIC_UNUSED_COLUMNS = {
    "bear_local",
    "bull_local",
    "can_long",
    "can_short",
    "traded_bull",
    "traded_bear",
    "pivH_swing_bix",
    "pivL_swing_bix",
    "longSL",
    "shortEntry",
    "shortSL",
    "long_armed",
    "short_armed",
    "lookback_prev",
    "barTS",
}

TRADE_LISTS = [
    pytest.param("dual_sfp_ring.csv", "dual-sfp", "ring", 0, 0.0, 3_687, 514_374.2352, 1e-6, id="ring"),
    pytest.param(
        "dual_sfp_ring_from_2025.csv", "dual-sfp", "ring", -BARS_FROM_2025, 0.01, 2_426, 290_527.385, 1e-5,
        id="ring-2025-lot-0.01",
    ),
    pytest.param(
        "dual_sfp_ring_from_2025.csv", "dual-sfp", "ring", -BARS_FROM_2025, 0.001, 2_426, 290_527.385, 1e-5,
        id="ring-2025-lot-0.001",
    ),
    pytest.param(
        "dual_sfp_per_call.csv", "dual-sfp", "per-call", 0, 0.0, 3_687, 514_043.5617, 1e-6, id="per-call"
    ),
    pytest.param("classic_literal.csv", "classic", "ring", 0, 0.0, 2_738, 2.0081580655, 1e-6, id="classic"),
]  # fmt: skip


@cache
def eth_bars() -> list[Bar]:
    """The 15-minute bars all lists were made on."""
    table = pq.read_table(golden_path("tradingview", "data", "ETHUSDT_15m.parquet"))
    times_ms = table["time"].cast("int64").to_pylist()
    prices = (table[name].to_pylist() for name in ("open", "high", "low", "close"))
    return [Bar(*values) for values in zip(times_ms, *prices, strict=True)]


def golden_rows(name: str) -> list[dict[str, str]]:
    with golden_path("kwin", name).open(newline="") as file:
        return list(csv.DictReader(file))


def time_ms(text: str) -> int:
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return int(moment.replace(tzinfo=UTC).timestamp() * 1000)


def literal(preset: str, law: str, bars: list[Bar], lot: float = 0.0) -> Result:
    params = {"use_window": False, "conditional_history": law}
    return run(bars, preset, "tv-literal", params, Settings(lot=lot))


@pytest.mark.parametrize(("name", "preset", "law", "first", "lot", "count", "net", "tolerance"), TRADE_LISTS)
def test_trade_list_is_reproduced(
    name: str, preset: str, law: str, first: int, lot: float, count: int, net: float, tolerance: float
) -> None:
    """Every trade of the list: bars, times, side, prices, quantity, signals, exit kind, commission, net."""
    rows = golden_rows(name)
    result = literal(preset, law, eth_bars()[first:], lot)
    assert len(rows) == len(result.trades) == count
    assert result.open_trades == []
    assert sum(trade.net_pnl for trade in result.trades) == pytest.approx(net, abs=5e-4)
    for row, trade in zip(rows, result.trades, strict=True):
        where = f"{name}, entry bar {row['entry_bar']}"
        assert trade.side == row.get("side", row.get("direction")), where
        assert (trade.entry_bar, trade.exit_bar) == (int(row["entry_bar"]), int(row["exit_bar"])), where
        assert trade.entry_price == pytest.approx(float(row["entry_price"]), abs=1e-9), where
        assert trade.exit_price == pytest.approx(float(row["exit_price"]), abs=1e-9), where
        assert trade.qty == pytest.approx(float(row["qty"]), rel=1e-9), where
        assert trade.net_pnl == pytest.approx(float(row.get("net_pnl") or row["profit"]), abs=tolerance), (
            where
        )
        if "exit_kind" in row:
            assert trade.exit_kind == row["exit_kind"], where
        if "entry_signal" in row:
            assert trade.entry_signal == row["entry_signal"], where
            assert trade.exit_signal == row["exit_signal"], where
            assert trade.commission == pytest.approx(float(row["commission"]), abs=tolerance), where
            entry_text = row.get("entry_time_utc") or row["entry_time"]
            exit_text = row.get("exit_time_utc") or row["exit_time"]
            assert (trade.entry_time_ms, trade.exit_time_ms) == (time_ms(entry_text), time_ms(exit_text)), (
                where
            )


def comparable(
    rows: list[dict[str, str]], result: Result, skipped: set[str]
) -> Iterator[tuple[str, str, Any]]:
    """Every comparable cell as (where, golden text, reference value)."""
    for row, seen in zip(rows, result.bars, strict=True):
        for column, text in row.items():
            if column == "time_utc" or column in skipped:
                continue
            if column == "equity_seen" and seen["pos_seen"] != 0:
                continue  # the list leaves out the entry commission of the open trade
            yield f"bar {row['bar']}, {column}", text, seen[column]


@pytest.mark.parametrize(
    ("name", "preset", "skipped"),
    [
        ("dual_sfp_first_3000_bars.csv", "dual-sfp", set()),
        ("classic_first_3000_bars.csv", "classic", CLASSIC_UNUSED_COLUMNS),
    ],
)
def test_every_bar_shows_what_the_script_saw(name: str, preset: str, skipped: set[str]) -> None:
    """All comparable columns of the first 3 000 bars, na for na."""
    rows = golden_rows(name)
    result = literal(preset, "ring", eth_bars()[:3_000])
    assert len(rows) == len(result.bars) == 3_000
    assert [time_ms(row["time_utc"]) for row in rows] == [seen["time_ms"] for seen in result.bars]
    for where, text, value in comparable(rows, result, skipped):
        if text == "na":
            assert value is None, where
        else:
            assert value == pytest.approx(float(text), rel=1e-9, abs=1e-6), where


def test_switches_change_what_the_text_says_they_change() -> None:
    """`all_na_exit = keep` gives another list of nearly the same length; intent loses almost everything."""
    bars = eth_bars()
    keep = run(bars, "dual-sfp", "tv-literal", {"use_window": False, "all_na_exit": "keep"})
    assert len(keep.trades) == 3_687 + 6
    intent = run(bars, "dual-sfp", "intent", {"use_window": False})
    assert intent.equity < 300 * 2 / 9  # below it the fee filter lets nothing pass
