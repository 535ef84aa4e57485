"""Whatever bars, presets, profiles and options: the books balance and the fills are possible."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference import Bar, Settings, run
from tests.reference.hand_made import BAR_MS, START_MS


@st.composite
def random_bars(draw: st.DrawFn) -> list[Bar]:
    """Gapping walks on the 0.01 grid around 100, with many ties."""
    price = 10_000
    bars = []
    step = st.integers(-60, 60)
    wick = st.integers(0, 80)
    for number in range(draw(st.integers(5, 120))):
        opened = price + draw(st.one_of(st.just(0), st.just(0), step))
        closed = opened + draw(step)
        high, low = max(opened, closed) + draw(wick), min(opened, closed) - draw(wick)
        bars.append(Bar(START_MS + number * BAR_MS, *(ticks / 100 for ticks in (opened, high, low, closed))))
        price = closed
    return bars


COMMON: dict[str, st.SearchStrategy[Any]] = {
    "swing_len": st.integers(1, 3),
    "risk_pct": st.sampled_from([0.5, 3.0, 20.0]),
    "enable_smart_trail": st.booleans(),
    "trailing_perc": st.sampled_from([0.05, 0.5, 2.0, 30.0]),
    "trailing_offset": st.sampled_from([0.05, 0.4, 2.0, 10.0]),
}
TRAIL: dict[str, st.SearchStrategy[Any]] = {
    "use_fee_filter": st.booleans(),
    "use_arm_after_rr": st.booleans(),
    "arm_rr": st.sampled_from([0.1, 0.5, 1.0]),
    "use_bar_trail": st.booleans(),
    "trail_lookback": st.integers(1, 6),
    "trail_buf_ticks": st.sampled_from([0, 5, 40]),
    "use_dir_lock": st.booleans(),
    "use_one_per_bar": st.booleans(),
    "all_na_exit": st.sampled_from(["cancel", "keep"]),
    "conditional_history": st.sampled_from(["ring", "per-call", "global"]),
}
OPTIONS: dict[str, st.SearchStrategy[Any]] = {
    "use_once_per_swing": st.booleans(),
    "use_sfp_quality": st.booleans(),
    "stop_source": st.sampled_from(["pivot", "previous", "signal", "min_prev_len"]),
    "sl_buf_ticks": st.sampled_from([0, 3]),
    "atr_mult": st.sampled_from([0.0, 0.7]),
    "atr_period": st.just(3),
    "use_take_profit": st.booleans(),
    "invert_signals": st.booleans(),
    "cooldown_minutes": st.sampled_from([0, 30]),
}
CLASSIC: dict[str, st.SearchStrategy[Any]] = {
    "zero_commission": st.just(True),
    "use_rsi_weight": st.booleans(),
    "rsi_period": st.just(3),
    "enable_reentry_after_sl": st.booleans(),
    "risk_reward": st.sampled_from([0.5, 2.0]),
}


def inputs(preset: str) -> st.SearchStrategy[dict[str, Any]]:
    """Random parameters of a preset, window off."""
    extra = {"dual-sfp": TRAIL | OPTIONS, "classic": CLASSIC, "classic-quality": TRAIL}[preset]
    return st.fixed_dictionaries({"use_window": st.just(False), **COMMON, **extra})


@pytest.mark.parametrize("preset", ["dual-sfp", "classic", "classic-quality"])
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_books_balance_and_fills_are_possible(preset: str, data: st.DataObject) -> None:
    """Money adds up; fills lie inside their bars; trades follow in order; excursions enclose results."""
    bars = data.draw(random_bars())
    properties = Settings(
        lot=data.draw(st.sampled_from([0.0, 0.001, 1.0])),
        margin_percent=data.draw(st.sampled_from([0.0, 100.0])),
        commission_percent=data.draw(st.sampled_from([0.0, 0.055])),
        process_orders_on_close=data.draw(st.booleans()),
        initial_capital=3_000.0,
    )
    profile = data.draw(st.sampled_from(["tv-literal", "intent"]))
    result = run(bars, preset, profile, data.draw(inputs(preset)), properties)
    open_value = sum(trade.open_profit - trade.commission for trade in result.open_trades)
    assert result.equity == pytest.approx(
        3_000 + sum(t.net_pnl for t in result.trades) + open_value, abs=1e-7
    )
    assert len(result.open_trades) <= 1
    last_exit = 0
    for trade in result.trades:
        assert trade.entry_bar <= trade.exit_bar
        assert last_exit <= trade.exit_bar
        last_exit = trade.exit_bar
        for number, price in ((trade.entry_bar, trade.entry_price), (trade.exit_bar, trade.exit_price)):
            assert bars[number].low - 1e-9 <= price <= bars[number].high + 1e-9
        sign = 1 if trade.side == "long" else -1
        gross = sign * (trade.exit_price - trade.entry_price) * trade.qty
        assert trade.net_pnl == pytest.approx(gross - trade.commission, abs=1e-9)
        assert trade.drawdown <= 0 <= trade.runup
        assert trade.drawdown - 1e-9 <= gross <= trade.runup + trade.commission + 1e-9
        assert (trade.exit_kind == "margin") <= (properties.margin_percent > 0)
