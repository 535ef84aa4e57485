"""One side of dual-sfp and classic-quality: its variables, its entry call, its smart trail (step 13)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tests.reference.broker import Broker
from tests.reference.exit_leg import ExitArguments
from tests.reference.laws import call_site
from tests.reference.pine import Number, add, ge, math_max, math_min, subtract


class Side:
    """The script's variables of one side. ``favour`` is +1 for long, -1 for short."""

    def __init__(self, favour: int, profile: str, params: dict[str, Any], tick: float) -> None:
        self.favour = favour
        self.profile = profile
        self.params = params
        self.tick = tick
        word = "Long" if favour > 0 else "Short"
        self.entry_id = f"{word} SFP"
        self.exit_id = f"Trail {word} Smart"
        self.can_enter = True
        self.traded_swing: int | None = None
        self.entry: Number = None
        self.sl: Number = None
        self.armed = False
        self.limit: Number = None
        self.raised_stop: Number = None
        self.trail_points: Number = None
        self.trail_offset: Number = None
        self.lookback_site = call_site(params["conditional_history"], params["trail_lookback"], favour > 0)
        self.last_lookback: Number = None

    def reset_when_flat(self) -> None:
        """Step 10."""
        self.entry = self.sl = self.limit = self.raised_stop = None
        self.armed = False

    def enter(
        self, broker: Broker, entry: float, sl: float, qty: float, limit: Number, bracket: bool
    ) -> None:
        """The actions of step 11: the entry order, and its exit when there is one.

        ``limit`` is the take profit price, na without one; ``bracket`` places stop and limit although the
        smart trail is off.
        """
        broker.entry(self.entry_id, self.favour, qty)
        self.entry, self.sl, self.limit, self.raised_stop = entry, sl, limit, sl
        self.armed = not self.params["use_arm_after_rr"]
        if self.params["enable_smart_trail"]:
            self.trail_points = entry * self.params["trailing_perc"] / 100
            self.trail_offset = entry * self.params["trailing_offset"] / 100
            if self.profile == "intent":
                self.trail_points = self.trail_points / self.tick
                self.trail_offset = self.trail_offset / self.tick
            args = ExitArguments(sl, limit, self.trail_points, self.trail_offset)
            broker.exit(self.exit_id, self.entry_id, self.favour, args)
        elif bracket:
            broker.exit(self.exit_id, self.entry_id, self.favour, ExitArguments(sl, limit, None, None))

    def manage(
        self, broker: Broker, bar_index: int, close: float, extremes: Sequence[float]
    ) -> tuple[Number, Number]:
        """Step 13 for this side while it holds the position.

        ``extremes`` are the lows (long) or highs (short) of all bars. Returns the lookback value used and
        the stop passed, both na when the bar trail did not run.
        """
        if (
            self.params["use_arm_after_rr"]
            and not self.armed
            and self.entry is not None
            and self.sl is not None
        ):
            risk = self.favour * (self.entry - self.sl)
            self.armed = ge(self.favour * (close - self.entry), self.params["arm_rr"] * risk)
        if not (self.params["use_bar_trail"] and self.armed):
            return None, None
        if self.profile == "intent":
            lookback = self._true_lookback(bar_index, extremes)
            if lookback is not None:
                self.raised_stop = self._tighter(self._buffered(lookback), self.raised_stop)
            stop = self.raised_stop
            args = ExitArguments(stop, self.limit, self.trail_points, self.trail_offset)
        else:
            lookback = self.last_lookback  # SP-23: the value of the previous execution of the line
            self.last_lookback = self.lookback_site.call(bar_index, extremes)
            stop = self._tighter(self._buffered(lookback), self.sl)
            args = ExitArguments(stop, self.limit, None, None)
        broker.exit(self.exit_id, self.entry_id, self.favour, args)
        return lookback, stop

    def _true_lookback(self, bar_index: int, extremes: Sequence[float]) -> Number:
        """The extreme of the N bars before this one; na while fewer precede."""
        length = self.params["trail_lookback"]
        if bar_index < length:
            return None
        window = extremes[bar_index - length : bar_index]
        return min(window) if self.favour > 0 else max(window)

    def _buffered(self, level: Number) -> Number:
        buffer = self.params["trail_buf_ticks"] * self.tick
        return subtract(level, buffer) if self.favour > 0 else add(level, buffer)

    def _tighter(self, level: Number, stop: Number) -> Number:
        return math_max(level, stop) if self.favour > 0 else math_min(level, stop)
