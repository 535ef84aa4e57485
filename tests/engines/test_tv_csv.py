"""The list of trades as TradingView lays it out, to the byte."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engines import run_strategy
from engines.parity.tv_export import read_export
from engines.tv_csv import quote_currency
from kwin_core.properties import PINE_V5, Instrument, Properties
from tests.engines.small_strategy import BUY_AND_CLOSE, params_of, ten_bars
from tests.golden_data import golden_path, needs_golden

HEADER = (
    "\ufeffTrade #,Type,Date and time,Signal,Price USDT,Size (qty),Size (value),Net P&L USDT,Net P&L %,"
    "Favorable excursion USDT,Favorable excursion %,Adverse excursion USDT,Adverse excursion %,"
    "Cumulative P&L USDT,Cumulative P&L %"
)


def list_of(tmp_path: Path, close_bar: int, properties: Properties, symbol: str = "ETHUSDT") -> str:
    result = run_strategy(
        BUY_AND_CLOSE, ten_bars(), params_of(2, close_bar, 0.5), properties, Instrument(0.01), symbol=symbol
    )
    result.save(tmp_path)
    return (tmp_path / "trades.csv").read_bytes().decode()


def test_a_closed_trade_by_hand(tmp_path: Path) -> None:
    """0.5 bought at 103 and sold at 106, 1 % commission a side, worked out by hand.

    Fees 0.515 + 0.53; net 1.5 - 1.045 = 0.455; entry value 51.5 + 0.515 = 52.015. Best price on the way 106 (the
    fill; bar 5 reached 106 too): 1.5 - 0.515 = 0.985; worst 102: -0.5 - 0.515 = -1.015. Text quoted as CSV asks.
    """
    properties = PINE_V5.with_(commission_value=1.0, initial_capital=1000.0)
    shared = "0.5,51.5,0.46,0.87,0.99,1.89,-1.01,-1.95,0.46,0.05"
    assert list_of(tmp_path, 5, properties) == "\n".join(
        [
            HEADER,
            f"1,Exit long,2025-01-01 01:30,Close position order,106,{shared}",
            f'1,Entry long,2025-01-01 00:45,"Buy, ""now""",103,{shared}',
        ]
    )


def test_an_open_trade_by_hand(tmp_path: Path) -> None:
    """Still open at the last close 109.5: exit row Open at the last bar, the fee of leaving deducted (E17).

    Gross 0.5 x 6.5 = 3.25; fees 0.515 + 0.5475: net 2.1875, also cumulative. Excursions: best 110 on the last bar:
    3.5 - 0.515 = 2.985; worst 102: -1.015.
    """
    properties = PINE_V5.with_(commission_value=1.0, initial_capital=1000.0)
    first = list_of(tmp_path, -1, properties).split("\n")[1]
    shared = "0.5,51.5,2.19,4.21,2.99,5.74,-1.01,-1.95,2.19,0.22"
    assert first == f"1,Exit long,2025-01-01 02:15,Open,109.5,{shared}"


def test_other_commissions_of_an_open_trade(tmp_path: Path) -> None:
    """Per contract 2: 0.5 x 2 twice; per order 2: twice 2. Gross 3.25."""
    for kind, net in (("cash_per_contract", "1.25"), ("cash_per_order", "-0.75")):
        properties = PINE_V5.with_(commission_type=kind, commission_value=2.0)
        row = list_of(tmp_path, -1, properties).split("\n")[1].split(",")
        assert row[7] == row[13] == net, kind


def test_a_list_without_trades_is_a_header(tmp_path: Path) -> None:
    result = run_strategy(
        BUY_AND_CLOSE, ten_bars(), params_of(-1, -1, 0.5), PINE_V5, Instrument(0.01), symbol="X"
    )
    result.save(tmp_path)
    text = (tmp_path / "trades.csv").read_bytes().decode()
    assert text == HEADER.replace(" USDT", "")
    assert read_export(tmp_path / "trades.csv").trades == ()


def test_quote_currency_of_symbols() -> None:
    assert [quote_currency(name) for name in ("ETHUSDT", "ETHUSDT.P", "EURUSD", "ethbtc", "USDT", "ES1!")] == [
        "USDT", "USDT", "USD", "BTC", "", "",
    ]  # fmt: skip


def test_what_is_written_can_be_read(tmp_path: Path) -> None:
    """The reader of TradingView's exports takes it for the newest generation: exit first, no zone."""
    list_of(tmp_path, 5, PINE_V5)
    export = read_export(tmp_path / "trades.csv")
    assert export.exit_first
    assert not export.has_zone
    (trade,) = export.trades
    assert (trade.number, trade.side, trade.is_open) == (1, 1, False)
    assert np.datetime64(trade.entry.wall_ms, "ms") == np.datetime64("2025-01-01T00:45")


@needs_golden
@pytest.mark.golden
def test_the_header_is_that_of_the_newest_exports(tmp_path: Path) -> None:
    """Same names in the same order as TradingView's own file; its account is in USD, its prices in USDT."""
    ours = list_of(tmp_path, 5, PINE_V5).split("\n")[0]
    theirs = golden_path("tradingview", "clock-pulse-long", "trades.csv").read_bytes().decode().split("\n")[0]
    assert ours.replace("USDT", "USD") == theirs.replace("USDT", "USD")
