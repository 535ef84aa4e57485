"""The comparison for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table

from engines.live.drift import Side
from engines.parity.live.body import quantiles
from engines.parity.live.compare import StreamParity, kinds
from engines.parity.live.found import LedgerCheck
from engines.parity.live.trades import TradeDrift, latencies, steps_of
from feeds.instants import iso

SHOWN = 30
"""Differing trades of a stream that are printed; JSON has all."""


_LEAST_WIDTH = 116
"""Columns that a trade's line takes; a narrower terminal wraps it."""


def show(found: StreamParity, screen: Console) -> None:
    """One stream: checks, trades, latency, sums, bars."""
    screen.width = max(screen.width, _LEAST_WIDTH)
    screen.print(f"{found.stream}: {found.bars:,} bars", markup=False)
    for name, check in (
        ("E, the backtest over these bars", found.emulator),
        ("X, the events replayed", found.exchange),
    ):
        screen.print(f"  {name}: {_words(check)}", markup=False)
    _show_trades(found, screen)
    _show_latency(found, screen)
    _show_sums(found, screen)
    if found.data:
        _show_data(found.data, screen)


def _words(check: LedgerCheck) -> str:
    if check.first is None:
        return f"{check.compared:,} digests, all equal"
    return f"{check.differing:,} of {check.compared:,} digests differ; first: {check.first}"


def _show_trades(found: StreamParity, screen: Console) -> None:
    differing = found.differing
    screen.print(
        f"  trades: {len(found.trades):,}, of which {len(differing):,} went differently", markup=False
    )
    if differing:
        for table in (_by_kind(found), _one_by_one(differing[:SHOWN], found.tick)):
            screen.print(Padding(table, (1, 0, 0, 2)))
    if len(differing) > SHOWN:
        screen.print(f"  and {len(differing) - SHOWN:,} more (--json has all)", style="dim")
    if found.recorded_drifts:
        words = ", ".join(f"{kind} {count}" for kind, count in sorted(found.recorded_drifts.items()))
        screen.print(f"  recorded while running: {words}", markup=False)
    if found.unbooked:
        names = ", ".join(one.exec_id for one in found.unbooked[:3])
        screen.print(
            f"  {len(found.unbooked)} executions met no position and are in no trade: {names}", markup=False
        )


def _by_kind(found: StreamParity) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("kind", "trades", "X less E"):
        table.add_column(name, justify="left" if name == "kind" else "right")
    for kind, (count, money) in sorted(kinds(found).items(), key=lambda item: -item[1][0]):
        table.add_row(kind, f"{count:,}", f"{money:+.2f}")
    total = sum(one.pair.net_difference for one in found.trades)
    table.add_row("all", f"{len(found.trades):,}", f"{total:+.2f}")
    return table


def _one_by_one(trades: Sequence[TradeDrift], tick: float) -> Table:
    """Some lines a trade: E above X, the cause below; slippage is positive when worse."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 1, 0))
    for name in ("#", "entry", "kind", "E above X", "slippage", "net", "fill ms"):
        right = name in ("#", "net", "fill ms")
        table.add_column(name, justify="right" if right else "left", no_wrap=name != "E above X")
    for trade in trades:
        table.add_row(*_cells(trade, tick))
    return table


def _cells(trade: TradeDrift, tick: float) -> list[str]:
    pair = trade.pair
    steps = {} if trade.entry_latency is None else steps_of(trade.entry_latency)
    mine = None if pair.emulator is None else _way(pair.emulator, pair.emulator.exit_words())
    theirs = None if pair.exchange is None else _way(pair.exchange, trade.left_by)
    ways = [f"E {mine or 'none'}", f"X {theirs or 'none'}", *([trade.cause] if trade.cause else [])]
    return [
        str(pair.number or ""),
        f"{iso(pair.key[0])[:16]}\n{'long' if pair.side > 0 else 'short'}",
        pair.kind.value,
        "\n".join(ways),
        _slippage(trade, tick),
        "\n".join("" if side is None else f"{side.net:+.2f}" for side in (pair.emulator, pair.exchange)),
        str(steps.get("bar_end_to_fill", "")),
    ]


def _way(side: Side, left_by: str) -> str:
    return f"{side.qty:g} at {side.entry_price:.10g}, {left_by} {side.exit_price:.10g}"


def _slippage(trade: TradeDrift, tick: float) -> str:
    ticks, quote = trade.pair.slippage_ticks(tick), trade.pair.slippage_quote()
    if ticks is None or quote is None:
        return ""
    both = " ".join(f"{one:+.1f}" for one in ticks if one is not None)
    return f"{both} ticks\n{sum(one for one in quote if one is not None):+.2f}"


def _show_latency(found: StreamParity, screen: Console) -> None:
    for name, values in latencies(found.trades).items():
        spread = quantiles(values)
        if spread is not None:
            screen.print(
                f"  {name.replace('_', ' ')}: median {spread['median']:.0f} ms, 99 % {spread['p99']:.0f} ms, "
                f"most {spread['most']:.0f} ms, of {spread['count']:.0f}",
                markup=False,
            )


def _show_sums(found: StreamParity, screen: Console) -> None:
    sums = found.sums
    screen.print(
        f"  net: E {sums['emulator_marked']:.2f}, X {sums['exchange_marked']:.2f}, X's executions "
        f"{sums['executions_marked']:.2f} after fees {sums['fees']:.2f} and funding {sums['funding']:.2f}",
        markup=False,
    )
    if not found.sums_agree:
        screen.print(
            f"  the sums do not agree: they are off by {sums['off']:.6f}", style="bold", markup=False
        )


def _show_data(data: dict[str, Any], screen: Console) -> None:
    words = f"{data['compared']:,} compared, {data['differ']:,} differ"
    for name, place in (
        ("missing_in_file", "only in the journal"),
        ("missing_in_journal", "only in the file"),
    ):
        if data[name]:
            words += f", {data[name]:,} {place} from {data[f'first_{name}']} on"
    if data["not_covered"]:
        words += f", {data['not_covered']:,} of the journal lie outside the file's time"
    screen.print(f"  bars against {data['name']}: {words}", markup=False)
    first = data["first"]
    if first is not None:
        values = ", ".join(
            f"{name} journal {one:.10g}, file {two:.10g}" for name, (one, two) in first["fields"].items()
        )
        screen.print(f"  first bar that differs: {first['bar']} {values}", markup=False)
        counts = ", ".join(f"{name} {count:,}" for name, count in data["fields"].items())
        screen.print(f"  fields that differ: {counts}", markup=False)
