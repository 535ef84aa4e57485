"""Position size and fee filter of dual-sfp and classic-quality."""

from __future__ import annotations

from typing import Any

from tests.reference.pine import Number, ge, gt, math_round


def size(params: dict[str, Any], equity: float, entry: float, sl: Number) -> Number:
    """Quantity in base currency: risk over the distance, rounded to the step, then capped (SP-40, SP-43).

    na when the stop is na or the distance is 0.
    """
    if sl is None or not gt(abs(entry - sl), 0.0):
        return None
    raw = equity * params["risk_pct"] / 100 / abs(entry - sl)
    qty = math_round(raw / params["qty_step"]) * params["qty_step"]
    if params["limit_qty_enabled"]:
        qty = min(qty, params["max_qty_manual"])
    return float(qty)


def passes(params: dict[str, Any], qty: Number, entry: float, gross_per_unit: float) -> bool:
    """Whether the size is tradable and its gross result beats two taker fees by the minimum."""
    if qty is None or not gt(qty, 0.0) or not ge(qty, params["min_order_qty"]):
        return False
    if not params["use_fee_filter"]:
        return True
    fees = entry * qty * params["taker_fee_rate"] * 2
    return ge(gross_per_unit * qty - fees, params["min_net_profit"])
