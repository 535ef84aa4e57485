"""``kwin-data import``: CSV files of other programs into one checked Parquet file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engines.command_line import GOOD, console, print_json, progress
from engines.data.outputs import checked_output
from feeds.columns import FIELDS
from feeds.csv_bars import BYBIT_KLINES, KINDS, BarForm, CsvBars, detect
from feeds.csv_table import CsvShape
from feeds.facts import Facts
from feeds.gate import Gate
from feeds.instants import iso
from feeds.timeframe import settle_timeframe
from feeds.trades import TradeFolder, covered_until, read_bybit_trades
from feeds.write import BarWriter
from kwin_core.bars import MINUTE_MS, parse_timeframe, timeframe_name
from kwin_core.errors import ConfigError, DataError


@dataclass(frozen=True)
class ImportOrder:
    """What to import, in the words of the command line; see ``kwin-data import --help``."""

    files: tuple[Path, ...]
    out: Path
    kind: str | None = None
    symbol: str | None = None
    timeframe: str | None = None
    tick: float | None = None
    lot: float | None = None
    columns: tuple[str, ...] = ()
    time_unit: str | None = None
    zone: str | None = None
    delimiter: str | None = None
    decimal: str | None = None
    volume: bool = True
    keep_last: bool = False
    bar_rule: str = "exchange"
    allow_gaps: bool = False
    force: bool = False


def import_command(order: ImportOrder, *, as_json: bool) -> int:
    """Import and report; returns the exit code.

    Raises
    ------
    DataError
        When a file cannot be read or its bars do not pass the gate; nothing is written then.
    ConfigError
        When options are wrong or contradict each other.
    """
    checked_output(order.out, force=order.force, inputs=order.files)
    if order.bar_rule not in ("exchange", "trades"):
        raise ConfigError(f"--bar-rule {order.bar_rule!r} is not one of exchange, trades")
    kind = order.kind or detect(order.files[0])
    if kind not in KINDS:
        raise ConfigError(f"--format {kind!r} is not one of {', '.join(KINDS)}")
    notes: list[str] = []
    source = _trade_bars(order, notes) if kind == "bybit-trades" else _csv_bars(order, kind, notes)
    first = next(source, None)
    if first is None:
        raise DataError(f"{order.files[0]}: no whole bar in it; give more trades or a shorter --timeframe")
    asked_ms = None if order.timeframe is None else parse_timeframe(order.timeframe)
    if kind == "bybit-trades":
        asked_ms = asked_ms or MINUTE_MS
    timeframe_ms = settle_timeframe(first["time_ms"][:1000], asked_ms, str(order.files[0]))
    drop_last = kind == "tradingview" and not order.keep_last
    facts = Facts(
        symbol=order.symbol,
        timeframe_ms=timeframe_ms,
        tick=order.tick,
        lot=order.lot,
        source=f"{kind} {order.files[0].name}"
        + (f" and {len(order.files) - 1} more" if order.files[1:] else ""),
    )
    gate = Gate(timeframe_ms, allow_gaps=order.allow_gaps, source=str(order.files[0]))
    with progress("importing", None, "bars") as progressed, BarWriter(order.out, facts) as writer:
        for block in _chain(first, source, drop_last=drop_last):
            gate.check(block)
            writer.write(block)
            progressed(gate.bars)
        if writer.total == 0:
            raise DataError(f"{order.files[0]}: no bar is left to write; give more data")
    if drop_last:
        notes.append(
            "the last bar was left out, it may have been forming when exported (--keep-last keeps it)"
        )
    if order.tick is None:
        notes.append("the price tick is not known: give --tick, or name it to every later command")
    report = {
        "file": str(order.out),
        "format": kind,
        "timeframe": timeframe_name(timeframe_ms),
        "bars": writer.bars,
        "last": iso(gate.last_ms or 0),
        "missing_bars": gate.missing_bars,
        "notes": notes,
    }
    _print(report, as_json=as_json)
    return GOOD


def _csv_bars(order: ImportOrder, kind: str, notes: list[str]) -> Iterator[np.ndarray]:
    """Blocks of all files in order of time; a row that ends one file and begins the next comes once."""
    form = _form(order, kind)
    if kind == "bybit-klines" and order.zone is None:
        notes.append(f"times were read as UTC{form.zone}, the clock of that archive (--zone changes it)")
    readers = [CsvBars(path, form) for path in order.files]
    if len(readers) > 1:
        readers.sort(key=lambda reader: int(next(reader.blocks())["time_ms"][0]))
    last: np.ndarray | None = None
    for reader in readers:
        for at, block in enumerate(_forward(reader)):
            fresh = block
            if at == 0 and last is not None and block[:1].tobytes() == last.tobytes():
                fresh = block[1:]
            if block.size:
                last = block[-1:].copy()
            if fresh.size:
                yield fresh


def _forward(reader: CsvBars) -> Iterator[np.ndarray]:
    """Blocks of one file from old to new; a file that runs the other way is turned as a whole."""
    blocks = reader.blocks()
    first = next(blocks)
    times = first["time_ms"]
    if times.size < 2 or times[0] < times[-1]:
        yield first
        yield from blocks
    else:
        yield np.concatenate([first, *blocks])[::-1].copy()


def _trade_bars(order: ImportOrder, notes: list[str]) -> Iterator[np.ndarray]:
    """Bars folded from trade files, in order of the files' first trades."""
    timeframe_ms = parse_timeframe(order.timeframe or "1m")
    folder = TradeFolder(timeframe_ms, as_exchange=order.bar_rule == "exchange")
    until_ms = None
    for path in sorted(order.files, key=lambda path: path.name):
        trades = read_bybit_trades(path)
        if order.symbol is not None and trades.symbol not in (None, order.symbol):
            raise ConfigError(f"{path} holds trades of {trades.symbol}, not {order.symbol}")
        bars = folder.add(trades)
        if bars.size:
            yield bars
        until_ms = covered_until(path, int(trades.time_us[-1]))
    if until_ms is None:
        notes.append("the last bar was left out: the file's name does not say that its day is complete")
    rest = folder.finish(until_ms)
    if rest.size:
        yield rest


def _form(order: ImportOrder, kind: str) -> BarForm:
    usual = BYBIT_KLINES if kind == "bybit-klines" else BarForm()
    return BarForm(
        shape=CsvShape(
            delimiter=_one_sign(order.delimiter, "--delimiter") or usual.shape.delimiter,
            decimal=_one_sign(order.decimal, "--decimal") or usual.shape.decimal,
            header=usual.shape.header,
        ),
        columns=_named_columns(order.columns),
        time_unit=order.time_unit or usual.time_unit,
        zone=order.zone or usual.zone,
        volume=order.volume,
    )


def _named_columns(words: Sequence[str]) -> dict[str, str]:
    chosen: dict[str, str] = {}
    for word in words:
        name, sign, column = word.partition("=")
        if not sign or name not in FIELDS or not column:
            raise ConfigError(f"--column {word!r} is not FIELD=NAME with one of {', '.join(FIELDS)}")
        chosen[name] = column
    return chosen


def _one_sign(text: str | None, option: str) -> str | None:
    sign = "\t" if text in ("tab", "\\t") else text
    if sign is not None and len(sign) != 1:
        raise ConfigError(f"{option} {text!r} is not one character (or tab)")
    return sign


def _chain(first: np.ndarray, rest: Iterator[np.ndarray], *, drop_last: bool) -> Iterator[np.ndarray]:
    """All blocks; without the very last bar when told so."""
    if not drop_last:
        yield first
        yield from rest
        return
    held = first
    for block in rest:
        yield held
        held = block
    if held.size > 1:
        yield held[:-1]


def _print(report: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(report)
        return
    screen = console()
    screen.print(f"{report['file']}: {report['bars']:,} {report['timeframe']} bars up to {report['last']}")
    if report["missing_bars"]:
        screen.print(f"{report['missing_bars']:,} bars are missing in between")
    for note in report["notes"]:
        screen.print(f"note: {note}")
