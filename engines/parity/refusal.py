"""Why KWIN did not enter on a bar: the first of its own conditions that says no, read off the bar's row of signals."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from engines.parity.runs import Look, Run
from feeds.instants import iso
from kwin_core.kwin.state import NO_SWING


@dataclass(frozen=True)
class Verdict:
    """A cause (one word) and the sentence that explains it."""

    cause: str
    sentence: str


def why_no_entry(run: Run, look: Look, side: int) -> Verdict:
    """The condition that kept the strategy out, in the order the strategy asks (SP-5).

    Parameters
    ----------
    run
        The run.
    look
        The bar on which an entry was expected.
    side
        +1 long, -1 short.
    """
    state = look.state()
    values = run.setting.values
    word, mirror = ("bull", "long") if side > 0 else ("bear", "short")
    time_ms = int(look.bar["time_ms"])
    if time_ms < run.window_start_ms:
        return Verdict("window", f"entries are allowed from {iso(run.window_start_ms)} on only")
    if not state[word]:
        return _no_signal(run, look, state, word)
    if run.setting.preset == "classic":
        return Verdict("size", f"there is a {word} signal, and the quantity of the {mirror} is not positive")
    position = state["position_seen"]
    if position * side > 0.0 or (values["use_dir_lock"] and position != 0.0):
        return Verdict(
            "lock", f"there is a {word} signal, but a position of {position:g} is still open (direction lock)"
        )
    if values["use_once_per_swing"] and state[f"traded_{word}"] != NO_SWING:
        return Verdict(
            "lock",
            f"there is a {word} signal, but the swing of bar {state[f'traded_{word}']} was traded already",
        )
    if not state[f"can_{mirror}"]:
        return Verdict("gate", f"there is a {word} signal, but the gate is closed: the close has not changed")
    return _too_small(run, look, state, side)


def signal_kind(state: dict[str, Any], side: int) -> str:
    """``local SFP`` or ``classic SFP``: what the entry of a bar was made on."""
    word = "bull" if side > 0 else "bear"
    return "local SFP" if state[f"{word}_local"] else "classic SFP"


def _no_signal(run: Run, look: Look, state: dict[str, Any], word: str) -> Verdict:
    if look.number < run.setting.values["swing_len"] + 2:
        return Verdict(
            "warm-up", f"bar {look.number} is too early for a pivot: TradingView had bars before it"
        )
    swing = state["swing_low" if word == "bull" else "swing_high"]
    if swing is None:
        return Verdict("warm-up", "no swing is confirmed yet: TradingView had bars before the first one here")
    raw = [kind for kind in ("local", "classic") if state[f"{word}_{kind}"]]
    if raw:
        return Verdict(
            "signal", f"the {' and '.join(raw)} signal lost to the other side of the bar (bar_priority)"
        )
    edge = "low" if word == "bull" else "high"
    return Verdict(
        "signal",
        f"no {word} signal: the swing is {swing:g}, the bar's {edge} {look.bar[edge]:g}, open "
        f"{look.bar['open']:g}, close {look.bar['close']:g}",
    )


def _too_small(run: Run, look: Look, state: dict[str, Any], side: int) -> Verdict:
    values = run.setting.values
    price = float(look.bar["close"])
    stop = state["swing_low" if side > 0 else "swing_high"]
    if values["stop_source"] != "pivot" or stop is None or price == stop:
        return Verdict("size", "everything allows the entry but its size or the fee filter")
    steps = state["equity_seen"] * values["risk_pct"] / 100.0 / abs(price - stop) / values["qty_step"]
    qty = math.floor(steps + 0.5) * values["qty_step"]
    if values["limit_qty_enabled"]:
        qty = min(qty, values["max_qty_manual"])
    if qty < values["min_order_qty"]:
        return Verdict(
            "size", f"the quantity {qty:g} is below the smallest order {values['min_order_qty']:g}"
        )
    net = side * (price - stop) * qty - 2.0 * price * qty * values["taker_fee_rate"]
    return Verdict(
        "size",
        f"the fee filter refuses it: {qty:g} at {price:g} with stop {stop:g} would make {net:.2f} at 1R, "
        f"and {values['min_net_profit']:g} is asked for; equity {state['equity_seen']:.2f}",
    )
