"""A strategy that plays a list of commands, and what came of them as short lines.

A case is bars, commands by bar, and the lines expected. A line reads ``long 2 A 1@100 -> X 3@104``: side, quantity,
entry signal, bar and price of the entry; signal, bar and price of the exit. Trades still open end in ``-> open``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kwin_core.bars import BAR
from kwin_core.engine import Buffers, make_engine
from kwin_core.magnifier import sub_bar_offsets
from kwin_core.properties import PINE_V6, Instrument, Properties
from kwin_core.strategy import (
    Strategy,
    allow_entry_in,
    cancel,
    cancel_all,
    close,
    close_all,
    compiled,
    entry,
    exit,
    max_cons_loss_days,
    max_drawdown,
    max_intraday_filled_orders,
    max_intraday_loss,
    max_position_size,
    order,
    record,
)

NAN = float("nan")
MAX_COMMANDS = 24
BAR_MS = 3_600_000
MONDAY_MS = 1_767_571_200_000  # 2026-01-05 00:00 UTC
TICK = 0.01
TEXTS = ("A", "B", "C", "D", "X", "Y", "Z", "stop text", "limit text", "trail text")
CODE = {text: code for code, text in enumerate(TEXTS, start=1)}

KINDS = (
    "entry",
    "order",
    "exit",
    "close",
    "close_all",
    "cancel",
    "cancel_all",
    "allow_entry_in",
    "max_position_size",
    "max_intraday_filled_orders",
    "max_intraday_loss",
    "max_drawdown",
    "max_cons_loss_days",
)
(
    ENTRY,
    ORDER,
    EXIT,
    CLOSE,
    CLOSE_ALL,
    CANCEL,
    CANCEL_ALL,
    ALLOW_ENTRY_IN,
    MAX_POSITION_SIZE,
    MAX_INTRADAY_FILLED_ORDERS,
    MAX_INTRADAY_LOSS,
    MAX_DRAWDOWN,
    MAX_CONS_LOSS_DAYS,
) = range(1, len(KINDS) + 1)

_NUMBERS = (
    "qty",
    "qty_percent",
    "profit",
    "limit",
    "loss",
    "stop",
    "trail_price",
    "trail_points",
    "trail_offset",
    "value",
)
_WHOLE = (
    "bar",
    "kind",
    "id",
    "from_entry",
    "side",
    "oca",
    "oca_kind",
    "immediately",
    "type",
    "text_profit",
    "text_loss",
    "text_trailing",
)
COMMAND = record([*((name, np.int64) for name in _WHOLE), *((name, np.float64) for name in _NUMBERS)])
PARAMS = record([("count", np.int64), ("commands", COMMAND, (MAX_COMMANDS,))])
NONE = record([("none", np.int64)])
SIGNALS = record([("position", np.float64), ("average", np.float64), ("equity", np.float64)])


@compiled
def play(ctx: Any, c: Any) -> None:
    """Carry out one command."""
    if c.kind == ENTRY:
        entry(ctx, c.id, c.side, c.qty, c.limit, c.stop, oca=c.oca, oca_kind=c.oca_kind)
    elif c.kind == ORDER:
        order(ctx, c.id, c.side, c.qty, c.limit, c.stop, oca=c.oca, oca_kind=c.oca_kind)
    elif c.kind == EXIT:
        exit(
            ctx, c.id, c.from_entry, c.qty, c.qty_percent, c.profit, c.limit, c.loss, c.stop, c.trail_price,
            c.trail_points, c.trail_offset, text_profit=c.text_profit, text_loss=c.text_loss,
            text_trailing=c.text_trailing,
        )  # fmt: skip
    elif c.kind == CLOSE:
        close(ctx, c.id, c.qty, c.qty_percent, immediately=c.immediately != 0)
    elif c.kind == CLOSE_ALL:
        close_all(ctx, immediately=c.immediately != 0)
    elif c.kind == CANCEL:
        cancel(ctx, c.id)
    elif c.kind == CANCEL_ALL:
        cancel_all(ctx)
    elif c.kind == ALLOW_ENTRY_IN:
        allow_entry_in(ctx, c.side)
    elif c.kind == MAX_POSITION_SIZE:
        max_position_size(ctx, c.value)
    elif c.kind == MAX_INTRADAY_FILLED_ORDERS:
        max_intraday_filled_orders(ctx, int(c.value))
    elif c.kind == MAX_INTRADAY_LOSS:
        max_intraday_loss(ctx, c.value, c.type)
    elif c.kind == MAX_DRAWDOWN:
        max_drawdown(ctx, c.value, c.type)
    elif c.kind == MAX_CONS_LOSS_DAYS:
        max_cons_loss_days(ctx, int(c.value))


@compiled
def calculate(ctx: Any, bar: Any, st: Any, p: Any, sig: Any) -> None:
    """Play this bar's commands in their order."""
    sig.position = ctx.position_size
    sig.average = ctx.position_avg_price
    sig.equity = ctx.equity
    for i in range(p.count):
        if p.commands[i].bar == ctx.bar_index:
            play(ctx, p.commands[i])


STRATEGY = Strategy("scripted", calculate, NONE, PARAMS, SIGNALS, TEXTS, risk=True)


def command(kind: str, order_id: str = "", **arguments: Any) -> dict[str, Any]:
    """One command: its kind, its id, and the arguments of the function of that name."""
    words = {"from_entry", "text_profit", "text_loss", "text_trailing"}
    named = {name: CODE[value] if name in words else value for name, value in arguments.items()}
    return {"kind": KINDS.index(kind) + 1, "id": CODE.get(order_id, 0), **named}


@dataclass(frozen=True)
class Played:
    """Result of a case."""

    lines: list[str]
    trades: np.ndarray
    signals: np.ndarray
    events: np.ndarray
    core: Any


def parameters(commands: Mapping[int, Sequence[dict[str, Any]]]) -> np.ndarray:
    """Commands by bar as the parameters of the strategy."""
    flat = [{"bar": bar, **one} for bar, several in sorted(commands.items()) for one in several]
    params = np.zeros(1, PARAMS)
    params[0]["count"] = len(flat)
    for slot, one in zip(params[0]["commands"], flat, strict=False):
        for name in _NUMBERS:
            slot[name] = one.get(name, NAN)
        for name in _WHOLE:
            slot[name] = one.get(name, 0)
    return params


def make_bars(
    prices: Sequence[tuple[float, ...]], step_ms: int = BAR_MS, first_ms: int = MONDAY_MS
) -> np.ndarray:
    """Bars from rows of open, high, low, close."""
    bars = np.zeros(len(prices), BAR)
    bars["time_ms"] = first_ms + np.arange(len(prices)) * step_ms
    for column, name in enumerate(("open", "high", "low", "close")):
        bars[name] = [row[column] for row in prices]
    bars["volume"] = 1.0
    return bars


def run_case(
    prices: Sequence[tuple[float, ...]],
    commands: Mapping[int, Sequence[dict[str, Any]]],
    *,
    properties: Properties = PINE_V6,
    lot: float = 0.01,
    tick: float = TICK,
    step_ms: int = BAR_MS,
    subs: Sequence[tuple[float, ...]] | None = None,
    subs_per_bar: int = 1,
) -> Played:
    """Play commands over bars.

    Parameters
    ----------
    prices
        Rows of open, high, low, close.
    commands
        What the script does at the close of each bar, by bar number from 0.
    subs, subs_per_bar
        Rows of the bars inside, for the magnifier.
    """
    # the magnifier, the margin and the risk rules are compiled in always: unused they change nothing
    frozen = properties.frozen(risk=True)._replace(margin=True, magnifier=True, currency=None)
    engine = make_engine(STRATEGY, frozen)
    params = parameters(commands)
    states = engine.new_state(properties.settings(Instrument(tick, lot)), params)
    bars = make_bars(prices, step_ms)
    inner = make_bars(subs if subs is not None else [], step_ms // subs_per_bar)
    offsets = sub_bar_offsets(bars, step_ms, inner)
    buffers = Buffers(STRATEGY, bars.size)
    assert engine.run(states, bars, params, buffers, subs=inner, offsets=offsets) == bars.size
    trades, events = buffers.take()
    core = states[0]["core"]
    return Played(lines_of(trades, core), trades, buffers.signals, events, core)


def lines_of(trades: np.ndarray, core: Any) -> list[str]:
    """Closed trades, then open ones."""
    lines = []
    for row in trades:
        head = _head(row["side"], row["qty"], row["entry_text"], row["entry_bar"], row["entry_price"])
        signal = STRATEGY.text(int(row["exit_text"]), int(row["exit_text_arg"]))
        lines.append(f"{head} -> {signal} {row['exit_bar']}@{_price(row['exit_price'])}")
    for lot in core["lots"][: core["lot_count"]]:
        if lot["qty"] == 0.0:  # used up first in, first out; its entry still holds its exits (R50)
            continue
        lines.append(f"{_head(lot['side'], lot['qty'], lot['text'], lot['bar'], lot['price'])} -> open")
    return lines


def _head(side: int, qty: float, text: int, bar: int, price: float) -> str:
    word = "long" if side > 0 else "short"
    return f"{word} {round(float(qty), 8):g} {STRATEGY.text(int(text))} {bar}@{_price(price)}"


def _price(price: float) -> str:
    return f"{round(float(price), 6):g}"
