"""The committed golden cases of KWIN: made again byte by byte, and by the independent reference."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from engines import backtest
from engines.parity.tv_export import ExportTrade, read_export
from feeds.instants import parse_instant
from feeds.parquet import ParquetFeed
from fixtures.make_golden_kwin import state_layout
from tests.reference import Bar, Settings, run

FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
BARS = FIXTURES / "ethusdt_like_15m.parquet"
CASES = sorted(path.name for path in (FIXTURES / "golden_kwin").iterdir() if path.is_dir())


def case_of(name: str) -> dict[str, Any]:
    return tomllib.loads((FIXTURES / "golden_kwin" / name / "case.toml").read_text(encoding="utf-8"))


def test_every_preset_profile_and_kind_of_exit_has_a_case() -> None:
    cases = [case_of(name) for name in CASES]
    assert {case["preset"] for case in cases} == {"dual-sfp", "classic", "classic-quality"}
    assert {case["profile"] for case in cases} == {"tv-literal", "intent"}
    assert any(case["result"]["trades_open"] for case in cases)
    assert sum(case["result"]["trades_closed"] for case in cases) > 1_000


@pytest.mark.parametrize("name", CASES)
def test_case_is_made_again(name: str, tmp_path: Path) -> None:
    """The list of trades to the byte, the chain over every bar, order and fill, the digest of the whole state."""
    case = case_of(name)
    result = backtest(BARS, case["preset"], case["profile"], case["params"], **case["options"])
    for key, value in case["result"].items():
        assert result.summary[key] == value, key
    if case["state"]["layout"] == state_layout(result):
        assert result.digest == case["state"]["digest"]
    result.save(tmp_path)
    committed = FIXTURES / "golden_kwin" / name / "trades.csv"
    assert (tmp_path / "trades.csv").read_bytes() == committed.read_bytes()


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_reference_agrees_with_the_case(name: str) -> None:
    """A second KWIN, written from the rule tables alone, makes the same trades."""
    case = case_of(name)
    options = case["options"]
    limits = {f"{end}_ms": parse_instant(options[end]) for end in ("start", "end") if end in options}
    feed = ParquetFeed(BARS, **limits)
    bars = [Bar(*row[:5]) for row in feed.read().tolist()]
    since = options.get("trade_from")
    settings = Settings(
        lot=options.get("lot", 0.01),
        margin_percent=options.get("margin", 0.0),
        initial_capital=options.get("capital"),
        trade_from_ms=None if since is None else parse_instant(since),
    )
    params = {"now_ms": bars[-1].time_ms + feed.timeframe_ms, **case["params"]}
    made = run(bars, case["preset"], case["profile"], params, settings)
    committed = read_export(FIXTURES / "golden_kwin" / name / "trades.csv").trades
    assert len(made.trades) + len(made.open_trades) == len(committed)
    for trade, row in zip([*made.trades, *made.open_trades], committed, strict=True):
        check_entry(trade, row)
    for trade, row in zip(made.trades, committed, strict=False):
        assert trade.exit_time_ms == row.exit.wall_ms, row.number
        assert trade.exit_price == pytest.approx(float(row.exit.cells["price"]), abs=1e-9), row.number
        assert trade.exit_signal == row.exit.cells["signal"], row.number
        assert trade.net_pnl == pytest.approx(float(row.exit.cells["net"]), abs=0.00501), row.number


def check_entry(trade: Any, row: ExportTrade) -> None:
    """Side, time, price, quantity and signal of an entry."""
    assert trade.side == ("long" if row.side > 0 else "short"), row.number
    assert trade.entry_time_ms == row.entry.wall_ms, row.number
    assert trade.entry_price == pytest.approx(float(row.entry.cells["price"]), abs=1e-9), row.number
    assert trade.qty == pytest.approx(float(row.entry.cells["qty"]), abs=1e-8), row.number
    assert trade.entry_signal == row.entry.cells["signal"], row.number
