"""Tiny bars by hand, and a broker driven by commands instead of a script."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from tests.reference.broker import Broker
from tests.reference.exit_leg import ExitArguments
from tests.reference.records import Bar

START_MS = 1_735_689_600_000  # 2025-01-01 00:00 UTC
BAR_MS = 900_000
Prices = tuple[float, float, float, float]
Command = Callable[[Broker], None]


def make_bars(prices: Sequence[Prices], start_ms: int = START_MS) -> list[Bar]:
    """Gapless 15-minute bars from (open, high, low, close)."""
    return [Bar(start_ms + number * BAR_MS, *values) for number, values in enumerate(prices)]


def drive(
    prices: Sequence[Prices],
    commands: Mapping[int, Sequence[Command]],
    *,
    on_close: bool = True,
    tick: float = 1.0,
    lot: float = 0.0,
    margin_percent: float = 0.0,
    commission_percent: float = 0.0,
    initial_capital: float = 1_000.0,
    all_na_exit: str = "cancel",
) -> Broker:
    """Run the commands of each bar number over the bars and return the broker."""
    broker = Broker(
        tick=tick,
        lot=lot,
        margin_percent=margin_percent,
        commission_percent=commission_percent,
        initial_capital=initial_capital,
        all_na_exit=all_na_exit,
    )
    for number, bar in enumerate(make_bars(prices)):
        broker.start_bar(number, bar)
        broker.match_bar()
        for command in commands.get(number, ()):
            command(broker)
        if on_close:
            broker.match_close()
        broker.check_margin_at_close()
    return broker


def buy(qty: float = 1.0) -> Command:
    """A long entry."""
    return lambda broker: broker.entry("Long SFP", +1, qty)


def sell(qty: float = 1.0) -> Command:
    """A short entry."""
    return lambda broker: broker.entry("Short SFP", -1, qty)


def exit_long(
    stop: float | None = None,
    limit: float | None = None,
    points: float | None = None,
    offset: float | None = None,
) -> Command:
    """The exit call of the long side; without arguments an all-na call."""
    args = ExitArguments(stop, limit, points, offset)
    return lambda broker: broker.exit("Trail Long Smart", "Long SFP", +1, args)


def exit_short(
    stop: float | None = None,
    limit: float | None = None,
    points: float | None = None,
    offset: float | None = None,
) -> Command:
    """The exit call of the short side."""
    args = ExitArguments(stop, limit, points, offset)
    return lambda broker: broker.exit("Trail Short Smart", "Short SFP", -1, args)


def fills(broker: Broker) -> list[tuple[str, int, float, int, float, str]]:
    """Closed rows as (side, entry bar, entry price, exit bar, exit price, kind)."""
    return [
        (t.side, t.entry_bar, round(t.entry_price, 9), t.exit_bar, round(t.exit_price, 9), t.exit_kind)
        for t in broker.closed
    ]
