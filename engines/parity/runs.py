"""Makes the run that an export is compared with, and looks closely at some of its bars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from engines.drive import Chunk
from engines.parity.rows import PrintedTrade, Style, open_trades, printed_trades
from engines.parity.setting import Bars, Setting
from engines.plan import Plan, execute
from kwin_core.state import EVENT, TRADE


@dataclass(frozen=True)
class Run:
    """A finished run.

    Parameters
    ----------
    setting, plan
        What was run.
    trades
        Closed trades, then those still open, marked at the last close; ``TRADE``.
    open_rows
        How many of them are open.
    first_ms, last_ms
        Open times of the first and last bar, ms.
    """

    setting: Setting
    plan: Plan
    trades: np.ndarray
    open_rows: int
    first_ms: int
    last_ms: int

    @property
    def window_start_ms(self) -> int:
        """First bar open that may enter, ms; a time before every bar without a window."""
        return int(self.plan.params[0]["window_start_ms"])

    def printed(self, style: Style, which: np.ndarray | None = None) -> dict[int, PrintedTrade]:
        """Trades as TradingView prints them, by index; all of them or those at the indices ``which``."""
        chosen = np.arange(self.trades.size) if which is None else which
        if style.cumulative_of_printed:
            chosen = np.arange(self.trades.size)  # every row is needed for the running sum
        closed = self.trades.size - self.open_rows
        rows = printed_trades(
            self.trades[chosen],
            self.plan.strategy,
            tick=float(self.plan.settings["tick"]),
            capital=float(self.plan.settings["capital"]),
            style=style,
            open_rows=int(np.count_nonzero(chosen >= closed)),
        )
        return dict(zip(chosen.tolist(), rows, strict=True))


class _Trades:
    """A sink that keeps trades only."""

    def __init__(self) -> None:
        self.parts: list[np.ndarray] = [np.zeros(0, TRADE)]
        self.first_ms = 0
        self.last_ms = 0

    def take(self, chunk: Chunk) -> None:
        self.parts.append(chunk.trades)
        if chunk.first_bar == 0:
            self.first_ms = int(chunk.bars["time_ms"][0])
        self.last_ms = int(chunk.bars["time_ms"][-1])


class _Lookout:
    """A sink that keeps what there is of some bars: bars, signals, and the order events on them."""

    def __init__(self, first: int, last: int) -> None:
        self.first, self.last = first, last
        self.rows: list[tuple[int, np.void, np.void]] = []
        self.events: list[np.ndarray] = [np.zeros(0, EVENT)]

    def take(self, chunk: Chunk) -> None:
        for number in range(
            max(self.first, chunk.first_bar), min(self.last + 1, chunk.first_bar + chunk.bars.size)
        ):
            at = number - chunk.first_bar
            self.rows.append((number, chunk.bars[at].copy(), chunk.signals[at].copy()))
        mine = (chunk.events["bar"] >= self.first) & (chunk.events["bar"] <= self.last)
        self.events.append(chunk.events[mine])


@dataclass(frozen=True)
class Look:
    """One bar as the strategy saw it: its number in the run, ``BAR``, its row of signals."""

    number: int
    bar: np.void
    signals: np.void

    def state(self) -> dict[str, Any]:
        """The row of signals by name; what is absent (nan) is ``None``."""
        found: dict[str, Any] = {}
        for name in self.signals.dtype.names or ():
            value = self.signals[name].item()
            unused = name.startswith(("htf60", "rsi")) and value == 0.0  # columns of the preset classic
            found[name] = None if unused or value != value else value
        return found


def make_run(setting: Setting, bars: Bars) -> Run:
    """Run a setting.

    Raises
    ------
    ConfigError, DataError
        What is wrong with the setting or the bars.
    CapacityError
        When a fixed limit of the core is reached.
    """
    plan = setting.plan(bars)
    kept = _Trades()
    finished = execute(plan, [kept])
    close = float(setting.cut(bars)["close"][-1])
    still_open = open_trades(finished.states, kept.last_ms, close)
    trades = np.concatenate([*kept.parts, still_open])
    return Run(setting, plan, trades, still_open.size, kept.first_ms, kept.last_ms)


def look_at(run: Run, first: int, last: int) -> tuple[list[Look], np.ndarray]:
    """Bars ``first`` to ``last`` (numbers in the run, inclusive) of a run made again, and their order events."""
    kept = _Lookout(first, last)
    execute(run.plan, [kept])
    return [Look(*row) for row in kept.rows], np.concatenate(kept.events)
