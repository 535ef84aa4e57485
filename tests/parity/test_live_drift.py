"""The drift report on journals of the exchange simulator: real sockets, one thing goes wrong, and it is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from engines.live.inbox import Control
from tests.live.scene import Scene, scene
from tests.parity.journals import Live


def told(at: Scene, live: Live) -> dict[str, Any]:
    """End the scene by its invariants; the report of its first trade."""
    at.run_to_bar(at.plan.bar + 1).check()
    found = live.report(at.journal, code=0)
    assert found["sums"]["agree"]
    assert found["differing"][0]["number"] == 1
    trade: dict[str, Any] = found["differing"][0]
    assert found["kinds"][trade["kind"]]["net_difference"] == pytest.approx(trade["net_difference"])
    assert live(at.journal) == 0
    assert trade["kind"] in live.out
    return trade


def refused(at: Scene) -> None:
    at.exchange.faults.rest.ret("order/create", 110007, "ab not enough for new order")


def halted(at: Scene) -> None:
    at.rig.inbox.post(Control("halt", {"reason": "the operator said so"}))
    at.run(1)


def unfilled(at: Scene) -> None:
    at.exchange.faults.eng.ioc_zero()


@pytest.mark.parametrize(
    ("fault", "kind", "cause"),
    [
        (refused, "rejected", "110007: ab not enough"),
        (halted, "denied", "entries are halted: the operator said so"),
        (unfilled, "rejected", "ended it without a fill"),
    ],
    ids=["refused", "halted", "unfilled"],
)
def test_an_entry_that_never_was(
    fault: Callable[[Scene], None], kind: str, cause: str, tmp_path: Path, live: Live
) -> None:
    """E trades, X does not: the exchange's own words, or ours, are the cause."""
    with scene(tmp_path) as at:
        at.to_decision()
        fault(at)
        trade = told(at.decide(), live)
    assert trade["kind"] == kind
    assert cause in trade["cause"]
    assert trade["exchange"] is None
    assert trade["executed_entry"] is None
    assert trade["slippage_ticks"] is None


def test_slippage_and_latency_of_a_real_fill(tmp_path: Path, live: Live) -> None:
    """Seven ticks worse in two executions, told two seconds late: prices, money, and every step of the way."""
    with scene(tmp_path) as at:
        at.to_decision()
        at.exchange.faults.eng.partial([0.6, 0.4])
        at.exchange.faults.eng.slippage(7)
        for topic in ("execution", "order", "position"):
            at.exchange.faults.ws.delay(topic, 2_000, n=4)
        at.exchange.faults.rest.lag("execution/list", 2_500)
        at.exchange.faults.rest.lag("position/list", 2_500)
        at.decide(20.0)
        at.exchange.faults.clear()
        trade = told(at, live)
        fills = [one for one in at.exchange.account.executions if one.link_id]
    assert (trade["kind"], trade["slippage_ticks"]) == ("price", {"entry": 7.0, "exit": None})
    assert trade["slippage_quote"]["entry"] == pytest.approx(0.07 * at.plan.qty)
    entry = trade["executed_entry"]
    assert (entry["executions"], entry["qty"]) == (len(fills), pytest.approx(at.plan.qty))
    assert entry["price"] == pytest.approx(at.plan.price + 0.07 * at.plan.side)
    assert entry["fees"] == pytest.approx(float(sum(one.fee for one in fills)))
    steps = trade["entry_latency_ms"]
    assert 0 < steps["bar_end_to_decision"] < 1_000
    assert steps["decision_to_sent"] >= 0
    assert steps["sent_to_fill"] >= 0
    assert steps["bar_end_to_fill"] == sum(
        steps[name] for name in ("bar_end_to_decision", "decision_to_sent", "sent_to_fill")
    )
    assert steps["fill_to_known"] == 2_000


def test_a_partial_fill(tmp_path: Path, live: Live) -> None:
    """What was executed and what was asked for."""
    with scene(tmp_path) as at:
        at.to_decision()
        at.exchange.faults.eng.partial([0.4])
        trade = told(at.decide(), live)
    assert trade["kind"] == "partial"
    assert trade["cause"] == f"{trade['exchange']['qty']:g} of {at.plan.qty:g} executed"
    assert trade["exchange"]["qty"] < trade["emulator"]["qty"]
    assert trade["notes"] == ["partial"]


def by_its_owner(at: Scene) -> None:
    at.exchange.faults.eng.external_close("ETHUSDT")


def by_liquidation(at: Scene) -> None:
    at.exchange.faults.eng.liquidate("ETHUSDT")


def by_the_operator(at: Scene) -> None:
    at.rig.inbox.post(Control("flatten"))


@pytest.mark.parametrize(
    ("leave", "kind", "cause"),
    [
        (by_its_owner, "manual", "closed outside"),
        (by_the_operator, "manual", "flattened by us"),
        (by_liquidation, "liquidation", "E is still open, X liquidation"),
    ],
    ids=["owner", "operator", "liquidation"],
)
def test_a_position_that_ended_by_force(
    leave: Callable[[Scene], None], kind: str, cause: str, tmp_path: Path, live: Live
) -> None:
    """X is out, E is in: E's side is told as open, the exit has no slippage, X's has its executions."""
    with scene(tmp_path) as at:
        at.to_decision().decide()
        leave(at)
        trade = told(at.run(10), live)
    assert trade["kind"] == kind
    assert cause in trade["cause"]
    assert trade["emulator"]["exit_bar"] is None
    assert trade["exchange"]["exit_bar"] is not None
    assert trade["executed_exit"]["qty"] == pytest.approx(at.plan.qty)
    assert trade["slippage_ticks"]["exit"] is None


def test_a_shadow_leaves_late(tmp_path: Path, live: Live) -> None:
    """Authority shadow under tv-literal: E left inside the bar, the exchange at its close, and it is told so."""
    given = {"trailing_perc": 22.5, "trailing_offset": 18.0}
    with scene(tmp_path, profile="tv-literal", given=given, side=-1, shadow=True) as at:
        at.to_decision().decide()
        at.run_to_bar(at.plan.ends + 1).check()
        assert at.held == 0
        assert at.drifts()["late_exit"] == 1
    found = live.report(at.journal, code=0)
    trade = found["differing"][0]
    assert (trade["kind"], trade["number"]) == ("late_exit", 1)
    assert "X followed at" in trade["cause"]
    assert trade["exchange"]["exit"] == "followed"
    assert trade["executed_exit"]["order_link_id"].endswith("-w1")
    assert trade["exit_latency_ms"]["bar_end_to_fill"] > 0
    assert json.dumps(found, allow_nan=False)
