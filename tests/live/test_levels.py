"""Protection as prices: the one call between what rests and what is wanted."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.live.levels import Change, Levels, change_between, crossed, levels_of, loosens, price_of
from kwin_core.wishes import Protection

TICK = Decimal("0.01")
NAN = float("nan")


def levels(
    stop: str | None = None, target: str | None = None, trail: str | None = None, active: str | None = None
) -> Levels:
    """From words."""
    return Levels(*(None if one is None else Decimal(one) for one in (stop, target, trail, active)))


def test_ticks_become_exact_prices() -> None:
    assert price_of(338_722.0, TICK) == Decimal("3387.22")
    assert price_of(NAN, TICK) is None
    wanted = Protection(1, 0.5, 338_000.0, NAN, 339_000.0, 18.0)
    assert levels_of(wanted, TICK) == levels("3380.00", None, "0.18", "3390.00")
    assert levels_of(Protection(1, 0.5, 338_000.0, NAN, NAN, 18.0), TICK) == levels("3380.00")


def test_a_moved_stop_changes_the_stop_only() -> None:
    there = levels("99", "110", "1", "102")
    assert change_between(there, levels("99.5", "110", "1", "102"), side=1, last=None) == Change(
        stop=Decimal("99.5")
    )


def test_an_exit_without_trail_removes_it() -> None:
    there = levels("99", None, "1", "102")
    assert change_between(there, levels("99.5"), side=1, last=None) == Change(
        stop=Decimal("99.5"), trail=Decimal(0)
    )


def test_past_the_activation_the_trail_starts_at_once() -> None:
    wanted = levels("99", None, "1", "102")
    assert change_between(levels("99"), wanted, side=1, last=Decimal(101)).active == Decimal(102)
    assert change_between(levels("99"), wanted, side=1, last=Decimal(102)).active is None
    short = levels("101", None, "1", "98")
    assert change_between(levels("101"), short, side=-1, last=Decimal("98.01")).active == Decimal(98)
    assert change_between(levels("101"), short, side=-1, last=Decimal("97.5")).active is None


def test_sides_of_a_stop() -> None:
    assert crossed(Decimal(99), Decimal(99), 1)
    assert not crossed(Decimal(99), Decimal("99.01"), 1)
    assert crossed(Decimal(101), Decimal(102), -1)
    assert not crossed(None, Decimal(1), 1)
    assert not crossed(Decimal(1), None, 1)
    assert loosens(Decimal(99), Decimal(98), 1)
    assert loosens(Decimal(99), Decimal(100), -1)
    assert not loosens(None, Decimal(98), 1)


PRICES = st.none() | st.decimals(1, 1000, places=2)


@given(PRICES, PRICES, PRICES, PRICES, PRICES, PRICES, st.sampled_from([1, -1]), st.booleans())
def test_applying_the_change_gives_what_was_wanted(
    stop: Decimal | None,
    target: Decimal | None,
    trail: Decimal | None,
    new_stop: Decimal | None,
    new_target: Decimal | None,
    new_trail: Decimal | None,
    side: int,
    bare: bool,
) -> None:
    """A stop is removed only for an exit that asks for none; everything else ends as wanted."""
    there = Levels(stop, target, trail, Decimal(500) if trail is not None else None)
    active = Decimal(501) if new_trail is not None else None
    wanted = Levels(new_stop, new_target, new_trail, active, bare=bare)
    change = change_between(there, wanted, side=side, last=None)

    def after(old: Decimal | None, sent: Decimal | None) -> Decimal | None:
        return old if sent is None else (None if sent == 0 else sent)

    result = Levels(after(there.stop, change.stop), after(there.target, change.target))
    assert result.target == wanted.target
    assert result.stop == (there.stop if wanted.stop is None and not bare else wanted.stop)
    assert after(there.trail, change.trail) == wanted.trail
    assert bare or change.stop != 0


@pytest.mark.parametrize(
    ("grid", "price"), [("0.01", "35.23"), ("0.001", "35.23"), ("0.1", "35.2"), ("50", "50"), (None, "35.23")]
)
def test_levels_are_counted_in_the_ledgers_tick_and_put_on_the_exchanges(
    grid: str | None, price: str
) -> None:
    """The exchange may change its tick in the life of a journal: the price stays, as near as its grid allows."""
    found = price_of(3523.0, Decimal("0.01"), None if grid is None else Decimal(grid))
    assert found == Decimal(price)
