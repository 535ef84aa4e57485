"""The price path inside a bar and the orders it meets (R4 to R9, R13 to R22, R77 to R87).

Prices are whole ticks. Between two vertices price moves continuously; the nearest level fills first, at its level;
what came into being on the way joins in from there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from kwin_core.account import see_price
from kwin_core.fills import due_exits, execute, fill_due_exits, force_close
from kwin_core.jit import compiled
from kwin_core.limits import check_day_loss
from kwin_core.margin import margin_call
from kwin_core.state import (
    BY_LIMIT,
    BY_LIMIT_CLOSE,
    BY_LIMIT_GAP,
    BY_MARKET,
    BY_STOP,
    BY_STOP_CLOSE,
    BY_STOP_GAP,
    BY_TRAIL,
    BY_TRAIL_GAP,
    EXIT,
    OK,
)


@compiled
def stop_reached(side: int, level: float, price: float) -> bool:
    """Buy stops are touched from below, sell stops from above; touching is enough (R5)."""
    return price >= level if side > 0 else price <= level


@compiled
def works_now(core: Any, order: Any) -> bool:
    """Whether a priced order can fill at this point of the path."""
    if order.kind == EXIT:
        return (
            order.lot != 0
            and order.spent == 0
            and order.reserved > 0.0
            and order.active_bar <= core.bar_index
        )
    return order.market == 0


@compiled
def trail_level(order: Any) -> float:
    """Level at which an armed trail would fill: its offset behind the mark (R78); nan when not armed."""
    if order.armed != 0:
        return order.best + order.trail_offset if order.side > 0 else order.best - order.trail_offset
    return np.nan


@compiled
def trigger(order: Any, here: float, there: float) -> tuple[float, int]:
    """The order's level that price meets first on the way from ``here`` to ``there``: (level, how) or (nan, 0).

    A level already passed at ``here`` counts as met at once; the one passed least comes first.
    """
    side = order.side
    level = np.nan
    how = 0
    distance = np.inf
    limit_works = True
    if not np.isnan(order.stop) and order.triggered == 0:
        limit_works = order.kind == EXIT
        if stop_reached(side, order.stop, there) or stop_reached(side, order.stop, here):
            level = order.stop
            how = BY_STOP
            distance = 0.0 if stop_reached(side, order.stop, here) else abs(order.stop - here)
    if limit_works and not np.isnan(order.limit):
        if stop_reached(-side, order.limit, there) or stop_reached(-side, order.limit, here):
            d = 0.0 if stop_reached(-side, order.limit, here) else abs(order.limit - here)
            if d < distance:
                level = order.limit
                how = BY_LIMIT
                distance = d
    if not np.isnan(order.activation):
        if order.armed != 0:
            mark = trail_level(order)
            if stop_reached(side, mark, there) or stop_reached(side, mark, here):
                d = 0.0 if stop_reached(side, mark, here) else abs(mark - here)
                tighter = d == distance and how == BY_STOP and side * mark < side * level
                if (
                    d < distance or tighter
                ):  # of two passed at once the one in force is the better placed (R81)
                    level = mark
                    how = BY_TRAIL
        elif order.trail_offset == 0.0:
            if stop_reached(-side, order.activation, there) or stop_reached(-side, order.activation, here):
                d = 0.0 if stop_reached(-side, order.activation, here) else abs(order.activation - here)
                if d < distance:
                    level = order.activation
                    how = BY_TRAIL
    return level, how


@compiled
def passed(order: Any, level: float, how: int, here: float) -> bool:
    """Whether price at ``here`` is already at or beyond the level found by `trigger`."""
    if how == BY_STOP or (how == BY_TRAIL and order.armed != 0):
        return stop_reached(order.side, level, here)
    return stop_reached(-order.side, level, here)


@compiled
def move_trails(core: Any, here: float) -> None:
    """Price is at ``here``: arm trails it activates and raise the marks of armed ones (R77, R78)."""
    for i in range(core.order_count):
        leg = core.orders[i]
        if leg.kind != EXIT or leg.lot == 0 or leg.spent != 0 or np.isnan(leg.activation):
            continue
        if leg.active_bar > core.bar_index:
            continue
        if leg.side < 0:
            if leg.armed == 0 and here >= leg.activation:
                leg.armed = 1
                leg.best = here
            elif leg.armed != 0 and here > leg.best:
                leg.best = here
        else:
            if leg.armed == 0 and here <= leg.activation:
                leg.armed = 1
                leg.best = here
            elif leg.armed != 0 and here < leg.best:
                leg.best = here


@compiled
def arrive(core: Any, here: float) -> None:
    """Price reached a point of the path: trails and excursions take note."""
    move_trails(core, here)
    if core.lot_count > 0:
        see_price(core, here * core.settings.tick)


@compiled
def select(core: Any, here: float, there: float, at_open: bool) -> int:
    """Slot of the order that fills next on the way, or -1 (R6, R8, R15, R16).

    At the open only levels already passed count: entries before exits, the nearest level first. On the way: the
    nearest level; on equal levels a buy before a sell, then the older activation.
    """
    chosen = -1
    chosen_distance = np.inf
    chosen_exit = False
    for i in range(core.order_count):
        order = core.orders[i]
        if not works_now(core, order):
            continue
        level, how = trigger(order, here, there)
        if how == 0:
            continue
        is_exit = order.kind == EXIT
        over = passed(order, level, how, here)
        if at_open:
            if not over:
                continue
            distance = abs(level - here)
            better = chosen < 0 or (chosen_exit and not is_exit)
            if not better and chosen_exit == is_exit:
                better = distance < chosen_distance or (
                    distance == chosen_distance and order.side > 0 and core.orders[chosen].side < 0
                )
        else:
            distance = 0.0 if over else abs(level - here)
            better = distance < chosen_distance or (
                distance == chosen_distance and order.side > 0 and core.orders[chosen].side < 0
            )
        if better:
            chosen = i
            chosen_distance = distance
            chosen_exit = is_exit
    return chosen


@compiled
def fill_at(core: Any, i: int, here: float, there: float, gap: int) -> float:
    """Fill slot ``i`` on the way and return where price is then. ``gap``: 0 inside the bar, 1 open, 2 close."""
    order = core.orders[i]
    level, how = trigger(order, here, there)
    over = passed(order, level, how, here)
    at = here if over else level
    if order.kind != EXIT and how == BY_STOP and not np.isnan(order.limit):
        order.triggered = 1  # stop-limit: a limit order from here on (R53)
        arrive_between(core, here, at)
        return at
    if gap == 1 and over:
        how = BY_STOP_GAP if how == BY_STOP else (BY_LIMIT_GAP if how == BY_LIMIT else BY_TRAIL_GAP)
    elif gap == 2:
        how = BY_STOP_CLOSE if how == BY_STOP else BY_LIMIT_CLOSE
    if gap == 0:
        arrive_between(core, here, at)
    side = order.side
    if order.kind != EXIT and core.position_size * side < 0.0 and due_exits(core, at):
        execute(core, i, at, how)
        fill_due_exits(core, at, side)
        return at
    execute(core, i, at, how)
    return at


@compiled
def arrive_between(core: Any, here: float, at: float) -> None:
    """Move to a level met on the way; standing still is no news."""
    if at != here:
        arrive(core, at)


@compiled
def market_orders(core: Any, here: float, immediate_only: bool) -> None:
    """Fill market orders in the order they were submitted (E8); 2 marks immediate closes (E12)."""
    i = 0
    while i < core.order_count and core.status == OK:
        market = core.orders[i].market
        if market == 2 or (market == 1 and not immediate_only):
            before = core.order_count
            execute(core, i, here, BY_MARKET)
            if core.order_count >= before:
                i += 1  # nothing was freed: never expected, but never loop on it
            else:
                i = 0
        else:
            i += 1


@compiled
def open_phase(core: Any, here: float, frozen: Any) -> None:
    """The open: market orders, then every level the open has passed, all at the open (E3, R13 to R19)."""
    move_trails(core, here)
    market_orders(core, here, False)
    while core.order_count > 0 and core.status == OK:
        i = select(core, here, here, True)
        if i < 0:
            break
        fill_at(core, i, here, here, 1)
        if frozen.margin is not None:
            margin_call(core, here)  # R142
    if core.forced_text != 0:
        force_close(core, here, core.forced_text)
    if core.lot_count > 0:
        see_price(core, here * core.settings.tick)


@compiled
def walk(core: Any, here: float, there: float, frozen: Any) -> None:
    """One leg of the path; a forced close waits for its end (E14)."""
    while core.order_count > 0 and core.status == OK:
        i = select(core, here, there, False)
        if i < 0:
            break
        here = fill_at(core, i, here, there, 0)
        if frozen.margin is not None:
            margin_call(core, here)  # at the fill price itself (R142)
    if core.order_count > 0 or core.lot_count > 0:
        arrive(core, there)
    if core.forced_text != 0:
        force_close(core, there, core.forced_text)


@compiled
def high_first(core: Any, o: float, h: float, low: float) -> bool:
    """Whether the path goes to the high first: when it is nearer to the open (R4).

    Equal distances in ticks are compared once more as doubles of the prices, as TradingView does: their dust
    decides, and only without any difference the low comes first.
    """
    up = h - o
    down = o - low
    if up != down:
        return up < down
    per_unit = core.settings.ticks_per_unit
    if per_unit > 0.0:
        return h / per_unit - o / per_unit < o / per_unit - low / per_unit
    tick = core.settings.tick
    return h * tick - o * tick < o * tick - low * tick


@compiled
def checkpoint(core: Any, here: float, frozen: Any) -> None:
    """At a vertex of the path: the day's loss (R115) and the margin (R95)."""
    if core.lot_count == 0:
        return
    if frozen.risk is not None:
        check_day_loss(core, here)
    if frozen.margin is not None:
        margin_call(core, here)


@compiled
def walk_legs(core: Any, o: float, h: float, low: float, c: float, frozen: Any) -> None:
    """From the open over both extremes, in the assumed order or the contrary one, to the close."""
    up_first = high_first(core, o, h, low)
    if frozen.contrary is not None:
        up_first = not up_first
    first = low
    second = h
    if up_first:
        first = h
        second = low
    walk(core, o, first, frozen)
    checkpoint(core, first, frozen)
    walk(core, first, second, frozen)
    checkpoint(core, second, frozen)
    walk(core, second, c, frozen)
    if frozen.risk is not None and core.lot_count > 0:
        check_day_loss(core, c)


@compiled
def walk_bar(core: Any, frozen: Any) -> None:
    """The open, then the path of the bar's own prices."""
    open_phase(core, core.open_tick, frozen)
    checkpoint(core, core.open_tick, frozen)
    if core.order_count > 0 or core.lot_count > 0:
        walk_legs(core, core.open_tick, core.high_tick, core.low_tick, core.close_tick, frozen)


@compiled
def immediate_phase(core: Any) -> None:
    """Closes that were asked for at once fill at this close, right after the script (E12, R72)."""
    market_orders(core, core.close_tick, True)


@compiled
def close_phase(core: Any) -> None:
    """process_orders_on_close: orders of this bar get one try at the close (R118, E11)."""
    here = core.close_tick
    market_orders(core, here, False)
    tried = True
    while tried and core.status == OK:
        tried = False
        for i in range(core.order_count):
            order = core.orders[i]
            if order.placed_bar != core.bar_index or not works_now(core, order):
                continue
            _level, how = trigger(order, here, here)
            if how == 0 or how == BY_TRAIL:
                continue
            if order.triggered != 0 and how == BY_STOP:
                continue
            fill_at(core, i, here, here, 2)
            tried = True
            break
    if core.forced_text != 0:
        force_close(core, here, core.forced_text)
