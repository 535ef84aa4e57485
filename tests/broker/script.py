"""One strategy that reads its commands from its parameters, so that any broker test is data: no case compiles anything.

A script says which commands run on which bar. It becomes an array of COMMAND records inside the parameters, and one
compiled function plays it. Ids are words here and codes there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from kwin_core.strategy import (
    CASH,
    OCA_NONE,
    PERCENT_OF_EQUITY,
    Strategy,
    allow_entry_in,
    cancel,
    cancel_all,
    capital_held,
    close,
    close_all,
    compiled,
    default_entry_qty,
    entry,
    exit,
    margin_liquidation_price,
    max_cons_loss_days,
    max_drawdown,
    max_intraday_filled_orders,
    max_intraday_loss,
    max_position_size,
    open_trade_size,
    order,
    record,
)

NAN = float("nan")
MAX_COMMANDS = 256

(
    DO_ENTRY,
    DO_ORDER,
    DO_EXIT,
    DO_CLOSE,
    DO_CLOSE_ALL,
    DO_CANCEL,
    DO_CANCEL_ALL,
    DO_ALLOW,
    DO_MAX_POSITION,
    DO_MAX_FILLS,
    DO_MAX_DAY_LOSS,
    DO_MAX_DRAWDOWN,
    DO_MAX_LOSS_DAYS,
) = range(1, 14)

_CODES = ("do", "bar", "id", "from_entry", "side", "oca", "oca_kind", "immediately", "kind")
_TEXTS = ("text", "text_profit", "text_loss", "text_trailing")
_NUMBERS = (
    "qty",
    "qty_percent",
    "limit",
    "stop",
    "profit",
    "loss",
    "trail_price",
    "trail_points",
    "trail_offset",
    "value",
)
COMMAND = record(
    [(name, np.int64) for name in (*_CODES, *_TEXTS)] + [(name, np.float64) for name in _NUMBERS]
)
SCRIPT = record([("count", np.int64), ("ask_price", np.float64), ("commands", COMMAND, (MAX_COMMANDS,))])
NOTHING = record([("unused", np.int64)])
SHOWN_FIELDS = (
    "position_size",
    "position_avg_price",
    "equity",
    "net_profit",
    "open_profit",
    "closed_trades",
    "last_profit",
    "liquidation_price",
    "capital_held",
    "first_size",
    "default_qty",
)
SHOWN = record([(name, np.float64) for name in SHOWN_FIELDS])
"""What the script saw on a bar, before its own commands."""


@compiled
def show(ctx: Any, p: Any, sig: Any) -> None:
    """Copy what the context tells."""
    sig.position_size = ctx.position_size
    sig.position_avg_price = ctx.position_avg_price
    sig.equity = ctx.equity
    sig.net_profit = ctx.net_profit
    sig.open_profit = ctx.open_profit
    sig.closed_trades = ctx.closed_trades
    sig.last_profit = ctx.last_profit
    sig.liquidation_price = margin_liquidation_price(ctx)
    sig.capital_held = capital_held(ctx)
    sig.first_size = open_trade_size(ctx, 0)
    sig.default_qty = default_entry_qty(ctx, p.ask_price)


@compiled
def play_risk(ctx: Any, c: Any) -> None:
    """One risk rule."""
    if c.do == DO_ALLOW:
        allow_entry_in(ctx, c.side)
    elif c.do == DO_MAX_POSITION:
        max_position_size(ctx, c.value)
    elif c.do == DO_MAX_FILLS:
        max_intraday_filled_orders(ctx, int(c.value))
    elif c.do == DO_MAX_DAY_LOSS:
        max_intraday_loss(ctx, c.value, c.kind)
    elif c.do == DO_MAX_DRAWDOWN:
        max_drawdown(ctx, c.value, c.kind)
    elif c.do == DO_MAX_LOSS_DAYS:
        max_cons_loss_days(ctx, int(c.value))


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """Play the commands of this bar, in order."""
    show(ctx, p, sig)
    for n in range(p.count):
        c = p.commands[n]
        if c.bar != ctx.bar_index:
            continue
        if c.do == DO_ENTRY:
            entry(ctx, c.id, c.side, c.qty, c.limit, c.stop, c.text, 0, c.oca, c.oca_kind)
        elif c.do == DO_ORDER:
            order(ctx, c.id, c.side, c.qty, c.limit, c.stop, c.text, 0, c.oca, c.oca_kind)
        elif c.do == DO_EXIT:
            exit(
                ctx,
                c.id,
                c.from_entry,
                c.qty,
                c.qty_percent,
                c.profit,
                c.limit,
                c.loss,
                c.stop,
                c.trail_price,
                c.trail_points,
                c.trail_offset,
                c.text,
                0,
                c.text_profit,
                c.text_loss,
                c.text_trailing,
            )
        elif c.do == DO_CLOSE:
            close(ctx, c.id, c.qty, c.qty_percent, c.text, 0, c.immediately != 0)
        elif c.do == DO_CLOSE_ALL:
            close_all(ctx, c.text, 0, c.immediately != 0)
        elif c.do == DO_CANCEL:
            cancel(ctx, c.id)
        elif c.do == DO_CANCEL_ALL:
            cancel_all(ctx)
        else:
            play_risk(ctx, c)


MAX_NAMES = 24
STRATEGY = Strategy(
    name="scripted",
    calculate=calculate,
    state=NOTHING,
    params=SCRIPT,
    signals=SHOWN,
    texts=tuple(f"name {n}" for n in range(1, MAX_NAMES + 1)),
    risk=True,
)

Command = dict[str, Any]


def enter(name: str, side: int, qty: float = NAN, **given: Any) -> Command:
    """strategy.entry."""
    return {"do": DO_ENTRY, "id": name, "side": side, "qty": qty, **given}


def raw(name: str, side: int, qty: float = NAN, **given: Any) -> Command:
    """strategy.order."""
    return {"do": DO_ORDER, "id": name, "side": side, "qty": qty, **given}


def leave(name: str, from_entry: str = "", **given: Any) -> Command:
    """strategy.exit."""
    return {"do": DO_EXIT, "id": name, "from_entry": from_entry, **given}


def shut(name: str, **given: Any) -> Command:
    """strategy.close."""
    return {"do": DO_CLOSE, "id": name, **given}


def shut_all(**given: Any) -> Command:
    """strategy.close_all."""
    return {"do": DO_CLOSE_ALL, **given}


def drop(name: str) -> Command:
    """strategy.cancel."""
    return {"do": DO_CANCEL, "id": name}


def drop_all() -> Command:
    """strategy.cancel_all."""
    return {"do": DO_CANCEL_ALL}


def allow(side: int) -> Command:
    """strategy.risk.allow_entry_in."""
    return {"do": DO_ALLOW, "side": side}


def cap_position(contracts: float) -> Command:
    """strategy.risk.max_position_size."""
    return {"do": DO_MAX_POSITION, "value": contracts}


def cap_fills(count: int) -> Command:
    """strategy.risk.max_intraday_filled_orders."""
    return {"do": DO_MAX_FILLS, "value": count}


def cap_day_loss(value: float, percent: bool = False) -> Command:
    """strategy.risk.max_intraday_loss."""
    return {"do": DO_MAX_DAY_LOSS, "value": value, "kind": PERCENT_OF_EQUITY if percent else CASH}


def cap_drawdown(value: float, percent: bool = False) -> Command:
    """strategy.risk.max_drawdown."""
    return {"do": DO_MAX_DRAWDOWN, "value": value, "kind": PERCENT_OF_EQUITY if percent else CASH}


def cap_loss_days(count: int) -> Command:
    """strategy.risk.max_cons_loss_days."""
    return {"do": DO_MAX_LOSS_DAYS, "value": count}


Script = Mapping[Any, Iterable[Command]]
"""Commands by bar index; a key may also be a range of bars."""


def encode(script: Script, ask_price: float = 100.0) -> tuple[np.ndarray, list[str]]:
    """The script as a parameter record, and the names of its codes (code 1 is the first)."""
    names: list[str] = []

    def code(name: str) -> int:
        if name == "":
            return 0
        if name not in names:
            names.append(name)
        return names.index(name) + 1

    params = np.zeros(1, SCRIPT)
    count = 0
    params["ask_price"] = ask_price
    for key, commands in script.items():
        for bar in [key] if isinstance(key, int) else key:
            for command in commands:
                row = params[0]["commands"][count]
                for name in _NUMBERS:
                    row[name] = NAN
                row["bar"] = bar
                row["oca_kind"] = OCA_NONE
                for name, value in command.items():
                    row[name] = code(value) if isinstance(value, str) else value
                count += 1
    assert len(names) <= MAX_NAMES
    params["count"] = count
    return params, names
