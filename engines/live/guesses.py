"""What was booked without an execution, and the executions behind it when they are told after all.

With a guess the ledger takes the position of one report. Every execution up to that report is in it already, whenever
it is told: then it corrects the money by its price and fee, and leaves the position alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engines.journal import Execution

ADOPTED, ESTIMATED = "Adopted", "Estimated"
"""Execution types of guesses: a position that nobody told how it was opened, or how it was closed."""


@dataclass(frozen=True)
class Guess:
    """One of them: instant of the report (ms, the exchange's clock), price (quote) and quantity (base currency)."""

    until_ms: int
    price: float
    qty: float


def guess_of(execution: Execution) -> Guess | None:
    """The guess that an execution in the journal is; None when it was told by the exchange."""
    if execution.exec_type not in (ADOPTED, ESTIMATED):
        return None
    return Guess(execution.exec_time_ms, float(execution.price), float(execution.quantity))


def correction(execution: Execution, guesses: Sequence[Guess]) -> float | None:
    """What an execution costs that a guess has anticipated (account currency); None when none has.

    Over all executions behind one guess the corrections add up to what they really paid and received.
    """
    if execution.exec_type == "Funding" or guess_of(execution) is not None:
        return None
    until_ms = min((one.until_ms for one in guesses if one.until_ms >= execution.exec_time_ms), default=None)
    found = [one for one in guesses if one.until_ms == until_ms]
    if not found:
        return None
    price = sum(one.price * one.qty for one in found) / sum(one.qty for one in found)
    side = 1 if execution.side == "Buy" else -1
    return side * float(execution.quantity) * (float(execution.price) - price) + float(execution.fee)
