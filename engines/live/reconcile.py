"""What should be against what is: a pure function from two pictures of one symbol to the actions between them.

Level-triggered: it looks at states, never at how they came about, so it may run at any time and as often as one likes.
*Unknown is not empty*: a picture that could not be taken leads to another look and an alarm, never to a cancel, a close
or a booking. What destroys something needs a positive answer, and the executions to go with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from engines.live.levels import Levels
from engines.live.venue import PositionReport


class Orphans(StrEnum):
    """Policy for a position that the ledger does not know."""

    ADOPT = "adopt"  # take it over at its true entry, and protect it
    CLOSE = "close"  # leave it at market, reduce-only
    ALERT = "alert"  # touch nothing but a missing stop; entries halted


class Step(StrEnum):
    """Kinds of actions."""

    LOOK_AGAIN = "look again"  # some picture is missing: read once more, entries wait
    READ_FILLS = "read executions"  # sizes differ: the executions say why
    BOOK_CLOSE = "book close"  # flat there, proven, and no execution tells it: booked as unverified
    BOOK_OPEN = "book open"  # held there, no execution tells it: adopted at the exchange's own entry
    CLOSE = "close"  # reduce-only market order for all of it
    PROTECT = "protect"  # the levels there are not the levels wanted
    HALT = "halt entries"


@dataclass(frozen=True)
class Action:
    """One step, with the signed quantity (base currency) or the reason it is about."""

    step: Step
    qty: Decimal = Decimal(0)
    reason: str = ""


@dataclass(frozen=True)
class Desired:
    """What the deployment holds to be true of a symbol.

    Attributes
    ----------
    position
        Of the ledger, signed, base currency.
    levels
        Protection of it.
    working
        Whether an order of ours may still execute: sizes may differ for good reasons.
    """

    position: Decimal
    levels: Levels
    working: bool


@dataclass(frozen=True)
class Reported:
    """What the exchange said; None is *unknown*.

    Attributes
    ----------
    position
        Its newest position report.
    fills_read
        Whether all executions up to that report are applied.
    current
        Whether the report can have seen the newest of them: a lagging one proves nothing.
    confirmations
        Consecutive reads that agreed on the present size.
    """

    position: PositionReport | None
    fills_read: bool
    current: bool
    confirmations: int = 1


ENOUGH_CONFIRMATIONS = 3


def signed(report: PositionReport) -> Decimal:
    """Size with its direction, base currency."""
    return Decimal(0) if report.side is None else report.qty * report.side.sign


def reconcile(desired: Desired, reported: Reported, policy: Orphans, *, step: Decimal) -> list[Action]:
    """Actions that bring the two pictures together, in their order; none when they agree.

    Parameters
    ----------
    desired, reported
        The two pictures.
    policy
        For what the ledger does not know.
    step
        Quantity step, base currency: smaller differences are none.
    """
    report = reported.position
    if report is None:
        return [Action(Step.LOOK_AGAIN, reason="the position is unknown")]
    there = signed(report)
    difference = there - desired.position
    if abs(difference) < step:
        return _protection(desired, report)
    if desired.working:
        return [Action(Step.LOOK_AGAIN, reason="an order of ours is still working")]
    if not reported.fills_read:
        return [Action(Step.READ_FILLS, reason=f"holds {there}, the ledger {desired.position}")]
    if not reported.current:
        return [Action(Step.LOOK_AGAIN, reason="the position report is older than the newest execution")]
    if reported.confirmations < ENOUGH_CONFIRMATIONS:
        return [Action(Step.LOOK_AGAIN, reason=f"holds {there}, the ledger {desired.position}, unexplained")]
    return _unexplained(desired.position, there, policy)


def _unexplained(ledger: Decimal, there: Decimal, policy: Orphans) -> list[Action]:
    """Executions are read, the sizes still differ: the exchange is right, and someone should look."""
    actions = [Action(Step.HALT, reason=f"the exchange holds {there}, the ledger {ledger}")]
    same_side = ledger * there > 0
    if same_side and abs(there) < abs(ledger):
        return [*actions, Action(Step.BOOK_CLOSE, ledger - there, "less than the ledger")]
    if ledger != 0 and not same_side:
        actions.append(Action(Step.BOOK_CLOSE, ledger, "gone from the exchange"))
    extra = there - ledger if same_side else there
    if extra != 0:
        if policy is Orphans.CLOSE:
            actions.append(Action(Step.BOOK_OPEN, extra, "unknown to the ledger"))
            actions.append(Action(Step.CLOSE, extra, "unknown to the ledger"))
        else:
            actions.append(Action(Step.BOOK_OPEN, extra, "unknown to the ledger"))
    return actions


def _protection(desired: Desired, report: PositionReport) -> list[Action]:
    if report.side is None:
        return []
    wanted = desired.levels
    differs = (
        (wanted.stop is not None and report.stop_loss != wanted.stop)
        or report.take_profit != wanted.target
        or (wanted.trail is not None and report.trailing_stop != wanted.trail)
        or (wanted.trail is None and report.trailing_stop is not None)
    )
    return [Action(Step.PROTECT, reason=f"wanted {wanted}, there is {_there(report)}")] if differs else []


def _there(report: PositionReport) -> Levels:
    return Levels(report.stop_loss, report.take_profit, report.trailing_stop, report.active_price)
