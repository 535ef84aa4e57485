"""How the counters of the limits move: pure steps from one tally to the next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from engines.journal import Outcome
from engines.live.drift import Note
from engines.live.limits import API_ERRORS, CANARY, CONSECUTIVE_LOSSES, DAILY_LOSS, DRIFTS_PER_DAY
from engines.live.seat import Seat
from engines.live.tally import DAY_MS, Tally
from engines.live.venue import Answer, Refusal

_NOT_COUNTED = frozenset((Note.DENIED.value,))


def profit_of(seat: Seat) -> float:
    """Of a symbol's books, account currency: realised and open, fees and funding included."""
    ledger = seat.lane.exchange
    return ledger.number("net_profit") + ledger.number("open_profit")


def on_day(tally: Tally, day: int, profit: float, equity: float) -> Tally:
    """A new UTC day begins with the profit of all books as it was, and the wallet's equity."""
    if day == tally.day:
        return tally
    return replace(
        tally,
        day=day,
        day_profit=profit,
        day_equity=equity,
        drifts=0,
        canary_profit=profit if tally.canary_profit is None else tally.canary_profit,
        entries_ms=tally.entries_since(day * DAY_MS),
    )


def with_answer(tally: Tally, answer: Answer) -> Tally:
    """Any answer starts the count of errors anew; what was never sent says nothing."""
    if answer.outcome is Outcome.UNKNOWN or answer.kind == Refusal.RATE:
        return replace(tally, api_errors=tally.api_errors + 1)
    if answer.outcome is not Outcome.DENIED and tally.api_errors:
        return replace(tally, api_errors=0)
    return tally


def with_trades(tally: Tally, seat: Seat) -> Tally:
    """A position that was closed in several executions is one result, known once it is flat."""
    rows = seat.lane.trades[True]
    name, running = str(seat.lane.stream), dict(tally.running)
    if len(rows) > seat.trades_seen:
        new = sum(float(row["net_pnl"][0]) for row in rows[seat.trades_seen :])
        running[name] = running.get(name, 0.0) + new
        seat.trades_seen = len(rows)
    if name in running and seat.held_qty == 0:
        result = running.pop(name)
        trades = {**tally.trades, name: tally.trades.get(name, 0) + 1}
        tally = replace(tally, losses=tally.losses + 1 if result < 0.0 else 0, trades=trades)
    return tally if running == tally.running else replace(tally, running=running)


def with_notes(tally: Tally, kinds: Sequence[str]) -> Tally:
    """Drift rows of a message; entries denied here are no surprise."""
    counted = sum(kind not in _NOT_COUNTED for kind in kinds)
    return replace(tally, drifts=tally.drifts + counted) if counted else tally


def resumed(tally: Tally, name: str | None, profit: float, equity: float) -> Tally:
    """After a resume of everything, or of one halt by its name: that is counted from here on."""
    anew: dict[str, dict[str, Any]] = {
        DAILY_LOSS: {"day_profit": profit, "day_equity": equity},
        CONSECUTIVE_LOSSES: {"losses": 0},
        DRIFTS_PER_DAY: {"drifts": 0},
        API_ERRORS: {"api_errors": 0},
        CANARY: {"canary_profit": profit},
    }
    for halt, fields in anew.items():
        if name in (None, halt):
            tally = replace(tally, **fields)
    return tally
