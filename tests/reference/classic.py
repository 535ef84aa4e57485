"""The preset classic: classic signals, entries at the next open, no flat check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.reference.broker import Broker
from tests.reference.dual_sfp import classic_signals
from tests.reference.exit_leg import ExitArguments
from tests.reference.indicators import hour_closes, pivot_high, pivot_low, rsi
from tests.reference.pine import Number, gt, lt, truthy
from tests.reference.records import Bar
from tests.reference.window import in_days, in_start

FEE_IN_SIZE = 0.0004


class Classic:
    """The script's variables and its body."""

    def __init__(
        self, bars: Sequence[Bar], profile: str, params: dict[str, Any], broker: Broker, tick: float
    ) -> None:
        self.bars = bars
        self.profile = profile
        self.params = params
        self.broker = broker
        self.tick = tick
        self.highs = [bar.high for bar in bars]
        self.lows = [bar.low for bar in bars]
        self.rsi = rsi([bar.close for bar in bars], params["rsi_period"])
        self.hour_close, self.hour_close_before = hour_closes(bars)
        self.can_enter = {+1: True, -1: True}

    def calculate(self, n: int) -> dict[str, Any]:
        """Run the script on bar ``n``; returns what the per-bar reference file shows."""
        bar, p = self.bars[n], self.params
        pivot_h = pivot_high(self.highs, n, p["swing_len"])
        pivot_l = pivot_low(self.lows, n, p["swing_len"])
        bear15, bull15 = classic_signals(self.bars, n, p["swing_len"], pivot_h, pivot_l)
        equity = self.broker.equity()
        row: dict[str, Any] = {
            "ph": pivot_h,
            "pl": pivot_l,
            "htf60_close": self.hour_close[n],
            "htf60_close1": self.hour_close_before[n],
            "bear15": int(bear15),
            "bull15": int(bull15),
            "bear_signal": int(bear15),
            "bull_signal": int(bull15),
            "pos_seen": self.broker.position_size(),
            "equity_seen": equity,
            "action": 0,
            "qty": None,
            "sl": None,
            "rsi14": self.rsi[n],
        }
        if in_start(p, bar.time_ms):
            if n > 0 and truthy(bar.close - self.bars[n - 1].close):
                self.can_enter = {+1: True, -1: True}
            if bull15 and in_days(p, bar.time_ms):
                self._enter(n, +1, bar.low, equity, row)
            if bear15 and in_days(p, bar.time_ms):
                self._enter(n, -1, bar.high, equity, row)
        row["can_long"], row["can_short"] = int(self.can_enter[+1]), int(self.can_enter[-1])
        return row

    def _enter(self, n: int, favour: int, sl: float, equity: float, row: dict[str, Any]) -> None:
        p, entry = self.params, self.bars[n].close
        if not self.can_enter[favour]:
            return
        distance = favour * (entry - sl)
        qty = self._size(n, favour, equity, entry, distance)
        word = "Long" if favour > 0 else "Short"
        self.broker.entry(f"{word} SFP", favour, qty)
        self.broker.exit(
            f"Trail {word} Smart", f"{word} SFP", favour, self._exit(favour, entry, sl, distance)
        )
        self.can_enter[favour] = not p["enable_reentry_after_sl"]  # the inverted gate
        if qty is not None and gt(qty, 0.0):
            row["action"] += 1 if favour > 0 else 2
            row["qty"], row["sl"] = qty, sl

    def _size(self, n: int, favour: int, equity: float, entry: float, distance: float) -> Number:
        """Quantity in base currency; na when the distance is 0, not positive when the fee eats the risk."""
        p = self.params
        if not gt(distance, 0.0):
            return None
        risk = equity * p["risk_pct"] / 100
        if p["use_rsi_weight"] and self._weak(n, favour):
            risk = risk * p["rsi_weight_pct"] / 100
        if p["zero_commission"]:
            return float(risk / distance)
        return float((risk - risk / distance * entry * FEE_IN_SIZE) / distance / entry)

    def _weak(self, n: int, favour: int) -> bool:
        """An entry against the hourly trend with the RSI not stretched."""
        p = self.params
        if favour > 0:
            return lt(self.hour_close[n], self.hour_close_before[n]) and gt(self.rsi[n], p["rsi_oversold"])
        return gt(self.hour_close[n], self.hour_close_before[n]) and lt(self.rsi[n], p["rsi_overbought"])

    def _exit(self, favour: int, entry: float, sl: float, distance: float) -> ExitArguments:
        p = self.params
        if not p["enable_smart_trail"]:
            return ExitArguments(sl, entry + favour * distance * p["risk_reward"], None, None)
        if self.profile == "intent":
            points = entry * p["trailing_perc"] / 100 / self.tick
            offset = entry * p["trailing_offset"] / 100 / self.tick
            return ExitArguments(sl, None, points, offset)
        return ExitArguments(sl, None, distance, distance)
