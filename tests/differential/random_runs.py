"""Random bars, inputs and properties for KWIN: what hypothesis feeds to the core and to the reference."""

from __future__ import annotations

from typing import Any, NamedTuple

from hypothesis import strategies as st

from tests.reference.hand_made import BAR_MS, START_MS
from tests.reference.records import Bar, Settings

DAY_MS = 86_400_000


@st.composite
def random_bars(draw: st.DrawFn, per_unit: int = 100, longest: int = 120) -> list[Bar]:
    """Gapping walks on a grid of ``1 / per_unit``, with many ties and equal closes.

    Prices begin low (trail offsets below one tick), near 100, or high (offsets of many ticks).
    """
    price = draw(st.sampled_from([2_000, 10_000, 10_000, 200_000]))
    step = st.integers(-1, 1).map(lambda k: k * draw_scale)
    draw_scale = draw(st.sampled_from([1, 7, 20, 60]))
    body = st.one_of(st.just(0), st.integers(-draw_scale, draw_scale), step)
    gap = st.one_of(st.just(0), st.just(0), body)
    wick = st.one_of(st.just(0), st.integers(0, 2 * draw_scale))
    bars = []
    for number in range(draw(st.integers(3, longest))):
        opened = price + draw(gap)
        closed = opened + draw(body)
        high, low = max(opened, closed) + draw(wick), min(opened, closed) - draw(wick)
        if low < 1:
            opened = high = low = closed = 1
        bars.append(
            Bar(START_MS + number * BAR_MS, *(ticks / per_unit for ticks in (opened, high, low, closed)))
        )
        price = max(closed, 1)
    return bars


SHARED: dict[str, st.SearchStrategy[Any]] = {
    "swing_len": st.sampled_from([1, 1, 2, 3, 5]),
    "risk_pct": st.sampled_from([0.5, 3.0, 10.0]),
    "enable_smart_trail": st.sampled_from([True, True, True, False]),
    "trailing_perc": st.sampled_from([0.1, 0.5, 2.0, 30.0]),
    "trailing_offset": st.sampled_from([0.1, 0.4, 2.0, 10.0]),
}
TRAIL: dict[str, st.SearchStrategy[Any]] = {
    "use_fee_filter": st.sampled_from([False, False, True]),
    "min_net_profit": st.sampled_from([0.0, 2.0]),
    "limit_qty_enabled": st.booleans(),
    "max_qty_manual": st.sampled_from([50.0, 1.125]),
    "use_arm_after_rr": st.booleans(),
    "arm_rr": st.sampled_from([0.1, 0.5, 1.0]),
    "use_bar_trail": st.sampled_from([True, True, False]),
    "trail_lookback": st.sampled_from([1, 2, 3, 6, 50]),
    "trail_buf_ticks": st.sampled_from([0, 5, 40]),
    "use_dir_lock": st.booleans(),
    "use_one_per_bar": st.booleans(),
    "bar_priority": st.sampled_from(["Skip", "Prefer Bear", "Prefer Bull"]),
    "all_na_exit": st.sampled_from(["cancel", "keep"]),
    "conditional_history": st.sampled_from(["ring", "per-call", "global"]),
}
OPTIONS: dict[str, st.SearchStrategy[Any]] = {
    "use_once_per_swing": st.booleans(),
    "use_sfp_quality": st.booleans(),
    "wick_min_ticks": st.sampled_from([0, 3, 7]),
    "close_back_pct": st.sampled_from([0.0, 0.5, 1.0]),
    "stop_source": st.sampled_from(["pivot", "pivot", "previous", "signal", "min_prev_len"]),
    "sl_buf_ticks": st.sampled_from([0, 3]),
    "atr_mult": st.sampled_from([0.0, 0.0, 0.7]),
    "atr_period": st.sampled_from([3, 14]),
    "use_take_profit": st.booleans(),
    "risk_reward": st.sampled_from([0.5, 1.3]),
    "invert_signals": st.booleans(),
    "cooldown_minutes": st.sampled_from([0, 0, 30, 46]),
}
CLASSIC: dict[str, st.SearchStrategy[Any]] = {
    "zero_commission": st.booleans(),
    "use_rsi_weight": st.booleans(),
    "rsi_period": st.sampled_from([5, 14]),
    "rsi_weight_pct": st.sampled_from([10.0, 50.0]),
    "enable_reentry_after_sl": st.booleans(),
    "risk_reward": st.sampled_from([0.5, 2.0]),
}
BY_PRESET = {"dual-sfp": TRAIL | OPTIONS, "classic": CLASSIC, "classic-quality": TRAIL}


class Case(NamedTuple):
    """Arguments of `tests.reference.run` and of `tests.differential.compiled.run`."""

    bars: list[Bar]
    preset: str
    profile: str
    params: dict[str, Any]
    settings: Settings


@st.composite
def cases(draw: st.DrawFn, preset: str, margin_percent: float = 0.0, longest: int = 120) -> Case:
    """A random run of a preset; every option of it takes part."""
    tick, per_unit = draw(st.sampled_from([(0.01, 100), (0.1, 10), (0.5, 2)]))
    bars = draw(random_bars(per_unit, longest))
    params = draw(st.fixed_dictionaries({"use_window": st.just(False), **SHARED, **BY_PRESET[preset]}))
    if draw(st.integers(0, 3)) == 0:
        params |= {
            "use_window": True,
            "start_time_ms": START_MS + draw(st.integers(0, 40)) * BAR_MS + draw(st.integers(0, 1)),
            "period_choice": draw(st.sampled_from(["30", "60", "180"])),
            "now_ms": START_MS + draw(st.sampled_from([30, 31, 60])) * DAY_MS + draw(st.integers(-1, 1)),
        }
    late = draw(st.one_of(st.none(), st.none(), st.integers(0, 60)))
    settings = Settings(
        tick=tick,
        lot=draw(st.sampled_from([0.0, 0.001, 0.01, 0.1, 1.0])),
        margin_percent=margin_percent,
        initial_capital=draw(st.sampled_from([None, 3_000.0, 100_000.0])),
        trade_from_ms=None if late is None else START_MS + late * BAR_MS,
    )
    return Case(bars, preset, draw(st.sampled_from(["tv-literal", "intent"])), params, settings)
