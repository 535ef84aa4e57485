"""Journals, bars and fills for the tests; every value follows from a number, so runs can be compared."""

from __future__ import annotations

import sqlite3
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np

from engines.journal import Digest, Execution, Journal, JournalReader, Ledger, Message, Stream
from kwin_core.bars import BAR

DEPLOYMENT = uuid.UUID("0d3adbee-f000-4000-8000-000000000001")
START_MS = 1_755_309_600_000
QUARTER_MS = 900_000
ETH = Stream("linear", "ETHUSDT", QUARTER_MS)
BTC = Stream("spot", "BTCUSDT", 60_000)


def open_journal(path: Path, **changes: Any) -> Journal:
    """The journal of the tests' deployment."""
    settings = {"profile": "tv-literal", "venue": "paper", "now_ms": START_MS, "deployment": DEPLOYMENT}
    return Journal(path, **{**settings, **changes})


def bar_of(number: int, stream: Stream = ETH) -> np.void:
    """The stream's bar so many bars after the start."""
    price = 4_400 + number * 0.1 + number % 7 / 3
    start_ms = START_MS + number * stream.timeframe_ms
    return np.array([(start_ms, price, price + 5.05, price - 5.05, price + 1 / 3, number * 0.7)], BAR)[0]


def fill_of(number: int, **changes: Any) -> Execution:
    """A fill with its number in its id."""
    values = {
        "category": "linear",
        "symbol": "ETHUSDT",
        "exec_id": f"exec-{number}",
        "order_id": f"order-{number}",
        "order_link_id": "",
        "side": "Buy",
        "price": f"44{number:02d}.10",
        "quantity": "0.10",
        "fee": "0.0001",
        "fee_currency": "USDT",
        "exec_type": "Trade",
        "stop_order_type": "",
        "exec_time_ms": START_MS + number,
    }
    return Execution(**{**values, **changes})


def digest_of(number: int, ledger: Ledger = Ledger.EMULATOR, stream: Stream = ETH) -> Digest:
    """What a ledger might be after a bar."""
    return Digest(
        stream=stream, ledger=ledger, start_ms=START_MS + number * stream.timeframe_ms, chain=f"{number:016x}"
    )


def number_bar(message: Message, number: int, stream: Stream = ETH) -> int | None:
    """Number a bar of the series, received a second after its close."""
    bar = bar_of(number, stream)
    return message.bar(stream, bar, int(bar["time_ms"]) + stream.timeframe_ms + 1_000, source="stream")


def write_bars(journal: Journal, first: int, last: int, stream: Stream = ETH) -> None:
    """Bars of a range, ``last`` excluded, each a message with both digests."""
    for number in range(first, last):
        with journal.message() as message:
            if number_bar(message, number, stream) is not None:
                message.record(digest_of(number, Ledger.EMULATOR, stream))
                message.record(digest_of(number, Ledger.EXCHANGE, stream))


def seqs(path: Path) -> list[int]:
    """Numbers of all events, through a reader of its own."""
    with JournalReader(path) as reader:
        return [event.seq for event in reader.replay()]


def content(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table, read by plain SQLite."""
    with closing(sqlite3.connect(path)) as connection:
        names = connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"
        ).fetchall()
        return {name: connection.execute(f"SELECT * FROM {name} ORDER BY 1").fetchall() for (name,) in names}
