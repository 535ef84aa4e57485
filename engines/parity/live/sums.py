"""Do the books add up? X as booked against its executions, fees and funding (invariant vi), and trade by trade."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from engines.journal import Execution
from engines.live.drift import Pair
from engines.live.guesses import Guess, correction, guess_of

_MONEY = 1e-6


def sums_of(
    emulator: np.void, exchange: np.void, executions: Iterable[Execution], pairs: Iterable[Pair]
) -> dict[str, float]:
    """Money in account currency; what is open is marked at the last close.

    Parameters
    ----------
    emulator, exchange
        The brokers' records of both ledgers after the last bar.
    executions
        All of the stream, in their order.
    pairs
        All trades of both.

    Returns
    -------
    dict
        ``*_net`` realised, ``*_marked`` with what is open, ``*_trades`` the same summed over the trades;
        ``executions_marked`` X's from its executions alone, those behind a guess with what they correct; ``off`` the
        largest contradiction between figures that must be equal, ``turnover`` what was traded.
    """
    cash, fees, funding, held, turnover = [], [], [], [], []
    corrections: list[float] = []
    guesses: list[Guess] = []
    for one in executions:
        cost, guess = correction(one, guesses), guess_of(one)
        if guess is not None:
            guesses.append(guess)
        if cost is not None:
            corrections.append(cost)
            continue
        if one.exec_type == "Funding":
            funding.append(float(one.fee))
            continue
        sign = 1.0 if one.side == "Buy" else -1.0
        qty, value = float(one.quantity), float(one.quantity) * float(one.price)
        cash.append(-sign * value)
        held.append(sign * qty)
        turnover.append(value)
        fees.append(float(one.fee))
    close = float(exchange["close"])
    costs = math.fsum(fees) + math.fsum(funding) + math.fsum(corrections)
    listed = list(pairs)
    found = {
        "emulator_net": float(emulator["net_profit"]),
        "exchange_net": float(exchange["net_profit"]),
        "emulator_marked": float(emulator["net_profit"] + emulator["open_profit"]),
        "exchange_marked": float(exchange["net_profit"] + exchange["open_profit"]),
        "emulator_trades": math.fsum(one.emulator.net for one in listed if one.emulator is not None),
        "exchange_trades": math.fsum(one.exchange.net for one in listed if one.exchange is not None)
        - math.fsum(funding)
        - math.fsum(corrections),
        "executions_marked": math.fsum(cash) + math.fsum(held) * close - costs,
        "fees": math.fsum(fees),
        "funding": math.fsum(funding),
        "turnover": math.fsum(turnover),
    }
    found["off"] = max(
        abs(found["exchange_marked"] - found["executions_marked"]),
        abs(found["exchange_marked"] - found["exchange_trades"]),
        abs(found["emulator_marked"] - found["emulator_trades"]),
    )
    return found


def add_up(sums: dict[str, float]) -> bool:
    """Whether they do: within a millionth, or the noise of doubles on the turnover."""
    return sums["off"] <= max(_MONEY, 1e-11 * sums["turnover"])
