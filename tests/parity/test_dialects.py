"""Every generation of the list of trades is read, and files that are none are refused in one line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from fixtures.make_ethusdt_like import PATH
from tests.parity.conftest import NO_WINDOW, Parity
from tests.parity.listing import MIDDLE, NEWEST, OLDEST, Listing

UTC_TEXT = "+0000"


@pytest.mark.parametrize(
    "translate",
    [
        lambda made: made,
        lambda made: made.named(NEWEST),
        lambda made: made.named(MIDDLE).entry_first(),
        lambda made: made.named(OLDEST).entry_first(),
        lambda made: made.named(MIDDLE).entry_first().moved("America/New_York"),
        lambda made: made.named(NEWEST).moved("UTC", offset=UTC_TEXT),
        lambda made: made.named(OLDEST).entry_first().moved("UTC", offset=UTC_TEXT),
    ],
    ids=["newest", "trade number", "run-up", "contracts", "run-up, wall clock", "zoned", "old, zoned"],
)
@pytest.mark.parametrize("mark", [True, False], ids=["with mark", "without"])
def test_generation(
    parity: Parity, listing: Listing, translate: Callable[[Listing], Listing], mark: bool
) -> None:
    path = translate(listing).write(parity.folder / "export.csv", mark=mark)
    report = parity.json(path, *NO_WINDOW, code=0)
    assert report["trades"]["matched"] == len(listing.numbers())


def test_fewer_columns(parity: Parity, listing: Listing) -> None:
    """An export without excursions and cumulative results is compared in what it has."""
    short = Listing(listing.header[:8], [row[:8] for row in listing.rows])
    assert parity.json(short, *NO_WINDOW, code=0)["parity"]


def test_tick_from_the_prices(parity: Parity, listing: Listing, tmp_path: Path) -> None:
    """Bars that state no tick: the decimals of the export's prices do."""
    table = pq.read_table(PATH).replace_schema_metadata({})
    bars = tmp_path / "ETHUSDT.parquet"
    pq.write_table(table, bars)
    report = parity.json(listing, *NO_WINDOW, "--lot", "0.01", code=0, data=bars)
    assert report["setting"]["tick"] == 0.01


def _text(name: str, content: str | bytes) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        path = folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


HEADER = "Trade #,Type,Date and time,Signal,Price USDT,Size (qty)\n"
EXIT = "1,Exit long,2025-01-01 12:15,x,100,1\n"
ENTRY = "1,Entry long,2025-01-01 12:00,Long SFP,100,1\n"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: folder / "absent.csv", "no such file"),
        (_text("other.csv", "a,b\n1,2\n"), "not a TradingView list of trades"),
        (_text("empty.csv", ""), "empty"),
        (_text("binary.csv", b"\xff\xfe\x00\x01\x80"), "not a text file"),
        (_text("head.csv", HEADER), "no trades"),
        (_text("half.csv", HEADER + EXIT), "lacks an entry row"),
        (_text("twice.csv", HEADER + EXIT + ENTRY + ENTRY), "two entry rows"),
        (_text("word.csv", HEADER + EXIT.replace("100", "high") + ENTRY), "price 'high' is not a number"),
        (_text("time.csv", HEADER + EXIT.replace("2025-01-01 12:15", "noon") + ENTRY), "is not a time"),
        (_text("short.csv", HEADER + "1,Exit long\n"), "has 2 cells"),
        (_text("type.csv", HEADER + EXIT.replace("Exit long", "Deposit") + ENTRY), "no row of a trade"),
        (_text("kline.csv", "time,open,high,low,close\n1,2,3,1,2\n"), "not a TradingView list of trades"),
        (_text("nan.csv", HEADER + EXIT.replace("100", "nan") + ENTRY), "is not a number"),
        (lambda folder: folder, "directory"),
    ],
)
def test_no_export(parity: Parity, make: Callable[[Path], Path], words: str) -> None:
    assert parity(make(parity.folder), PATH) == 2
    assert parity.err.startswith("error: ")
    assert words in parity.err.lower() or words in parity.err
    assert parity.err.count("\n") == 1
    assert parity.out == ""
