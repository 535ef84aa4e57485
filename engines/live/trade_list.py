"""``kwin-live trades``: every trade of both ledgers side by side, from the journal alone; it may be running meanwhile.

A drift of a trade is a function of the journal, so the running bot does not record it a second time: what it records
are the causes (`engines.live.drift.Note`), and here they are put together as ``kwin-parity live`` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engines.command_line import console, fail, print_json
from engines.live.drift import Kind, Side
from engines.live.exit_codes import ExitCode
from engines.parity.live.body import quantiles, trade_body
from engines.parity.live.compare import StreamParity, live_parity
from engines.parity.live.trades import TradeDrift, latencies, steps_of
from feeds.instants import iso
from kwin_core.errors import JournalError

if TYPE_CHECKING:
    from rich.table import Table

_LEAST_WIDTH = 150
"""Columns that a line takes; a narrower terminal wraps it."""
_LEGEND = (
    "E: open times of the bars; X: times of the executions; slip in ticks of entry and exit, positive is worse; "
    "lag: bar end to decision + to sent + to filled + to known"
)
_LAGS = ("bar_end_to_decision", "decision_to_sent", "sent_to_fill", "fill_to_known")


def show_trades(path: Path, *, last: int, differing: bool, as_json: bool) -> int:
    """Print them.

    Parameters
    ----------
    path
        The journal.
    last
        So many newest trades of a stream; 0 is all.
    differing
        Leave out trades that are the same in both ledgers.
    as_json
        For machines.
    """
    try:
        found = live_parity(path)
    except JournalError as error:
        fail(str(error))
        return ExitCode.JOURNAL
    chosen = [(one, _chosen(one, last, differing)) for one in found]
    if as_json:
        print_json({"journal": str(path), "streams": [_body(one, trades) for one, trades in chosen]})
        return ExitCode.GOOD
    screen = console()
    screen.width = max(screen.width, _LEAST_WIDTH)
    for one, trades in chosen:
        screen.print(f"{one.stream}: {_counts(one)}", markup=False)
        if trades:
            screen.print(_table(trades, one.tick))
            screen.print(_LEGEND, markup=False, style="dim")
        for name, values in latencies(one.trades).items():
            spread = quantiles(values)
            if spread is not None:
                words = f"median {spread['median']:.0f} ms, 99 % {spread['p99']:.0f} ms, most {spread['most']:.0f} ms"
                screen.print(f"{name.replace('_', ' ')}: {words}", markup=False, style="dim")
    return ExitCode.GOOD


def _chosen(found: StreamParity, last: int, differing: bool) -> list[TradeDrift]:
    trades = found.differing if differing else found.trades
    return trades[-last:] if last else list(trades)


def _counts(found: StreamParity) -> str:
    by_kind: dict[str, int] = {}
    for one in found.trades:
        by_kind[one.pair.kind.value] = by_kind.get(one.pair.kind.value, 0) + 1
    words = ", ".join(f"{kind} {count}" for kind, count in sorted(by_kind.items(), key=lambda item: -item[1]))
    return f"{len(found.trades)} trades" + (f": {words}" if words else "")


def _body(found: StreamParity, trades: Sequence[TradeDrift]) -> dict[str, Any]:
    return {
        "stream": str(found.stream),
        "tick": found.tick,
        "trades": [trade_body(one, found.tick) for one in trades],
        "latency_ms": {name: quantiles(values) for name, values in latencies(found.trades).items()},
    }


def _table(trades: Sequence[TradeDrift], tick: float) -> Table:
    """Two lines a trade, E above X, and the cause of what differs below."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    right = ("#", "qty", "in", "out", "fees", "net", "slip ticks")
    for name in (
        "#",
        "kind",
        "",
        "entry",
        "exit",
        "qty",
        "in",
        "out",
        "by",
        "fees",
        "net",
        "slip ticks",
        "entry lag ms",
    ):
        table.add_column(name, justify="right" if name in right else "left", no_wrap=True)
    for trade in trades:
        for row in _rows(trade, tick):
            table.add_row(*row, style="" if trade.pair.kind is not Kind.SAME else "dim")
    return table


def _rows(trade: TradeDrift, tick: float) -> list[list[str]]:
    pair = trade.pair
    side = "long" if pair.side > 0 else "short"
    ticks = pair.slippage_ticks(tick)
    slip = "" if ticks is None else " ".join(f"{one:+.1f}" for one in ticks if one is not None)
    steps = {} if trade.entry_latency is None else steps_of(trade.entry_latency)
    lag = " + ".join(str(steps[name]) for name in _LAGS if name in steps)
    mine = _line(pair.emulator, None if pair.emulator is None else pair.emulator.exit_words())
    theirs = _line(pair.exchange, trade.left_by, trade)
    rows = [
        [str(pair.number or ""), pair.kind.value, "E", *mine, "", ""],
        ["", side, "X", *theirs, slip, lag],
    ]
    if trade.cause:
        rows.append(["", "", "", trade.cause])
    return rows


def _line(side: Side | None, left_by: str | None, executed: TradeDrift | None = None) -> list[str]:
    """Times of X are those of its executions, of E the bars'."""
    if side is None:
        return ["none", *[""] * 7]
    begun_ms, ended_ms = side.entry_time_ms, side.exit_time_ms
    if executed is not None and executed.entry is not None:
        begun_ms = executed.entry.first_ms
    if executed is not None and executed.exit is not None and ended_ms is not None:
        ended_ms = executed.exit.last_ms
    return [
        _moment(begun_ms),
        "open" if ended_ms is None else _moment(ended_ms),
        f"{side.qty:g}",
        f"{side.entry_price:.10g}",
        f"{side.exit_price:.10g}",
        left_by or "",
        f"{side.fees:.2f}",
        f"{side.net:+.2f}",
    ]


def _moment(time_ms: int) -> str:
    return iso(time_ms)[:19].replace("T", " ").removesuffix("Z")
