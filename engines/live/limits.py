"""Limits of the account: figures in, reasons out. Pure; where the figures come from is `engines.live.guard`.

Two kinds. *Passing* ones (position, exposure, entries an hour) concern one entry: it is made smaller or denied, and
the next one is judged anew. The others halt all entries until an operator resumes; exits and stops are never touched.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

DAILY_LOSS = "daily_loss"
CONSECUTIVE_LOSSES = "consecutive_losses"
DRIFTS_PER_DAY = "drifts_per_day"
API_ERRORS = "api_errors"
CANARY = "canary"
STALE_DATA = "stale_data"
ACCOUNT_WIDE = frozenset((DAILY_LOSS, CONSECUTIVE_LOSSES, DRIFTS_PER_DAY, API_ERRORS, CANARY))
"""Names of halts that hold for every symbol: only a resume of the whole deployment ends them."""


@dataclass(frozen=True)
class Amount:
    """Money in the account's currency, or a percentage of an equity."""

    value: Decimal
    percent: bool = False

    def of(self, equity: Decimal) -> Decimal:
        """In the account's currency."""
        return equity * self.value / 100 if self.percent else self.value

    def __str__(self) -> str:
        return f"{self.value}%" if self.percent else str(self.value)


@dataclass(frozen=True)
class Limits:
    """None is off.

    Attributes
    ----------
    position, exposure
        Largest value of one symbol's position, and of all together, entries under way included.
    entries_per_hour
        Entries that may be sent within any hour, over all symbols.
    daily_loss
        Realised and open, fees and funding included, since midnight UTC; percent of the equity then.
    consecutive_losses
        Closed positions in a row, over all symbols, with a negative result.
    stale_bars
        A symbol whose newest bar ended longer ago than so many of its intervals is halted until a fresh one comes.
    drifts_per_day
        Drift rows since midnight UTC; entries denied here do not count.
    api_errors
        Requests in a row without a usable answer.
    wallet_tolerance
        Daily difference of wallet and books that is not worth a drift row; percent of the balance.
    """

    position: Amount | None = None
    exposure: Amount | None = None
    entries_per_hour: int | None = None
    daily_loss: Amount | None = None
    consecutive_losses: int | None = None
    stale_bars: float | None = None
    drifts_per_day: int | None = None
    api_errors: int | None = None
    wallet_tolerance: Amount | None = None


@dataclass(frozen=True)
class Figures:
    """What the halting limits are compared with; ``day_equity`` is what a percentage of the loss refers to."""

    daily_loss: Decimal = Decimal(0)
    day_equity: Decimal = Decimal(0)
    consecutive_losses: int = 0
    drifts_per_day: int = 0
    api_errors: int = 0


def tripped(limits: Limits, figures: Figures) -> dict[str, str]:
    """Halting limits that are reached, by name, each with its reason in words."""
    found = {}
    if limits.daily_loss is not None:
        most = limits.daily_loss.of(figures.day_equity)
        if figures.daily_loss >= most and figures.daily_loss > 0:
            found[DAILY_LOSS] = f"the loss of the day is {figures.daily_loss:.2f}, the limit is {most:.2f}"
    for name, words in (
        (CONSECUTIVE_LOSSES, "{} losses in a row, the limit is {}"),
        (DRIFTS_PER_DAY, "{} differences to the emulator today, the limit is {}"),
        (API_ERRORS, "{} requests in a row without a usable answer, the limit is {}"),
    ):
        limit, value = getattr(limits, name), getattr(figures, name)
        if limit is not None and value >= limit:
            found[name] = words.format(value, limit)
    return found


def value_left(
    limits: Limits, equity: Decimal, of_symbol: Decimal, of_all: Decimal
) -> list[tuple[Decimal, str]]:
    """Largest value (quote currency) that an entry may have, each with the reason in words.

    Parameters
    ----------
    equity
        Of the account, for percentages.
    of_symbol, of_all
        Value of what is held and under way already, for the symbol and for all.
    """
    found = []
    for name, limit, taken in (
        ("one position", limits.position, of_symbol),
        ("all positions together", limits.exposure, of_all),
    ):
        if limit is not None:
            most = limit.of(equity)
            words = f"{name} may be worth {most:.2f}, {taken:.2f} are taken"
            found.append((max(Decimal(0), most - taken), words))
    return found
