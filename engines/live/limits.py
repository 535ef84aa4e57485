"""Limits of the whole account: each halts entries, never exits, says why, and stays until an operator resumes.

Pure: figures in, reasons out. Where the figures come from is `engines.live.guard`.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True)
class Limits:
    """None is off. Amounts in the account's currency, times in ms.

    Attributes
    ----------
    position_value
        Largest value of one symbol's position.
    exposure
        Largest value of all positions together.
    orders_per_hour
        Entries and exits of ours.
    daily_loss
        Realised and open, since midnight UTC.
    consecutive_losses
        Closed trades in a row with a negative result.
    data_age_ms
        Age of a stream's newest data.
    drifts_per_day
        Trades that went differently from the emulator's.
    api_errors
        Requests in a row without a usable answer.
    """

    position_value: Decimal | None = None
    exposure: Decimal | None = None
    orders_per_hour: int | None = None
    daily_loss: Decimal | None = None
    consecutive_losses: int | None = None
    data_age_ms: int | None = None
    drifts_per_day: int | None = None
    api_errors: int | None = None


@dataclass(frozen=True)
class Figures:
    """What the limits are compared with; the same names, with the entry under consideration included."""

    position_value: Decimal = Decimal(0)
    exposure: Decimal = Decimal(0)
    orders_per_hour: int = 0
    daily_loss: Decimal = Decimal(0)
    consecutive_losses: int = 0
    data_age_ms: int = 0
    drifts_per_day: int = 0
    api_errors: int = 0


PASSING = ("position_value", "exposure")
"""These concern one entry only: it is denied, and the next one is judged anew. The others halt until resumed."""

_WORDS = {
    "position_value": "the position would be worth {found}, the limit is {limit}",
    "exposure": "all positions would be worth {found}, the limit is {limit}",
    "orders_per_hour": "{found} orders within an hour, the limit is {limit}",
    "daily_loss": "the loss of the day is {found}, the limit is {limit}",
    "consecutive_losses": "{found} losses in a row, the limit is {limit}",
    "data_age_ms": "the newest data is {found} ms old, the limit is {limit}",
    "drifts_per_day": "{found} trades of the day went differently from the emulator's, the limit is {limit}",
    "api_errors": "{found} requests in a row without an answer, the limit is {limit}",
}


def tripped(limits: Limits, figures: Figures) -> dict[str, str]:
    """Limits that are exceeded (losses, errors and drifts: reached), by name, each with its reason in words."""
    found = {}
    for name, words in _WORDS.items():
        limit, value = getattr(limits, name), getattr(figures, name)
        if limit is None:
            continue
        over = value > limit if name in (*PASSING, "orders_per_hour", "data_age_ms") else value >= limit
        if over:
            found[name] = words.format(found=value, limit=limit)
    return found
