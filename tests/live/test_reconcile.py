"""Reconcile as a pure function: agreement is quiet, unknown destroys nothing, the unexplained is said and handled."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engines.live.levels import Levels
from engines.live.reconcile import (
    ENOUGH_CONFIRMATIONS,
    Action,
    Desired,
    Orphans,
    Reported,
    Step,
    reconcile,
    signed,
)
from engines.live.venue import PositionReport, Side

STEP = Decimal("0.01")
STOP = Levels(stop=Decimal("99.5"))
QUIET = (Step.LOOK_AGAIN, Step.READ_FILLS)


def position(size: str, **changes: object) -> PositionReport:
    """A report of a signed size with the wanted stop."""
    qty = Decimal(size)
    values = {
        "category": "linear",
        "symbol": "ETHUSDT",
        "side": None if qty == 0 else Side.of(float(qty)),
        "qty": abs(qty),
        "entry_price": None if qty == 0 else Decimal(100),
        "stop_loss": None if qty == 0 else STOP.stop,
        "take_profit": None,
        "trailing_stop": None,
        "active_price": None,
        "leverage": Decimal(10),
        "position_idx": 0,
        "status": "Normal",
        "created_ms": 0,
        "updated_ms": 1_000,
        "seq": 1,
        "raw": {},
    }
    return PositionReport(**{**values, **changes})


def look(
    ledger: str,
    there: PositionReport | None,
    *,
    levels: Levels = STOP,
    working: bool = False,
    fills_read: bool = True,
    current: bool = True,
    confirmations: int = ENOUGH_CONFIRMATIONS,
    policy: Orphans = Orphans.ADOPT,
) -> list[Action]:
    """Reconcile one pair of pictures."""
    return reconcile(
        Desired(Decimal(ledger), levels, working),
        Reported(there, fills_read, current, confirmations),
        policy,
        step=STEP,
    )


def steps(actions: list[Action]) -> list[Step]:
    """Their kinds."""
    return [one.step for one in actions]


@pytest.mark.parametrize("size", ["0", "1.5", "-1.5"])
def test_agreement_needs_nothing(size: str) -> None:
    assert look(size, position(size), levels=STOP if size != "0" else Levels()) == []


@pytest.mark.parametrize(
    ("changes", "levels"),
    [
        ({"stop_loss": None}, STOP),
        ({"stop_loss": Decimal("99.4")}, STOP),
        ({}, Levels(stop=STOP.stop, trail=Decimal(1), active=Decimal(101))),
        ({"trailing_stop": Decimal(1)}, STOP),
        ({}, Levels(stop=STOP.stop, target=Decimal(110))),
        ({"take_profit": Decimal(110)}, STOP),
    ],
)
def test_protection_that_differs_is_mended(changes: dict[str, object], levels: Levels) -> None:
    assert steps(look("1", position("1", **changes), levels=levels)) == [Step.PROTECT]


def test_unknown_is_not_empty() -> None:
    """D03, D13: no answer leads to another look, whatever the ledger holds."""
    for ledger in ("0", "2", "-2"):
        assert steps(look(ledger, None)) == [Step.LOOK_AGAIN]


def test_a_phantom_needs_fills_currency_and_three_looks_before_it_is_booked() -> None:
    """D01, D03, D08: flat there, held here."""
    flat = position("0")
    assert steps(look("1", flat, fills_read=False)) == [Step.READ_FILLS]
    assert steps(look("1", flat, current=False)) == [Step.LOOK_AGAIN]
    assert steps(look("1", flat, confirmations=ENOUGH_CONFIRMATIONS - 1)) == [Step.LOOK_AGAIN]
    actions = look("1", flat)
    assert steps(actions) == [Step.HALT, Step.BOOK_CLOSE]
    assert actions[1].qty == 1


def test_an_order_of_ours_explains_a_difference() -> None:
    assert steps(look("0", position("1"), working=True)) == [Step.LOOK_AGAIN]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (Orphans.ADOPT, [Step.HALT, Step.BOOK_OPEN]),
        (Orphans.ALERT, [Step.HALT, Step.BOOK_OPEN]),
        (Orphans.CLOSE, [Step.HALT, Step.BOOK_OPEN, Step.CLOSE]),
    ],
)
def test_an_orphan_is_handled_by_policy(policy: Orphans, expected: list[Step]) -> None:
    """D02: held there, unknown here."""
    actions = look("0", position("-2"), policy=policy)
    assert steps(actions) == expected
    assert all(one.qty == -2 for one in actions[1:])


def test_a_flip_is_a_close_and_another_opening() -> None:
    """D10: long here, short there: two identities."""
    actions = look("1", position("-3"))
    assert [(one.step, one.qty) for one in actions[1:]] == [
        (Step.BOOK_CLOSE, Decimal(1)),
        (Step.BOOK_OPEN, Decimal(-3)),
    ]


def test_quantity_drift_books_the_difference_only() -> None:
    """D09: less or more of the same side, in steps of the lot."""
    less, more = look("3", position("2")), look("2", position("3"))
    assert [(one.step, one.qty) for one in less[1:]] == [(Step.BOOK_CLOSE, Decimal(1))]
    assert [(one.step, one.qty) for one in more[1:]] == [(Step.BOOK_OPEN, Decimal(1))]
    assert look("2", position("2.004")) == []


SIZES = st.decimals(-5, 5, places=2)


@given(SIZES, st.none() | SIZES, st.booleans(), st.booleans(), st.booleans(), st.integers(0, 4))
def test_nothing_is_destroyed_or_booked_without_proof(
    ledger: Decimal, there: Decimal | None, working: bool, fills: bool, current: bool, seen: int
) -> None:
    report = None if there is None else position(str(there))
    actions = look(
        str(ledger), report, working=working, fills_read=fills, current=current, confirmations=seen
    )
    proven = report is not None and not working and fills and current and seen >= ENOUGH_CONFIRMATIONS
    if not proven:
        assert all(one.step in (*QUIET, Step.PROTECT) for one in actions)
    for one in actions:
        if one.step is Step.BOOK_CLOSE:
            assert abs(one.qty) <= abs(ledger)
            assert one.qty * ledger > 0


@given(SIZES, SIZES, st.sampled_from(list(Orphans)))
def test_after_its_bookings_the_ledger_is_the_exchange(
    ledger: Decimal, there: Decimal, policy: Orphans
) -> None:
    """Level-triggered and final: what is booked makes the two equal, so the next look is quiet."""
    report = position(str(there))
    actions = look(str(ledger), report, policy=policy)
    booked = ledger
    for one in actions:
        if one.step is Step.BOOK_CLOSE:
            booked -= one.qty
        elif one.step is Step.BOOK_OPEN:
            booked += one.qty
    assert booked == signed(report)
