"""The comparison as JSON: the content of ``parity_live.json``. Times are ISO, UTC; money is in account currency."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from engines.live.drift import Side
from engines.parity.live.compare import StreamParity, kinds
from engines.parity.live.found import LedgerCheck
from engines.parity.live.trades import Leg, TradeDrift, latencies, steps_of
from feeds.instants import iso


def body_of(journal: str, found: Iterable[StreamParity]) -> dict[str, Any]:
    """Everything, with every trade that went differently."""
    streams = [_stream(one) for one in found]
    return {
        "journal": journal,
        "good": bool(streams) and all(one["good"] for one in streams),
        "streams": streams,
    }


def quantiles(values: Sequence[int]) -> dict[str, float] | None:
    """Of delays in ms; None without any."""
    if not values:
        return None
    return {
        "count": len(values),
        "median": float(np.median(values)),
        "p99": float(np.quantile(values, 0.99)),
        "most": float(max(values)),
    }


def _stream(found: StreamParity) -> dict[str, Any]:
    return {
        "stream": str(found.stream),
        "good": found.good,
        "bars": found.bars,
        "emulator": _check(found.emulator),
        "exchange": _check(found.exchange),
        "trades": len(found.trades),
        "kinds": {
            name: {"trades": count, "net_difference": money} for name, (count, money) in kinds(found).items()
        },
        "differing": [trade_body(one, found.tick) for one in found.differing],
        "recorded_drifts": found.recorded_drifts,
        "latency_ms": {name: quantiles(values) for name, values in latencies(found.trades).items()},
        "sums": {**found.sums, "agree": found.sums_agree},
        "unbooked_executions": [one.exec_id for one in found.unbooked],
        "data": found.data,
    }


def _check(check: LedgerCheck) -> dict[str, Any]:
    first = check.first
    return {
        "good": check.good,
        "compared": check.compared,
        "differing": check.differing,
        "first_difference": None
        if first is None
        else {
            "ledger": first.ledger.value,
            "bar": None if first.bar_ms is None else iso(first.bar_ms),
            "event": first.seq,
            "what": first.what,
            "recorded": first.recorded,
            "computed": first.computed,
            "hint": first.hint,
        },
    }


def trade_body(trade: TradeDrift, tick: float) -> dict[str, Any]:
    """One pair in full."""
    pair = trade.pair
    ticks, quote = pair.slippage_ticks(tick), pair.slippage_quote()
    return {
        "number": pair.number or None,
        "entry_bar": iso(pair.key[0]),
        "side": "long" if pair.side > 0 else "short",
        "kind": pair.kind.value,
        "cause": trade.cause,
        "emulator": None if pair.emulator is None else _side(pair.emulator, pair.emulator.exit_words()),
        "exchange": None if pair.exchange is None else _side(pair.exchange, trade.left_by),
        "slippage_ticks": None if ticks is None else {"entry": ticks[0], "exit": ticks[1]},
        "slippage_quote": None if quote is None else {"entry": quote[0], "exit": quote[1]},
        "net_difference": pair.net_difference,
        "executed_entry": _leg(trade.entry),
        "executed_exit": _leg(trade.exit),
        "funding": trade.funding,
        "entry_latency_ms": None if trade.entry_latency is None else steps_of(trade.entry_latency),
        "exit_latency_ms": None if trade.exit_latency is None else steps_of(trade.exit_latency),
        "notes": list(trade.notes),
    }


def _side(side: Side, left_by: str) -> dict[str, Any]:
    return {
        "entry_bar": iso(side.entry_time_ms),
        "exit_bar": None if side.exit_time_ms is None else iso(side.exit_time_ms),
        "entry_price": side.entry_price,
        "exit_price": side.exit_price,
        "qty": side.qty,
        "fees": side.fees,
        "net": side.net,
        "exit": left_by,
    }


def _leg(leg: Leg | None) -> dict[str, Any] | None:
    if leg is None:
        return None
    return {
        **{name: value for name, value in vars(leg).items() if name not in ("first_ms", "last_ms")},
        "first": iso(leg.first_ms),
        "last": iso(leg.last_ms),
    }
