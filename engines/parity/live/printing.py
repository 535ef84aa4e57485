"""The comparison for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from engines.live.drift import Side
from engines.parity.live.body import quantiles
from engines.parity.live.compare import StreamParity, kinds
from engines.parity.live.found import LedgerCheck
from engines.parity.live.trades import TradeDrift, latencies
from feeds.instants import iso

SHOWN = 30
"""Differing trades of a stream that are printed; JSON has all."""


def show(found: StreamParity, screen: Console) -> None:
    """One stream: checks, trades, latency, sums, bars."""
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
        screen.print(_by_kind(found))
        screen.print(_one_by_one(differing[:SHOWN], found.tick))
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
    table = Table(box=SIMPLE)
    for name in ("kind", "trades", "X less E"):
        table.add_column(name, justify="left" if name == "kind" else "right")
    for kind, (count, money) in sorted(kinds(found).items(), key=lambda item: -item[1][0]):
        table.add_row(kind, f"{count:,}", f"{money:+.2f}")
    return table


def _one_by_one(trades: Sequence[TradeDrift], tick: float) -> Table:
    table = Table(box=SIMPLE)
    for name in (
        "#",
        "entry",
        "side",
        "kind",
        "E",
        "X",
        "ticks",
        "quote",
        "E net",
        "X net",
        "fill ms",
        "cause",
    ):
        right = name in ("#", "ticks", "quote", "E net", "X net", "fill ms")
        table.add_column(name, justify="right" if right else "left", no_wrap=name != "cause")
    for trade in trades:
        table.add_row(*_cells(trade, tick))
    return table


def _cells(trade: TradeDrift, tick: float) -> list[str]:
    pair = trade.pair
    ticks, quote = pair.slippage_ticks(tick), pair.slippage_quote()
    latency = trade.entry_latency
    return [
        str(pair.number or ""),
        iso(pair.key[0]),
        "long" if pair.side > 0 else "short",
        pair.kind.value,
        _way(pair.emulator),
        _way(pair.exchange),
        "" if ticks is None else " ".join(f"{one:+.1f}" for one in ticks if one is not None),
        "" if quote is None else f"{sum(one for one in quote if one is not None):+.2f}",
        "" if pair.emulator is None else f"{pair.emulator.net:+.2f}",
        "" if pair.exchange is None else f"{pair.exchange.net:+.2f}",
        "" if latency is None or latency.filled_ms is None else str(latency.filled_ms - latency.bar_end_ms),
        trade.cause,
    ]


def _way(side: Side | None) -> str:
    if side is None:
        return "none"
    return f"{side.qty:g} at {side.entry_price:g}, {side.exit_words} {side.exit_price:g}"


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
