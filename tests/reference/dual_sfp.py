"""The preset dual-sfp: one calculation a bar, step by step, plus the options beyond the Pine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.reference.broker import Broker
from tests.reference.indicators import atr, pivot_high, pivot_low
from tests.reference.pine import Number, add, ge, gt, lt, subtract, truthy
from tests.reference.records import Bar
from tests.reference.sizing import passes, size
from tests.reference.smart_trail import Side
from tests.reference.window import in_days, in_start

MINUTE_MS = 60_000


class DualSfp:
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
        self.atr = atr(bars, params["atr_period"])
        self.long = Side(+1, profile, params, tick)
        self.short = Side(-1, profile, params, tick)
        self.swing_high: Number = None
        self.swing_low: Number = None
        # swing_bix of pivH and pivL; na means that the pivot object is not active yet (SP-4, SP-7)
        self.bear_swing_bix: int | None = None
        self.bull_swing_bix: int | None = None
        self.last_entry_time_ms: int | None = None

    def calculate(self, n: int) -> dict[str, Any]:
        """Run the script on bar ``n``; returns what the per-bar reference files show."""
        bar, p = self.bars[n], self.params
        pivot_h = pivot_high(self.highs, n, p["swing_len"])  # step 1
        pivot_l = pivot_low(self.lows, n, p["swing_len"])
        bear_local = self._bear_local(n, pivot_h)  # step 2
        bull_local = self._bull_local(n, pivot_l)  # step 3
        bear15, bull15 = self._classic(n, pivot_h, pivot_l)  # step 5
        if n > 0 and truthy(bar.close - self.bars[n - 1].close):  # step 6
            self.long.can_enter = self.short.can_enter = True
        if self.bear_swing_bix is None or self.short.traded_swing != self.bear_swing_bix:  # step 7
            self.short.traded_swing = None
        if self.bull_swing_bix is None or self.long.traded_swing != self.bull_swing_bix:
            self.long.traded_swing = None
        bear_signal, bull_signal = self._signals(n, bear_local, bull_local, bear15, bull15)  # steps 8 and 9
        position, equity = self.broker.position_size(), self.broker.equity()
        if position == 0:  # step 10
            self.long.reset_when_flat()
            self.short.reset_when_flat()
        row: dict[str, Any] = {
            "ph": pivot_h,
            "pl": pivot_l,
            "swH": self.swing_high,
            "swL": self.swing_low,
            "bear_local": int(bear_local),
            "bull_local": int(bull_local),
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
        in_window = in_start(p, bar.time_ms) and in_days(p, bar.time_ms)  # step 4
        may_enter = in_window and self._cooled_down(bar.time_ms)  # judged once for both blocks
        flat_or_no_lock = not p["use_dir_lock"] or position == 0
        if may_enter and bull_signal and position <= 0 and flat_or_no_lock:  # step 11
            self._enter(n, self.long, self.swing_low, self.bull_swing_bix, equity, row)
        if may_enter and bear_signal and position >= 0 and flat_or_no_lock:  # step 12
            self._enter(n, self.short, self.swing_high, self.bear_swing_bix, equity, row)
        if p["enable_smart_trail"] and position != 0:  # step 13
            side, extremes = (self.long, self.lows) if position > 0 else (self.short, self.highs)
            row["lookback_prev"], row["barTS"] = side.manage(self.broker, n, bar.close, extremes)
        row.update(
            can_long=int(self.long.can_enter),
            can_short=int(self.short.can_enter),
            traded_bull=self.long.traded_swing,
            traded_bear=self.short.traded_swing,
            pivH_swing_bix=self.bear_swing_bix,
            pivL_swing_bix=self.bull_swing_bix,
            longEntry=self.long.entry,
            longSL=self.long.sl,
            shortEntry=self.short.entry,
            shortSL=self.short.sl,
            long_armed=int(self.long.armed),
            short_armed=int(self.short.armed),
        )
        return row

    def _bear_local(self, n: int, pivot_h: Number) -> bool:
        bar = self.bars[n]
        if pivot_h is not None:
            self.swing_high = pivot_h
        swept = gt(bar.high, self.swing_high)
        hit = swept and lt(bar.open, self.swing_high) and lt(bar.close, self.swing_high)
        if hit:
            self.bear_swing_bix = n - 1
        return hit

    def _bull_local(self, n: int, pivot_l: Number) -> bool:
        bar = self.bars[n]
        if pivot_l is not None:
            self.swing_low = pivot_l
        swept = lt(bar.low, self.swing_low)
        hit = swept and gt(bar.open, self.swing_low) and gt(bar.close, self.swing_low)
        if hit:
            self.bull_swing_bix = n - 1
        return hit

    def _classic(self, n: int, pivot_h: Number, pivot_l: Number) -> tuple[bool, bool]:
        return classic_signals(self.bars, n, self.params["swing_len"], pivot_h, pivot_l)

    def _signals(
        self, n: int, bear_local: bool, bull_local: bool, bear15: bool, bull15: bool
    ) -> tuple[bool, bool]:
        p = self.params
        if p["use_sfp_quality"]:
            back = n - p["swing_len"]
            bear_local = bear_local and self._clean_bear(n, self.swing_high)
            bull_local = bull_local and self._clean_bull(n, self.swing_low)
            bear15 = bear15 and self._clean_bear(n, self.highs[back])
            bull15 = bull15 and self._clean_bull(n, self.lows[back])
        bear, bull = bear_local or bear15, bull_local or bull15
        if p["invert_signals"]:
            bear, bull = bull, bear
        if p["use_one_per_bar"] and bear and bull:
            bear, bull = p["bar_priority"] == "Prefer Bear", p["bar_priority"] == "Prefer Bull"
        return bear, bull

    def _clean_bear(self, n: int, level: Number) -> bool:
        assert level is not None
        bar = self.bars[n]
        return clean_wick(self.params, self.tick, bar.high - level, bar.high - bar.close)

    def _clean_bull(self, n: int, level: Number) -> bool:
        assert level is not None
        bar = self.bars[n]
        return clean_wick(self.params, self.tick, level - bar.low, bar.close - bar.low)

    def _cooled_down(self, time_ms: int) -> bool:
        wait_ms = self.params["cooldown_minutes"] * MINUTE_MS
        return self.last_entry_time_ms is None or time_ms - self.last_entry_time_ms >= wait_ms

    def _enter(
        self, n: int, side: Side, pivot: Number, swing_bix: int | None, equity: float, row: dict[str, Any]
    ) -> None:
        """The block of one side: conditions, size, filter, actions."""
        p, bar = self.params, self.bars[n]
        if not side.can_enter or (p["use_once_per_swing"] and side.traded_swing is not None):
            return
        entry = bar.close
        sl = self._stop(n, side.favour, pivot)
        qty = size(p, equity, entry, sl)
        if qty is None or sl is None:
            return
        distance = side.favour * (entry - sl)  # signed: SP-41
        if not passes(p, qty, entry, distance):
            return
        limit = entry + side.favour * distance * p["risk_reward"] if p["use_take_profit"] else None
        side.enter(self.broker, entry, sl, qty, limit, bracket=p["use_take_profit"])
        if p["use_once_per_swing"] and swing_bix is not None:
            side.traded_swing = swing_bix
        side.can_enter = False
        self.last_entry_time_ms = bar.time_ms
        row["action"] += 1 if side.favour > 0 else 2
        row["qty"], row["sl"] = qty, sl

    def _stop(self, n: int, favour: int, pivot: Number) -> Number:
        """The stop's source, then its buffers; a source without a bar falls back to this bar's extreme."""
        p = self.params
        extremes = self.lows if favour > 0 else self.highs
        outer = min if favour > 0 else max
        source: Number = extremes[n]
        if p["stop_source"] == "pivot" and pivot is not None:
            source = pivot
        elif p["stop_source"] == "previous" and n >= 1:
            source = extremes[n - 1]
        elif p["stop_source"] == "min_prev_len" and n >= max(1, p["swing_len"]):
            source = outer(extremes[n - 1], extremes[n - p["swing_len"]])
        buffer: Number = p["sl_buf_ticks"] * self.tick
        if p["atr_mult"] > 0:
            average = self.atr[n]
            buffer = None if average is None else add(buffer, p["atr_mult"] * average)
        return subtract(source, buffer) if favour > 0 else add(source, buffer)


def classic_signals(
    bars: Sequence[Bar], n: int, length: int, pivot_h: Number, pivot_l: Number
) -> tuple[bool, bool]:
    """The classic SFP on a 15-minute chart, as (bear, bull): step 5."""
    if n < length:
        return False, False
    bar, back = bars[n], bars[n - length]
    bull = truthy(pivot_l) and lt(bar.low, back.low) and gt(bar.open, back.low) and gt(bar.close, back.low)
    bear = (
        truthy(pivot_h) and gt(bar.high, back.high) and lt(bar.open, back.high) and lt(bar.close, back.high)
    )
    return bear, bull


def clean_wick(params: dict[str, Any], tick: float, depth: float, close_back: float) -> bool:
    """The quality filter: the wick is deep enough and the close came back far enough.

    ``depth`` is how far the wick went beyond the swept level, ``close_back`` the way from the wick's end to
    the close, both in price.
    """
    depth = max(depth, 0.0)
    return ge(depth, params["wick_min_ticks"] * tick) and ge(close_back, depth * params["close_back_pct"])
