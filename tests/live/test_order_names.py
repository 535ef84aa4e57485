"""Names of orders: one decision, one name; what is found under a name; names that are used up."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engines.live.intents import overtaken
from engines.live.working import Working
from tests.live.scene import BAR_MS, REVERSING, Planned, scene

ZERO = Decimal(0)
BOTH_SIDES = {**REVERSING, "use_one_per_bar": False}
BOTH_BAR = 736
"""A bar of the fixture on which KWIN with these inputs enters long and then short (SP-35)."""


def test_a_second_exit_on_the_same_bar_after_a_restart_has_a_name_of_its_own(tmp_path: Path) -> None:
    """The first flatten filled nothing; after a restart the second one must get out and be recorded."""
    with scene(tmp_path) as at:
        at.to_decision().decide()
        at.exchange.faults.eng.ioc_zero()
        at.flatten()
        at.run(1)
        assert at.there != ZERO
        at.restart()
        at.flatten()
        at.run(60)
        assert at.rig.runner.counts.journal_failures == 0
        assert at.there == ZERO


@pytest.mark.parametrize("shadow", [False, True], ids=["exchange", "shadow"])
def test_two_entries_on_one_bar_come_to_the_last_one(
    shadow: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SP-35: both have names of their own, the first is denied, and both ledgers hold the second."""
    plan = Planned(BOTH_BAR, -1, 0.0, 0.0, BOTH_BAR + 1, turns=False)
    monkeypatch.setattr(
        "tests.live.desk_rig.PATIENCE_S", 8.0
    )  # a runner whose journal refuses settles no more
    with scene(tmp_path, given=BOTH_SIDES, plan=plan, shadow=shadow) as at:
        at.to_decision().decide()
        assert at.rig.runner.counts.journal_failures == 0
        assert float(at.held) == at.lane.emulator.position < 0.0
        assert at.held == at.there
        assert at.drifts()["denied"] == 1
        at.restart()
        at.run(30)
        assert at.held == at.there


def test_entries_of_both_sides_leave_a_position_of_the_last_side_alone() -> None:
    """Held short, then long and short on one bar: neither the close, nor the long, nor a second short is sent."""
    close, long, short = (
        Working(name, action, side, Decimal(1), 0, 5, 0, 0)
        for name, action, side in (("r1", "r", 1), ("e1", "e", 1), ("e2", "e", -1))
    )
    entries = [long, short]
    assert all(overtaken(one, entries, Decimal(-3)) for one in (close, long, short))
    assert not overtaken(short, entries, ZERO)
    assert not overtaken(short, entries, Decimal(3))
    assert not overtaken(close, [long], Decimal(-3))
    assert not overtaken(replace(close, action="c"), entries, Decimal(-3))


@pytest.mark.parametrize("what", ["side", "createdTime", "reduceOnly", "qty"])
def test_a_name_that_belongs_to_another_order(what: str, tmp_path: Path) -> None:
    """110072, and what is found under the name is not what was asked for: nothing is believed, entries are halted."""
    with scene(tmp_path) as at:
        at.to_decision()
        plan = at.plan
        ours = {
            "side": "Buy" if plan.side > 0 else "Sell",
            "qty": f"{plan.qty:g}",
            "createdTime": str(at.close_ms),
            "reduceOnly": False,
        }
        other = {
            "side": "Sell" if plan.side > 0 else "Buy",
            "qty": "0.5",
            "createdTime": str(at.close_ms - 10 * BAR_MS),
            "reduceOnly": True,
        }
        found = {**ours, what: other[what]}

        def told(answer: dict[str, Any]) -> dict[str, Any]:
            sent = at.calls("order/create")[-1].parameters
            row = {
                "symbol": "ETHUSDT",
                "orderId": "another",
                "orderLinkId": sent["orderLinkId"],
                "orderStatus": "Filled",
                "cumExecQty": found["qty"],
                "updatedTime": found["createdTime"],
                **found,
            }
            return {**answer, "list": [row]}

        at.exchange.faults.rest.ret("order/create", 110072, n=None)
        at.exchange.faults.rest.alter("order/realtime", told, n=None)
        at.decide(30)
        assert at.held == at.there == ZERO
        assert "duplicate" in at.halts
        assert len(at.calls("order/create")) == 1
        at.exchange.faults.clear()
        at.run_to_bar(at.plan.bar + 1).check()


def test_an_exit_whose_name_belongs_to_another_order_takes_the_next_one(tmp_path: Path) -> None:
    """The same for an exit: it must get out."""
    with scene(tmp_path) as at:
        at.to_decision().decide()
        other = {
            "symbol": "ETHUSDT",
            "orderId": "another",
            "side": "Buy" if at.held < 0 else "Sell",
            "qty": "1",
            "orderStatus": "Filled",
            "cumExecQty": "1",
            "reduceOnly": False,
            "createdTime": str(at.close_ms),
            "updatedTime": str(at.close_ms),
        }

        def told(answer: dict[str, Any]) -> dict[str, Any]:
            name = at.calls("order/create")[-1].parameters["orderLinkId"]
            return {**answer, "list": [{**other, "orderLinkId": name}]}

        at.exchange.faults.rest.ret("order/create", 110072, n=1)
        at.exchange.faults.rest.alter("order/realtime", told, n=1)
        at.flatten()
        at.run(30)
        assert at.held == at.there == ZERO
        assert [link.attempt for link, _ in at.orders("f")] == [2]
        at.run_to_bar(at.plan.bar + 1).check()


def test_an_exit_that_the_exchange_has_forgotten_takes_the_next_name(tmp_path: Path) -> None:
    """It filled nothing, the process was away for more than a day: the name is used, and no list shows it any more."""
    with scene(tmp_path, look_ms=10_000) as at:
        at.to_decision().decide()
        at.exchange.faults.eng.ioc_zero()
        at.exchange.faults.ws.mute("order")
        at.exchange.faults.rest.empty("order/realtime", None)
        at.exchange.faults.rest.empty("order/history", None)
        at.flatten()
        at.run(1)
        at.restart()
        at.run(90)
        assert at.held == at.there == ZERO
        assert [link.attempt for link, _ in at.orders("f")] == [1, 2]
