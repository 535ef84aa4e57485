"""The emulator as an exchange: its fills, told the way an exchange tells them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kwin_core.account import commission_on
from kwin_core.money import round_money
from kwin_core.state import AT_CLOSE, BY_MARKET, BY_REVERSAL, ENTRY, FILLED, RAW
from kwin_core.venue import ENTERED, LEFT, REPORT

_NONE = np.zeros(0, REPORT)


@dataclass(frozen=True)
class EmulatedFills:
    """What the emulator filled on one bar: on the bar's path, and at its close after the script.

    Attributes
    ----------
    on_path, at_close
        Shape (n,), dtype `kwin_core.venue.REPORT`, in the order of the fills.
    """

    on_path: np.ndarray
    at_close: np.ndarray


def emulated_fills(states: np.ndarray, events: np.ndarray, position_before: float) -> EmulatedFills:
    """Reports of the fills among the events of one bar.

    Parameters
    ----------
    states
        The emulator's state after the bar, shape (1,): its settings decide the fees.
    events
        Of that bar, dtype `kwin_core.state.EVENT`.
    position_before
        Signed position before the bar, base currency.
    """
    if not (events["kind"] == FILLED).any():
        return EmulatedFills(_NONE, _NONE)
    parts: dict[bool, list[np.ndarray]] = {False: [], True: []}
    position = position_before
    core = states[0]["core"]
    for event in events:
        if event["kind"] != FILLED:
            continue
        side, qty = int(event["side"]), float(event["qty"])
        fee = float(commission_on(core, qty, float(event["price"])))
        closing = min(qty, abs(position)) if position * side < 0.0 else 0.0
        share = fee if closing >= qty else float(round_money(fee * closing / qty))
        opens = event["order_kind"] in (ENTRY, RAW)
        late = bool(event["phase"] == AT_CLOSE)
        if closing > 0.0:
            by = BY_REVERSAL if opens else int(event["by"])
            parts[late].append(_report(LEFT, event, closing, share, by))
        if qty - closing > 0.0 and opens:
            opening = round(qty - closing, 12)
            parts[late].append(_report(ENTERED, event, opening, fee - share, BY_MARKET))
        position += side * qty
    return EmulatedFills(_joined(parts[False]), _joined(parts[True]))


def _report(kind: int, event: np.void, qty: float, fee: float, by: int) -> np.ndarray:
    report = np.zeros(1, REPORT)
    report["kind"] = kind
    report["id"] = event["id"]
    report["side"] = event["side"]
    report["qty"] = qty
    report["price"] = event["price"]
    report["fee"] = fee
    report["by"] = by
    report["bar"] = event["bar"]
    report["time_ms"] = event["time_ms"]
    return report


def _joined(parts: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(parts) if parts else _NONE
