"""``kwin-parity live``: what it prints and how it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from engines.command_line import BAD_RESULT, GOOD, console, print_json
from engines.live.drift import Pair
from engines.parity.live import StreamParity, differing, live_parity
from engines.source import Cut, open_source
from feeds.facts import Facts
from feeds.instants import iso

_SHOWN = 30


def live_command(
    journal: Path, data: Path | None, *, tick: float | None, as_json: bool, out: Path | None
) -> int:
    """Check, print, tell the exit code: 0 only when every digest agrees.

    Raises
    ------
    JournalError, DataError, ConfigError
        Journal or data cannot be read.
    """
    history = None
    if data is not None:
        source = open_source(data, Facts(None, None, tick, None), Cut(allow_gaps=True))
        history = np.concatenate(list(source.blocks()))
    found = live_parity(journal, data=history)
    content = {"journal": str(journal), "streams": [_body(one) for one in found]}
    if out is not None:
        import json

        out.mkdir(parents=True, exist_ok=True)
        (out / "parity_live.json").write_text(json.dumps(content, indent=2), encoding="utf-8")
    if as_json:
        print_json(content)
    else:
        for one in found:
            _print(one)
    return GOOD if found and all(one.good for one in found) else BAD_RESULT


def _body(found: StreamParity) -> dict[str, Any]:
    return {
        "stream": str(found.stream),
        "bars": found.bars,
        "good": found.good,
        "emulator": {
            "compared": found.emulator.compared,
            "first_difference": found.emulator.first_difference,
        },
        "exchange": {
            "compared": found.exchange.compared,
            "first_difference": found.exchange.first_difference,
        },
        "trades": len(found.pairs),
        "differing": [_pair(pair, found.tick) for pair in differing(found)],
        "recorded_drifts": found.recorded_drifts,
        "fill_delay_ms": _quantiles(found.fill_delays_ms),
        "sums": found.sums,
        "data": found.data,
    }


def _pair(pair: Pair, tick: float) -> dict[str, Any]:
    first = pair.emulator or pair.exchange
    assert first is not None
    return {
        "number": pair.number,
        "entry": iso(first.entry_time_ms),
        "side": "long" if pair.side > 0 else "short",
        "kind": pair.kind.value,
        "emulator": None
        if pair.emulator is None
        else {**vars(pair.emulator), "exit": pair.emulator.exit_words},
        "exchange": None
        if pair.exchange is None
        else {**vars(pair.exchange), "exit": pair.exchange.exit_words},
        "slippage_ticks": pair.slippage_ticks(tick),
    }


def _quantiles(values: list[int]) -> dict[str, float] | None:
    if not values:
        return None
    return {
        "count": len(values),
        "median": float(np.median(values)),
        "p99": float(np.quantile(values, 0.99)),
        "most": float(max(values)),
    }


def _print(found: StreamParity) -> None:
    from rich.table import Table

    screen = console()
    screen.print(f"{found.stream}: {found.bars} bars")
    for name, check in (
        ("E, the emulator's ledger", found.emulator),
        ("X, the exchange's ledger", found.exchange),
    ):
        words = f"{check.compared} digests, all equal" if check.good else check.first_difference
        screen.print(f"  {name}: {words}")
    pairs = differing(found)
    screen.print(f"  trades: {len(found.pairs)}, of which {len(pairs)} went differently")
    if pairs:
        table = Table(box=None, pad_edge=False)
        for name in (
            "#",
            "entry",
            "side",
            "kind",
            "E in -> out",
            "X in -> out",
            "ticks in/out",
            "E net",
            "X net",
        ):
            table.add_column(name)
        for pair in pairs[:_SHOWN]:
            table.add_row(*_cells(pair, found.tick))
        screen.print(table)
        if len(pairs) > _SHOWN:
            screen.print(f"  and {len(pairs) - _SHOWN} more (--json has all)", style="dim")
    if found.recorded_drifts:
        words = ", ".join(f"{kind} {count}" for kind, count in sorted(found.recorded_drifts.items()))
        screen.print(f"  recorded while running: {words}")
    delays = _quantiles(found.fill_delays_ms)
    if delays is not None:
        screen.print(f"  bar end to fill: median {delays['median']:.0f} ms, most {delays['most']:.0f} ms")
    sums = found.sums
    screen.print(
        f"  net: E {sums['emulator_net']:.2f}, X {sums['exchange_net']:.2f}; X marked "
        f"{sums['exchange_marked']:.6f}, its executions {sums['executions_marked']:.6f} "
        f"(fees {sums['fees']:.4f}, funding {sums['funding']:.4f})"
    )
    if found.data:
        data = found.data
        words = f"{data['differ']} differ" + (f", first {data['first']}" if data["first"] else "")
        screen.print(f"  bars against the file: {data['compared']} compared, {words}")


def _cells(pair: Pair, tick: float) -> list[str]:
    first = pair.emulator or pair.exchange
    assert first is not None
    ticks = pair.slippage_ticks(tick)

    def prices(side: Any) -> str:
        return (
            "none" if side is None else f"{side.entry_price:.2f} -> {side.exit_price:.2f} {side.exit_words}"
        )

    return [
        str(pair.number or ""),
        iso(first.entry_time_ms),
        "long" if pair.side > 0 else "short",
        pair.kind.value,
        prices(pair.emulator),
        prices(pair.exchange),
        "" if ticks is None else f"{ticks[0]:+.0f}/{ticks[1]:+.0f}",
        "" if pair.emulator is None else f"{pair.emulator.net:+.2f}",
        "" if pair.exchange is None else f"{pair.exchange.net:+.2f}",
    ]
