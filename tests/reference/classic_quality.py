"""The preset classic-quality, a reconstruction: filtered classic signals, stop at the previous bar."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.reference.broker import Broker
from tests.reference.dual_sfp import classic_signals, clean_wick
from tests.reference.indicators import pivot_high, pivot_low
from tests.reference.pine import truthy
from tests.reference.records import Bar
from tests.reference.sizing import passes, size
from tests.reference.smart_trail import Side
from tests.reference.window import in_days, in_start


class ClassicQuality:
    """The script's variables and its body."""

    def __init__(
        self, bars: Sequence[Bar], profile: str, params: dict[str, Any], broker: Broker, tick: float
    ) -> None:
        self.bars = bars
        self.params = params
        self.broker = broker
        self.tick = tick
        self.highs = [bar.high for bar in bars]
        self.lows = [bar.low for bar in bars]
        self.long = Side(+1, profile, params, tick)
        self.short = Side(-1, profile, params, tick)

    def calculate(self, n: int) -> dict[str, Any]:
        """Run the script on bar ``n``; returns the per-bar columns."""
        bar, p = self.bars[n], self.params
        pivot_h = pivot_high(self.highs, n, p["swing_len"])
        pivot_l = pivot_low(self.lows, n, p["swing_len"])
        bear15, bull15 = classic_signals(self.bars, n, p["swing_len"], pivot_h, pivot_l)
        if n > 0 and truthy(bar.close - self.bars[n - 1].close):
            self.long.can_enter = self.short.can_enter = True
        bear_signal, bull_signal = self._signals(n, bear15, bull15)
        position, equity = self.broker.position_size(), self.broker.equity()
        if position == 0:
            self.long.reset_when_flat()
            self.short.reset_when_flat()
        row: dict[str, Any] = {
            "ph": pivot_h,
            "pl": pivot_l,
            "bear15": int(bear15),
            "bull15": int(bull15),
            "bear_signal": int(bear_signal),
            "bull_signal": int(bull_signal),
            "pos_seen": position,
            "equity_seen": equity,
            "action": 0,
            "qty": None,
            "sl": None,
            "lookback_prev": None,
            "barTS": None,
        }
        in_window = in_start(p, bar.time_ms) and in_days(p, bar.time_ms)
        flat_or_no_lock = not p["use_dir_lock"] or position == 0
        if in_window and bull_signal and position <= 0 and flat_or_no_lock:
            self._enter(n, self.long, self.lows[n - 1], equity, row)
        if in_window and bear_signal and position >= 0 and flat_or_no_lock:
            self._enter(n, self.short, self.highs[n - 1], equity, row)
        if p["enable_smart_trail"] and position != 0:
            side, extremes = (self.long, self.lows) if position > 0 else (self.short, self.highs)
            row["lookback_prev"], row["barTS"] = side.manage(self.broker, n, bar.close, extremes)
        row.update(
            can_long=int(self.long.can_enter),
            can_short=int(self.short.can_enter),
            longEntry=self.long.entry,
            longSL=self.long.sl,
            shortEntry=self.short.entry,
            shortSL=self.short.sl,
            long_armed=int(self.long.armed),
            short_armed=int(self.short.armed),
        )
        return row

    def _signals(self, n: int, bear: bool, bull: bool) -> tuple[bool, bool]:
        p, bar = self.params, self.bars[n]
        if p["use_sfp_quality"]:
            back = n - p["swing_len"]
            bear = bear and clean_wick(p, self.tick, bar.high - self.highs[back], bar.high - bar.close)
            bull = bull and clean_wick(p, self.tick, self.lows[back] - bar.low, bar.close - bar.low)
        if p["use_one_per_bar"] and bear and bull:
            bear, bull = p["bar_priority"] == "Prefer Bear", p["bar_priority"] == "Prefer Bull"
        return bear, bull

    def _enter(self, n: int, side: Side, sl: float, equity: float, row: dict[str, Any]) -> None:
        p, entry = self.params, self.bars[n].close
        if not side.can_enter:
            return
        qty = size(p, equity, entry, sl)
        if qty is None:
            return
        target = entry + (entry - sl) * p["risk_reward"]
        if not passes(p, qty, entry, abs(target - entry)):  # net at the target, not at 1R
            return
        limit = None if p["enable_smart_trail"] else target
        side.enter(self.broker, entry, sl, qty, limit, bracket=True)
        side.can_enter = False
        row["action"] += 1 if side.favour > 0 else 2
        row["qty"], row["sl"] = qty, sl
