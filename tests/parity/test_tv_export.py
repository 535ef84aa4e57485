"""Reading lists of trades: every dialect gives the same trades, and what is none is refused in one line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from engines.parity.compare import compare_trades
from engines.parity.rows import PrintedTrade
from engines.parity.tv_export import read_export
from kwin_core.errors import ParityError

NEW = (
    "\ufeffTrade number,Type,Date and time,Signal,Price USDT,Size (qty),Size (value),Net PnL USD,Net PnL %,"
    "Favorable excursion USD,Favorable excursion %,Adverse excursion USD,Adverse excursion %,"
    "Cumulative PnL USD,Cumulative PnL %\n"
    "1,Exit long,2025-03-31 08:45,bracket,1781.28,1,1802.75,-21.47,-1.19,0.33,0.02,-25.95,-1.44,-21.47,0.00\n"
    "1,Entry long,2025-03-31 08:30,up,1802.75,1,1802.75,-21.47,-1.19,0.33,0.02,-25.95,-1.44,-21.47,0.00"
)
OLD = (
    "Trade #,Type,Date/Time,Signal,Price USD,Position size (qty),Position size (value),Net P&L USD,Net P&L %,"
    "Run-up USD,Run-up %,Drawdown USD,Drawdown %,Cumulative P&L USD,Cumulative P&L %\n"
    "1,Entry long,2025-03-30T19:30:00-0500,up,1802.75,1,1802.75,-21.47,-1.19,0.33,0.02,-25.95,-1.44,-21.47,0\n"
    "1,Exit long,2025-03-30T19:45:00-0500,bracket,1781.28,1,1802.75,-21.47,-1.19,0.33,0.02,-25.95,-1.44,-21.47,0\n"
)
OLDEST = (
    "Trade #,Type,Signal,Date/Time,Price,Contracts,Profit,Profit %,Cum. Profit,Cum. Profit %,"
    "Run-up,Run-up %,Drawdown,Drawdown %\n"
    "1,Entry Long,up,2025-03-31 00:30,1802.75,1,,,,,,,,\n"
    "1,Exit Long,bracket,2025-03-31 00:45,1781.28,1,-21.47,-1.19,-21.47,0.00,0.33,0.02,-25.95,-1.44\n"
)
ENTRY_UTC_MS = 1_743_381_000_000  # 2025-03-31 00:30 UTC

PRINTED = PrintedTrade(
    number=1,
    side=1,
    entry_time_ms=ENTRY_UTC_MS,
    exit_time_ms=ENTRY_UTC_MS + 900_000,
    entry={"signal": "up", "price": "1802.75"},
    exit={"signal": "bracket", "price": "1781.28"},
    shared={
        "qty": "1",
        "value": "1802.75",
        "net": "-21.47",
        "net_percent": "-1.19",
        "runup": "0.33",
        "runup_percent": "0.02",
        "drawdown": "-25.95",
        "drawdown_percent": "-1.44",
        "cumulative": "-21.47",
        "cumulative_percent": "0.00",
    },
)


def write(folder: Path, text: str) -> Path:
    """The text as a file."""
    path = folder / "trades.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "offset_hours", "exit_first", "zoned"),
    [(NEW, 8, True, False), (OLD, 0, False, True)],
    ids=["exit first, no zone, byte-order mark", "entry first, with zone"],
)
def test_dialects_read_alike(
    tmp_path: Path, text: str, offset_hours: int, exit_first: bool, zoned: bool
) -> None:
    """Column names, order of rows and form of the time differ; the trade is the same in every cell."""
    export = read_export(write(tmp_path, text))
    assert (export.exit_first, export.has_zone) == (exit_first, zoned)
    assert compare_trades(export, [PRINTED], utc_offset_ms=offset_hours * 3_600_000) == []


def test_oldest_names_are_understood(tmp_path: Path) -> None:
    """The generation without a value column, whose results stand on the exit row only."""
    export = read_export(write(tmp_path, OLDEST))
    assert export.trades[0].exit.cells["net"] == "-21.47"
    assert export.trades[0].exit.cells["cumulative"] == "-21.47"
    assert "value" not in export.columns
    assert export.trades[0].side == 1


@pytest.mark.parametrize(
    ("field", "printed"),
    [
        ("price", replace(PRINTED, exit={"signal": "bracket", "price": "1781.29"})),
        ("signal", replace(PRINTED, entry={"signal": "down", "price": "1802.75"})),
        ("time", replace(PRINTED, exit_time_ms=ENTRY_UTC_MS)),
        ("type", replace(PRINTED, side=-1)),
        ("net", replace(PRINTED, shared=PRINTED.shared | {"net": "-21.46"})),
    ],
)
def test_every_changed_cell_is_found(tmp_path: Path, field: str, printed: PrintedTrade) -> None:
    """One changed cell is reported with its trade and column, and nothing else is."""
    found = compare_trades(read_export(write(tmp_path, NEW)), [printed], utc_offset_ms=28_800_000)
    assert {difference.field for difference in found} == {field}
    assert {difference.number for difference in found} == {1}


def test_missing_and_extra_trades_are_found(tmp_path: Path) -> None:
    """A trade on one side only."""
    export = read_export(write(tmp_path, NEW))
    assert [d.field for d in compare_trades(export, [])] == ["missing"]
    extra = compare_trades(export, [PRINTED, replace(PRINTED, number=2)], utc_offset_ms=28_800_000)
    assert [d.field for d in extra] == ["extra"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "time,open,high\n1,2,3\n",
        NEW.splitlines()[0] + "\n" + NEW.splitlines()[1],
        NEW.replace("2025-03-31 08:45", "soon"),
    ],
    ids=["empty", "bars", "trade without entry row", "no time"],
)
def test_what_is_no_list_of_trades_is_refused_in_one_line(tmp_path: Path, text: str) -> None:
    """One line that names the file."""
    with pytest.raises(ParityError) as error:
        read_export(write(tmp_path, text))
    assert "trades.csv" in str(error.value)
    assert "\n" not in str(error.value)
