"""TradingView's broker emulator: what happens before and after the strategy sees a bar.

`begin_bar` matches resting orders along the bar's path, `finish_bar` runs what is processed at its close and
records the bar. The strategy runs between the two (order of work: R1).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from kwin_core.account import open_profit_at
from kwin_core.bars import DAY_MS
from kwin_core.chain import bits, mix
from kwin_core.jit import compiled, compiled_inline
from kwin_core.limits import check_drawdown, count_loss_day, equity_at
from kwin_core.magnifier import walk_subs
from kwin_core.margin import cancel_unaffordable, margin_call
from kwin_core.money import nearest_tick
from kwin_core.path import close_phase, immediate_phase, walk_bar
from kwin_core.state import AT_CLOSE, BY_SCRIPT, MAX_CLOSED, MAX_EVENTS, ON_PATH


class Frozen(NamedTuple):
    """What a compiled engine has switched on; ``None`` is off and costs nothing, its code is not compiled in.

    A field is compared with ``is None`` only: numba sees the type, not the value.
    """

    on_close: bool | None = None  # process_orders_on_close (R118)
    risk: bool | None = None  # the strategy uses risk rules (R111 to R117)
    margin: bool | None = None  # a margin above zero: calls along the path (R94)
    currency: bool | None = None  # the account currency is not the quote currency: a rate per bar (C1)
    magnifier: bool | None = None  # lower-timeframe bars refine the path (R122)
    venue: bool | None = None  # an exchange is the broker: the phases fill nothing, see kwin_core.venue
    contrary: bool | None = None  # the farther extreme first: the path that TradingView does not assume (R4)


_TIME_FACTOR = np.uint64(0x9FB21C651E98DF25)
_CLOSE_FACTOR = np.uint64(0xD6E8FEB86659FD93)
_EQUITY_FACTOR = np.uint64(0xA0761D6478BD642F)
_POSITION_FACTOR = np.uint64(0xE7037ED1A0B428DB)


@compiled_inline
def refresh_equity(core: Any) -> None:
    """Mark the account at the bar's close, snapped to the grid (R155)."""
    core.open_profit = (
        open_profit_at(core, core.close_tick * core.settings.tick) if core.lot_count > 0 else 0.0
    )
    core.equity = core.settings.capital + core.net_profit + core.open_profit


@compiled
def roll_day(core: Any, open_tick: float) -> None:
    """Start of a trading day: daily counters begin anew, its equity is marked at its first price (R112 to R117)."""
    day = (core.time_ms + core.settings.day_offset_ms) // DAY_MS
    if day == core.day:
        return
    count_loss_day(core, open_tick)
    core.day = day
    core.fills_today = 0
    core.day_open_equity = equity_at(core, open_tick)


@compiled_inline
def take_bar(core: Any, bar: Any, rate: float, frozen: Frozen) -> bool:
    """Make the bar the current one; whether its path matters, because something rests or is open."""
    tick = core.settings.tick
    core.bar_index += 1
    core.time_ms = bar.time_ms
    core.close = bar.close
    core.close_tick = nearest_tick(bar.close, tick)
    if frozen.currency is not None:
        core.rate = rate
    if frozen.risk is not None:
        roll_day(core, nearest_tick(bar.open, tick))
    if core.order_count == 0 and core.lot_count == 0:
        return False
    core.open_tick = nearest_tick(bar.open, tick)
    core.high_tick = nearest_tick(bar.high, tick)
    core.low_tick = nearest_tick(bar.low, tick)
    return True


@compiled_inline
def begin_bar(core: Any, bar: Any, rate: float, frozen: Frozen) -> None:
    """Take a closed bar: resting orders meet its path, then the account is marked at its close."""
    if take_bar(core, bar, rate, frozen):
        walk_bar(core, frozen)
        if frozen.risk is not None:
            check_drawdown(core)
    refresh_equity(core)
    core.outbox.phase = BY_SCRIPT


@compiled_inline
def begin_bar_magnified(
    core: Any, bar: Any, rate: float, subs: Any, first: int, last: int, frozen: Frozen
) -> None:
    """`begin_bar` with the path of the bars ``subs[first:last]`` inside it, where there are any (R122)."""
    if take_bar(core, bar, rate, frozen):
        if last > first:
            walk_subs(core, subs, first, last, frozen)
        else:
            walk_bar(core, frozen)
        if frozen.risk is not None:
            check_drawdown(core)
    refresh_equity(core)
    core.outbox.phase = BY_SCRIPT


@compiled_inline
def seal_bar(core: Any) -> None:
    """The bar's step of the chain; what comes next belongs to the next bar's path."""
    core.outbox.phase = ON_PATH
    word = (
        np.uint64(np.int64(core.time_ms)) * _TIME_FACTOR
        + bits(core.close) * _CLOSE_FACTOR
        + bits(core.equity) * _EQUITY_FACTOR
        + bits(core.position_size) * _POSITION_FACTOR
    )
    core.chain = mix(core.chain, word)


@compiled_inline
def finish_bar(core: Any, frozen: Frozen) -> None:
    """After the strategy: immediate closes, orders processed on close, then the bar's digest step."""
    core.outbox.phase = AT_CLOSE
    if core.order_count > 0:
        immediate_phase(core)
        if frozen.on_close is not None:
            if frozen.margin is not None:
                margin_call(core, core.close_tick)  # before the orders of the close (R162)
            close_phase(core)
        refresh_equity(core)
    if frozen.margin is not None:
        if core.lot_count > 0:
            margin_call(core, core.close_tick)
            refresh_equity(core)
        if core.order_count > 0:
            cancel_unaffordable(core)
    seal_bar(core)


@compiled_inline
def drain(core: Any, trades: Any, events: Any, counts: Any) -> bool:
    """Move the outbox behind what the caller's buffers hold already; whether one more bar surely fits."""
    out = core.outbox
    for i in range(out.closed_count):
        trades[counts[0]] = out.closed[i]
        counts[0] += 1
    for i in range(out.event_count):
        events[counts[1]] = out.events[i]
        counts[1] += 1
    out.closed_count = 0
    out.event_count = 0
    return counts[0] + MAX_CLOSED <= trades.size and counts[1] + MAX_EVENTS <= events.size
