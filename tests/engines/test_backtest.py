"""backtest() and run_strategy(): any source is the same run; slices, trade_from, capital and now do what they say."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from engines import Result, backtest, load, run_strategy
from feeds.parquet import ParquetFeed
from kwin_core.bars import BAR
from kwin_core.errors import ConfigError, DataError
from kwin_core.properties import PINE_V5, Instrument
from tests.engines.small_strategy import BUY_AND_CLOSE, QUARTER_MS, ListFeed, params_of, ten_bars

FIXTURE = Path(__file__).resolve().parents[2] / "fixtures" / "ethusdt_like_15m.parquet"
WIDE: dict[str, Any] = {"use_window": False, "trailing_perc": 30.0, "trailing_offset": 20.0}
"""Inputs under which positions live for many bars."""


@pytest.fixture(scope="module")
def bars() -> np.ndarray:
    return ParquetFeed(FIXTURE).read()


@pytest.fixture(scope="module")
def whole() -> Result:
    return backtest(FIXTURE, params=WIDE)


def test_path_feed_frame_and_array_are_one_run(bars: np.ndarray, whole: Result) -> None:
    """The digest of the last state is the same however the bars come, and in whatever blocks."""
    frame = load(FIXTURE)
    assert frame.attrs == {"symbol": "ETHUSDT", "timeframe_ms": QUARTER_MS, "tick": 0.01, "lot": 0.01}
    cuts = np.sort(np.random.default_rng(5).integers(1, bars.size, 20))
    feed = ListFeed([block for block in np.split(bars, cuts) if block.size])
    read_only = bars.copy()
    read_only.flags.writeable = False
    for data in (ParquetFeed(FIXTURE), frame, frame.reset_index(), feed):
        assert backtest(data, params=WIDE).digest == whole.digest
    assert backtest(read_only, params=WIDE, tick=0.01, lot=0.01).digest == whole.digest
    assert backtest(str(FIXTURE), params=WIDE, keep_bars=False).chain == whole.chain


def test_frames_have_the_promised_columns(whole: Result) -> None:
    assert list(whole.trades.columns) == [
        "trade", "side", "entry_bar", "exit_bar", "entry_time", "exit_time", "entry_price", "exit_price", "qty",
        "entry_signal", "exit_signal", "exit_kind", "commission", "net_pnl", "runup", "drawdown", "is_open",
    ]  # fmt: skip
    assert list(whole.orders.columns) == [
        "bar", "time", "event", "order", "id", "from_entry", "side", "qty", "price", "limit", "stop", "activation",
        "trail_offset", "by",
    ]  # fmt: skip
    assert list(whole.equity.columns) == ["bar", "close", "equity", "position_size", "drawdown"]
    assert len(whole.equity) == len(whole.signals) == len(whole.bars) == whole.summary["bars"] == 24_000
    assert str(whole.equity.index.tz) == str(whole.trades["entry_time"].dt.tz) == "UTC"
    assert set(whole.signals.columns) >= {"swing_high", "swing_low", "bull", "bear", "action", "exit_stop"}


def test_the_books_balance(whole: Result) -> None:
    """Trades, orders, equity and summary tell one story, the open trade at the end included."""
    cut = whole.trades.iloc[-1]
    inside = (cut["entry_time"] + (cut["exit_time"] - cut["entry_time"]) / 2).to_pydatetime()
    result = backtest(FIXTURE, params=WIDE, end=inside)
    trades, equity = result.trades, result.equity
    assert trades["is_open"].tolist() == [False] * (len(trades) - 1) + [True]
    last = trades.iloc[-1]
    assert pd.isna(last["exit_bar"])
    assert pd.isna(last["exit_price"])
    assert pd.isna(last["exit_time"])
    assert pd.isna(last["exit_kind"])
    capital = result.summary["capital"]
    assert capital + trades["net_pnl"].sum() == pytest.approx(equity["equity"].iloc[-1], abs=1e-9)
    closed = trades[~trades["is_open"]]
    assert result.summary["trades_closed"] == len(closed)
    assert result.summary["trades_open"] == 1
    assert result.summary["net_profit"] == pytest.approx(
        closed["net_pnl"].sum() - last["commission"], abs=1e-9
    )
    assert result.summary["commission"] == pytest.approx(trades["commission"].sum(), abs=1e-9)
    signed = np.where(last["side"] == "long", last["qty"], -last["qty"])
    assert equity["position_size"].iloc[-1] == signed
    fills = result.orders[result.orders["event"] == "filled"]
    assert len(fills) == 2 * len(closed) + 1
    assert (fills[fills["order"] == "entry"]["price"].to_numpy() == trades["entry_price"].to_numpy()).all()


def test_a_trade_opens_at_the_close_of_its_signal_bar(whole: Result) -> None:
    """process_orders_on_close: the entry price is that bar's close, its time that bar's open (SP-45)."""
    bars = whole.bars
    for trade in whole.trades.itertuples():
        assert bars.index[trade.entry_bar] == trade.entry_time
        assert bars["close"].iloc[trade.entry_bar] == pytest.approx(trade.entry_price, abs=1e-9)
        assert (
            bars["low"].iloc[trade.exit_bar] - 1e-9
            <= trade.exit_price
            <= bars["high"].iloc[trade.exit_bar] + 1e-9
        )


def test_start_and_end_slice_the_bars_and_start_cold(bars: np.ndarray) -> None:
    """Start inclusive, end exclusive, the first bar inside is bar 0: the same as a file with only these bars."""
    first, stop = 5_000, 12_345
    times = bars["time_ms"]
    sliced = backtest(bars[first:stop].copy(), params=WIDE, tick=0.01, lot=0.01)
    moment = datetime.fromtimestamp(times[first] / 1000, UTC)
    for start, end in (
        (int(times[first]), int(times[stop])),
        (moment, moment.replace(tzinfo=None) + pd.Timedelta(milliseconds=int(times[stop] - times[first]))),
        (moment.isoformat(), str(int(times[stop]))),
        (int(times[first]) - QUARTER_MS + 1, int(times[stop - 1]) + 1),
    ):
        result = backtest(FIXTURE, params=WIDE, start=start, end=end)
        assert result.digest == sliced.digest
        assert result.summary["bars"] == stop - first
        assert result.trades["entry_bar"].min() < 500


def test_trade_from_computes_everything_and_orders_nothing(whole: Result) -> None:
    """Before trade_from: no event, a flat book; what the script saw of the market is the same."""
    since = "2025-04-01"
    late = backtest(FIXTURE, params=WIDE, trade_from=since)
    assert (late.orders["time"] >= pd.Timestamp(since, tz="UTC")).all()
    before = late.equity.index < pd.Timestamp(since, tz="UTC")
    assert (late.equity["position_size"][before] == 0.0).all()
    assert (late.equity["equity"][before] == 300.0).all()
    for name in ("swing_high", "swing_low", "bull_local", "bear_local", "bull_classic", "bear_classic"):
        pd.testing.assert_series_equal(late.signals[name], whole.signals[name])
    assert late.summary["trades_closed"] > 10
    assert late.summary["trade_from"] == "2025-04-01T00:00:00Z"


def test_capital_is_an_input_of_the_run(whole: Result) -> None:
    rich = backtest(FIXTURE, params={**WIDE, "limit_qty_enabled": False}, capital=3_000.0)
    assert rich.summary["capital"] == 3_000.0
    assert rich.trades["qty"].iloc[0] == pytest.approx(10 * whole.trades["qty"].iloc[0], rel=0.05)


def test_now_is_the_close_of_the_last_bar_unless_given(bars: np.ndarray) -> None:
    """The day window counts back from there (SP-44, X-T2), in a file as in an array, after slicing too."""
    last_close = int(bars["time_ms"][-1]) + QUARTER_MS
    implied = backtest(FIXTURE)
    assert implied.digest == backtest(FIXTURE, now=last_close).digest
    assert implied.digest == backtest(bars, tick=0.01, lot=0.01).digest
    assert implied.digest == backtest(ListFeed([bars])).digest
    midnight = pd.Timestamp(last_close, unit="ms", tz="UTC").normalize()
    assert implied.trades["entry_time"].min() >= midnight - pd.Timedelta(days=30)
    earlier = backtest(FIXTURE, end="2025-08-20", params={"start_time": "2025-01-01"})
    assert earlier.trades["entry_time"].min() >= pd.Timestamp("2025-07-21", tz="UTC")
    assert earlier.trades["entry_time"].min() < pd.Timestamp("2025-07-25", tz="UTC")
    assert (
        earlier.digest
        == backtest(FIXTURE, end="2025-08-20", now="2025-08-20", params={"start_time": "2025-01-01"}).digest
    )


def test_intent_stands_beside_a_result_of_the_assumed_path() -> None:
    literal = backtest(FIXTURE)
    assert literal.summary["path_warning"].startswith("NOT AN EDGE")
    assert literal.intent is not None
    assert literal.intent["digest"] == backtest(FIXTURE, profile="intent").digest
    assert literal.report()["intent"] == literal.intent
    assert backtest(FIXTURE, profile="intent").intent is None


def test_a_strategy_of_the_user_runs_the_same_way() -> None:
    """Orders of bar 2 and 5 fill at the opens of 3 and 6; an array field becomes columns; texts may hold commas."""
    result = run_strategy(BUY_AND_CLOSE, ten_bars(), params_of(2, 5, 1.0), PINE_V5, Instrument(0.01))
    (trade,) = result.trades.to_dict("records")
    assert (trade["entry_bar"], trade["exit_bar"]) == (3, 6)
    assert (trade["entry_price"], trade["exit_price"], trade["net_pnl"]) == (103.0, 106.0, 3.0)
    assert (trade["entry_signal"], trade["exit_signal"]) == ('Buy, "now"', "Close position order")
    assert list(result.signals.columns) == ["bar", "close", "pair_0", "pair_1"]
    assert result.signals["pair_1"].tolist() == ten_bars()["high"].tolist()
    assert result.summary["strategy"] == "buy and close"
    assert result.params == {"buy_bar": 2, "close_bar": 5, "qty": 1.0}
    assert result.intent is None


def test_currency_conversion_takes_a_rate_a_bar() -> None:
    """Results are converted at the rate of the exit's bar (C1), whatever the chunks."""
    rates = np.linspace(0.5, 1.4, 10)
    properties = PINE_V5.with_(currency_conversion=True)
    result = run_strategy(
        BUY_AND_CLOSE, ten_bars(), params_of(2, 5, 1.0), properties, Instrument(0.01), rates=rates
    )
    assert result.trades["net_pnl"].tolist() == [pytest.approx(3.0 * rates[6])]
    with pytest.raises(ConfigError, match="rates"):
        run_strategy(BUY_AND_CLOSE, ten_bars(), params_of(2, 5, 1.0), properties, Instrument(0.01))
    with pytest.raises(ConfigError, match="9 conversion rates"):
        run_strategy(
            BUY_AND_CLOSE, ten_bars(), params_of(2, 5, 1.0), properties, Instrument(0.01), rates=rates[:9]
        )


def test_what_cannot_be_run_says_why(bars: np.ndarray) -> None:
    few = bars[:20].copy()
    for data, options, message in (
        (few, {"tick": 0.01}, "too few bars: 20, .* needs 50"),
        (few, {}, "states its price tick"),
        (bars[:1].copy(), {"tick": 0.01}, "too few bars to tell the timeframe"),
        (np.zeros(3), {"tick": 0.01}, "array of BAR|kwin_core.bars.BAR"),
        ([1, 2], {"tick": 0.01}, "list: data must be a path"),
        (few, {"tick": 0.01, "start": "2030-01-01"}, "no bars from 2030-01-01"),
        (few, {"tick": 0.01, "start": "2025-02-01", "end": "2025-01-01"}, "is not after start"),
        (few, {"tick": 0.01, "start": 1_735_689_600}, "seconds taken for milliseconds"),
        (few, {"tick": 0.01, "timeframe": "5m"}, "bars are 15m, asked for 5m|gap"),
        (few, {"tick": -1.0}, "tick"),
        (few, {"tick": 0.01, "profile": "real"}, "unknown profile 'real'"),
        (few, {"tick": 0.01, "margin": 500.0}, "margin_long"),
    ):
        with pytest.raises((ConfigError, DataError), match=message):
            backtest(data, **{"params": {"use_window": False}, **options})
    with pytest.raises(ConfigError, match="keep_bars=False"):
        backtest(FIXTURE, keep_bars=False).signals  # noqa: B018
    with pytest.raises(ConfigError, match="one record of its dtype"):
        run_strategy(BUY_AND_CLOSE, ten_bars(), np.zeros(1, BAR), PINE_V5, Instrument(0.01))


def test_frames_are_checked_like_files() -> None:
    """A missing column, a hole, an unusable index: typed errors with a row."""
    frame = load(FIXTURE, end="2025-01-03")
    with pytest.raises(DataError, match="no column for close"):
        backtest(frame.drop(columns="close"))
    with pytest.raises(DataError, match=r"row 100.* gap"):
        backtest(frame.drop(frame.index[100]))
    with pytest.raises(DataError, match="nan"):
        backtest(frame.assign(high=frame["high"].where(frame["high"] < frame["high"].max())))
    shifted = frame.set_axis(frame.index.tz_convert("Asia/Shanghai"))
    assert backtest(shifted).digest == backtest(frame).digest
    assert backtest(frame.drop(frame.index[100]), allow_gaps=True).summary["bars"] == len(frame) - 1
