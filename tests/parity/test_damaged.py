"""A true export passes; each kind of damage is found at the right trade and named by the right cause."""

from __future__ import annotations

import pytest

from tests.parity.conftest import NO_WINDOW, Parity
from tests.parity.listing import NET, NET_PERCENT, PRICE, QTY, RUNUP, TYPE, Listing
from tests.selection import mostly_slow

TRADES = mostly_slow((500, 1, 2, 1200))


def test_true_export_is_parity(parity: Parity, listing: Listing) -> None:
    report = parity.json(listing, *NO_WINDOW, code=0)
    assert report["parity"] is True
    assert report["first_difference"] is None
    assert report["differences"] == []
    total = len(listing.numbers())
    assert report["trades"] == {
        "export": total, "run": total, "matched": total, "differing": 0, "missing": 0, "extra": 0,
    }  # fmt: skip


@pytest.mark.parametrize("number", TRADES)
@pytest.mark.parametrize("kind", ["entry", "exit"])
def test_price_off_by_a_tick(parity: Parity, listing: Listing, number: int, kind: str) -> None:
    """The row's own result still belongs to the right price, where it shows: the file was edited."""
    report = parity.json(listing.nudge(number, kind), *NO_WINDOW, code=1)
    first = report["first_difference"]
    assert (first["trade"], first["row"], first["field"]) == (number, kind, "price")
    exit_row, entry_row = listing.trade(number)
    true = (entry_row if kind == "entry" else exit_row)[PRICE]
    assert first["run"] == true
    hidden = kind == "exit" and float(exit_row[QTY]) * 0.01 < 0.0102  # a tick may vanish in the printed cent
    assert first["cause"] == "data" or (hidden and first["cause"] == "rounding")
    assert report["trades"]["differing"] == 1
    assert report["best"] is None


def test_exit_level_rounded_the_other_way(parity: Parity, listing: Listing) -> None:
    """An exit one tick off whose result agrees with it: a level that TradingView rounded differently."""
    row = listing.trade(500)[0]
    side = 1.0 if "long" in row[TYPE] else -1.0
    damaged = listing.nudge(500, "exit").earn(500, side * 0.01 * float(row[QTY]))
    first = parity.first(damaged, *NO_WINDOW)
    assert (first["trade"], first["field"], first["cause"]) == (500, "price", "rounding")


def test_exit_elsewhere_in_the_bar(parity: Parity, listing: Listing) -> None:
    """A trail exit three ticks off, inside the bar, with a result that agrees."""
    row = listing.trade(2)[0]
    assert row[TYPE] == "Exit short"
    damaged = listing.nudge(2, "exit", 3).earn(2, -0.03 * float(row[QTY]))
    first = parity.first(damaged, *NO_WINDOW)
    assert (first["trade"], first["field"], first["cause"]) == (2, "price", "trail")


def test_price_outside_its_bar(parity: Parity, listing: Listing) -> None:
    row = listing.trade(500)[0]
    side = 1.0 if "long" in row[TYPE] else -1.0
    damaged = listing.nudge(500, "exit", 50_000).earn(500, side * 500.0 * float(row[QTY]))
    first = parity.first(damaged, *NO_WINDOW)
    assert (first["trade"], first["cause"]) == (500, "data")
    assert "outside the bar" in first["explanation"]


@pytest.mark.parametrize("renumber", mostly_slow([False, True]))
@pytest.mark.parametrize("number", mostly_slow([500, 1, 2, 1199]))
def test_deleted_trade(parity: Parity, listing: Listing, number: int, renumber: bool) -> None:
    report = parity.json(listing.delete(number, renumber=renumber), *NO_WINDOW, code=1)
    first = report["first_difference"]
    assert (first["trade"], first["field"], first["cause"]) == (number, "extra", "data")
    assert "missing in the export" in first["explanation"]
    assert report["trades"]["extra"] == 1
    assert report["trades"]["matched"] == len(listing.numbers()) - 1


def test_deleted_trade_in_books_that_balance(parity: Parity, listing: Listing) -> None:
    """Nothing in the file betrays it: then TradingView would have had no signal, or a lock, there."""
    net = float(listing.trade(500)[0][NET])
    damaged = listing.delete(500, renumber=True).settle(500, -net)
    report = parity.json(damaged, *NO_WINDOW, code=1)
    first = report["first_difference"]
    assert (first["trade"], first["field"]) == (500, "extra")
    assert first["cause"] in ("signal", "lock")
    assert "SFP here" in first["explanation"]
    assert report["trades"]["matched"] == len(listing.numbers()) - 1


def test_last_trade_deleted(parity: Parity, listing: Listing) -> None:
    """The same as an export that was made earlier: the command says where to stop."""
    last = listing.numbers()[-1]
    report = parity.json(listing.delete(last), *NO_WINDOW, code=1)
    first = report["first_difference"]
    assert (first["trade"], first["field"], first["cause"]) == (last, "extra", "window")
    assert report["best"]["exact"]
    assert report["best"]["setting"].startswith("--to ")


@pytest.mark.parametrize("number", mostly_slow([500, 1]))
def test_added_trade(parity: Parity, listing: Listing, number: int) -> None:
    report = parity.json(listing.add(number, minutes=15), *NO_WINDOW, code=1)
    first = report["first_difference"]
    assert (first["trade"], first["field"], first["cause"]) == (number + 1, "missing", "data")
    assert report["trades"]["missing"] == 1
    assert report["trades"]["matched"] == len(listing.numbers())


def test_added_trade_in_books_that_balance(parity: Parity, listing: Listing) -> None:
    """The bars answer: the price is not in the bar, or the strategy's own state says why it stayed out."""
    net = float(listing.trade(2)[0][NET])
    damaged = listing.add(2, minutes=15).settle(3, net)
    first = parity.first(damaged, *NO_WINDOW)
    assert (first["trade"], first["field"]) == (3, "missing")
    assert first["cause"] in ("signal", "lock", "gate", "size", "data")
    assert first["state"]["action"] == 0


def test_result_changed(parity: Parity, listing: Listing) -> None:
    damaged = listing.copy()
    for row in damaged.trade(500):
        row[NET], row[NET_PERCENT] = "99.99", "0.11"
    first = parity.first(damaged, *NO_WINDOW)
    assert (first["trade"], first["field"], first["cause"]) == (500, "net", "data")


def test_excursion_changed(parity: Parity, listing: Listing) -> None:
    damaged = listing.copy()
    for row in damaged.trade(500):
        row[RUNUP] = "12345.67"
    first = parity.first(damaged, *NO_WINDOW)
    assert (first["trade"], first["field"], first["cause"]) == (500, "runup", "path")


def test_two_damages_name_the_first(parity: Parity, listing: Listing) -> None:
    report = parity.json(listing.nudge(700, "exit").delete(300), *NO_WINDOW, code=1)
    assert report["first_difference"]["trade"] == 300
    assert (report["trades"]["extra"], report["trades"]["differing"]) == (1, 1)
